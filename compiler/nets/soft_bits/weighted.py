"""Layers of soft bits with weights: each weight is a soft bit, and hardens at one half."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
    require_finite,
    to_numpy,
)
from lithify.compiler.nets.soft_bits import operators
from lithify.compiler.nets.soft_bits.start import Start
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD
from lithify.ir.errors import FormatError, InputError

PASS, INVERT, XOR = 0b10, 0b01, 0b0110


class SoftBitLayer(Layer):
    """A layer of soft weights `[width, inputs]`; every row sees every input.

    A weight above one half includes its input, any other leaves it out.
    """

    expands: ClassVar[bool] = False  # one output for each weight, not for each row

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        start: Start | None = None,
        generator: np.random.Generator,
    ) -> None:
        """Start at random."""
        super().__init__()
        if min(inputs, width) < 1 or inputs * width >= 2**30:
            raise InputError(
                f"a layer {self.kind!r} of {inputs} inputs and width {width}; both are at least 1, "
                f"their product at most {2**30 - 1}"
            )
        chosen = Start() if start is None else start
        self._build(chosen.weights(width, inputs, generator))

    def _build(self, weights: Tensor) -> None:
        self.weights = nn.Parameter(weights)
        self.width, self.inputs = weights.shape
        self.outputs = self.width * self.inputs if self.expands else self.width

    def included(self) -> Bits:
        """Which inputs each row includes, `[width, inputs]`."""
        bits: Bits = to_numpy(self.weights) > 0.5
        return bits

    def forward(self, x: Tensor) -> Tensor:
        """The soft activations."""
        found = operators.by_rows(self.soft, self.weights[:, :, None], x[None])
        return found.reshape(self.outputs, x.shape[1])

    @abstractmethod
    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The soft bits of weights `[width, inputs, 1]` and inputs `[1, inputs, batch]`."""

    def harden_(self) -> None:
        """Make every weight 0 or 1."""
        with torch.no_grad():
            self.weights.copy_(self.weights > 0.5)

    def project_(self) -> None:
        """Bring the weights back into 0 to 1."""
        with torch.no_grad():
            self.weights.clamp_(0, 1)

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        require_finite(to_numpy(self.weights), path, "weights")

    def describe(self) -> Description:
        """Kind and sizes."""
        return {"kind": self.kind, "inputs": self.inputs, "width": self.width}

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The weights."""
        width, inputs = (read_size(description, key, path) for key in ("width", "inputs"))
        return {"weights": ("F32", (width, inputs))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; every weight must be a soft bit."""
        outside = (state["weights"] < 0) | (state["weights"] > 1)
        if outside.any():
            raise FormatError(
                f"{path}: {int(outside.sum())} weights are not from 0 to 1; the file is damaged"
            )
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        layer._build(state["weights"].clone())
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Weights of both kinds, none included, all included, and all at one half, which is low."""
        rng = np.random.default_rng(7)
        sizes = ((6, 20), (3, 2), (7, 1), (12, 3))
        mixed = Start(0.3, 0.3, 0.7, 0.5)
        few: list[Layer] = [cls(*size, start=mixed, generator=rng) for size in sizes]
        starts = (Start(0.2, 0.1), Start(0.8, 0.1), Start(0.5, 0))
        return few + [cls(5, 2, start=start, generator=rng) for start in starts]


class NotLayer(SoftBitLayer):
    """Each row keeps the inputs it includes and inverts the others: width x inputs outputs."""

    kind = "not"
    expands = True

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The input or its complement."""
        return operators.soft_not(weights, x)

    def hard(self, bits: Bits) -> Bits:
        """Equality with the weight."""
        return _flat(self.included()[:, :, None] == bits)

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A wire or an inverter each."""
        tables = np.where(self.included(), PASS, INVERT).ravel().astype(np.uint64)
        with builder.origin(path, "core"):
            return builder.tables(tables, np.tile(signals, self.width)[:, None])


class ImpliesLayer(SoftBitLayer):
    """Each row keeps the inputs it includes; the others are true: width x inputs outputs."""

    kind = "implies"
    expands = True
    left_out: ClassVar[int] = 0b11

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The input, or true."""
        return operators.soft_implies(weights, x)

    def hard(self, bits: Bits) -> Bits:
        """The input or not the weight."""
        return _flat(~self.included()[:, :, None] | bits)

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A wire or a constant each."""
        tables = np.where(self.included(), PASS, self.left_out).ravel().astype(np.uint64)
        with builder.origin(path, "core"):
            return builder.tables(tables, np.tile(signals, self.width)[:, None])


class MaskLayer(ImpliesLayer):
    """Each row keeps the inputs it includes; the others are false: width x inputs outputs."""

    kind = "mask"
    left_out = 0b00

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The input, or false."""
        return operators.soft_mask(weights, x)

    def hard(self, bits: Bits) -> Bits:
        """The input and the weight."""
        return _flat(self.included()[:, :, None] & bits)


