"""A design: everything known of a compiled net, from raw features to what was proved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.verilog.description import EVERY
from lithify.compiler.codes import InputCode
from lithify.ir import simulate
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, ToolMissing
from lithify.ir.netlist import Netlist

if TYPE_CHECKING:
    from lithify.backends.artifacts import Artifacts
    from lithify.backends.c.engine import Engine
    from lithify.backends.c.fallback import Interpreter
    from lithify.backends.c.features import Features
    from lithify.compiler.mapping.cells import Cells
    from lithify.compiler.pipeline import Step
    from lithify.compiler.proof.certificate import Certificate, Subjects
    from lithify.compiler.proof.files import FileCheck
    from lithify.compiler.proof.verdict import Verdict


SOFTWARE = "c"
"""The target of a design that is for C alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A compiled net. `lowered` is the hard net as it came, `circuit` the optimised one.

    Where answers were allowed to change, `approximated` is what the optimiser started from instead.

    `target` is a board, or SOFTWARE: then neither netlist nor Verilog is written and proved.
    `interface` and `every` say how its Verilog is clocked (see `VerilogOptions`). `code` turns raw
    features into the integers that hardware takes; without one the features are those integers.
    With `mhz` the clock was chosen, and `every` for it; registers are then as few as can be.
    With `cycles` the Verilog is folded: it takes at most so many clock cycles for a sample.
    `provenance` says where the net came from: recipe, seed, data, accuracy.
    """

    name: str
    lowered: Circuit
    circuit: Circuit
    pipeline: str
    code: InputCode | None = None
    classes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    interface: str = "stream"
    every: int = EVERY
    mhz: float = 0.0
    cycles: int = 0
    certificate: "Certificate | None" = None
    steps: tuple["Step", ...] = ()
    approximated: Circuit | None = None

    @property
    def in_software(self) -> bool:
        """Whether it is for C alone."""
        return self.target == SOFTWARE

    @cached_property
    def netlist(self) -> Netlist:
        """The circuit with its thresholds, scores and argmax written as tables."""
        from lithify.ir.arithmetic import expand

        return expand(self.circuit)

    @cached_property
    def cells(self) -> "Cells":
        """The circuit as few tables of four inputs: what a folded design looks up."""
        from lithify.backends.verilog.folding import FANINS
        from lithify.compiler.mapping import map_cells

        return map_cells(self.circuit, inputs=FANINS)

    @cached_property
    def verilog(self) -> "Artifacts":
        """The Verilog and its description."""
        from lithify.backends.verilog.emit import VerilogOptions, emit

        if self.cycles:
            options = VerilogOptions(name=self.name, interface=self.interface, cycles=self.cycles)
            return emit(self.cells.circuit, options)
        every = 0 if self.interface == "comb" else self.every
        options = VerilogOptions(
            name=self.name, interface=self.interface, every=every, retime=bool(self.mhz)
        )
        return emit(self.netlist, options)

    def codes(self, x: ArrayLike) -> NDArray[np.int64]:
        """The integers[samples, elements] that hardware takes for raw features."""
        if self.code is not None:
            return self.code.encode(x)
        array = np.asarray(x)
        if array.dtype.kind not in "biu":
            raise InputError(
                f"features of type {array.dtype}; this design has no code for raw features and "
                "takes integers"
            )
        if array.size and array.max() > np.iinfo(np.int64).max:
            raise InputError(f"features up to {array.max()}; this design takes 64-bit integers")
        return array.astype(np.int64)

    def engine_codes(self, x: ArrayLike) -> NDArray[Any]:
        """The same for an engine: integers stay as small as given, since it checks them itself."""
        array = np.asarray(x)
        as_given = self.code is None or self.code.kind == "identity"
        if as_given and array.dtype.kind in "biu" and array.ndim > 1 and array.size:
            return array.reshape(len(array), -1)
        if self.code is not None and array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
            rows = array.reshape(len(array), -1) if array.ndim > 1 and array.size else array
            if rows.ndim == 2 and rows.shape[1] == self.code.elements and self._features:
                codes = self._features.codes(rows)
                if codes is not None:
                    return codes
        return self.codes(x)

    def engine(self, *, threads: int = 1, vector: int | None = None) -> "Engine | Interpreter":
        """The design as a bit-parallel C engine; as the interpreter where no compiler is found."""
        from lithify.backends.c.fallback import engine_for

        return engine_for(
            self.circuit, threads=threads, vector="auto" if vector is None else vector
        )

    @cached_property
    def _features(self) -> "Features | None":
        """The kernel's way from features to codes; None where no compiler is found."""
        from lithify.backends.c.features import Features

        assert self.code is not None
        code, bounds = self.code, self.code.thresholds if self.code.kind == "rank" else None
        try:
            return Features(code.elements, low=code.low, high=code.high, bounds=bounds)
        except ToolMissing:
            return None

    @cached_property
    def _engine(self) -> "Engine | Interpreter":
        return self.engine()

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample of raw features."""
        return self._engine.predict(self.engine_codes(x))

    def scores(self, x: ArrayLike) -> NDArray[np.int64]:
        """The scores[samples, classes] of raw features."""
        return np.asarray(self._engine.scores(self.engine_codes(x)), np.int64)

    def words(self, x: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """The words by name, each [samples, count], of raw features."""
        return self._engine.words(self.engine_codes(x))

    def interpret(self, x: ArrayLike) -> simulate.Answers:
        """What the interpreter answers: slow, and the meaning that all else is compared with."""
        return simulate.run(self.circuit, self.codes(x))

    def verify(
        self,
        x: ArrayLike | None = None,
        *,
        time_limit: float = 60.0,
        progress: "Callable[[str, Verdict], None]" = lambda stage, verdict: None,
    ) -> "Design":
        """This design with a new certificate; raw features `x` join the test vectors.

        Engines run for at most `time_limit` CPU seconds a stage; MismatchError where one is wrong.
        """
        from lithify.compiler.proof.certificate import certify

        samples = None if x is None else self.codes(x)
        certificate = certify(
            self.subjects(), samples=samples, time_limit=time_limit, progress=progress
        )
        files = self.check_files(self.exports, samples=samples, time_limit=time_limit)
        return replace(self, certificate=replace(certificate, files=files))

    @cached_property
    def exports(self) -> "Mapping[str, bytes]":
        """The files beside Verilog and reports, by their names in the folder that `write` makes."""
        from lithify.compiler.output import exports

        return exports(self)

    def check_files(
        self,
        files: "Mapping[str, bytes]",
        *,
        samples: ArrayLike | None = None,
        time_limit: float = 60.0,
    ) -> "tuple[FileCheck, ...]":
        """How each of these files, which stand for `exports`, was checked now; codes join."""
        from lithify.compiler.proof import files as checks

        netlist = self.circuit if self.in_software else self.netlist.circuit
        sides = checks.Sides(self.name, self.circuit, netlist, self.exports)
        return checks.check_files(files, sides, samples=samples, time_limit=time_limit)

    def subjects(self, verilog: "Mapping[str, bytes] | None" = None) -> "Subjects":
        from lithify.backends.verilog.description import FILE, Description
        from lithify.compiler.proof.certificate import Subjects

        bare = Subjects(
            optimised=self.circuit,
            lowered=self.lowered,
            approximated=self.approximated,
            price=self.price,
        )
        if self.in_software:
            return bare
        files = self.verilog if verilog is None else verilog
        description = Description.from_json(files[FILE])
        if description.file not in files:
            raise InputError(f"{FILE} speaks of {description.file}, which is not beside it")
        return replace(
            bare,
            netlist=self.netlist,
            cells=self.cells if self.cycles else None,
            verilog=files[description.file],
            description=description,
        )

    @property
    def price(self) -> str:
        """What the approximation cost, in words, where there is one."""
        said = self.provenance.get("approximation", {})
        return str(said.get("said", "")) if isinstance(said, Mapping) else ""

    def report(self) -> str:
        """Sizes, depth and what was proved, as text for people."""
        from lithify.compiler.report import text

        return text(self)

    def save(self, path: str | Path) -> Path:
        """The `.lith` file written: all that is needed after training."""
        from lithify.compiler.design_file import save

        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> "Design":
        """The design in a `.lith` file, or in a folder that `write` made."""
        from lithify.compiler.design_file import load

        return load(path)

    def write(self, folder: str | Path) -> Path:
        """The folder written: design file, Verilog, C, AIGER, BLIF, text and certificate."""
        from lithify.compiler.output import write

        return write(self, folder)
