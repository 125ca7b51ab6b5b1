"""Thermometer encoders: from raw features to the first Boolean features.

A bit is `feature > threshold`. Soft and hard forms are the same comparison in float64.
Bits are in order of the features, those of one feature with rising thresholds. Where the features
are an image so are the bits: every threshold of every pixel is kept, and each threshold gives as
many channels as the image has, the lowest threshold first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lithify.compiler.codes import InputCode, finite_features
from lithify.compiler.nets.layer import Bits, Description, Shapes, Signals, read_size, to_numpy
from lithify.compiler.nets.space import Shape
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

# The widest range of whole numbers that reaches the hardware as it is; beyond it ranks are smaller.
MOST_IDENTITY_SPAN = 2**12


class Thermometer(nn.Module):
    """One bit for every (feature, threshold): high where the feature exceeds the threshold."""

    kind: ClassVar[str] = "thermometer"
    feature: Tensor
    threshold: Tensor

    def __init__(
        self,
        feature: NDArray[np.int32],
        threshold: NDArray[np.float64],
        code: InputCode,
        *,
        image: Shape | None = None,
    ) -> None:
        """Made by `uniform`, `quantile`, `boolean` or `restore`; `image` is that of the bits."""
        super().__init__()
        self.image = image
        self.features = code.elements
        self.outputs = len(feature)
        self.code = code
        self.register_buffer("feature", torch.from_numpy(feature))
        self.register_buffer("threshold", torch.from_numpy(threshold))

    @classmethod
    def uniform(
        cls,
        x: ArrayLike,
        *,
        thresholds: int = 1,
        low: int | None = None,
        high: int | None = None,
        code: str = "auto",
        image: Shape | None = None,
        rare: float = 0.0,
    ) -> Self:
        """Thresholds at equal steps inside each feature's range in the training data `x`.

        Where `low` and `high` say what the whole numbers in `x` can be, they are the range.
        `image` says that the features are one, and makes the bits one too. Left out are thresholds
        with at most the share `rare` of `x` on either side.
        """
        values = training_features(x, thresholds, image)
        lowest = values.min(axis=0) if low is None else np.full(values.shape[1], float(low))
        highest = values.max(axis=0) if high is None else np.full(values.shape[1], float(high))
        steps = (np.arange(thresholds) + 1) / (thresholds + 1)
        rows = lowest + steps[:, None] * (highest - lowest)
        return cls._fit(values, rows, low=low, high=high, code=code, image=image, rare=rare)

    @classmethod
    def quantile(
        cls,
        x: ArrayLike,
        *,
        thresholds: int = 1,
        low: int | None = None,
        high: int | None = None,
        code: str = "auto",
        image: Shape | None = None,
        rare: float = 0.0,
    ) -> Self:
        """Thresholds at equal shares of each feature's training data `x`.

        `image` says that the features are one, and makes the bits one too. Left out are thresholds
        with at most the share `rare` of `x` on either side.
        """
        values = training_features(x, thresholds, image)
        steps = (np.arange(thresholds) + 1) / (thresholds + 1)
        rows = np.quantile(values, steps, axis=0, method="lower")
        return cls._fit(values, rows, low=low, high=high, code=code, image=image, rare=rare)

    @classmethod
    def boolean(cls, features: int) -> Self:
        """The encoder of features that are 0 or 1 already."""
        if not 1 <= features < 2**20:
            raise InputError(f"{features} inputs; 1 to {2**20 - 1} can be had")
        return cls(
            np.arange(features, dtype=np.int32),
            np.full(features, 0.5),
            InputCode.identity(features, low=0, high=1),
        )

    @classmethod
    def _fit(
        cls,
        values: NDArray[np.float64],
        rows: NDArray[np.float64],
        *,
        low: int | None,
        high: int | None,
        code: str,
        image: Shape | None,
        rare: float,
    ) -> Self:
        """Choose the thresholds to keep, and the code."""
        bounds = whole_range(values, low=low, high=high, code=code)
        if bool((values == np.floor(values)).all()):
            rows = np.floor(rows) + 0.5
        above = np.stack([(values > row).mean(axis=0) for row in rows])
        splits = (above > rare) & (above < 1 - rare)
        require_splits(splits, rare, image)
        kept = np.ones_like(splits) if image is not None else splits
        lists = [
            np.unique(rows[kept[:, feature], feature]).tolist()
            for feature in range(values.shape[1])
        ]
        chosen = (
            InputCode.rank(lists)
            if bounds is None
            else InputCode.identity(len(lists), low=bounds[0], high=bounds[1])
        )
        if image is not None:
            every = np.tile(np.arange(len(lists), dtype=np.int32), len(rows))
            bits = Shape(len(rows) * image.channels, image.height, image.width)
            return cls(every, np.sort(rows, axis=0).ravel(), chosen, image=bits)
        feature = np.repeat(np.arange(len(lists), dtype=np.int32), [len(one) for one in lists])
        return cls(feature, np.array(sum(lists, []), dtype=np.float64), chosen)

    def forward(self, x: Tensor) -> Tensor:
        """Soft bits `[outputs, batch]` as float32 of raw features `[batch, features]`."""
        rows = x.to(torch.float64).t().index_select(0, self.feature)
        return (rows > self.threshold[:, None]).to(torch.float32)

    def hard(self, x: ArrayLike) -> Bits:
        """Bits `[outputs, batch]` of raw features `[batch, features]`."""
        values = finite_features(x, self.features)
        bits: Bits = values.T[to_numpy(self.feature)] > to_numpy(self.threshold)[:, None]
        return bits

    def prepare(self, x: Tensor) -> Tensor:
        """What of raw features `[batch, features]` no training changes: here the bits, as bytes."""
        return self.forward(x).t().to(torch.uint8)

    def soft_of(self, samples: Tensor) -> Tensor:
        """Soft bits `[outputs, batch]` as float32 of prepared samples."""
        return samples.t().to(torch.float32).contiguous()

    def hard_of(self, samples: Tensor) -> Bits:
        """Bits `[outputs, batch]` of prepared samples."""
        bits: Bits = to_numpy(samples).view(np.bool_).T
        return bits

    def project_(self) -> None:
        """Bring what learns back to where it may be; here nothing does."""

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A comparator a bit over the code's signals `[features, width]`."""
        feature, bounds = to_numpy(self.feature), self.code_bounds()
        weights = 1 << np.arange(self.code.width, dtype=np.int64)
        if self.code.low < 0:
            weights[-1] = -weights[-1]
        with builder.origin(path, "encoder"):
            pulls = np.broadcast_to(weights, (self.outputs, self.code.width))
            return builder.thresholds(bounds, signals[feature], pulls)

    def code_bounds(self) -> NDArray[np.int64]:
        """The least code at which each bit is high."""
        threshold = to_numpy(self.threshold)
        below = np.floor(threshold) if self.code.kind == "identity" else self._ranks()
        bounds: NDArray[np.int64] = below.astype(np.int64) + 1
        return bounds

    def _ranks(self) -> NDArray[np.int64]:
        """How many other thresholds of the same feature are below each threshold."""
        feature, threshold = to_numpy(self.feature), to_numpy(self.threshold)
        order = np.lexsort((threshold, feature))
        new_feature = np.diff(feature[order], prepend=-1) != 0
        new = np.cumsum(new_feature | (np.diff(threshold[order], prepend=-np.inf) != 0))
        ranks = np.empty(self.outputs, np.int64)
        ranks[order] = new - np.maximum.accumulate(np.where(new_feature, new, 0))
        return ranks

    def describe(self) -> Description:
        """Kind, sizes and input code."""
        plain = {"kind": self.kind, "outputs": self.outputs, "code": self.code.to_dict()}
        return plain if self.image is None else plain | {"image": self.image.to_list()}

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Features and thresholds."""
        outputs = read_size(description, "outputs", path)
        return {"feature": ("I32", (outputs,)), "threshold": ("F64", (outputs,))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The encoder of this state; its bits must be ordered and agree with its code."""
        plain: Any = description.get("code")
        code = InputCode.from_dict(plain if isinstance(plain, dict) else {})
        feature, threshold = to_numpy(state["feature"]), to_numpy(state["threshold"])
        image = Shape.read(description, "image", path) if "image" in description else None
        inside = feature.min() >= 0 and feature.max() < code.elements
        finite = bool(np.isfinite(threshold).all())
        if not (inside and finite and _ordered(feature, threshold, code.elements, image)):
            raise FormatError(
                f"{path}: its thresholds are not ascending, finite numbers of features 0 to "
                f"{code.elements - 1}; the file is damaged"
            )
        encoder = cls(feature, threshold, code, image=image)
        if code.kind == "rank" and code != InputCode.rank(encoder._lists()):
            raise FormatError(f"{path}: its input code has other thresholds; the file is damaged")
        if code.kind == "identity" and np.abs(threshold).max() > 2**40:
            raise FormatError(f"{path}: a threshold is beyond every code; the file is damaged")
        return encoder

    def _lists(self) -> list[list[float]]:
        """The thresholds of each feature."""
        feature, threshold = to_numpy(self.feature), to_numpy(self.threshold)
        order = np.lexsort((threshold, feature))
        cuts = np.searchsorted(feature[order], np.arange(1, self.features))
        return [np.unique(part).tolist() for part in np.split(threshold[order], cuts)]


