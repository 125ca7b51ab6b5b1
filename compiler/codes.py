"""How raw features become the integer codes that a circuit takes.

A code is exact: whatever `feature > threshold` says, the code decides the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.ir.errors import FormatError, InputError
from lithify.ir.ports import Port

KINDS = ("identity", "rank")
MOST_ELEMENTS = 2**20
MOST_THRESHOLDS = 2**24
WIDEST = 30


@dataclass(frozen=True, slots=True)
class InputCode:
    """How features become codes, one code a feature.

    `identity`: whole numbers in low..high are their own code. `rank`: the code of a feature is the
    number of its thresholds (ascending) that it exceeds, so any finite number has one.

    >>> InputCode.rank([[0.5, 2.25]]).encode([[2.0], [2.5]]).tolist()
    [[1], [2]]
    """

    kind: str
    elements: int
    low: int
    high: int
    thresholds: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no port or no order."""
        if self.kind not in KINDS:
            raise InputError(f"input code {self.kind!r} is none of {', '.join(KINDS)}")
        if not 1 <= self.elements <= MOST_ELEMENTS:
            raise InputError(
                f"an input code of {self.elements} features; 1 to {MOST_ELEMENTS} can be had"
            )
        if self.low > self.high or _width(self.low, self.high) > WIDEST:
            raise InputError(
                f"an input code from {self.low} to {self.high}; ascending bounds of at most "
                f"{WIDEST} bits are needed"
            )
        if self.kind == "rank" and len(self.thresholds) != self.elements:
            raise InputError(
                f"{len(self.thresholds)} lists of thresholds for {self.elements} features"
            )
        for feature, row in enumerate(self.thresholds):
            rising = all(a < b for a, b in zip(row, row[1:], strict=False))
            if not (rising and all(map(math.isfinite, row))):
                raise InputError(
                    f"the thresholds of feature {feature} are not finite, ascending numbers"
                )

    @classmethod
    def identity(cls, elements: int, *, low: int, high: int) -> Self:
        """The code of whole numbers in low..high."""
        return cls("identity", elements, int(low), int(high))

    @classmethod
    def rank(cls, thresholds: Sequence[Sequence[float]]) -> Self:
        """The code that counts exceeded thresholds, given as an ascending list a feature."""
        rows = tuple(tuple(float(t) for t in row) for row in thresholds)
        return cls("rank", len(rows), 0, max(1, max(map(len, rows), default=1)), rows)

    @property
    def width(self) -> int:
        """Bits of a code."""
        return _width(self.low, self.high)

    def ports(self) -> tuple[Port, ...]:
        """The input port `x`, one element a feature."""
        kind = "int" if self.low < 0 else "uint"
        return (Port("x", self.width, self.elements, kind, self.low, self.high),)

    def encode(self, x: ArrayLike) -> NDArray[np.int64]:
        """Codes [samples, elements] of raw features [samples, ...]."""
        values = finite_features(x, self.elements)
        if self.kind == "identity":
            self._require_whole(values)
            return values.astype(np.int64)
        codes = np.empty(values.shape, np.int64)
        for feature, row in enumerate(self.thresholds):
            codes[:, feature] = np.searchsorted(np.array(row), values[:, feature], side="left")
        return codes

    def _require_whole(self, values: NDArray[np.float64]) -> None:
        wrong = (values < self.low) | (values > self.high) | (values != np.floor(values))
        if wrong.any():
            sample, feature = np.argwhere(wrong)[0]
            raise InputError(
                f"feature {feature} of sample {sample} is {values[sample, feature]:g}; this net "
                f"takes whole numbers from {self.low} to {self.high}"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values that `from_dict` reads back exactly."""
        plain: dict[str, Any] = {"kind": self.kind, "elements": self.elements}
        if self.kind == "identity":
            return plain | {"low": self.low, "high": self.high}
        return plain | {"thresholds": [list(row) for row in self.thresholds]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The code that `to_dict` wrote; FormatError for anything else."""
        try:
            if plain["kind"] == "identity":
                return cls.identity(*_integers(plain, "elements"), **_bounds(plain))
            rows = plain["thresholds"]
            if len(rows) != plain["elements"] or sum(map(len, rows)) > MOST_THRESHOLDS:
                raise InputError("its sizes do not agree or are too large")
            if not all(type(t) in (int, float) for row in rows for t in row):
                raise InputError("a threshold is not a number")
            if plain["kind"] != "rank":
                raise InputError(f"its kind is {plain['kind']!r}")
            return cls.rank(rows)
        except (KeyError, TypeError, OverflowError, InputError) as error:
            raise FormatError(f"the input code cannot be read: {error}") from error


def finite_features(x: ArrayLike, elements: int) -> NDArray[np.float64]:
    """Float64 features [samples, elements] of [samples, ...]; InputError for anything else."""
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise InputError(f"the features are of type {array.dtype}; numbers are needed")
    size = math.prod(array.shape[1:])
    if array.ndim < 2 or size != elements:
        raise InputError(
            f"the features have shape {array.shape}; this net takes [samples, {elements}]"
        )
    values = array.reshape(len(array), size).astype(np.float64)
    if not np.isfinite(values).all():
        sample, feature = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"feature {feature} of sample {sample} is {values[sample, feature]}; "
            "replace missing and infinite values first"
        )
    return values


def _width(low: int, high: int) -> int:
    """Bits that hold low..high, in two's complement where low is negative."""
    if low >= 0:
        return max(1, high.bit_length())
    return max((~low).bit_length(), high.bit_length() if high >= 0 else (~high).bit_length()) + 1


def _integers(plain: Mapping[str, Any], *keys: str) -> list[int]:
    for key in keys:
        if type(plain[key]) is not int:
            raise InputError(f"its {key} is {plain[key]!r}; an integer is needed")
    return [plain[key] for key in keys]


def _bounds(plain: Mapping[str, Any]) -> dict[str, int]:
    low, high = _integers(plain, "low", "high")
    return {"low": low, "high": high}
