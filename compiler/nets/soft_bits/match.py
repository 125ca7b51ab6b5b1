"""Layers that match groups of bits with patterns: bits kept or inverted, their majority taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from lithify.compiler.nets.layer import Bits, Description, Layer, Shapes, Signals, read_size
from lithify.compiler.nets.soft_bits import operators
from lithify.compiler.nets.soft_bits.selection import ranked_of_two
from lithify.compiler.nets.soft_bits.start import Start
from lithify.compiler.nets.soft_bits.weighted import SoftBitLayer
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

MOST_SIZE = 127


class MatchLayer(SoftBitLayer):
    """`width` patterns for every group of `size` consecutive inputs, all patterns of a group first.

    An output is high where more than half of its group's bits equal its pattern's. That is a layer
    `not` over each group and a layer `majority` in one. Hard inputs, as encoders give them, take a
    short way to the same soft bits and gradients.
    """

    kind = "match"

    def __init__(
        self,
        inputs: int,
        width: int,
        size: int,
        *,
        start: Start | None = None,
        generator: np.random.Generator,
    ) -> None:
        """Start at random."""
        if not 1 <= size <= MOST_SIZE or inputs % size:
            raise InputError(
                f"{inputs} bits do not divide into groups of {size} to match; a group has 1 to "
                f"{MOST_SIZE} bits"
            )
        super().__init__(size, width * (inputs // size), start=start, generator=generator)
        self._place(inputs, width)

    def _place(self, inputs: int, width: int) -> None:
        """Say what the rows of weights stand for."""
        self.size = self.weights.shape[1]
        self.inputs, self.width, self.outputs = inputs, width, len(self.weights)

    def _patterns(self) -> Tensor:
        """The weights by groups, `[groups, width, size]`."""
        return self.weights.view(-1, self.width, self.size)

    def forward(self, x: Tensor) -> Tensor:
        """The soft activations."""
        groups = x.reshape(-1, self.size, x.shape[1])
        patterns = operators.settle(self._patterns())
        if not (x.requires_grad or x.is_cuda) and bool(((x == 0) | (x == 1)).all()):
            found: Tensor = _MatchHard.apply(patterns, groups)  # type: ignore[no-untyped-call]
        else:
            found = operators.by_rows(self.soft, patterns[..., None], groups[:, None])
        return found.reshape(self.outputs, x.shape[1])

    def soft(self, weights: Tensor, x: Tensor) -> Tensor:
        """Soft bits of weights `[groups, width, size, 1]` and inputs `[groups, 1, size, batch]`."""
        kept = operators.soft_not(weights, x)
        return operators.soft_majority(kept.flatten(0, 1)).view(*kept.shape[:2], -1)

    def hard(self, bits: Bits) -> Bits:
        """More than half of the bits are the pattern's."""
        signs = 2 * self.included().reshape(-1, self.width, self.size).astype(np.float32) - 1
        pixels = 2 * bits.reshape(-1, self.size, bits.shape[1]).astype(np.float32) - 1
        high: Bits = (signs @ pixels > 0).reshape(self.outputs, -1)
        return high

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold a pattern, with inverted bits as negative weights."""
        kept = self.included()
        pins = signals.reshape(-1, 1, self.size).repeat(self.width, axis=1)
        bounds = self.size // 2 + 1 - (~kept).sum(axis=1)
        weights = np.where(kept, 1, -1).astype(np.int32)
        with builder.origin(path, "core"):
            return builder.thresholds(bounds, pins.reshape(self.outputs, self.size), weights)

    def describe(self) -> Description:
        """Kind and sizes."""
        return super().describe() | {"size": self.size}

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The weights."""
        inputs, width, size = _sizes(description, path)
        return {"weights": ("F32", (width * (inputs // size), size))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; every weight must be a soft bit."""
        inputs, width, _ = _sizes(description, path)
        layer = super().restore(description, state, path)
        layer._place(inputs, width)
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Odd and even groups, one and several, few and many patterns."""
        rng = np.random.default_rng(7)
        mixed = Start(0.3, 0.3, 0.7, 0.5)
        sizes = ((6, 4, 3), (8, 1, 4), (5, 9, 5), (50, 2, 25))
        return [cls(*size, start=mixed, generator=rng) for size in sizes]


class _MatchHard(torch.autograd.Function):
    """Packed majorities of kept and inverted hard bits: each bit is one of two soft bits only."""

    @staticmethod
    def forward(ctx: Any, patterns: Tensor, x: Tensor) -> Tensor:
        """Soft bits `[groups, width, batch]` of `[groups, width, size]` and 0/1 inputs."""
        size = patterns.shape[2]
        pairs = torch.stack((1 - patterns, patterns), -1).flatten(2)
        values, order = pairs.sort(-1)
        place = ranked_of_two(order, x, (size - 1) // 2)
        middle = values.gather(2, place)
        low = 1 - patterns
        mean = (low.sum(2, keepdim=True) + torch.bmm(patterns - low, x)) / size
        ctx.save_for_backward(order.gather(2, place), middle, mean, x)
        return operators.pack(mean, middle)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient of the middle bit and of the mean, into the patterns."""
        chosen, middle, mean, x = ctx.saved_tensors
        size = x.shape[1]
        to_middle = gradients[0] * torch.where(middle > 0.5, mean, 1 - mean)
        to_mean = gradients[0] * (middle - 0.5).abs() / size
        pairs = to_middle.new_zeros((*to_middle.shape[:2], 2 * size))
        pairs = pairs.scatter_add_(2, chosen, to_middle).view(*pairs.shape[:2], size, 2)
        signs = 2 * torch.bmm(to_mean, x.transpose(1, 2)) - to_mean.sum(2, keepdim=True)
        return pairs[..., 1] - pairs[..., 0] + signs, None


def _sizes(description: Description, path: str) -> tuple[int, int, int]:
    """Inputs, width and size, which divides the inputs."""
    inputs, width, size = (read_size(description, k, path) for k in ("inputs", "width", "size"))
    if size > MOST_SIZE or inputs % size:
        raise FormatError(
            f"{path}: {inputs} bits do not divide into groups of {size} to match; a group has 1 to "
            f"{MOST_SIZE} bits"
        )
    return inputs, width, size
