"""Learning with noisy supervision: signs of a trained net are labels, some of them wrong.

arXiv 2010.04871. The first part of a run trains a binary net plainly. From then on the weights of a
unit are the signs of what a small net predicts from all of the unit's reals, and the signs of the
first part are noisy labels of these predictions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lithify.compiler.nets.binary.latent import sign_through, signs
from lithify.compiler.nets.net import Net
from lithify.compiler.training import checkpoint as checkpoints
from lithify.compiler.training.bayes import in_place
from lithify.compiler.training.method import Course, Loss, Method
from lithify.compiler.training.ste import BinaryCourse, parameter_groups, require_binary
from lithify.ir.errors import InputError

# Labels that are wrong more often than this say too little to be stretched.
MOST_NOISE = 0.2
EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Noisy(Method):
    """Straight-through training for a share `pretrain` of the epochs, then noisy supervision.

    `hidden` is the width of the nets that predict weights, `pull` the weight of the labels beside
    the loss of the net. `noise` is the share of labels taken to be wrong; without it, it is
    estimated from the signs that the last pretraining epoch changed.
    """

    kind: ClassVar[str] = "noisy"

    #: the share of the epochs that trains plainly, before the weights are predicted
    pretrain: float = 0.5
    #: width of the nets that predict weights
    hidden: int = 64
    #: weight of the labels of weights beside the loss of the net
    pull: float = 1e-3
    #: the share of labels of weights taken to be wrong; without it, it is estimated
    noise: float | None = None
    #: what the rate of norms and offsets is times that of the weights
    others: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no run can be made of."""
        _require("pretrain", self.pretrain, 0 < self.pretrain < 1, "above 0 and below 1")
        _require("hidden", self.hidden, self.hidden >= 1, "at least 1")
        _require("pull", self.pull, 0 <= self.pull < float("inf"), "0 or more")
        good = self.noise is None or 0 <= self.noise <= MOST_NOISE
        _require("noise", self.noise, good, f"from 0 to {MOST_NOISE}")

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        return NoisyCourse(net, self, learning_rate)


def unbiased_loss(predicted: Tensor, labels: Tensor, low: float, high: float) -> Tensor:
    """A loss of predictions whose expectation over wrong labels is the squared error.

    Labels are 1 or -1; a true 1 is labelled -1 with probability `high`, a true -1 is labelled 1
    with probability `low`.
    """
    own = torch.where(labels > 0, high, low)
    other = torch.where(labels > 0, low, high)
    right, wrong = (predicted - labels).square(), (predicted + labels).square()
    return ((1 - other) * right - own * wrong) / (1 - low - high)


def noise_rate(first: Tensor, second: Tensor) -> float:
    """The share of wrong labels, if two sets of labels err on their own and equally often."""
    differ = float((first != second).double().mean())
    return min(MOST_NOISE, (1 - math.sqrt(max(0.0, 1 - 2 * differ))) / 2)


class RowMap(nn.Module):
    """A net that predicts the weights of a unit from all reals of the unit.

    Its output is added to the reals, and is 0 at first. Hidden values are normed over the units, in
    training and afterwards, so a prediction depends on nothing but the reals and the parameters.
    """

    def __init__(self, fan_in: int, hidden: int, noise: torch.Generator) -> None:
        """Hidden layers at random, the last one 0."""
        super().__init__()
        self.first = nn.Parameter(_random(fan_in, hidden, noise))
        self.middle = nn.Parameter(_random(hidden, hidden, noise))
        self.last = nn.Parameter(torch.zeros(hidden, fan_in))

    def forward(self, real: Tensor) -> Tensor:
        """Predictions `[units, fan-in]` of reals of the same shape."""
        hidden = torch.relu(_normed(real @ self.first))
        hidden = torch.relu(_normed(hidden @ self.middle))
        predicted: Tensor = real + hidden @ self.last
        return predicted