def _ordered(
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    features: int,
    image: Shape | None,
) -> bool:
    """Whether the bits are in the order that this class gives them."""
    if image is None:
        rising = (np.diff(feature) == 0) & (np.diff(threshold) > 0)
        return bool(((np.diff(feature) > 0) | rising).all())
    cells, total = image.cells, len(feature)
    if image.rows != total or features % cells or total % features:
        return False
    if (feature != np.tile(np.arange(features), total // features)).any():
        return False
    return bool((np.diff(threshold.reshape(-1, features), axis=0) >= 0).all())


def whole_range(
    values: NDArray[np.float64], *, low: int | None, high: int | None, code: str
) -> tuple[int, int] | None:
    """The range of features that are to be their own codes, None where they are to be ranked."""
    if code not in ("auto", "identity", "rank"):
        raise InputError(f"code {code!r} is none of auto, identity, rank")
    lowest = int(values.min()) if low is None else low
    highest = int(values.max()) if high is None else high
    plain = bool((values == np.floor(values)).all()) and highest - lowest < MOST_IDENTITY_SPAN
    if code == "identity" and not plain:
        raise InputError(
            "code 'identity' needs features that are whole numbers in a range of at most "
            f"{MOST_IDENTITY_SPAN}; use code 'rank'"
        )
    return (lowest, highest) if plain and code != "rank" else None


def require_splits(splits: NDArray[np.bool_], rare: float, image: Shape | None) -> None:
    """Raise InputError where no threshold is left, or one would be missing in an image."""
    if not 0 <= rare < 0.5:
        raise InputError(f"rare is {rare}; it must be from 0 to below 0.5")
    if rare and image is not None:
        raise InputError(
            f"rare is {rare}; images of bits have every threshold of every pixel: leave it out"
        )
    if not splits.any():
        raise InputError(
            "no feature takes two values in the training data; an encoder has nothing to split"
            if not rare
            else f"no threshold has more than the share {rare} of the training samples on both of "
            "its sides; make rare smaller"
        )


def training_features(x: ArrayLike, thresholds: int, image: Shape | None) -> NDArray[np.float64]:
    """The features to fit on; InputError where there is nothing to fit."""
    array = np.asarray(x)
    if not 1 <= thresholds <= 1024:
        raise InputError(f"{thresholds} thresholds a feature; 1 to 1024 can be had")
    if array.ndim < 2 or not array.size:
        raise InputError(
            f"the features have shape {array.shape}; [samples, features] with at least one of each "
            "are needed to fit an encoder"
        )
    if image is not None and array.size // len(array) != image.rows:
        raise InputError(
            f"samples of {array.size // len(array)} features are no images of {image}, which have "
            f"{image.rows} pixels"
        )
    return finite_features(array, array.size // len(array))
