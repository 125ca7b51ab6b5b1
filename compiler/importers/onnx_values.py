"""What flows between the operations of a binary net: features, levels made of bits, and sums.

Values are real numbers, kept in float64 as exact multiples of integers over bits. Tools compute in
float32: where its rounding could decide a comparison, the net is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_graph import Node
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError
from lithify.ir.ports import Signals

Real = NDArray[np.float64]
MOST_WEIGHT = 1 << 20
MOST_PINS = 1 << 26  # of the gates of one comparison
HALF_ULP = 2.0**-24  # the relative error of one float32 operation
BOOL, FLOATS, INTEGERS = 9, (1, 11), (6, 7)  # types of ONNX; of the integers those of 32 bits on
STEPS = 8  # operations between a sum and its comparison, as far as rounding counts


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Raw features after elementwise steps, each a function of float32 arrays."""

    count: int
    steps: tuple[Callable[[Array], Array], ...] = ()

    def at(self, x: Array) -> Array:
        """The values for these features [samples, count]."""
        for step in self.steps:
            x = step(x).astype(np.float32)
        return x


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Value i is base[i] + step[i] times how many of signals[i] are high."""

    signals: Signals
    base: Real
    step: Real

    @property
    def count(self) -> int:
        """How many values."""
        return len(self.signals)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Value j is offset[j] + unit[j] * sum(weights[j] * signals); `error` bounds rounding.

    The signals are those of all values, or signals[j] for each.
    """

    signals: Signals
    weights: NDArray[np.int64]
    offset: Real
    unit: Real
    error: Real = field(default_factory=lambda: np.zeros(0))

    @property
    def count(self) -> int:
        """How many values."""
        return len(self.weights)

    def scaled(self, factor: Real, shift: Real) -> Sums:
        """The values times a factor plus a shift."""
        size = np.abs(factor) * self.error + HALF_ULP * STEPS * (
            np.abs(factor) * (np.abs(self.offset) + self._reach()) + np.abs(shift)
        )
        exact = are_powers_of_two(factor) and self._adds_exactly(factor, shift)
        return replace(
            self,
            offset=self.offset * factor + shift,
            unit=self.unit * factor,
            error=np.abs(factor) * self.error if exact else size,
        )

    def _adds_exactly(self, factor: Real, shift: Real) -> bool:
        """Whether adding this rounds nothing: zeros, or a few bits to exact sums of a few bits."""
        if not shift.any():
            return True
        step = grain(shift, self.offset * factor, self.unit * factor)
        reach = np.abs(shift) + np.abs(factor) * (np.abs(self.offset) + self._reach())
        return not self.error.any() and bool((reach < 2**24 * step).all())

    def _reach(self) -> Real:
        reach: Real = np.abs(self.unit) * np.abs(self.weights).sum(axis=1)
        return reach


