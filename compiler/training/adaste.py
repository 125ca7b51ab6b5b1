"""Straight-through gradients scaled by how far a weight is from turning around.

arXiv 2112.02880: weights are where an energy is least, which a real that is learned tilts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lithify.compiler.nets.binary.latent import signs
from lithify.compiler.nets.net import Net
from lithify.compiler.training.method import Course, Method
from lithify.compiler.training.ste import (
    BinaryCourse,
    parameter_groups,
    require_binary,
    require_positive,
)
from lithify.ir.errors import InputError

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Well:
    """Two wells at -(1 + alpha) and 1 + alpha, which pull on a weight w from -1 to 1 near a real r.

    The energy is (w - r)^2 / 2 + mu (|w| - (1 + alpha))^2 / 2. Its least point is a weight of -1 or
    1 where |r| reaches 1 - mu alpha, everywhere once mu is 1 / alpha.
    """

    mu: float
    alpha: float

    @property
    def knee(self) -> float:
        """How far from 0 a real must be to make a weight of -1 or 1; 0 where all do."""
        rest = 1 - self.mu * self.alpha
        return rest if rest > 1e-9 else 0.0

    def weights(self, reals: Tensor) -> Tensor:
        """The weights of least energy; of the two at 0, the positive one."""
        side = signs(reals)
        if not self.knee:
            return side
        pull = self.mu * (1 + self.alpha)
        return side.mul_(pull).add_(reals).div_(1 + self.mu).clamp_(-1, 1)

    def slopes(self, reals: Tensor, gradient: Tensor, cap: float) -> Tensor:
        """What a gradient in each weight is multiplied by to be one in its real; at most `cap`.

        A step that brings a real nearer to 0 counts as if it were just long enough to reach the
        other side: the slope is the change of the weight over the way there. Any other step has
        the slope where the real is, which is 0 beyond the knee.
        """
        far = reals.abs()
        pull = self.mu * (1 + self.alpha) if self.knee else 1 + self.mu
        outward = (far < self.knee).to(far.dtype).mul_(min(cap, 1 / (1 + self.mu)))
        change = (far + pull).div_(1 + self.mu).clamp_(max=1).add_(pull / (1 + self.mu))
        inward = change.div_(far.clamp_min_(TINY)).clamp_(max=cap)
        return torch.where(reals * gradient > 0, inward, outward)


class _Pulled(torch.autograd.Function):
    """Weights of least energy forward, adaptive slopes backward."""

    @staticmethod
    def forward(ctx: Any, reals: Tensor, well: Well, cap: float) -> Tensor:
        ctx.save_for_backward(reals)
        ctx.well, ctx.cap = well, cap
        return well.weights(reals)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (reals,) = ctx.saved_tensors
        return gradient * ctx.well.slopes(reals, gradient, ctx.cap), None, None


class AdaSteCourse(BinaryCourse):
    """A run in which the wells become steeper from epoch to epoch."""

    def __init__(self, net: Net, method: AdaSte, learning_rate: float) -> None:
        """Stand at the beginning: nearly real weights."""
        groups = parameter_groups(net, method.others)
        super().__init__(net, torch.optim.Adam(groups, lr=learning_rate, fused=True))
        self.method = method
        self.well = method.well(0.0)
        for one in require_binary(net, method.kind):
            one.limit = method.limit
            one.binarise = self.pulled

    def pulled(self, reals: Tensor) -> Tensor:
        """The weights of this epoch, with their gradient."""
        weights: Tensor = _Pulled.apply(reals, self.well, self.method.cap)  # type: ignore[no-untyped-call]
        return weights

    def settle(self, done: float) -> None:
        """Make the wells steeper."""
        super().settle(done)
        self.well = self.method.well(done)

    def state(self) -> dict[str, Tensor]:
        """The moments, and how steep the wells are."""
        return super().state() | {"mu": torch.tensor(self.well.mu, dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken."""
        rest = dict(state)
        self.well = Well(float(rest.pop("mu")), self.method.alpha)
        super().restore(rest)


@dataclass(frozen=True, slots=True)
class AdaSte(Method):
    """Wells that pull the weights of a binary net to -1 and 1, ever steeper, and their slopes."""

    kind: ClassVar[str] = "adaste"

    #: how strongly the wells pull at first; they are strongest at 1 / alpha
    mu: float = 0.01
    #: how far beyond -1 and 1 the wells are
    alpha: float = 0.01
    #: the share of all epochs after which every weight is -1 or 1
    annealed: float = 0.8
    #: the greatest slope
    cap: float = 1.0
    #: how far from 0 latent weights may go
    limit: float = 1.0
    #: what norms and offsets learn at, as a multiple of the learning rate
    others: float = 1.0

    def __post_init__(self) -> None:
        """Refuse wells that are none."""
        for name in ("mu", "alpha", "annealed", "cap", "limit", "others"):
            require_positive(name, getattr(self, name))
        if self.mu * self.alpha > 1:
            raise InputError(
                f"mu is {self.mu}; at an alpha of {self.alpha} it must be at most {1 / self.alpha}"
            )
        if self.annealed > 1:
            raise InputError(f"annealed is {self.annealed}; it must be at most 1")

    def well(self, done: float) -> Well:
        """The wells with the share `done` of all epochs over: steeper by equal factors."""
        share = min(1.0, done / self.annealed)
        steep = 1 / self.alpha
        mu = steep if share == 1 else self.mu * (steep / self.mu) ** share
        return Well(mu, self.alpha)

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        return AdaSteCourse(net, self, learning_rate)
