"""Comparisons and quantisers of ONNX models: the bounds from which a value is one level higher.

`Quant` (QONNX) gives `(round(clip(x / scale + zero)) - zero) * scale`: a level for each whole
number that its bits hold, so that each of them but the lowest has one bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_graph import Node
from lithify.compiler.importers.onnx_values import Real
from lithify.ir.errors import HardenError

COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
QUANTISERS = ("Quant", "IntQuant")
LEVELLING = ("Sign", "BipolarQuant", "MultiThreshold", *QUANTISERS, *COMPARISONS)
MOST_BITS = 8
MOST_BOUNDS = 1 << 20  # of all values of one operation
# By the name of a rounding, for whole numbers above 0 and others: what is subtracted from one to
# have the bound of what is rounded to it, and whether the bound itself is rounded to it.
ROUNDINGS = {
    "CEIL": ((1.0, False), (1.0, False)),
    "FLOOR": ((0.0, True), (0.0, True)),
    "UP": ((1.0, False), (0.0, True)),
    "DOWN": ((0.0, True), (1.0, False)),
    "HALF_UP": ((0.5, True), (0.5, False)),
    "HALF_DOWN": ((0.5, False), (0.5, True)),
}
HALF_EVEN = ("ROUND", "HALF_EVEN")


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Levels low, low + step and on: one higher from each bound on, or above it where strict.

    A value is compared after `/ divisor + shift`.
    """

    bounds: Real
    strict: tuple[bool, ...]
    low: Real
    step: Real
    divisor: Real | None = None
    shift: float = 0.0


def each(node: Node, values: Array, count: int) -> Real:
    """A number for each value, out of one or as many."""
    with np.errstate(invalid="ignore"):  # a signalling NaN is refused below
        flat = np.asarray(values, np.float64).ravel()
    if flat.size not in (1, count) or not np.isfinite(flat).all():
        raise HardenError(f"{node.name}: {flat.size} numbers for {count} values")
    return np.broadcast_to(flat, count).copy()


def ladder(node: Node, count: int, given: list[Array], first: bool) -> Ladder:
    """The levels that an operation makes of so many values."""
    op, ones = node.op, np.ones(count)
    if op == "Sign":
        return Ladder(np.zeros((count, 1)), (False,), -ones, 2 * ones)
    if op == "BipolarQuant":
        scale = each(node, given[0], 1)[0] if len(given) == 1 else 0.0
        if scale <= 0:
            raise HardenError(f"{node.name}: its scale is no positive number")
        return Ladder(np.zeros((count, 1)), (False,), -scale * ones, 2 * scale * ones)
    if op == "MultiThreshold" or op in QUANTISERS:
        made = (_quantiser if op in QUANTISERS else _thresholds)(node, count, given)
        if made.bounds.size > MOST_BOUNDS:
            raise HardenError(f"{node.name}: {made.bounds.size:,} bounds; at most {MOST_BOUNDS:,}")
        return made
    if len(given) != 1:
        raise HardenError(f"{node.name}: it compares with something but one constant")
    less = op.startswith("Less") == first  # so many are high below the bound
    strict = (op in ("Greater", "Less")) != less
    bounds = each(node, given[0], count)[:, None]
    return Ladder(bounds, (strict,), ones * less, ones * (-1 if less else 1))


def _thresholds(node: Node, count: int, given: list[Array]) -> Ladder:
    rows = np.asarray(given[0], np.float64) if len(given) == 1 else np.empty(0)
    if (
        rows.ndim != 2
        or not rows.size
        or len(rows) not in (1, count)
        or not np.isfinite(rows).all()
    ):
        raise HardenError(f"{node.name}: thresholds of shape {list(rows.shape)} for {count} values")
    attributes: dict[str, Any] = node.attributes
    step, low = float(attributes.get("out_scale", 1.0)), float(attributes.get("out_bias", 0.0))
    bounds = np.broadcast_to(rows, (count, rows.shape[1]))
    ones = np.ones(count)
    return Ladder(bounds, (False,) * rows.shape[1], low * ones, step * ones)


