"""What the compiler starts from: a circuit and what is known of it, out of any file it can read."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.recognise import recognise
from lithify.ir import binary
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError
from lithify.ir.text import parse

if TYPE_CHECKING:
    from lithify.compiler.nets import Net

LARGEST_FILE = 1 << 31


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


Reader = Callable[[bytes, Path], Source]


def open_file(path: str | Path) -> Source:
    """The source in a file, whose format its content tells, or in a folder of `lithify compile`."""
    place = Path(path)
    if place.is_dir():
        return of_design(Design.load(place))
    data = _read(place)
    return READERS[recognise(data, str(place))](data, place)


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
        provenance=design.provenance,
    )


def identifier(name: str) -> str:
    """A name that is also good as a file, a Verilog module and a C function."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return plain if plain and not plain[0].isdigit() else f"net_{plain}".rstrip("_")


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


def _bytes_circuit(module: str) -> Reader:
    """What reads with `read` of a module of the back ends."""

    def read(data: bytes, path: Path) -> Source:
        circuit = importlib.import_module(f"lithify.backends.{module}").read(data, str(path))
        provenance = {"imported": {"format": module, "file": path.name}}
        return Source(name=path.stem, circuit=circuit, provenance=provenance)

    return read


def _design(data: bytes, path: Path) -> Source:
    from lithify.compiler.design_file import from_bytes

    return of_design(from_bytes(data, str(path)))


def _model(data: bytes, path: Path) -> Source:
    from lithify.compiler.nets.model_file import read

    model = read(data, str(path))
    return of_net(model.net, path.stem, model.provenance)


def _pickle(data: bytes, path: Path) -> Source:
    from lithify.compiler.nets.model_file import refuse_pickle

    refuse_pickle(data, str(path))
    raise AssertionError("what was recognised as a pickle is one")


def _text_circuit(data: bytes, path: Path) -> Source:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is no text circuit: byte {error.start} is no text") from error
    return Source(name=path.stem, circuit=parse(text, str(path)))


def _binary_circuit(data: bytes, path: Path) -> Source:
    return Source(name=path.stem, circuit=binary.from_bytes(data, str(path)))


READERS: dict[str, Reader] = {
    "design": _design,
    "model": _model,
    "pickle": _pickle,
    "text circuit": _text_circuit,
    "binary circuit": _binary_circuit,
    "aiger": _bytes_circuit("aiger"),
    "blif": _bytes_circuit("blif"),
    "bench": _bytes_circuit("bench"),
    "pla": _bytes_circuit("pla"),
}


def load(path: str | Path) -> Design:
    """The design in a file or folder; of what is none yet, one in which nothing is optimised."""
    place = Path(path)
    if place.is_dir():
        return Design.load(place)
    data = _read(place)
    if recognise(data, str(place)) == "design":
        return Design.load(place)
    return open_file(place).design()
