"""BayesBiNN: binary weights are drawn anew for every step, and their distribution learns.

arXiv 2002.10778. The latent real of a weight is its natural parameter, so the hard net, which takes
the signs of the reals, is the mode of the posterior.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lithify.compiler.nets.binary.latent import LatentWeights, sign_through
from lithify.compiler.nets.net import Net
from lithify.compiler.training import bernoulli
from lithify.compiler.training.bernoulli import NaturalDescent
from lithify.compiler.training.method import Course, Loss, Method
from lithify.compiler.training.ste import BinaryCourse, require_binary
from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True)
class Bayes(Method):
    """A posterior over binary weights by natural gradients.

    The data counts as `data_weight` samples; more than there are make the posterior colder, and its
    draws more alike. At `temperature` 0 draws are exact and gradients go straight through, which is
    the expectation of what a small temperature does; above it draws are concrete. The prior is
    flat, or with `keep` what the net stands at when the run begins.
    """

    kind: ClassVar[str] = "bayes"

    #: how many samples the training data counts as; more than there are make the posterior colder
    data_weight: float = 6e6
    #: of the concrete draws of weights; 0 draws -1 and 1 exactly
    temperature: float = 0.0
    #: nets that are drawn, and averaged over, in a step
    draws: int = 1
    #: how much of the past steps is kept in the next
    momentum: float = 0.0
    #: weight of the divergence from the prior
    strength: float = 1.0
    #: whether the prior is the net as the run finds it, and not the flat one
    keep: bool = False

    def __post_init__(self) -> None:
        """Refuse what no run can be made of."""
        _require("data_weight", self.data_weight, 0 < self.data_weight < float("inf"), "positive")
        good = 0 <= self.temperature < float("inf")
        _require("temperature", self.temperature, good, "0 or more")
        _require("draws", self.draws, self.draws >= 1, "at least 1")
        _require("momentum", self.momentum, 0 <= self.momentum < 1, "from 0 to below 1")
        good = 0 <= self.strength < float("inf")
        _require("strength", self.strength, good, "0 or more")

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        if learning_rate * self.strength >= 1:
            raise InputError(
                f"learning_rate {learning_rate} times strength {self.strength} is not below 1; "
                "steps would leap over the prior, so make one of them smaller"
            )
        return BayesCourse(net, self, learning_rate)


class BayesCourse(BinaryCourse):
    """One run of BayesBiNN."""

    optimiser: NaturalDescent

    def __init__(self, net: Net, method: Bayes, learning_rate: float) -> None:
        """Refuse nets in which anything but binary weights learns."""
        self.weights = require_binary(net, "bayes")
        reals = [one.real for one in self.weights]
        optimiser = NaturalDescent(
            reals,
            learning_rate=learning_rate,
            momentum=method.momentum,
            strength=method.strength,
        )
        if method.keep:
            optimiser.set_prior([one.detach() for one in reals])
        for one in self.weights:
            one.limit = None
        super().__init__(net, optimiser)
        self.method = method

    def learn(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The mean loss of the drawn nets, after a step of the natural parameters."""
        naturals = [one.real.detach() for one in self.weights]
        sums = [torch.zeros_like(one) for one in naturals]
        total = torch.zeros((), device=bits.device)
        share = self.method.data_weight / self.method.draws
        for _ in range(self.method.draws):
            numbers = [bernoulli.uniform(one, self.noise) for one in naturals]
            pairs = list(zip(naturals, numbers, strict=True))
            drawn = [bernoulli.draw(*pair, self.method.temperature) for pair in pairs]
            value, gradients = self._gradients(drawn, bits, labels, loss)
            for found, pair, gradient in zip(sums, pairs, gradients, strict=True):
                slopes = bernoulli.slope(*pair, self.method.temperature)
                found.addcmul_(gradient, slopes, value=share)
            total += value / self.method.draws
        for one, found in zip(self.weights, sums, strict=True):
            one.real.grad = found
        self.optimiser.step()
        return total

    def _gradients(
        self, drawn: Sequence[Tensor], bits: Tensor, labels: Tensor, loss: Loss
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The loss of the net with these weights, and its gradients by them."""
        for one in drawn:
            one.requires_grad_()
        with in_place(self.weights, drawn):
            value = loss(self.net.logits(bits), labels)
        return value.detach(), torch.autograd.grad(value, drawn)

    def state(self) -> dict[str, Tensor]:
        """Priors, velocities and counts of steps."""
        return self.optimiser.tensors()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken."""
        self.optimiser.restore(state)


@contextmanager
def in_place(weights: Sequence[LatentWeights], values: Sequence[Tensor]) -> Iterator[None]:
    """A time in which these values stand for the binary weights of a net in training."""
    for one, value in zip(weights, values, strict=True):
        one.binarise = _Given(value)
    try:
        yield
    finally:
        for one in weights:
            one.binarise = sign_through


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """Weights that do not come from the latent reals."""

    value: Tensor

    def __call__(self, real: Tensor) -> Tensor:
        """The weights."""
        return self.value


def _require(name: str, value: object, good: bool, needed: str) -> None:
    if not good:
        raise InputError(f"{name} is {value}; it must be {needed}")
