"""Layers of soft bits without weights: majorities, counts, complements, hardening and flips."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_number,
    read_size,
)
from lithify.compiler.nets.soft_bits import operators
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

INVERT, FIRST_ALONE = 0b01, 0b0010
# The chance of each bit to be high, `[bits, batch]`.
Chances = NDArray[np.float64]


def count_chances(chances: Chances) -> Chances:
    """n + 1 rows for n rows: row j is the chance that exactly j of the n bits are high."""
    found = np.zeros((len(chances) + 1, *chances.shape[1:]))
    found[0] = 1
    for done, chance in enumerate(chances):
        risen = found[: done + 1] * chance
        found[: done + 1] -= risen
        found[1 : done + 2] += risen
    return found


class FixedLayer(Layer):
    """A layer that has nothing to learn."""

    option: str = ""  # the one size beside `inputs`, if there is one

    def __init__(self, inputs: int) -> None:
        """Refuse a layer of nothing."""
        super().__init__()
        if not 1 <= inputs < 2**30:
            raise InputError(
                f"a layer {self.kind!r} of {inputs} inputs; 1 to {2**30 - 1} can be had"
            )
        self.inputs = inputs
        self.outputs = inputs

    @abstractmethod
    def chances(self, chances: Chances) -> Chances:
        """The chance of each output to be high, of inputs that know nothing of each other."""

    def harden_(self) -> None:
        """Nothing is soft."""

    def check(self, path: str) -> None:
        """Always has a hard form."""

    def describe(self) -> Description:
        """Kind and sizes."""
        plain: Description = {"kind": self.kind, "inputs": self.inputs}
        return plain | ({self.option: getattr(self, self.option)} if self.option else {})

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """No tensors."""
        return {}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this description."""
        keys = ("inputs", cls.option) if cls.option else ("inputs",)
        sizes: list[Any] = [read_size(description, key, path) for key in keys]
        try:
            return cls(*sizes)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error


