"""ONNX files made for tests, field by field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lithify.backends.protobuf import field
from lithify.compiler.importers.lookup import Array

KINDS = {"float32": 1, "int64": 7, "float64": 11, "bool": 9}


class OnnxFile:
    """A chain of operations that begins at the input `x`."""

    def __init__(self, *features: int) -> None:
        self.graph = field(2, "net") + field(11, value_info("x", [0, *features]))
        self.last = "x"
        self.made = 0

    def constant(self, values: Array) -> str:
        """The name of a new constant."""
        self.made += 1
        name = f"c{self.made}"
        self.graph += field(5, tensor(name, values))
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        *,
        domain: str = "",
        **attributes: float | int | list[int] | Array,
    ) -> str:
        """The name of what a new operation gives."""
        self.made += 1
        name = f"v{self.made}"
        data = b"".join(field(1, one) for one in inputs)
        data += field(2, name) + field(3, name) + field(4, op)
        data += b"".join(field(5, attribute(*item)) for item in attributes.items())
        self.graph += field(1, data + field(7, domain))
        return name

    def then(
        self, op: str, *constants: Array, domain: str = "", **attributes: float | int | list[int]
    ) -> None:
        """Go on with an operation on what there is and these constants."""
        names = [self.constant(one) for one in constants]
        self.last = self.node(op, [self.last, *names], domain=domain, **attributes)

    def finish(self, outputs: int) -> bytes:
        """The file."""
        graph = self.graph + field(12, value_info(self.last, [0, outputs]))
        opsets = field(8, field(2, 17)) + field(
            8, field(1, "qonnx.custom_op.general") + field(2, 1)
        )
        return field(1, 8) + field(7, graph) + opsets


def tensor(name: str, values: Array) -> bytes:
    """A constant, its numbers as they lie in memory."""
    dims = b"".join(field(1, size) for size in values.shape)
    return dims + field(2, KINDS[str(values.dtype)]) + field(8, name) + field(9, values.tobytes())


def attribute(name: str, value: float | int | list[int] | Array) -> bytes:
    """A number, a list of them, or a constant."""
    if isinstance(value, list):
        return field(1, name) + b"".join(field(8, one) for one in value) + field(20, 7)
    if isinstance(value, np.ndarray):
        return field(1, name) + field(5, tensor("", value)) + field(20, 4)
    real = isinstance(value, float)
    return field(1, name) + field(2 if real else 3, value) + field(20, 1 if real else 2)


def value_info(name: str, shape: Sequence[int]) -> bytes:
    """An input or output of float32; a size of 0 is left open."""
    sizes = b"".join(field(1, field(1, n) if n else field(2, "N")) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))
