"""ONNX files read as a list of nodes and named constants, without the onnx package."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lithify.backends.protobuf import Value, fields, integers
from lithify.compiler.importers.lookup import Array
from lithify.ir.errors import FormatError

MOST_RANK = 8
FLOATS = (0, 1, 10, 11)  # where a type is left open it is a real one
TYPES = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 11: "<f8",
    12: "<u4", 13: "<u8",
}  # fmt: skip
# The fields of a tensor that hold numbers one by one, and the type that these have.
LISTS = {4: "<f4", 5: "<i4", 7: "<i8", 10: "<f8", 11: "<u8"}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(slots=True)
class Graph:
    """The operations in their order, the constants, and what comes in and goes out."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)


def read_graph(data: bytes, filename: str) -> Graph:
    """The graph of a model; FormatError where the bytes hold none."""
    graphs = [_bytes(value, filename) for number, value in fields(data, filename) if number == 7]
    if len(graphs) != 1:
        raise FormatError(f"{filename}: an ONNX model has one graph; this has {len(graphs)}")
    graph = Graph()
    for number, value in fields(graphs[0], filename):
        if number == 1:
            graph.nodes.append(_node(_bytes(value, filename), len(graph.nodes), filename))
        elif number == 5:
            name, array = _tensor(_bytes(value, filename), filename)
            graph.constants[name] = array
        elif number == 11:
            name, shape, graph.kinds[name] = _value_info(_bytes(value, filename), filename)
            graph.inputs[name] = shape
        elif number == 12:
            graph.outputs.append(_value_info(_bytes(value, filename), filename)[0])
        elif number == 15:
            raise FormatError(f"{filename}: sparse constants cannot be read")
    graph.inputs = {k: v for k, v in graph.inputs.items() if k not in graph.constants}
    graph.kinds = {name: graph.kinds[name] for name in graph.inputs}
    return graph


def _bytes(value: Value, where: str) -> bytes:
    if isinstance(value, int):
        raise FormatError(f"{where}: a number where a message is needed; the file is damaged")
    return value


def _text(value: Value, where: str) -> str:
    return _bytes(value, where).decode("utf-8", "replace")


def _node(data: bytes, index: int, where: str) -> Node:
    inputs, outputs, name, op = [], [], "", ""
    attributes: dict[str, Any] = {}
    for number, value in fields(data, where):
        if number == 1:
            inputs.append(_text(value, where))
        elif number == 2:
            outputs.append(_text(value, where))
        elif number == 3:
            name = _text(value, where)
        elif number == 4:
            op = _text(value, where)
        elif number == 5:
            attributes |= _attribute(_bytes(value, where), where)
    shown = name or f"node {index}"
    if not any(outputs):
        raise FormatError(f"{where}: {shown} ({op}) gives nothing; the file is damaged")
    return Node(f"{shown} ({op})", op, tuple(inputs), tuple(outputs), attributes)


def _attribute(data: bytes, where: str) -> dict[str, Any]:
    name, found = "", None
    numbers: list[int] = []
    for number, value in fields(data, where):
        if number == 1:
            name = _text(value, where)
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            found = struct.unpack("<f", value)[0]
        elif number == 3:
            found = _integer(value, where)
        elif number == 4:
            found = _text(value, where)
        elif number == 5:
            found = _tensor(_bytes(value, where), where)[1]
        elif number == 8:
            numbers += integers(value, where)
    return {name: numbers if found is None else found}


def _tensor(data: bytes, where: str) -> tuple[str, Array]:
    """The name and values of a constant."""
    shape: list[int] = []
    name, kind, raw = "", 0, None
    parts: list[Array] = []
    for number, value in fields(data, where):
        if number == 1:
            shape += integers(value, where)
        elif number == 2:
            kind = _integer(value, where)
        elif number == 8:
            name = _text(value, where)
        elif number == 9:
            raw = _bytes(value, where)
        elif number in LISTS:
            parts.append(_listed(value, LISTS[number], where))
        elif number == 13 or (number == 14 and value):
            raise FormatError(f"{where}: constant {name} is in another file; save it in one")
    return name, _shaped(f"{where}: constant {name}", kind, shape, raw, parts)


def _shaped(
    where: str, kind: int, shape: list[int], raw: bytes | None, parts: list[Array]
) -> Array:
    """The array of these numbers, whose size must agree with the shape."""
    if kind not in TYPES:
        raise FormatError(f"{where} is of a type ({kind}) that cannot be read")
    dtype = np.dtype(TYPES[kind])
    if raw is not None and len(raw) % dtype.itemsize:
        raise FormatError(f"{where} is cut off")
    flat = np.frombuffer(raw, dtype) if raw is not None else _joined(parts, dtype)
    size = 1
    for length in shape:
        size *= length
    if len(shape) > MOST_RANK or min(shape, default=0) < 0 or size != flat.size:
        raise FormatError(f"{where} of shape {shape} has {flat.size} values")
    return flat.reshape(shape)


def _listed(value: Value, dtype: str, where: str) -> Array:
    """The numbers of a field that lists them."""
    if dtype in ("<f4", "<f8"):
        content = _bytes(value, where)
        if len(content) % np.dtype(dtype).itemsize:
            raise FormatError(f"{where}: a constant is cut off")
        return np.frombuffer(content, dtype)
    return np.array(integers(value, where), np.int64)


def _joined(parts: list[Array], dtype: np.dtype[Any]) -> Array:
    with np.errstate(invalid="ignore"):  # of a damaged file
        return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype)


def _integer(value: Value, where: str) -> int:
    found = integers(value, where)
    if len(found) != 1:
        raise FormatError(f"{where}: a field of one number has {len(found)}; the file is damaged")
    return found[0]


def _value_info(data: bytes, where: str) -> tuple[str, tuple[int, ...], int]:
    """The name, shape and type of an input or output; a size that is left open is 0."""
    name, kind = "", 0
    shape: tuple[int, ...] = ()
    for number, value in fields(data, where):
        if number == 1:
            name = _text(value, where)
        elif number == 2:
            shape, kind = _shape(_bytes(value, where), where)
    return name, shape, kind


def _shape(data: bytes, where: str) -> tuple[tuple[int, ...], int]:
    sizes: list[int] = []
    kind = 0
    for number, tensor in fields(data, where):
        if number != 1:
            continue
        for inner, value in fields(_bytes(tensor, where), where):
            if inner == 1:
                kind = _integer(value, where)
            elif inner == 2:
                for _, size in fields(_bytes(value, where), where):
                    sizes.append(_size(_bytes(size, where), where))
    return tuple(sizes), kind


def _size(data: bytes, where: str) -> int:
    found = [integers(v, where) for number, v in fields(data, where) if number == 1]
    return found[0][0] if found and found[0] else 0
