"""Encoders whose thresholds learn: soft bits in training, plain comparisons once trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lithify.compiler.codes import InputCode
from lithify.compiler.nets.encoders import Thermometer, training_features, whole_range
from lithify.compiler.nets.layer import Bits, Description, Shapes, read_size, to_numpy
from lithify.compiler.nets.soft_bits.operators import keep_side
from lithify.compiler.nets.space import Shape
from lithify.ir.errors import FormatError, InputError

# How near to the ends of a feature's range a threshold may come, as a share of the range.
MARGIN = 2.0**-10


class LearnedThermometer(Thermometer):
    """As many thresholds for every feature; each is a place in the feature's range that learns.

    The soft bit rises in two straight lines from 0 at the range's low end over one half at the
    threshold to 1 at its high end. Which side of one half it is on is decided by the comparison of
    the raw feature with the raw threshold, in float64, and so it is in the hard form.
    """

    kind: ClassVar[str] = "learned"
    low: Tensor
    span: Tensor

    def __init__(
        self,
        place: NDArray[np.float32],
        low: NDArray[np.float64],
        span: NDArray[np.float64],
        whole: tuple[int, int] | None,
    ) -> None:
        """Made by `equal_steps` or `restore`; `whole` bounds features that are their own codes."""
        nn.Module.__init__(self)
        self.features = len(low)
        self.outputs = len(place)
        self.whole = whole
        self.image = None
        feature = np.repeat(np.arange(self.features, dtype=np.int32), self.outputs // len(low))
        self.register_buffer("feature", torch.from_numpy(feature), persistent=False)
        self.register_buffer("low", torch.from_numpy(low))
        self.register_buffer("span", torch.from_numpy(span))
        self.place = nn.Parameter(torch.from_numpy(place))

    @classmethod
    def equal_steps(
        cls,
        x: ArrayLike,
        *,
        thresholds: int = 1,
        low: int | None = None,
        high: int | None = None,
        code: str = "auto",
        image: Shape | None = None,
    ) -> Self:
        """Thresholds that start at equal steps inside each feature's range in `x`."""
        if image is not None:
            raise InputError(
                "thresholds that learn make no image of bits; use encoder quantile or uniform"
            )
        values = training_features(x, thresholds, image)
        whole = whole_range(values, low=low, high=high, code=code)
        lowest = values.min(axis=0) if low is None else np.full(values.shape[1], float(low))
        highest = values.max(axis=0) if high is None else np.full(values.shape[1], float(high))
        span = np.where(highest > lowest, highest - lowest, 1.0)
        steps = (np.arange(thresholds) + 1) / (thresholds + 1)
        place = np.tile(steps, values.shape[1]).astype(np.float32)
        return cls(place, lowest, span, whole)

    @property
    def threshold(self) -> Tensor:  # type: ignore[override]
        """Where each bit's feature is cut, in the feature's own scale."""
        place = self.place.detach().to(torch.float64)
        return self.low[self.feature] + place * self.span[self.feature]

    @property
    def code(self) -> InputCode:  # type: ignore[override]
        """Whole numbers as they are; for other features, the count of thresholds exceeded."""
        if self.whole is not None:
            return InputCode.identity(self.features, low=self.whole[0], high=self.whole[1])
        return InputCode.rank([sorted({*row}) for row in self._lists()])

    def forward(self, x: Tensor) -> Tensor:
        """Soft bits `[outputs, batch]` of raw features `[batch, features]`."""
        return self.soft_of(x)

    def prepare(self, x: Tensor) -> Tensor:
        """The raw features: their bits change while thresholds learn."""
        return x.to(torch.float64)

    def soft_of(self, samples: Tensor) -> Tensor:
        """Soft bits `[outputs, batch]` of raw features `[batch, features]`."""
        x = samples.to(torch.float64).t()
        share = ((x - self.low[:, None]) / self.span[:, None]).clamp(0, 1).to(torch.float32)
        share, place = share.index_select(0, self.feature), self.place[:, None]
        high = x.index_select(0, self.feature) > self.threshold[:, None]
        below, above = share / (2 * place), 1 - (1 - share) / (2 * (1 - place))
        return keep_side(torch.where(high, above, below).clamp(0, 1), high)

    def hard_of(self, samples: Tensor) -> Bits:
        """Bits `[outputs, batch]` of raw features `[batch, features]`."""
        return self.hard(to_numpy(samples))

    def project_(self) -> None:
        """Keep the thresholds inside their ranges."""
        with torch.no_grad():
            self.place.clamp_(MARGIN, 1 - MARGIN)

    def describe(self) -> Description:
        """Kind, sizes, and the range of features that are their own codes."""
        return {
            "kind": self.kind,
            "outputs": self.outputs,
            "features": self.features,
            "whole": None if self.whole is None else list(self.whole),
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Places, and the ranges that they are places in."""
        outputs, features = (read_size(description, key, path) for key in ("outputs", "features"))
        return {
            "place": ("F32", (outputs,)),
            "low": ("F64", (features,)),
            "span": ("F64", (features,)),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The encoder of this state."""
        place, low, span = (to_numpy(state[name]).copy() for name in ("place", "low", "span"))
        whole = description.get("whole")
        if whole is not None and not (
            isinstance(whole, list)
            and [type(one) for one in whole] == [int, int]
            and -(2**29) <= whole[0] <= whole[1] < 2**29
        ):
            raise FormatError(f"{path}: whole is {whole!r}; null or two ascending integers")
        sound = np.isfinite(low).all() and np.isfinite(span).all() and (span > 0).all()
        inside = ((place >= 0) & (place <= 1)).all()
        if len(place) % len(low) or not (sound and inside):
            raise FormatError(
                f"{path}: its thresholds are not as many for every feature, inside finite ranges; "
                "the file is damaged"
            )
        return cls(place, low, span, None if whole is None else (whole[0], whole[1]))
