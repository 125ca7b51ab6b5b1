"""Batch norm and sign over integer sums, folded to a bound on the sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lithify.compiler.nets.binary.latent import Signs, step_through
from lithify.compiler.nets.layer import Bits, Shapes, Signals, require_finite, row_blocks, to_numpy
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError

EPSILON = 1e-5
MOMENTUM = 0.1
# Sums that are normed at a time while a norm is folded.
FOLD_CELLS = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """A bit a unit: its sum reaches the bound, or where `inverted` does not reach it."""

    bound: NDArray[np.int64]
    inverted: NDArray[np.bool_]

    def bits(self, sums: NDArray[np.float32]) -> Bits:
        """The bits of sums `[units, ...]`."""
        shape = (-1,) + (1,) * (sums.ndim - 1)
        reached: Bits = sums >= self.bound.astype(np.float32).reshape(shape)
        bits: Bits = reached != self.inverted.reshape(shape)
        return bits

    def lower(self, builder: Builder, pins: Signals, weights: Signs, rows: Signals) -> Signals:
        """A threshold gate for each row of pins `[gates, fan-in]`, of that row of the weights.

        A bit x stands for 2x - 1, so a sum is 2 sum(w x) - sum(w).
        """
        # Not reaching t is reaching 1 - t with the weights turned around.
        turned = np.where(self.inverted, -1, 1)
        pulls = weights * turned[:, None].astype(np.int32)
        least = np.where(self.inverted, 1 - self.bound, self.bound) + pulls.sum(1, dtype=np.int64)
        return builder.thresholds(-(-least // 2)[rows], pins, pulls[rows])


class SignNorm(nn.Module):
    """Batch norm of sums `[units, samples]`, and the bits that are their signs.

    Training norms by the batch and keeps running statistics, which evaluation norms by. Evaluation
    is one product and one sum, each rounded alone, so it is monotone in the sum whatever the
    statistics are, and the same on every sum wherever it stands in an array.
    """

    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, units: int, *, affine: bool) -> None:
        """With `affine` a scale and a shift are learned, else they are 1 and 0."""
        super().__init__()
        for name, start in (("scale", torch.ones(units)), ("shift", torch.zeros(units))):
            if affine:
                self.register_parameter(name, nn.Parameter(start))
            else:
                self.register_buffer(name, start)
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("variance", torch.ones(units))
        self.affine = affine
        self.momentum = MOMENTUM

    def forward(self, sums: Tensor) -> Tensor:
        """The bits of sums, with the straight-through gradient."""
        # A single sample has no variance.
        if not self.training or sums.shape[1] == 1:
            slope, offset = self.line()
            return step_through(sums * slope[:, None] + offset[:, None])
        normed = functional.batch_norm(
            sums[None], self.mean, self.variance, self.scale, self.shift,
            training=True, momentum=self.momentum, eps=EPSILON,
        )  # fmt: skip
        return step_through(normed[0])

    def line(self) -> tuple[Tensor, Tensor]:
        """What evaluation multiplies sums by, and what it adds then."""
        slope = self.scale / torch.sqrt(self.variance + EPSILON)
        return slope, self.shift - self.mean * slope

    def fold(self, fan_in: int) -> Bounds:
        """The bounds found by norming every sum that `fan_in` weights can reach."""
        sums = torch.arange(-fan_in, fan_in + 1, 2, dtype=torch.float32)
        slope, offset = (one.detach().to("cpu") for one in self.line())
        bound = np.full(len(slope), fan_in + 1, np.int64)
        inverted = np.zeros(len(slope), np.bool_)
        for rows in row_blocks(len(slope), max(1, FOLD_CELLS // (fan_in + 1))):
            high = to_numpy(sums * slope[rows, None] + offset[rows, None] >= 0)
            changed = high != high[:, :1]
            changes = np.diff(high, axis=1).sum(axis=1)
            assert (changes <= 1).all(), "rounding is monotone, so the norm is"
            first = np.where(changes == 1, changed.argmax(axis=1), 0)
            bound[rows] = np.where(
                (changes == 0) & ~high[:, 0], fan_in + 1, to_numpy(sums).astype(np.int64)[first]
            )
            inverted[rows] = high[:, 0] & (changes == 1)
        return Bounds(bound, inverted)

    def check(self, path: str) -> None:
        """Raise HardenError where the norm is no line."""
        values = torch.stack((self.mean, self.variance, self.scale, self.shift), dim=1)
        require_finite(to_numpy(values), path, "batch norm values")
        if float(self.variance.min()) < 0:
            unit = int(self.variance.argmin())
            raise HardenError(
                f"{path}: the running variance of unit {unit} is {float(self.variance[unit])}; "
                "no data has one below 0, so the state is damaged"
            )
        require_finite(to_numpy(torch.stack(self.line(), dim=1)), path, "normed sums")

    @staticmethod
    def shapes(units: int) -> Shapes:
        """The element type and shape of every tensor of the state."""
        return {name: ("F32", (units,)) for name in ("scale", "shift", "mean", "variance")}


def refresh_norms(net: nn.Module, run: Iterable[Tensor]) -> None:
    """Take the running statistics anew, as the means over what the hard net sees in these inputs.

    Statistics kept while the weights change lag behind them, and those of a training method that
    uses other weights than the signs are not the hard net's at all.
    """
    norms = [part for part in net.modules() if isinstance(part, SignNorm)]
    net.eval()
    with torch.no_grad():
        for count, inputs in enumerate(run, 1):
            for norm in norms:
                norm.train()
                norm.momentum = 1 / count
            net.logits(inputs)  # type: ignore[operator]
    for norm in norms:
        norm.eval()
        norm.momentum = MOMENTUM
