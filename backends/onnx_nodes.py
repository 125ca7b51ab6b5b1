"""An ONNX model under construction, node by node and constant by constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.protobuf import field

VERSION, OPERATORS = 8, 17
Array = NDArray[Any]
KINDS = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7, "bool": 9, "float64": 11}


class Model:
    """A graph so far. Values are named `v1`, `v2` and on after what inputs and outputs are called.

    >>> model = Model("net")
    >>> model.input("x", "int64", 3)
    >>> model.output(model.node("Neg", "x"), "y", "int64", 3)
    >>> model.finish()[:2]
    b'\\x08\\x08'
    """

    def __init__(self, name: str) -> None:
        """Start with nothing."""
        self._name = name
        self._parts: list[bytes] = []
        self._ends: list[bytes] = []
        self._made = 0

    def input(self, name: str, kind: str, count: int) -> None:
        """A matrix of samples by elements that comes in."""
        self._ends.append(field(11, value_info(name, kind, ["samples", count])))

    def output(self, value: str, name: str, kind: str, count: int | None) -> None:
        """Give a value out under a name: samples by elements, or one number a sample."""
        self._parts.append(field(1, _node("Identity", [value], name, {})))
        shape: list[str | int] = ["samples"] if count is None else ["samples", count]
        self._ends.append(field(12, value_info(name, kind, shape)))

    def constant(self, values: Array) -> str:
        """The name of a new constant."""
        name = self._next("c")
        self._parts.append(field(5, tensor(name, values)))
        return name

    def node(self, op: str, *inputs: str | Array, **attributes: int | Sequence[int]) -> str:
        """The name of what a new operation gives; arrays among the inputs become constants."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        output = self._next("v")
        self._parts.append(field(1, _node(op, names, output, attributes)))
        return output

    def finish(self) -> bytes:
        """The file."""
        graph = b"".join((*self._parts, field(2, self._name), *self._ends))
        operators = field(8, field(1, "") + field(2, OPERATORS))
        return b"".join((field(1, VERSION), field(2, "lithify"), field(7, graph), operators))

    def _next(self, letter: str) -> str:
        self._made += 1
        return f"/{letter}{self._made}"


def tensor(name: str, values: Array) -> bytes:
    """A constant, its numbers as they lie in memory."""
    plain = np.ascontiguousarray(values)
    dims = b"".join(field(1, size) for size in plain.shape)
    return dims + field(2, KINDS[plain.dtype.name]) + field(8, name) + field(9, plain.tobytes())


def value_info(name: str, kind: str, shape: Sequence[str | int]) -> bytes:
    """The name, type and sizes of an input or output; a size that is a text is left open."""
    sizes = b"".join(field(1, field(2 if isinstance(n, str) else 1, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, KINDS[kind]) + field(2, sizes)))


def _node(
    op: str, inputs: Sequence[str], output: str, attributes: dict[str, int | Sequence[int]]
) -> bytes:
    names = b"".join(field(1, one) for one in inputs)
    given = b"".join(field(5, _attribute(*item)) for item in attributes.items())
    return names + field(2, output) + field(3, output) + field(4, op) + given


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, one) for one in value) + field(20, 7)
