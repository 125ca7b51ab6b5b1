"""How weights learn: a method is what a recipe says, a course is one run of it on a net."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lithify.compiler.nets.net import Net
from lithify.compiler.training import checkpoint as checkpoints

Loss = Callable[[Tensor, Tensor], Tensor]


class Course:
    """One run of a method: the optimiser, and what else changes from step to step.

    The learning rate is set before every step, in each group times the group's `scale` if it has
    one.
    """

    def __init__(self, net: Net, optimiser: torch.optim.Optimizer) -> None:
        """Stand at the beginning."""
        self.net = net
        self.optimiser = optimiser
        self.noise = torch.Generator()

    def begin(self, noise: torch.Generator) -> None:
        """Take the random stream of an epoch."""
        self.noise = noise

    def step(self, bits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """The loss of one optimiser step on encoded samples `[bits, batch]`."""
        value = loss(self.net.logits(bits), labels)
        self.optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return value.detach()

    def settle(self, done: float) -> None:
        """Anneal after an epoch, with the share `done` of all epochs over; the layers come next."""

    def state(self) -> dict[str, Tensor]:
        """All that a checkpoint must keep, beside the net's own state."""
        return checkpoints.optimiser_tensors(self.optimiser)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Stand where `state` was taken; ValueError where it is none of this course."""
        checkpoints.restore_optimiser(self.optimiser, state)


@dataclass(frozen=True, slots=True)
class Method(ABC):
    """What a recipe says under [method]; `kind` chooses it."""

    kind: ClassVar[str]

    @abstractmethod
    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course that trains the layers of `net`, which is on its device already."""


@dataclass(frozen=True, slots=True)
class Adam(Method):
    """Adam on all weights."""

    kind: ClassVar[str] = "adam"

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        weights = net.parameters()
        return Course(net, torch.optim.Adam(weights, lr=learning_rate, fused=True))


@dataclass(frozen=True, slots=True)
class RAdam(Method):
    """Adam with rectified variance: gentler in its first steps."""

    kind: ClassVar[str] = "radam"

    def begin(self, net: Net, learning_rate: float) -> Course:
        """The course of this method."""
        return Course(net, torch.optim.RAdam(net.parameters(), lr=learning_rate))
