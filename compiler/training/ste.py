"""Plain straight-through training of binary nets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lithify.compiler.nets.binary.latent import LatentWeights, latents
from lithify.compiler.nets.binary.norm import refresh_norms
from lithify.compiler.nets.net import Net
from lithify.compiler.training.method import Course, Loss, Method
from lithify.ir.errors import InputError

# Batches at the end of an epoch that the running statistics are taken from.
LAST_BATCHES = 40


class BinaryCourse(Course):
    """A course that ends every epoch with the running statistics of the hard net."""

    def __init__(self, net: Net, optimiser: torch.optim.Optimizer) -> None:
        """Stand at the beginning."""
        super().__init__(net, optimiser)
        self._last: list[Tensor] = []

    def step(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The loss of one optimiser step; the samples are kept for the end of the epoch."""
        self._last = [*self._last[1 - LAST_BATCHES :], bits]
        return self.learn(bits, labels, loss)

    def learn(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The loss of one step of the optimiser."""
        return super().step(bits, labels, loss)

    def settle(self, done: float) -> None:
        """Take the running statistics anew."""
        refresh_norms(self.net, self._last)
        self._last = []


def require_binary(net: Net, method: str) -> list[LatentWeights]:
    """The net's binary weights; InputError where it has none."""
    weights = latents(net)
    if not weights:
        raise InputError(
            f"method {method!r} trains binary weights, and this net has none; use a net of kind "
            "'binary', or another method"
        )
    return weights


def parameter_groups(net: Net, others: float) -> list[dict[str, object]]:
    """The latent weights, and all else that learns at `others` times their rate."""
    weights = [one.real for one in latents(net)]
    known = {id(one) for one in weights}
    rest: list[nn.Parameter] = [one for one in net.parameters() if id(one) not in known]
    return [{"params": weights}, *([{"params": rest, "scale": others}] if rest else [])]


def require_positive(name: str, value: float) -> None:
    """Raise InputError where a number is not positive."""
    if not 0 < value < float("inf"):
        raise InputError(f"{name} is {value}; it must be a positive number")


@dataclass(frozen=True, slots=True)
class Ste(Method):
    """Adam on the latent weights of a binary net, as if their signs were the reals themselves."""

    kind: ClassVar[str] = "ste"

    #: what norms and offsets learn at, as a multiple of the learning rate
    others: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a rate that is none."""
        require_positive("others", self.others)

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        require_binary(net, self.kind)
        groups = parameter_groups(net, self.others)
        return BinaryCourse(net, torch.optim.Adam(groups, lr=learning_rate, fused=True))