class Majority(FixedLayer):
    """Consecutive groups of `size`: high where more than half of the group is; a draw is low."""

    kind = "majority"
    option = "size"

    def __init__(self, inputs: int, size: int) -> None:
        """Refuse groups of unequal size."""
        super().__init__(inputs)
        if size < 1 or inputs % size:
            raise InputError(f"{inputs} bits do not divide into majorities of {size}")
        self.size = size
        self.outputs = inputs // size

    def forward(self, x: Tensor) -> Tensor:
        """The packed middle of each group."""
        groups = x.reshape(self.outputs, self.size, -1)
        return operators.by_rows(operators.soft_majority, groups)

    def hard(self, bits: Bits) -> Bits:
        """More than half."""
        high: Bits = bits.reshape(self.outputs, self.size, -1).sum(axis=1) > self.size // 2
        return high

    def chances(self, chances: Chances) -> Chances:
        """That of more than half."""
        groups = chances.reshape(self.outputs, self.size, -1).transpose(1, 0, 2)
        high: Chances = count_chances(groups)[self.size // 2 + 1 :].sum(axis=0)
        return high

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold a group; constants among its inputs fold into the bound."""
        bounds = np.full(self.outputs, self.size // 2 + 1)
        with builder.origin(path, "core"):
            return builder.thresholds(bounds, signals.reshape(self.outputs, self.size))

    @classmethod
    def examples(cls) -> list[Layer]:
        """Odd and even groups, groups of one, a single group."""
        return [cls(6, 3), cls(8, 4), cls(5, 1), cls(7, 7), cls(40, 20)]


class Count(FixedLayer):
    """How many bits are low, in `groups` equal ranges of 0 to `inputs`: one output is high.

    With `inputs` + 1 groups this is the exact count, one-hot.
    """

    kind = "count"
    option = "groups"

    def __init__(self, inputs: int, groups: int | None = None) -> None:
        """Refuse ranges of unequal size."""
        super().__init__(inputs)
        self.groups = inputs + 1 if groups is None else groups
        if self.groups < 1 or (inputs + 1) % self.groups:
            raise InputError(
                f"the {inputs + 1} counts of {inputs} bits do not divide into {self.groups} groups"
            )
        self.outputs = self.groups
        self.size = (inputs + 1) // self.groups

    def forward(self, x: Tensor) -> Tensor:
        """The greatest of the soft counts of each range."""
        counts = operators.soft_count(x)
        return counts.reshape(self.groups, self.size, -1).amax(1)

    def hard(self, bits: Bits) -> Bits:
        """The range that the number of low bits is in."""
        low = (~bits).sum(axis=0)
        found: Bits = low // self.size == np.arange(self.groups)[:, None]
        return found

    def chances(self, chances: Chances) -> Chances:
        """That of the counts in the range."""
        low = count_chances(1 - chances)
        found: Chances = low.reshape(self.groups, self.size, -1).sum(axis=1)
        return found

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold for the end of each range, and what tells two thresholds apart."""
        most = self.size * np.arange(1, self.groups + 1) - 1
        pins = np.broadcast_to(signals, (self.groups, self.inputs))
        with builder.origin(path, "core"):
            reached = builder.thresholds(self.inputs - most, pins)
            before = np.concatenate([[0], reached[:-1]])
            tables = np.full(self.groups, FIRST_ALONE, np.uint64)
            return builder.tables(tables, np.stack((reached, before), axis=1))

    @classmethod
    def examples(cls) -> list[Layer]:
        """Exact counts, and ranges of them."""
        return [cls(5), cls(1), cls(5, 2), cls(8, 3), cls(8, 1), cls(29, 3)]


class Complement(FixedLayer):
    """The inputs, and after them their complements."""

    kind = "complement"

    def __init__(self, inputs: int) -> None:
        """Twice the inputs."""
        super().__init__(inputs)
        self.outputs = 2 * inputs

    def forward(self, x: Tensor) -> Tensor:
        """Exact: a settled soft bit has an exact complement."""
        settled = operators.settle(x)
        return torch.cat((settled, 1 - settled))

    def hard(self, bits: Bits) -> Bits:
        """Both."""
        return np.concatenate((bits, ~bits))

    def chances(self, chances: Chances) -> Chances:
        """Both."""
        return np.concatenate((chances, 1 - chances))

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """Inverters for the second half."""
        tables = np.full(self.inputs, INVERT, np.uint64)
        with builder.origin(path, "core"):
            inverted = builder.tables(tables, signals[:, None])
        return np.concatenate((signals, inverted)).astype(np.int32)

    @classmethod
    def examples(cls) -> list[Layer]:
        """Small ones."""
        return [cls(1), cls(5)]


class Harden(FixedLayer):
    """Soft bits made hard on the way forward, so that the loss sees what the circuit will give."""

    kind = "harden"

    def forward(self, x: Tensor) -> Tensor:
        """0 or 1, with the gradient of the soft bits."""
        return operators.harden(x)

    def hard(self, bits: Bits) -> Bits:
        """The same bits."""
        return bits

    def chances(self, chances: Chances) -> Chances:
        """The same: each draw is of hard bits."""
        return chances

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """The same signals."""
        return signals

    @classmethod
    def examples(cls) -> list[Layer]:
        """A small one."""
        return [cls(4)]


class Flip(FixedLayer):
    """Dropout for bits: in training each is inverted with the probability `rate`, else none."""

    kind = "flip"

    def __init__(self, inputs: int, rate: float = 0.0) -> None:
        """Refuse what is no probability, or one that turns most bits around."""
        super().__init__(inputs)
        if not 0 <= rate < 0.5:
            raise InputError(f"the rate of flips is {rate}; it must be from 0 to below 0.5")
        self.rate = rate
        self._noise: torch.Generator | None = None

    def begin_(self, noise: torch.Generator) -> None:
        """Draw flips from this stream."""
        self._noise = noise

    def forward(self, x: Tensor) -> Tensor:
        """Some complements while training on a stream; else the same bits."""
        if not self.training or self._noise is None:
            return x
        flipped = torch.rand(x.shape, generator=self._noise) < self.rate
        return torch.where(flipped.to(x.device), 1 - x, x)

    def hard(self, bits: Bits) -> Bits:
        """The same bits."""
        return bits

    def chances(self, chances: Chances) -> Chances:
        """That of the bit as it is or inverted."""
        return chances * (1 - self.rate) + (1 - chances) * self.rate

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """The same signals."""
        return signals

    def describe(self) -> Description:
        """Kind, size and rate."""
        return super().describe() | {"rate": self.rate}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this description."""
        rate = read_number(description, "rate", path)
        try:
            return cls(read_size(description, "inputs", path), rate)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error

    @classmethod
    def examples(cls) -> list[Layer]:
        """Small ones."""
        return [cls(4), cls(3, 0.25)]
