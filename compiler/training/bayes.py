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
from lithify.compiler.training import checkpoint as checkpoints
from lithify.compiler.training.bernoulli import NaturalDescent
from lithify.compiler.training.method import Course, Loss, Method
from lithify.compiler.training.ste import BinaryCourse, require_binary
from lithify.ir.errors import InputError

OTHERS = "others."  # what the names of Adam's tensors begin with in a checkpoint


@dataclass(frozen=True, slots=True)
class Bayes(Method):
    """A posterior over binary weights by natural gradients.

    The data counts as `data_weight` samples; more than there are make the posterior colder, and its
    draws more alike. At `temperature` 0 draws are exact and gradients go straight through, which is
    the expectation of what a small temperature does; above it draws are concrete. The prior is
    flat, or with `keep` what the net stands at when the run begins. Norms and offsets, where they
    learn, have no posterior: Adam trains them on the drawn nets.
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
    #: what norms and offsets learn at, as a multiple of the learning rate
    others: float = 1.0
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
        _require("others", self.others, 0 < self.others < float("inf"), "positive")

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
        """Refuse nets without binary weights."""
        self.weights = require_binary(net, "bayes")
        known = {id(one.real) for one in self.weights}
        self.others = [one for one in net.parameters() if id(one) not in known]
        self.adam = torch.optim.Adam(self.others, fused=True) if self.others else None
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
        others = [torch.zeros_like(one) for one in self.others]
        total = torch.zeros((), device=bits.device)
        share = self.method.data_weight / self.method.draws
        for _ in range(self.method.draws):
            numbers = [bernoulli.uniform(one, self.noise) for one in naturals]
            pairs = list(zip(naturals, numbers, strict=True))
            drawn = [bernoulli.draw(*pair, self.method.temperature) for pair in pairs]
            value, gradients, more = self._gradients(drawn, bits, labels, loss)
            for found, pair, gradient in zip(sums, pairs, gradients, strict=True):
                slopes = bernoulli.slope(*pair, self.method.temperature)
                found.addcmul_(gradient, slopes, value=share)
            for found, gradient in zip(others, more, strict=True):
                found.add_(gradient, alpha=1 / self.method.draws)
            total += value / self.method.draws
        for one, found in zip(self.weights, sums, strict=True):
            one.real.grad = found
        self.optimiser.step()
        self._move_others(others)
        return total

    def _move_others(self, gradients: Sequence[Tensor]) -> None:
        """A step of what has no posterior."""
        if self.adam is None:
            return
        for group in self.adam.param_groups:
            group["lr"] = self.optimiser.param_groups[0]["lr"] * self.method.others
        for one, gradient in zip(self.others, gradients, strict=True):
            one.grad = gradient
        self.adam.step()

    def _gradients(
        self, drawn: Sequence[Tensor], bits: Tensor, labels: Tensor, loss: Loss
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The loss of the net with these weights, and its gradients by them and the others."""
        for one in drawn:
            one.requires_grad_()
        with in_place(self.weights, drawn):
            value = loss(self.net.logits(bits), labels)
        found = torch.autograd.grad(value, [*drawn, *self.others])
        return value.detach(), found[: len(drawn)], found[len(drawn) :]

    def state(self) -> dict[str, Tensor]:
        """Priors, velocities and counts of steps."""
        others = {} if self.adam is None else checkpoints.optimiser_tensors(self.adam)
        return self.optimiser.tensors() | {f"{OTHERS}{name}": one for name, one in others.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken."""
        own = {name: one for name, one in state.items() if not name.startswith(OTHERS)}
        self.optimiser.restore(own)
        if self.adam is not None:
            others = {name.removeprefix(OTHERS): state[name] for name in state.keys() - own.keys()}
            checkpoints.restore_optimiser(self.adam, others)


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
