"""Tensors of whole numbers over bits: weighted sums of signals, a sum for every element."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.importers.lookup import Array
from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_FANINS, TABLE, THRESHOLD
from lithify.ir.errors import HardenError
from lithify.ir.ports import Signals

I64 = NDArray[np.int64]
MOST_TERMS = 1 << 27
MOST_WEIGHT = 1 << 62
EXACT = {"float": 1 << 24, "double": 1 << 53}


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Element i, counted in rows, is bias[i] + sum(weights * signals) of terms ends[i:i + 2].

    `shape` leaves out the axis of the samples, which comes before `shape[batch]`, or last.
    """

    shape: tuple[int, ...]
    batch: int
    ends: I64
    signals: Signals
    weights: I64
    bias: I64

    @property
    def places(self) -> I64:
        """The number of each element, in the shape."""
        return np.arange(self.ends.size - 1).reshape(self.shape)

    def full_shape(self, samples: int) -> tuple[int, ...]:
        """The shape with the axis of the samples."""
        return (*self.shape[: self.batch], samples, *self.shape[self.batch :])

    def taken(self, places: Array, batch: int) -> Forms:
        """The elements at these places, in their shape."""
        rows = places.ravel()
        sizes = np.diff(self.ends)[rows]
        if int(sizes.sum()) > MOST_TERMS:
            raise HardenError(f"its values are sums of over {MOST_TERMS} bits in all")
        at = _ranges(self.ends[:-1][rows], sizes)
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        return Forms(places.shape, batch, ends, self.signals[at], self.weights[at], self.bias[rows])

    def times(self, factor: Array | int) -> Forms:
        """Each element times a whole number, one or an array that has the shape."""
        each = np.broadcast_to(factor, self.shape).ravel()
        wide = np.repeat(each, np.diff(self.ends))
        most = int(np.abs(each).max(initial=0))
        _require_small(most * int(np.abs(self.weights).max(initial=0)))
        _require_small(most * int(np.abs(self.bias).max(initial=0)))
        return replace(self, weights=self.weights * wide, bias=self.bias * each)

    def plus(self, shift: Array) -> Forms:
        """Each element plus a whole number of an array that has the shape."""
        _require_small(int(np.abs(self.bias).max(initial=0)) + int(np.abs(shift).max(initial=0)))
        return replace(self, bias=self.bias + shift.ravel())

    def summed(self, axes: list[int]) -> Forms:
        """The sums along axes of the shape."""
        kept = [axis for axis in range(len(self.shape)) if axis not in axes]
        batch = self.batch - sum(axis < self.batch for axis in axes)
        inner = math.prod(self.shape[axis] for axis in axes)
        rows = self.taken(self.places.transpose(*kept, *axes), 0)
        shape = tuple(self.shape[axis] for axis in kept)
        bias = (
            rows.bias.reshape(-1, inner).sum(axis=1)
            if inner
            else np.zeros(math.prod(shape), np.int64)
        )
        ends = rows.ends[:: max(inner, 1)] if inner else np.zeros(bias.size + 1, np.int64)
        return Forms(shape, batch, ends, rows.signals, rows.weights, bias)

    def free(self) -> Forms:
        """The same numbers without the constant signals 0 and 1 among their terms."""
        kept = self.signals > 1
        if kept.all():
            return self
        bias = self.bias + _sums(self.weights * (self.signals == 1), self.ends)
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[self.ends]
        return replace(
            self, ends=ends, signals=self.signals[kept], weights=self.weights[kept], bias=bias
        )

    def reach(self) -> tuple[I64, I64]:
        """The lowest and highest value of each element, where every bit is free."""
        low, high = (_sums(bound(self.weights, 0), self.ends) for bound in (np.minimum, np.maximum))
        return self.bias + low, self.bias + high

    def require_exact(self, kind: str) -> None:
        """Raise HardenError where numbers of this kind do not hold every value."""
        low, high = self.reach()
        if max(int(high.max(initial=0)), -int(low.min(initial=0))) > EXACT[kind]:
            raise HardenError(f"its values are too large for exact sums of numbers of kind {kind}")


def of_signals(signals: Signals, batch: int) -> Forms:
    """The signals themselves."""
    size = signals.size
    ones = np.ones(size, np.int64)
    flat = np.ascontiguousarray(signals).ravel()
    return Forms(signals.shape, batch, np.arange(size + 1), flat, ones, np.zeros(size, np.int64))


