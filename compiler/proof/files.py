"""The files of a design beside its Verilog: which was checked, against what and how.

Exchange files are read back and proved to be the netlist, the circuit's text to be the circuit.
The C is compiled and run on samples: that is a simulation, and says nothing of other inputs.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends import aiger, blif
from lithify.backends.bitnames import input_names, output_names, renamed
from lithify.backends.c.exported import answers_of
from lithify.backends.toolchain import find_tool
from lithify.compiler.proof.matching import prove_same_gates
from lithify.compiler.proof.readback import require_names, with_ports_of
from lithify.compiler.proof.simulation import vectors_for
from lithify.compiler.proof.verdict import Proved, Refuted, explain
from lithify.ir import simulate, text
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MismatchError

VECTORS = 2048
PROVED, SIMULATED, SAME, UNCHECKED = "proved", "simulated", "same bytes", "not checked"
HOWS = (PROVED, SIMULATED, SAME, UNCHECKED)
OTHER = "not what this Lithify writes for the design"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file by its digest, how it was checked (one of HOWS) and on how many samples."""

    name: str
    sha256: str
    how: str
    samples: int
    said: str

    def line(self) -> str:
        """What is known of the file."""
        return f"{self.name}: {self.how}, {self.said}"


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What files are compared with: circuit, netlist and the files that this Lithify writes."""

    name: str
    circuit: Circuit
    netlist: Circuit
    written: Mapping[str, bytes]


def check_files(
    files: Mapping[str, bytes],
    sides: Sides,
    *,
    samples: ArrayLike | None = None,
    time_limit: float = 60.0,
) -> tuple[FileCheck, ...]:
    """What became of each file; MismatchError where one is not the design.

    `samples` are codes[n, elements] that join the test vectors; engines run for at most
    `time_limit` CPU seconds a file.
    """
    codes = vectors_for(sides.circuit, VECTORS, np.random.default_rng(0), samples)
    checks = []
    for name, data in sorted(files.items()):
        count = 0
        if name.endswith(".circuit"):
            how, said = _circuit_text(name, data, sides)
        elif name.endswith((".aig", ".blif")):
            how, count, said = _exchange(name, data, sides, codes, time_limit)
        elif name == f"c/{sides.name}.c":
            how, count, said = _export(name, files, sides, codes)
        elif sides.written.get(name) == data:
            how, said = SAME, "what this Lithify writes for the design"
        else:
            how, said = UNCHECKED, OTHER
        checks.append(FileCheck(name, hashlib.sha256(data).hexdigest(), how, count, said))
    return tuple(checks)


def _circuit_text(name: str, data: bytes, sides: Sides) -> tuple[str, str]:
    """A text that is parsed again."""
    if text.parse(data.decode(errors="replace"), name) != sides.circuit:
        raise MismatchError(f"{name} is another circuit than the design's")
    return PROVED, "read back, it is the optimised circuit gate by gate"


def _exchange(
    name: str, data: bytes, sides: Sides, codes: NDArray[np.int64], time_limit: float
) -> tuple[str, int, str]:
    """A file of bits against the netlist, after a look at the names of all bits."""
    reader, forbidden = (
        (blif.read, blif.FORBIDDEN) if name.endswith(".blif") else (aiger.read, None)
    )
    seen = reader(data, name)
    inputs, outputs, _ = renamed(sides.netlist, forbidden)
    require_names(input_names(seen), inputs, f"inputs of {name}")
    require_names(output_names(seen), outputs, f"outputs of {name}")
    verdict = prove_same_gates(
        sides.netlist,
        with_ports_of(sides.netlist, seen),
        time_limit=time_limit,
        vectors=0,
        samples=codes,
    )
    if isinstance(verdict, Refuted):
        raise MismatchError(f"{name} is not the netlist; {explain(verdict, sides.circuit)}")
    if isinstance(verdict, Proved):
        return PROVED, 0, f"read back, the netlist by {verdict.method}"
    return SIMULATED, len(codes), f"read back, equal on {len(codes)} samples ({verdict.reason})"


def _export(
    name: str, files: Mapping[str, bytes], sides: Sides, codes: NDArray[np.int64]
) -> tuple[str, int, str]:
    """The C on samples; only the bytes that this Lithify writes are ever compiled."""
    own = {f"{sides.name}.{kind}": sides.written[f"c/{sides.name}.{kind}"] for kind in "ch"}
    if any(files.get(f"c/{file}") != data for file, data in own.items()):
        return UNCHECKED, 0, f"{OTHER}, so it was not run"
    if find_tool("cc") is None:
        return UNCHECKED, 0, "not run, since there is no C compiler"
    found = answers_of(sides.circuit, own, codes, name=sides.name)
    right = simulate.run(sides.circuit, codes)
    words = [right.words[word.name] for word in sides.circuit.words]
    expected = np.concatenate([right.classes[:, None], right.scores, *words], axis=1)
    wrong = np.flatnonzero((found != expected).any(1))
    if wrong.size:
        raise MismatchError(
            f"{name} answers {found[wrong[0]].tolist()} (class, scores, words) where the "
            f"interpreter says {expected[wrong[0]].tolist()}, for {codes[wrong[0]].tolist()}"
        )
    said = f"compiled and run, equal to the interpreter on {len(codes)} samples"
    return SIMULATED, len(codes), said
