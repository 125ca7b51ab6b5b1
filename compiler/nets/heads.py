"""Heads: from the last layer's bits to one score a class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lithify.compiler.nets.layer import Bits, Description, Part, Signals, read_number, read_size
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class Head(Part):
    """The last step: from Boolean features to an integer score a class."""

    classes: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`."""

    @abstractmethod
    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Scores `[batch, classes]` of bits `[inputs, batch]`."""

    @abstractmethod
    def lower(self, builder: Builder, signals: Signals, names: Sequence[str]) -> None:
        """Add a score of each name, which computes `hard` of the input signals."""


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

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`."""
        groups = x.view(self.classes, -1, x.shape[1])
        return groups.sum(1).t() / self.temperature

    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Counts `[batch, classes]` of bits `[inputs, batch]`."""
        groups = bits.reshape(self.classes, -1, bits.shape[1])
        counts: NDArray[np.int64] = groups.sum(axis=1, dtype=np.int64).T
        return counts

    def lower(self, builder: Builder, signals: Signals, names: Sequence[str]) -> None:
        """Add one score a class, its weights all 1."""
        for name, group in zip(names, signals.reshape(self.classes, -1), strict=True):
            builder.score(name, group)

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