class AndLayer(SoftBitLayer):
    """Each row is high where all inputs it includes are; true where it includes none."""

    kind = "and"

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The least of the packed masks."""
        return operators.settle(operators.soft_implies(weights, x).amin(1))

    def hard(self, bits: Bits) -> Bits:
        """No included input is low."""
        high: Bits = _count(self.included(), ~bits) == 0
        return high

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold a row: as many inputs as it includes."""
        chosen = self.included()
        return _thresholds(builder, path, signals, chosen, chosen.sum(axis=1))


class OrLayer(SoftBitLayer):
    """Each row is high where any input it includes is; false where it includes none."""

    kind = "or"

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """The greatest of the packed masks."""
        return operators.settle(operators.soft_mask(weights, x).amax(1))

    def hard(self, bits: Bits) -> Bits:
        """Some included input is high."""
        high: Bits = _count(self.included(), bits) > 0
        return high

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold a row: one input."""
        return _thresholds(builder, path, signals, self.included(), np.ones(self.width))


class XorLayer(SoftBitLayer):
    """Each row is high where an odd number of the inputs it includes are."""

    kind = "xor"

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """A tree of exclusive-ors of plain masks: packing would not help its sparse gradient."""
        return operators.soft_xor_all(torch.minimum(operators.settle(weights), x), 1)

    def hard(self, bits: Bits) -> Bits:
        """The parity of the included inputs."""
        high: Bits = _count(self.included(), bits) % 2 == 1
        return high

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A tree of exclusive-ors a row; what is left out is the constant 0."""
        columns = list(np.where(self.included(), signals, 0).astype(np.int32).T)
        tables = np.full(self.width, XOR, np.uint64)
        with builder.origin(path, "core"):
            while len(columns) > 1:
                a, b, *columns = columns
                columns.append(builder.tables(tables, np.stack((a, b), axis=1)))
        parity: Signals = columns[0]
        return parity


def _flat(bits: Bits) -> Bits:
    """Rows of rows as rows."""
    return bits.reshape(-1, bits.shape[2])


def _count(chosen: Bits, bits: Bits) -> NDArray[np.int32]:
    """How many of the chosen inputs are high, `[width, batch]`; exact in float32 to 2**24."""
    sums: NDArray[np.float32] = chosen.astype(np.float32) @ bits.astype(np.float32)
    counts: NDArray[np.int32] = sums.astype(np.int32)
    return counts


def _thresholds(
    builder: Builder, path: str, signals: Signals, chosen: Bits, bounds: NDArray[np.generic]
) -> Signals:
    """A threshold a row over its chosen inputs alone."""
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int64)
    with builder.origin(path, "core"):
        return builder.gates(
            np.full(len(chosen), THRESHOLD, np.uint8),
            bounds.astype(np.int64).view(np.uint64),
            offsets,
            signals[np.nonzero(chosen)[1]],
            np.empty(0, np.int32),
        )
