"""Weights of +1 or -1 as independent random variables, and a Bayesian rule that learns them.

A weight is +1 with probability sigmoid(2 natural), so its mean is tanh(natural) and its likeliest
value, the mode, is the sign of its natural parameter. The rule and the concrete draws are those of
BayesBiNN (arXiv 2002.10778).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

# Keeps the slope of a draw finite in float32, whatever the natural parameter.
STEEPEST = 60.0
LEAST_UNIFORM = 1e-7


def mode(natural: Tensor) -> Tensor:
    """The likeliest weights: +1 where the natural parameter is 0 or more, else -1."""
    return torch.where(natural >= 0, 1.0, -1.0)


def uniform(like: Tensor, noise: torch.Generator) -> Tensor:
    """Uniform numbers inside (0, 1), one a weight, from a generator of the host."""
    numbers = torch.rand(like.shape, generator=noise).clamp_(LEAST_UNIFORM, 1 - LEAST_UNIFORM)
    return numbers.to(like.device)


def draw(natural: Tensor, numbers: Tensor, temperature: float) -> Tensor:
    """Weights drawn by uniform numbers: concrete, inside (-1, 1), or at temperature 0 exact.

    >>> draw(torch.tensor([3.0, 3.0]), torch.tensor([0.5, 1e-6]), 0.0)
    tensor([ 1., -1.])
    """
    shifted = natural + 0.5 * torch.logit(numbers)
    return torch.tanh(shifted / temperature) if temperature else mode(shifted)


def slope(natural: Tensor, numbers: Tensor, temperature: float) -> Tensor:
    """How a drawn weight moves with its mean tanh(natural); 1, its expectation, at temperature 0.

    A gradient by the drawn weight times this is one by the mean.
    """
    if not temperature:
        return torch.ones_like(natural)
    scaled = (natural + 0.5 * torch.logit(numbers)) / temperature
    steepness = _log_slope(scaled) - _log_slope(natural) - math.log(temperature)
    return steepness.clamp_(max=STEEPEST).exp()


def divergence(natural: Tensor, prior: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of all weights from those of the prior, in nats."""
    mean = torch.tanh(natural)
    partition = torch.logaddexp(prior, -prior) - torch.logaddexp(natural, -natural)
    return (mean * (natural - prior) + partition).sum()


def _log_slope(x: Tensor) -> Tensor:
    """The logarithm of the derivative of tanh."""
    size = x.abs()
    return 2 * (math.log(2) - size - torch.log1p(torch.exp(-2 * size)))


class NaturalDescent(torch.optim.Optimizer):
    """Steps of natural parameters down the expected loss plus the divergence from the prior.

    A parameter's `grad` must be the gradient of the expected loss by the means, summed over the
    data. The prior's natural parameters begin at 0: +1 and -1 equally likely.
    """

    def __init__(
        self,
        naturals: Iterable[Tensor],
        *,
        learning_rate: float,
        momentum: float = 0.0,
        strength: float = 1.0,
    ) -> None:
        """Stand at the beginning; `strength` weighs the divergence."""
        super().__init__(naturals, {"lr": learning_rate})
        self.momentum = momentum
        self.strength = strength
        for natural in self.naturals():
            self.state[natural] = {
                "prior": torch.zeros_like(natural),
                "velocity": torch.zeros_like(natural),
                "step": torch.zeros(()),
            }

    def naturals(self) -> list[Tensor]:
        """The natural parameters that it moves."""
        return [one for group in self.param_groups for one in group["params"]]

    def set_prior(self, priors: Iterable[Tensor]) -> None:
        """Let these natural parameters, one tensor a parameter, be what to stay near."""
        for natural, prior in zip(self.naturals(), priors, strict=True):
            self.state[natural]["prior"].copy_(prior)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of every natural parameter that has a gradient."""
        for group in self.param_groups:
            for natural in group["params"]:
                if natural.grad is not None:
                    self._step(natural, natural.grad, group["lr"])

    def _step(self, natural: Tensor, gradient: Tensor, rate: float) -> None:
        state = self.state[natural]
        slant = gradient + self.strength * (natural - state["prior"])
        state["step"].add_(1)
        state["velocity"].lerp_(slant, 1 - self.momentum)
        corrected = state["velocity"] / (1 - self.momentum ** float(state["step"]))
        natural.sub_(corrected, alpha=rate)

    def tensors(self) -> dict[str, Tensor]:
        """Priors, velocities and counts of steps, by parameter index and name."""
        return {
            f"{index}.{name}": value
            for index, natural in enumerate(self.naturals())
            for name, value in self.state[natural].items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put `tensors` back; ValueError where they are not those of these parameters."""
        mine = self.tensors()
        if {name: value.shape for name, value in tensors.items()} != {
            name: value.shape for name, value in mine.items()
        }:
            raise ValueError("the priors and velocities are not those of the parameters")
        for name, value in mine.items():
            value.copy_(tensors[name])