def _quantiser(node: Node, count: int, given: list[Array]) -> Ladder:
    scale, zero, numbers = _parameters(node, given)
    scales = each(node, scale, count)
    low = (numbers[0] - zero) * scales
    if numbers == range(-1, 2, 2):  # a sign
        return Ladder(np.zeros((count, 1)), (False,), low, 2 * scales, scales, zero)
    found = [_bound(node, number) for number in numbers[1:]]
    bounds = np.broadcast_to(np.array([bound for bound, _ in found]), (count, len(found)))
    return Ladder(bounds, tuple(strict for _, strict in found), low, scales, scales, zero)


def quantised(node: Node, given: list[Array]) -> Array:
    """What `Quant` makes of a constant, in float32 as tools do."""
    scale, zero, numbers = _parameters(node, given[1:])
    sizes = zip(scale.shape[::-1], given[0].shape[::-1], strict=False)
    if scale.ndim > given[0].ndim or not all(one in (1, size) for one, size in sizes):
        raise HardenError(
            f"{node.name}: a scale {list(scale.shape)} for values {list(given[0].shape)}"
        )
    real = np.asarray(given[0], np.float32) / scale.astype(np.float32) + np.float32(zero)
    if numbers == range(-1, 2, 2):
        whole = np.where(real >= 0, 1, -1)
    else:
        found = [_bound(node, number) for number in numbers[1:]]
        reached = [real > bound if strict else real >= bound for bound, strict in found]
        whole = np.asarray(numbers[0] + np.sum(reached, axis=0, dtype=np.int64))
    made: Array = (whole - np.float32(zero)).astype(np.float32) * scale.astype(np.float32)
    return made


def _parameters(node: Node, given: list[Array]) -> tuple[Array, float, range]:
    """Scale, zero point, and the whole numbers that there are."""
    if len(given) != 3 or any(not one.size for one in given):
        raise HardenError(f"{node.name}: its scale, zero point and bits are no constants")
    scale, zero, bits = (np.asarray(one, np.float64) for one in given)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise HardenError(f"{node.name}: its scale is no positive number")
    width, origin = float(bits.flat[0]), float(zero.flat[0])
    if (bits != width).any() or width not in range(1, MOST_BITS + 1):
        raise HardenError(f"{node.name}: {width:g} bits; 1 to {MOST_BITS}, alike, can be read")
    if (zero != origin).any() or origin != round(origin) or abs(origin) > 2**MOST_BITS:
        raise HardenError(f"{node.name}: its zero point is no one whole number of its bits")
    signed, narrow = (bool(node.attributes.get(key, 1)) for key in ("signed", "narrow"))
    size = 1 << int(width)
    if signed and width == 1:
        return scale, origin, range(-1, 2, 2)
    if signed:
        return scale, origin, range(narrow - size // 2, size // 2)
    if size - narrow < 2:
        raise HardenError(f"{node.name}: its bits hold one number only")
    return scale, origin, range(0, size - narrow)


def _bound(node: Node, number: int) -> tuple[float, bool]:
    """The bound of what is rounded to this number or more, and whether it is beyond."""
    mode = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    if mode in HALF_EVEN:
        return number - 0.5, bool(number % 2)
    if mode not in ROUNDINGS:
        raise HardenError(f"{node.name}: its rounding {mode} is not known here")
    less, reached = ROUNDINGS[mode][number <= 0]
    return number - less, not reached


def decisions(made: Ladder) -> list[Callable[[Array], Array]]:
    """Of float32 features, whether each bound is reached, or exceeded."""
    divisor = None if made.divisor is None else made.divisor.astype(np.float32)
    shift = np.float32(made.shift)

    def decide(v: Array, limits: Array, strict: bool) -> Array:
        compared: Array = v if divisor is None else v / divisor + shift
        return compared > limits if strict else compared >= limits

    def of(column: int) -> Callable[[Array], Array]:
        limits, strict = made.bounds[:, column].astype(np.float32), made.strict[column]
        return lambda v: decide(v, limits, strict)

    return [of(column) for column in range(len(made.strict))]