class NoisyCourse(BinaryCourse):
    """One run: the plain part, then the part that predicts weights."""

    def __init__(self, net: Net, method: Noisy, learning_rate: float) -> None:
        """Stand at the beginning."""
        self.weights = require_binary(net, "noisy")
        self.method = method
        self.learning_rate = learning_rate
        groups = parameter_groups(net, method.others)
        super().__init__(net, torch.optim.Adam(groups, lr=learning_rate, fused=True))
        self.labels = self._signs()
        self.rates: Tensor | None = None
        self.sources = nn.ParameterList()
        self.maps = nn.ModuleList()

    def learn(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The loss of one step, labels of weights included in the second part."""
        if self.rates is None:
            return super().learn(bits, labels, loss)
        predictions = self._predictions()
        with in_place(self.weights, [sign_through(one) for one in predictions]):
            value = loss(self.net.logits(bits), labels)
        triples = zip(predictions, self.labels, self.rates.tolist(), strict=True)
        for predicted, known, rate in triples:
            value = value + self.method.pull * unbiased_loss(predicted, known, rate, rate).mean()
        self.optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return value.detach()

    def settle(self, done: float) -> None:
        """Begin the second part where the first is over; in it, give the net its weights."""
        if self.rates is not None:
            with torch.no_grad():
                for one, predicted in zip(self.weights, self._predictions(), strict=True):
                    one.real.copy_(predicted)
        else:
            before, self.labels = self.labels, self._signs()
            if done >= self.method.pretrain:
                self._turn(self._rates(before))
        super().settle(done)

    def _signs(self) -> list[Tensor]:
        """The weights of the net as they are."""
        return [signs(one.real.detach()) for one in self.weights]

    def _rates(self, before: Sequence[Tensor]) -> Tensor:
        """The share of wrong labels in each layer."""
        pairs = zip(before, self.labels, strict=True)
        estimates = [noise_rate(*pair) for pair in pairs]
        given = self.method.noise
        return torch.tensor(estimates if given is None else [given] * len(estimates))

    def _predictions(self) -> list[Tensor]:
        """What the weights are the signs of."""
        return [one(source) for one, source in zip(self.maps, self.sources, strict=True)]

    def _turn(self, rates: Tensor) -> None:
        """Begin the second part, from the net as it is."""
        self.rates = rates
        for one in self.weights:
            one.limit = None
            self.sources.append(nn.Parameter(one.real.detach().clone()))
            fan_in = one.real.shape[1]
            self.maps.append(RowMap(fan_in, self.method.hidden, self.noise).to(one.real.device))
        groups = parameter_groups(self.net, self.method.others)
        groups[0] = {"params": [*self.sources.parameters(), *self.maps.parameters()]}
        self.optimiser = torch.optim.Adam(groups, lr=self.learning_rate, fused=True)

    def state(self) -> dict[str, Tensor]:
        """The moments; labels of weights, and in the second part what predicts the weights."""
        state = {f"adam/{name}": value for name, value in super().state().items()}
        state |= {f"label/{i}": one for i, one in enumerate(self.labels)}
        if self.rates is not None:
            state["rates"] = self.rates
            state |= {f"source/{name}": value for name, value in self._own(self.sources).items()}
            state |= {f"map/{name}": value for name, value in self._own(self.maps).items()}
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken, in its part of the run."""
        for i, one in enumerate(self.labels):
            one.copy_(state[f"label/{i}"])
        if "rates" in state:
            self._turn(state["rates"])
            for prefix, part in (("source/", self.sources), ("map/", self.maps)):
                part.load_state_dict(_under(state, prefix))
        moments = _under(state, "adam/")
        if moments:  # none in the moment in which the second part begins
            checkpoints.restore_optimiser(self.optimiser, moments)

    @staticmethod
    def _own(part: nn.Module) -> dict[str, Tensor]:
        return {name: value.detach() for name, value in part.state_dict().items()}


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _random(inputs: int, outputs: int, noise: torch.Generator) -> Tensor:
    """Weights that keep the variance of what goes through them and a rectifier."""
    return torch.randn((inputs, outputs), generator=noise) * math.sqrt(2 / inputs)


def _normed(values: Tensor) -> Tensor:
    """Each column with mean 0 and variance 1 over the rows."""
    centred = values - values.mean(0)
    return centred * torch.rsqrt(centred.square().mean(0) + EPSILON)


def _require(name: str, value: object, good: bool, needed: str) -> None:
    if not good:
        raise InputError(f"{name} is {value}; it must be {needed}")
