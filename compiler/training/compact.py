"""Learning which inputs gates read: candidates that lose are drawn anew, layers that settle freeze.

After arXiv 2602.05830. The entropy of a row's shares, 1 where all candidates are equally likely,
is followed by a moving average; a row is steady while its entropy keeps close to that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lithify.compiler.nets.gates.candidates import CandidateLayer
from lithify.compiler.nets.net import Net
from lithify.compiler.training.method import Course, Loss, Method
from lithify.ir.errors import InputError

DECAY = 0.99
FREEZES = ("none", "adaptive", "fixed")


@dataclass(frozen=True, slots=True)
class Compact(Method):
    """Adam with resampling and staged freezing, for layers of candidates.

    Layers freeze from the input side, never the last.
    """

    kind: ClassVar[str] = "compact"

    #: steps with a steady entropy after which a unit draws candidates anew
    patience: int = 100
    #: how close to its moving average an entropy, from 0 to 1, is steady
    close: float = 5e-4
    #: a candidate more likely than this stays, and all others are drawn anew
    strong: float = 0.95
    #: a unit with no candidate as likely as this starts over
    weak: float = 0.4
    #: the share of training after which nothing is drawn anew
    until: float = 0.7
    #: whether layers become their hard form while others learn on: `none`, when their mean entropy
    #: is steady (`adaptive`), or one after the other at a fixed period (`fixed`)
    freeze: str = "adaptive"
    #: the share of training before which no layer freezes
    freeze_from: float = 0.8
    #: steps with a steady mean entropy before a layer freezes, or the period
    freeze_steps: int = 200

    def __post_init__(self) -> None:
        """Refuse what no run can be made of."""
        _require("patience", self.patience, self.patience >= 1, "at least 1")
        _require("close", self.close, 0 < self.close <= 1, "above 0 and at most 1")
        _require("weak", self.weak, 0 <= self.weak < 1, "from 0 to below 1")
        _require("strong", self.strong, self.weak <= self.strong < 1, "from weak to below 1")
        _require("until", self.until, 0 <= self.until <= 1, "from 0 to 1")
        known = self.freeze in FREEZES
        _require("freeze", repr(self.freeze), known, "none, adaptive or fixed")
        _require("freeze_from", self.freeze_from, 0 <= self.freeze_from <= 1, "from 0 to 1")
        _require("freeze_steps", self.freeze_steps, self.freeze_steps >= 1, "at least 1")

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        optimiser = torch.optim.Adam(net.parameters(), lr=learning_rate, fused=True)
        return CompactCourse(net, optimiser, self)


class CompactCourse(Course):
    """One run: what each row's entropy has been, and how long it has kept close to that."""

    def __init__(self, net: Net, optimiser: torch.optim.Optimizer, method: Compact) -> None:
        """Refuse a net that has no candidates, or cannot be frozen from the input side."""
        super().__init__(net, optimiser)
        self.method = method
        self.layers = candidate_layers(net, staged=method.freeze != "none")
        entropies = [entropy(layer) for layer in self.layers]
        self.average = entropies
        self.steady = [torch.zeros_like(one, dtype=torch.int32) for one in entropies]
        self.stage_average = math.nan
        self.stage_steps = 0
        self.done = 0.0
        self.draws = np.random.default_rng(0)

    def begin(self, noise: torch.Generator) -> None:
        """Take the random stream of an epoch."""
        super().begin(noise)
        seed = torch.randint(2**62, (1,), generator=noise)
        self.draws = np.random.default_rng(int(seed.item()))

    def step(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The loss of one step; then candidates are drawn anew, or a layer freezes."""
        value = super().step(bits, labels, loss)
        if self.done < self.method.until:
            for index, layer in enumerate(self.layers):
                if not layer.is_frozen:
                    self.resample(index)
        if self.method.freeze != "none" and self.done >= self.method.freeze_from:
            self.freeze()
        return value

    def settle(self, done: float) -> None:
        """Note the share of training that is over."""
        self.done = done

    def resample(self, index: int) -> None:
        """Follow the entropy of each row, and draw anew where it was steady for long enough."""
        layer, average, steady = self.layers[index], self.average[index], self.steady[index]
        now = entropy(layer)
        close = (now - average).abs() < self.method.close
        average.lerp_(now, 1 - DECAY)
        steady.add_(1).mul_(close)
        rows = torch.nonzero(steady >= self.method.patience)[:, 0]
        if not len(rows):
            return
        steady[rows] = 0
        likeliest = torch.softmax(layer.weights.detach()[rows], 1).amax(1)
        strong = likeliest > self.method.strong
        changed = strong | (likeliest < self.method.weak)
        rows, strong = rows[changed], strong[changed]
        if len(rows):
            layer.restart_(rows, strong, self.draws)
            for key, moment in self.optimiser.state[layer.weights].items():
                if key != "step":
                    moment[rows] = 0

    def freeze(self) -> None:
        """Freeze the first layer that learns, but never the last, if its time has come."""
        learning = [layer for layer in self.layers if not layer.is_frozen]
        if len(learning) < 2:
            return
        self.stage_steps += 1
        if self.method.freeze == "adaptive":
            now = float(entropy(learning[0]).mean())
            if not abs(now - self.stage_average) < self.method.close:
                self.stage_steps = 0
            before = now if math.isnan(self.stage_average) else self.stage_average
            self.stage_average = DECAY * before + (1 - DECAY) * now
        if self.stage_steps >= self.method.freeze_steps:
            learning[0].freeze_()
            self.stage_average, self.stage_steps = math.nan, 0

    def state(self) -> dict[str, Tensor]:
        """All that a checkpoint must keep, beside the net's own state."""
        stage = [self.done, self.stage_average, self.stage_steps]
        own = {"compact.stage": torch.tensor(stage, dtype=torch.float64)}
        for index in range(len(self.layers)):
            own[f"compact.average.{index}"] = self.average[index]
            own[f"compact.steady.{index}"] = self.steady[index]
        return super().state() | own

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken; KeyError or ValueError where it is none of this course."""
        super().restore({k: v for k, v in state.items() if not k.startswith("compact.")})
        self.done, self.stage_average, steps = state["compact.stage"].tolist()
        self.stage_steps = int(steps)
        for index in range(len(self.layers)):
            self.average[index].copy_(state[f"compact.average.{index}"])
            self.steady[index].copy_(state[f"compact.steady.{index}"])


def entropy(layer: CandidateLayer) -> Tensor:
    """The entropy of each row's shares; 1 is that of equal ones."""
    logs = torch.log_softmax(layer.weights.detach(), 1)
    return (logs.exp() * logs).sum(1).div_(-math.log(logs.shape[1]))


def candidate_layers(net: Net, *, staged: bool) -> list[CandidateLayer]:
    """The layers of candidates; for `staged` freezing nothing before them may learn otherwise."""
    found: list[CandidateLayer] = []
    other = None
    for path, layer in net.steps():
        if isinstance(layer, CandidateLayer):
            if other is not None and staged:
                raise InputError(
                    f"freeze stops learning at {path}, but {other} before it has weights and no "
                    "candidates; use freeze = 'none', or layers of candidates throughout"
                )
            found.append(layer)
        elif any(True for _ in layer.parameters()):
            other = path
    if not found:
        raise InputError(
            "method 'compact' draws candidates anew, and no layer of this net has any; use a net "
            "of kind 'compact', or method 'adam'"
        )
    return found


def _require(name: str, value: object, good: bool, needed: str) -> None:
    if not good:
        raise InputError(f"{name} is {value}; it must be {needed}")
