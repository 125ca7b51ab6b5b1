"""Operators on soft bits that harden exactly: numbers in [0, 1] that are high above one half.

Each operator hardens to a Boolean function: the hard form of its result is the function of the hard
forms of its operands. One half itself reads low. Rounding cannot carry a result over one half,
because every operator knows the side its result is on and keeps it there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lithify.compiler.nets.soft_bits.selection import ranked

# The nearest to one half that a soft bit may be. In float32 these are complements of each other,
# exactly; closer numbers are not.
EDGE = 2.0**-24
# Soft bits that an operator over rows may keep for its gradient; beyond it they are made again.
MOST_KEPT = 2**22


class _KeepSide(torch.autograd.Function):
    """The values, moved to the side of one half that `high` says; gradients pass."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, high: Tensor) -> Tensor:
        """Clamp the highs from below and the lows from above."""
        return torch.where(high, values.clamp(min=0.5 + EDGE), values.clamp(max=0.5 - EDGE))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient as it comes."""
        return gradients[0], None


class _Harden(torch.autograd.Function):
    """Hard bits forward, the gradient unchanged backward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """0 or 1."""
        return (values > 0.5).to(values.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The gradient as it comes."""
        return gradients[0]


def keep_side(values: Tensor, high: Tensor) -> Tensor:
    """The values, those that `high` names above one half and the others below."""
    kept: Tensor = _KeepSide.apply(values, high)  # type: ignore[no-untyped-call]
    return kept


def settle(values: Tensor) -> Tensor:
    """The values with a side of their own: one half itself goes low."""
    return keep_side(values, values > 0.5)


def harden(values: Tensor) -> Tensor:
    """The hard bits as numbers, with the gradient of the soft ones."""
    hard: Tensor = _Harden.apply(values)  # type: ignore[no-untyped-call]
    return hard


def pack(mean: Tensor, bit: Tensor) -> Tensor:
    """The representative `bit`, its distance to one half scaled by `mean` so that all bits pull.

    A high bit moves down towards one half where the mean is small, a low bit up where it is large.
    """
    high = bit > 0.5
    packed = torch.where(high, 0.5 + mean * (bit - 0.5), bit + mean * (0.5 - bit))
    return keep_side(packed, high)


def soft_not(weight: Tensor, x: Tensor) -> Tensor:
    """`x` where the weight is high, its complement where it is low."""
    weight = settle(weight)
    return keep_side(1 - weight + x * (2 * weight - 1), (weight > 0.5) == (x > 0.5))


def soft_and(a: Tensor, b: Tensor) -> Tensor:
    """Both; with a low weight as `a` this is a mask to false."""
    return pack((a + b) / 2, torch.minimum(a, b))


def soft_or(a: Tensor, b: Tensor) -> Tensor:
    """Either."""
    return pack((a + b) / 2, torch.maximum(a, b))


def soft_mask(weight: Tensor, x: Tensor) -> Tensor:
    """`x` where the weight is high, else false."""
    return soft_and(settle(weight), x)


def soft_implies(weight: Tensor, x: Tensor) -> Tensor:
    """`x` where the weight is high, else true."""
    return soft_or(x, 1 - settle(weight))


def soft_xor(a: Tensor, b: Tensor) -> Tensor:
    """One but not both. Only one operand has a gradient."""
    a, b = settle(a), settle(b)
    return torch.minimum(torch.maximum(a, b), 1 - torch.minimum(a, b))


def soft_and_all(x: Tensor, dim: int) -> Tensor:
    """All of the bits along a dimension."""
    return pack(x.mean(dim), x.amin(dim))


def soft_or_all(x: Tensor, dim: int) -> Tensor:
    """Any of the bits along a dimension."""
    return pack(x.mean(dim), x.amax(dim))


def soft_xor_all(x: Tensor, dim: int) -> Tensor:
    """Whether an odd number of the bits along a dimension are high, as a tree of exclusive-ors."""
    rest = x
    while rest.shape[dim] > 1:
        half = rest.shape[dim] // 2
        a, b = rest.narrow(dim, 0, half), rest.narrow(dim, half, half)
        odd = rest.narrow(dim, 2 * half, rest.shape[dim] - 2 * half)
        rest = torch.cat((soft_xor(a, b), odd), dim)
    return settle(rest.squeeze(dim))


def soft_majority(x: Tensor) -> Tensor:
    """Whether more than half of the bits of `[groups, n, batch]` are high; a draw is low."""
    row = ranked(x, (x.shape[1] - 1) // 2)
    return pack(x.mean(1), x.gather(1, row[:, None]).squeeze(1))


def soft_count(x: Tensor) -> Tensor:
    """n + 1 rows for n rows: row j is high where exactly j rows are low."""
    ordered = settle(x).sort(0).values
    ends = ordered.new_zeros((1, *x.shape[1:]))
    rising = torch.cat((ends, ordered, ends + 1))
    return soft_and(1 - rising[:-1], rising[1:])


def by_rows(operator: Callable[..., Tensor], rows: Tensor, *shared: Tensor) -> Tensor:
    """`operator(rows, *shared)` in blocks of rows where it is large, one block in memory at a time.

    Operands of one row are shared by all blocks, others are cut as `rows` is. The broadcast of all
    operands is what is large; its gradient comes from a second run.
    """
    cells = math.prod(np.broadcast_shapes(*(one.shape for one in (rows, *shared))))
    size = max(1, len(rows) * MOST_KEPT // max(1, cells))
    if size >= len(rows):
        return operator(rows, *shared)
    parts = [
        checkpoint(operator, *part, use_reentrant=False, preserve_rng_state=False)
        for part in (
            [one if len(one) == 1 else one[start : start + size] for one in (rows, *shared)]
            for start in range(0, len(rows), size)
        )
    ]
    return torch.cat(parts)