def joined(parts: list[Forms], axis: int) -> Forms:
    """The elements of several, along an axis of the shape."""
    ends, offset, first = [np.zeros(1, np.int64)], 0, 0
    places = []
    for part in parts:
        ends.append(part.ends[1:] + offset)
        offset += int(part.ends[-1])
        places.append(part.places + first)
        first += part.ends.size - 1
    whole = Forms(
        (first,),
        0,
        np.concatenate(ends),
        np.concatenate([part.signals for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.bias for part in parts]),
    )
    return whole.taken(np.concatenate(places, axis=axis), parts[0].batch)


def added(one: Forms, other: Forms) -> Forms:
    """The sums of the elements of two of one shape."""
    rows = [part.taken(part.places.reshape(1, -1), 0) for part in (one, other)]
    total = joined(rows, 0).summed([0])
    return replace(total, shape=one.shape, batch=one.batch)


def product(forms: Forms, matrix: Array) -> Forms:
    """The sums of elements [k] with the rows of a whole matrix [n, k], in the shape [n]."""
    rows, columns = np.nonzero(matrix)
    factors = matrix[rows, columns].astype(np.int64)
    every = forms.taken(columns, 0).times(factors)
    ends = np.searchsorted(rows, np.arange(len(matrix) + 1))
    bias = _sums(every.bias, ends)
    return Forms((len(matrix),), 0, every.ends[ends], every.signals, every.weights, bias)


def thresholds(builder: Builder, forms: Forms, bounds: I64) -> Signals:
    """For each element whether it reaches its bound."""
    forms = forms.free()
    count = bounds.size
    limits = bounds.ravel() - forms.bias
    low, high = forms.reach()
    limits = np.clip(limits, low - forms.bias, high - forms.bias + 1)
    kinds = np.full(count, THRESHOLD, np.uint8)
    if np.abs(forms.weights).max(initial=0) >= 1 << 31:
        raise HardenError("its weights do not fit 32 bits")
    weights = forms.weights.astype(np.int32)
    made = builder.gates(kinds, limits.view(np.uint64), forms.ends, forms.signals, weights)
    return made.reshape(forms.shape)


def looked_up(builder: Builder, forms: Forms, table: I64) -> Signals:
    """For each element the entry, 0 or 1, that it is the number of."""
    forms = forms.free()
    low, high = forms.reach()
    if low.min(initial=0) < 0 or high.max(initial=0) >= table.size:
        raise HardenError(f"it may read beyond the {table.size} entries of its table")
    sizes = np.diff(forms.ends)
    if sizes.max(initial=0) > MOST_FANINS:
        raise HardenError(
            f"an entry is chosen by {sizes.max()} bits; at most {MOST_FANINS} can be read"
        )
    made = np.empty(sizes.size, np.int32)
    for arity in np.unique(sizes).tolist():
        group = np.flatnonzero(sizes == arity)
        at = forms.ends[:-1][group][:, None] + np.arange(arity)
        patterns = np.arange(1 << arity)[:, None] >> np.arange(arity) & 1
        numbers = forms.weights[at] @ patterns.T + forms.bias[group][:, None]
        entries = table[numbers]
        if ((entries != 0) & (entries != 1)).any():
            raise HardenError("an entry of its table is neither 0 nor 1")
        octets = np.zeros((len(group), 8), np.uint8)
        packed = np.packbits(entries.astype(np.bool_), axis=1, bitorder="little")
        octets[:, : packed.shape[1]] = packed
        made[group] = builder.gates(
            np.full(len(group), TABLE, np.uint8),
            octets.view("<u8").ravel().astype(np.uint64),
            np.arange(len(group) + 1, dtype=np.int64) * arity,
            forms.signals[at].ravel(),
            np.empty(0, np.int32),
        )
    return made.reshape(forms.shape)


def _require_small(value: int) -> None:
    if value >= MOST_WEIGHT:
        raise HardenError("its values do not fit 64 bits")


def _ranges(starts: I64, sizes: I64) -> I64:
    """The numbers from each start on, as many as its size, one after the other."""
    ends = np.cumsum(sizes)
    return np.arange(int(ends[-1]) if ends.size else 0) + np.repeat(starts - ends + sizes, sizes)


def _sums(values: I64, ends: I64) -> I64:
    """The sum of each row."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    rows: I64 = total[ends[1:]] - total[ends[:-1]]
    return rows
