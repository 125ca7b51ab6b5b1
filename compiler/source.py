"""What the compiler starts from: a circuit and what is known of it, out of any file it can read."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.importers.hints import Hints
from lithify.compiler.recognise import recognise
from lithify.ir import binary
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, HardenError, InputError
from lithify.ir.text import parse

if TYPE_CHECKING:
    from lithify.compiler.importers.lookup import Imported, LookupNet
    from lithify.compiler.nets import Net

LARGEST_FILE = 1 << 31
NO_HINTS = Hints()
HINTED = (
    "arrays",
    "onnx",
    "torch",
    "torchlogix circuit",
)  # files of nets that may not say all of themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the compiler starts from: a circuit and what is known of it."""

    name: str
    circuit: Circuit
    code: InputCode | None = None
    classes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def design(self, name: str | None = None) -> Design:
        """The design in which nothing was optimised yet."""
        return Design(
            name=identifier(name or self.name),
            lowered=self.circuit,
            circuit=self.circuit,
            pipeline="",
            code=self.code,
            classes=self.classes,
            provenance=self.provenance,
        )


Reader = Callable[[bytes, Path, Hints], Source]


def open_file(path: str | Path, hints: Hints = NO_HINTS) -> Source:
    """The source in a file, whose format its content tells, or in a folder of `lithify compile`.

    The hints are for nets whose files do not say all of themselves; another file refuses them.
    """
    place = Path(path)
    if place.is_dir():
        return of_design(Design.load(place))
    data = _read(place)
    kind = recognise(data, str(place))
    if hints.given and kind not in HINTED:
        raise InputError(
            f"{place}: {', '.join(hints.given)} cannot be said of a file that is a {kind}; it says "
            "all of itself"
        )
    return READERS[kind](data, place, hints)


def of_net(net: Net, name: str, provenance: Mapping[str, Any]) -> Source:
    """The source that a net of `lithify.nets` is."""
    from lithify.compiler.lowering import lower

    return Source(
        name=name,
        circuit=lower(net),
        code=net.code,
        classes=net.classes,
        provenance=provenance,
    )


def of_design(design: Design) -> Source:
    """The source that a design was made from."""
    return Source(
        name=design.name,
        circuit=design.lowered,
        code=design.code,
        classes=design.classes,
        provenance={k: v for k, v in design.provenance.items() if k != "approximation"},
    )


def identifier(name: str) -> str:
    """A name that is also good as a file, a Verilog module and a C function.

    >>> identifier("My net"), identifier("9net"), identifier("small")
    ('my_net', 'net_9net', 'net_small')
    """
    from lithify.backends.c.emit import KEYWORDS as C_KEYWORDS
    from lithify.backends.verilog.names import KEYWORDS

    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    kept = plain and not plain[0].isdigit() and plain not in KEYWORDS | C_KEYWORDS
    return plain if kept else f"net_{plain}".rstrip("_")


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise FormatError(f"{path}: {size} bytes; at most {LARGEST_FILE} are read")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from error


def _bytes_circuit(name: str, module: str = "", function: str = "read") -> Reader:
    """What reads with a function of a module, of the back ends where none is named."""

    def read(data: bytes, path: Path, hints: Hints) -> Source:
        reader = getattr(importlib.import_module(module or f"lithify.backends.{name}"), function)
        circuit = reader(data, str(path))
        provenance = {"imported": {"format": name, "file": path.name}}
        return Source(name=path.stem, circuit=circuit, provenance=provenance)

    return read


def _design(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.design_file import from_bytes

    return of_design(from_bytes(data, str(path)))


def _model(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.nets.model_file import read

    model = read(data, str(path))
    return of_net(model.net, path.stem, model.provenance)


def _torch(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.importers.arrays import read_torch

    return _state(read_torch(data, str(path)), path, hints)


def _arrays(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.importers.arrays import read_npz

    return _state(read_npz(data, str(path)), path, hints)


def _state(arrays: dict[str, NDArray[Any]], path: Path, hints: Hints) -> Source:
    """The net of named arrays and of those that the hints add."""
    from lithify.compiler.importers.arrays import read_npz
    from lithify.compiler.importers.compactlogic import described
    from lithify.compiler.importers.state import read_state, with_description

    try:
        if hints.wiring is not None:
            more, name = _read(hints.wiring), str(hints.wiring)
            if more[:1] == b"{":
                arrays = with_description(arrays, described(more, name))
            else:
                arrays = arrays | read_npz(more, name)
        return of_lookups(read_state(arrays, hints), path.stem, path.name, hints)
    except (FormatError, InputError) as error:
        raise type(error)(f"{path}: {error}") from error


def of_lookups(net: LookupNet, name: str, file: str, hints: Hints) -> Source:
    """The source that a net of lookup tables is."""
    from lithify.compiler.importers.lookup import lower

    return _of_imported(lower(net, hints), name, file)


def _onnx(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.importers.onnx import read

    try:
        return _of_imported(read(data, str(path), hints), path.stem, path.name)
    except (HardenError, InputError) as error:
        raise type(error)(f"{path}: {error}") from error


def _torchlogix_circuit(data: bytes, path: Path, hints: Hints) -> Source:
    from lithify.compiler.importers.torchlogix_circuit import read

    return _of_imported(read(data, str(path), hints), path.stem, path.name)


def _of_imported(made: Imported, name: str, file: str) -> Source:
    notes = {**made.notes, **({"file": file} if file else {})}
    return Source(
        name=name,
        circuit=made.circuit,
        code=made.code,
        classes=made.classes,
        provenance={"imported": notes},
    )


def _text_circuit(data: bytes, path: Path, hints: Hints) -> Source:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is no text circuit: byte {error.start} is no text") from error
    return Source(name=path.stem, circuit=parse(text, str(path)))


def _binary_circuit(data: bytes, path: Path, hints: Hints) -> Source:
    return Source(name=path.stem, circuit=binary.from_bytes(data, str(path)))


READERS: dict[str, Reader] = {
    "design": _design,
    "model": _model,
    "torch": _torch,
    "arrays": _arrays,
    "onnx": _onnx,
    "torchlogix circuit": _torchlogix_circuit,
    "text circuit": _text_circuit,
    "binary circuit": _binary_circuit,
    "aiger": _bytes_circuit("aiger"),
    "blif": _bytes_circuit("blif"),
    "bench": _bytes_circuit("bench"),
    "pla": _bytes_circuit("pla"),
    "verilog": _bytes_circuit("verilog", "lithify.compiler.importers.verilog"),
    "truth tables": _bytes_circuit("truth tables", "lithify.compiler.importers.tables"),
    "node-link graph": _bytes_circuit("node-link", "lithify.ir.graph_files", "read_node_link"),
    "graphml": _bytes_circuit("graphml", "lithify.ir.graph_files", "read_graphml"),
}


def load(path: str | Path, hints: Hints = NO_HINTS) -> Design:
    """The design in a file or folder; of what is none yet, one in which nothing is optimised."""
    place = Path(path)
    if place.is_dir():
        return Design.load(place)
    data = _read(place)
    if recognise(data, str(place)) == "design" and not hints.given:
        return Design.load(place)
    return open_file(place, hints).design()
