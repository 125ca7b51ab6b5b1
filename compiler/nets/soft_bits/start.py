"""Where soft weights start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True)
class Start:
    """Where soft weights start: about `value`, or with the chance `share` about `other`."""

    value: float = 0.5
    spread: float = 0.01
    other: float = 0.5
    share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse weights that could be outside 0 to 1."""
        for name in ("value", "other"):
            middle = getattr(self, name)
            if not (self.spread >= 0 and self.spread <= middle <= 1 - self.spread):
                raise InputError(
                    f"weights start within {self.spread} of {middle}; soft bits are from 0 to 1"
                )
        if not 0 <= self.share <= 1:
            raise InputError(f"share is {self.share}; it must be from 0 to 1")

    def weights(self, width: int, inputs: int, generator: np.random.Generator) -> Tensor:
        """Random weights `[width, inputs]`."""
        shape = (width, inputs)
        middle = np.where(generator.random(shape) < self.share, self.other, self.value)
        noise = generator.uniform(-self.spread, self.spread, shape)
        return torch.from_numpy((middle + noise).astype(np.float32))
