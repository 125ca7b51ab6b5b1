"""ONNX files, made field by field, and binary nets in them.

A net comes in two forms: with the operations of QONNX, and with those alone that every ONNX runtime
knows. Its weights are random, and the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lithify.backends.protobuf import field
from lithify.compiler.importers.lookup import Array

QONNX = "qonnx.custom_op.general"
Forward = Callable[[Array], Array]
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


def tfc(
    widths: Sequence[int], *, plain: bool, seed: int = 1, bits: int = 1
) -> tuple[bytes, Forward]:
    """A file of a net of FINN's TFC family, and what the net computes.

    Weights are of one bit, and activations of one (-1 and 1) or two (-0.5, 0 and 0.5).
    """
    rng = np.random.default_rng(seed)
    file, steps = OnnxFile(widths[0]), list[Forward]()
    file.then("Mul", f32([2]))
    file.then("Sub", f32([1]))
    steps += [lambda v: np.float32(2) * v - np.float32(1), _activation(file, plain, bits)]
    for index, (inputs, units) in enumerate(zip(widths, widths[1:], strict=False)):
        raw = rng.normal(size=(units, inputs)).astype(np.float32)
        weights = np.where(raw >= 0, np.float32(1), np.float32(-1)).T
        if plain:
            file.then("MatMul", weights)
        else:
            names = [file.constant(one) for one in (raw, f32([1]))]
            signs = file.node("BipolarQuant", names, domain=QONNX)
            file.last = file.node("MatMul", [file.last, file.node("Transpose", [signs])])
        steps.append(_product(weights))
        if index < len(widths) - 2:
            parts = normalisation(rng, units)
            file.then("BatchNormalization", *parts, epsilon=1e-5)
            steps += [_normalised(parts), _activation(file, plain, bits)]
    file.then("Mul", f32([0.125]))

    def forward(x: Array) -> Array:
        for step in steps:
            x = step(x)
        return x

    return file.finish(widths[-1]), forward


def f32(values: object) -> Array:
    """A constant."""
    return np.array(values, np.float32)


def normalisation(rng: np.random.Generator, units: int) -> list[Array]:
    """Scale, bias, mean and variance of a batch normalisation."""
    scale = rng.uniform(0.5, 2, units) * rng.choice([-1, 1], units)
    parts = [scale, rng.normal(size=units), 3 * rng.normal(size=units), rng.uniform(5, 50, units)]
    return [one.astype(np.float32) for one in parts]


def _activation(file: OnnxFile, plain: bool, bits: int) -> Forward:
    """Go on with few levels; what they are."""
    if bits == 2:
        if plain:
            file.then("Mul", f32([2]))
            file.last = file.node("Round", [file.last])
            file.then("Clip", f32(-1), f32(1))
            file.then("Mul", f32([0.5]))
        else:
            constants = f32([0.5]), f32([0]), f32([2])
            file.then("Quant", *constants, domain=QONNX, signed=1, narrow=1)
        return lambda v: np.clip(np.rint(2 * v), -1, 1) / 2
    if plain:
        high = file.node("GreaterOrEqual", [file.last, file.constant(f32([0]))])
        file.last = file.node("Where", [high, *(file.constant(f32([v])) for v in (1, -1))])
    else:
        file.then("BipolarQuant", f32([1]), domain=QONNX)
    return lambda v: np.where(v >= 0, 1.0, -1.0)


def _product(weights: Array) -> Forward:
    """Times a matrix, exactly."""
    return lambda v: v @ weights.astype(np.float64)


def _normalised(parts: list[Array]) -> Forward:
    """What a batch normalisation does."""
    scale, bias, mean, variance = (one.astype(np.float64) for one in parts)
    return lambda v: (v - mean) / np.sqrt(variance + 1e-5) * scale + bias
