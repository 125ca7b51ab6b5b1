"""Heads: from the last layer's bits to one score a class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lithify.compiler.nets.layer import Bits, Description, Part, Signals, read_number, read_size
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """An integer: the bias plus the sum of weights times signals."""

    signals: Signals
    weights: NDArray[np.int32]
    bias: int


class Head(Part):
    """The last step: from Boolean features to an integer score a class."""

    classes: int

    @property
    @abstractmethod
    def unit(self) -> float:
        """How much one point of score is in logits."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`."""

    @abstractmethod
    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Scores `[batch, classes]` of bits `[inputs, batch]`."""

    @abstractmethod
    def forms(self, signals: Signals) -> list[Form]:
        """For each class what computes its `hard` of the input signals."""

    def lower(self, builder: Builder, signals: Signals, names: Sequence[str]) -> None:
        """Add a score of each name, which computes `hard` of the input signals."""
        for name, form in zip(names, self.forms(signals), strict=True):
            builder.score(name, form.signals, form.weights, bias=form.bias)


class GroupSum(Head):
    """Scores that count the high bits in consecutive groups, one group a class.

    The temperature divides the soft scores into logits; it changes no decision, so the hard scores
    are the plain counts.
    """

    kind: ClassVar[str] = "group_sum"

    def __init__(self, inputs: int, classes: int, *, temperature: float) -> None:
        """Refuse groups of unequal size and a temperature that is no positive number."""
        super().__init__()
        if classes < 1 or inputs < 1 or inputs % classes:
            raise InputError(
                f"{inputs} outputs of the last layer do not divide into {classes} classes; "
                f"make the last layer a multiple of {max(classes, 1)}"
            )
        if not 0 < temperature < float("inf"):
            raise InputError(f"the temperature is {temperature}; a positive number is needed")
        self.inputs = inputs
        self.classes = classes
        self.temperature = temperature

    @property
    def unit(self) -> float:
        """How much one point of score is in logits."""
        return 1 / self.temperature

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`."""
        groups = x.view(self.classes, -1, x.shape[1])
        return groups.sum(1).t() / self.temperature

    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Counts `[batch, classes]` of bits `[inputs, batch]`."""
        groups = bits.reshape(self.classes, -1, bits.shape[1])
        counts: NDArray[np.int64] = groups.sum(axis=1, dtype=np.int64).T
        return counts

    def forms(self, signals: Signals) -> list[Form]:
        """The sum of a group for each class."""
        groups = signals.reshape(self.classes, -1)
        return [Form(group, np.ones(group.size, np.int32), 0) for group in groups]

    def describe(self) -> Description:
        """Kind, sizes and temperature."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "classes": self.classes,
            "temperature": self.temperature,
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The head of this description."""
        inputs, classes = (read_size(description, key, path) for key in ("inputs", "classes"))
        try:
            return cls(inputs, classes, temperature=read_number(description, "temperature", path))
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
