"""What every layer offers: a soft form, a hard form and a circuit, side by side in one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, HardenError

Bits = NDArray[np.bool_]
Signals = NDArray[np.int32]
Shapes = dict[str, tuple[str, tuple[int, ...]]]
Description = dict[str, Any]


class Part(nn.Module, ABC):
    """A part of a net with a state: what a layer and a head have in common."""

    kind: ClassVar[str]
    inputs: int

    def harden_(self) -> None:  # noqa: B027
        """Move the weights to the corner that the hard form stands on."""

    def hardened(self) -> Self:
        """A part of the same hard form and the same gates that keeps no more than these need.

        Override where the weights at their corners are more than that.
        """
        state = {name: value.cpu().clone() for name, value in self.state_dict().items()}
        twin = type(self).restore(self.describe(), state, self.kind)
        twin.harden_()
        return twin

    def check(self, path: str) -> None:  # noqa: B027
        """Raise HardenError where the state has no hard form."""

    def begin_(self, noise: torch.Generator) -> None:  # noqa: B027
        """Take the random stream of an epoch of training; most parts need none."""

    def project_(self) -> None:  # noqa: B027
        """Bring the weights back to where they may be, after an optimiser's step."""

    def settle_(self, done: float, optimiser: torch.optim.Optimizer) -> None:  # noqa: B027
        """Rewire, freeze or anneal after an epoch, with the share `done` of all epochs over.

        The optimiser's state of weights that begin anew must be cleared here.
        """

    @abstractmethod
    def describe(self) -> Description:
        """The architecture as JSON-able values; `restore` reads it back."""

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The element type and shape of every tensor of the state that `description` implies."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The part of this description and state; FormatError where they cannot be one."""


class Layer(Part):
    """A step from Boolean features to Boolean features.

    Activations are stored features-first, `[features, batch]`, so that wiring copies whole rows.
    """

    outputs: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The soft activations `[outputs, batch]` of soft inputs `[inputs, batch]`."""

    @abstractmethod
    def hard(self, bits: Bits) -> Bits:
        """The Boolean activations `[outputs, batch]` of Boolean inputs `[inputs, batch]`."""

    @abstractmethod
    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """The output signals of the gates that compute `hard` of the input signals."""

    @abstractmethod
    def harden_(self) -> None:
        """Move the weights to the 0/1 corner that the hard form stands on."""

    @abstractmethod
    def check(self, path: str) -> None:
        """Raise HardenError where the state has no hard form."""

    @classmethod
    @abstractmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The element type and shape of every tensor of the state that `description` implies."""

    @classmethod
    @abstractmethod
    def examples(cls) -> list[Layer]:
        """Small layers of this class, one for each way that its parts can go; for tests."""


def require_finite(values: NDArray[np.floating[Any]], path: str, what: str) -> None:
    """Raise HardenError where a weight is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        raise HardenError(
            f"{path}: the {what} of unit {bad[0]} are not finite numbers ({bad.size} of "
            f"{len(values)} units are so); train again with a smaller learning rate"
        )


def read_size(description: Mapping[str, Any], key: str, path: str) -> int:
    """A positive int of at most 2**31 - 1 from a description; FormatError for anything else."""
    value = description.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31:
        return value
    raise FormatError(f"{path}: {key} is {value!r}; an integer from 1 to {2**31 - 1} is needed")


def read_number(description: Mapping[str, Any], key: str, path: str) -> float:
    """A number from a description; FormatError for anything else."""
    value = description.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise FormatError(f"{path}: {key} is {value!r}; a number is needed")


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor as a numpy array on the host."""
    array: NDArray[Any] = tensor.detach().to("cpu").numpy()
    return array


def row_blocks(rows: int, size: int) -> list[slice]:
    """Slices of `size` rows that cover `rows`."""
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def features_first(samples: NDArray[Any]) -> Tensor:
    """A float32 tensor `[features, samples]` of bits `[samples, features]`."""
    return torch.from_numpy(np.ascontiguousarray(samples.T)).to(torch.float32)