@dataclass(frozen=True, slots=True, eq=False)
class Rectified:
    """Sums whose negative values are 0."""

    sums: Sums

    @property
    def count(self) -> int:
        """How many values."""
        return self.sums.count


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Something that has the order of these sums."""

    sums: Sums

    @property
    def count(self) -> int:
        """How many values."""
        return self.sums.count


def require_no_change(node: Node, flow: Features | Levels | Sums | Rectified) -> None:
    """Raise HardenError where a cast may change a value."""
    kind = node.attributes.get("to")
    if isinstance(flow, Rectified):
        flow = flow.sums
    numbers = np.array([0.5])  # features may be anything
    if isinstance(flow, Levels):
        numbers = np.concatenate([flow.base, flow.step])
        bits = flow.signals.shape[1] == 1 and not flow.base.any() and (flow.step == 1).all()
        if kind == BOOL and bits:
            return
    elif isinstance(flow, Sums):
        numbers = np.concatenate([flow.offset, flow.unit])
    whole = bool((numbers == np.round(numbers)).all())
    if kind not in FLOATS and not (whole and kind in INTEGERS):
        raise HardenError(f"{node.name}: a cast that may change values has no exact form here")


def multiply(path: str, levels: Levels, matrix: Real) -> Sums:
    """The sums of levels with the columns of a matrix [values, sums]."""
    if matrix.ndim != 2 or len(matrix) != levels.count or not matrix.size:
        raise HardenError(f"{path}: a matrix {list(matrix.shape)} for {levels.count} values")
    if not np.isfinite(matrix).all() or (levels.step != levels.step[0]).any():
        raise HardenError(f"{path}: its weights, or the steps of its inputs, are not alike")
    rows, sizes = whole_multiples(path, matrix.T)
    whole = rows.T
    k = levels.signals.shape[1]
    signed = np.round(whole).astype(np.int64) * int(np.sign(levels.step[0]))
    weights = np.repeat(signed.T, k, axis=1)
    offset = levels.base @ matrix
    unit = sizes * abs(levels.step[0])
    reach = (np.abs(levels.base) + np.abs(levels.step) * k) @ np.abs(matrix)
    exact = bool((reach < 2**24 * grain(matrix) * grain(levels.base, levels.step)).all())
    error = np.zeros(len(weights)) if exact else HALF_ULP * (len(matrix) + 2) * reach
    return Sums(levels.signals.ravel(), weights, offset, unit, error)


def whole_multiples(path: str, rows: Real) -> tuple[Real, Real]:
    """Each row as whole numbers, and the number that they are multiples of."""
    sizes = np.where(rows == 0, np.inf, np.abs(rows)).min(axis=1)
    sizes = np.where(np.isfinite(sizes), sizes, 1.0)
    whole = rows / sizes[:, None]
    if (whole != np.round(whole)).any() or np.abs(whole).max() > MOST_WEIGHT:
        unit = int(np.argmax((whole != np.round(whole)).any(axis=1)))
        raise HardenError(
            f"{path}: the weights of unit {unit} are no whole multiples of one number; only binary "
            "(and whole) weights have an exact form"
        )
    return whole, sizes


def compare(
    path: str, builder: Builder, sums: Sums, bounds: Real, strict: Sequence[bool]
) -> Signals:
    """For each value and each of its bounds [values, bounds] whether it reaches it.

    Where that bound is `strict`, whether it exceeds it.
    """
    if sums.weights.size * len(strict) > MOST_PINS:
        raise HardenError(
            f"{path}: {len(strict)} bounds of {sums.count} sums of {sums.weights.shape[1]} bits; "
            f"at most {MOST_PINS:,} bits in all can be read"
        )
    columns = [_reached(path, builder, sums, bounds[:, k], over) for k, over in enumerate(strict)]
    return np.stack(columns, axis=1)


def _reached(path: str, builder: Builder, sums: Sums, bound: Real, strict: bool) -> Signals:
    positive = sums.unit > 0
    root = (bound - sums.offset) / sums.unit
    if not np.isfinite(root).all() or np.abs(root).max(initial=0) > 2**40:
        root = np.clip(np.nan_to_num(root, nan=0.0), -(2.0**40), 2.0**40)
        if (sums.unit == 0).any():
            raise HardenError(f"{path}: unit {int(np.argmin(np.abs(sums.unit)))} is scaled by zero")
    near = np.floor(root)
    slack = sums.error + np.where(sums.error > 0, HALF_ULP * np.abs(bound), 0.0)
    lowest = np.minimum(sums.weights, 0).sum(axis=1)
    highest = np.maximum(sums.weights, 0).sum(axis=1)
    for value in (near, near + 1):
        inside = (value >= lowest) & (value <= highest)
        distance = np.abs(sums.offset + sums.unit * value - bound)
        unsure = inside & (distance <= slack) & (slack > 0)
        if unsure.any():
            raise HardenError(
                f"{path}: for unit {int(np.argmax(unsure))} the rounding of floating-point numbers "
                "decides what it gives; move its bias a little and try again"
            )
    # The lowest sum that is in (unit > 0), or the highest (unit < 0), exactly at the root.
    at_root = sums.offset + sums.unit * np.round(root) == bound
    up = np.where(at_root, np.round(root) + (1 if strict else 0), np.ceil(root))
    down = np.where(at_root, np.round(root) - (1 if strict else 0), np.floor(root))
    signs = np.where(positive, 1, -1)
    limits = np.where(positive, up, -down).astype(np.int64)
    pins = np.broadcast_to(sums.signals, sums.weights.shape)
    return builder.thresholds(limits, pins, sums.weights * signs[:, None])


def binarise(features: Features, decide: Callable[[Array], Array]) -> tuple[Real, Array]:
    """For each feature the float32 number above which it is decided otherwise, and whether high.

    Elementwise steps are monotone, and so is rounding; the number is found by bisection over all
    float32 numbers. Where nothing changes it is infinite.
    """
    low = np.full(features.count, _order(np.float32(-3.4e38)), np.int64)
    high = np.full(features.count, _order(np.float32(3.4e38)), np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        first, last = _decided(features, decide, low), _decided(features, decide, high)
        while (low + 1 < high).any():
            middle = (low + high) // 2
            same = _decided(features, decide, middle) == first
            low, high = np.where(same, middle, low), np.where(same, high, middle)
    number = _number(low).astype(np.float64)
    return np.where(first == last, np.inf, number), last


def _decided(
    features: Features, decide: Callable[[Array], Array], order: NDArray[np.int64]
) -> Array:
    """What is decided of the float32 numbers at these places in their order."""
    decided: Array = decide(features.at(_number(order)[None]))[0]
    return decided


def _order(value: np.float32) -> int:
    bits = int(np.asarray(value, np.float32).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _number(order: NDArray[np.int64]) -> Array:
    """The float32 numbers at these places in their order."""
    size = np.abs(order).astype(np.int32).view(np.float32)
    return np.where(order < 0, -size, size).astype(np.float32)


def are_powers_of_two(values: Real) -> bool:
    """Whether all are powers of two, or those inverted: a product with one rounds nothing."""
    return bool((np.abs(np.frexp(values)[0]) == 0.5).all())


def grain(*values: Real) -> float:
    """The largest power of two of which all are whole multiples.

    >>> grain(np.array([0.75, 2.0]), np.array([0.0]))
    0.25
    """
    flat = np.concatenate([one.ravel() for one in values])
    parts, exponents = np.frexp(flat[flat != 0])
    whole = np.round(np.ldexp(parts, 53)).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return float(np.ldexp(1.0, int((exponents - 53 + lowest).min(initial=1000))))
