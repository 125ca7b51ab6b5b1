"""Linear forms over signals, many at once, as sorted arrays; and the gap that stops a proof."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Adders

I64 = NDArray[np.int64]


class Gap(Exception):
    """Something that the proof needs does not hold; the text says what."""


def demand(holds: bool, fault: str) -> None:
    """Nothing where it holds, else a Gap."""
    if not holds:
        raise Gap(fault)


class Forms:
    """Linear forms with integer coefficients modulo 2^64; signal 1 carries the constant."""

    def __init__(self, count: int, signals: int) -> None:
        """`count` forms, all 0, over so many signals."""
        self._signals = signals
        self._count = count
        self._keys: list[I64] = []
        self._weights: list[I64] = []

    def add_signals(self, forms: I64, signals: NDArray[np.integer], weights: I64) -> None:
        """Add weights[i] * signals[i] to form forms[i]."""
        used = signals != 0
        self._keys.append(forms[used].astype(np.int64) * self._signals + signals[used])
        self._weights.append(weights[used])

    def add_constants(self, forms: I64, values: I64) -> None:
        """Add a constant to each form."""
        self.add_signals(forms, np.ones(len(forms), np.int64), values)

    def add_literals(
        self, forms: NDArray[np.integer], literals: NDArray[np.integer], weights: I64
    ) -> None:
        """Add weights[i] * literals[i], where an inverted literal is 1 - signal."""
        inverted = (literals & 1).astype(np.bool_)
        rows = forms.astype(np.int64)
        self.add_signals(rows, literals >> 1, np.where(inverted, -weights, weights))
        self.add_constants(rows[inverted], weights[inverted])

    def summed(self) -> tuple[I64, I64, I64]:
        """Ascending: the form, the signal and the coefficient of everything that was added."""
        if not self._keys:
            return (np.empty(0, np.int64),) * 3
        keys, place = np.unique(np.concatenate(self._keys), return_inverse=True)
        total = np.zeros(keys.size, np.int64)
        np.add.at(total, place, np.concatenate(self._weights))
        return keys // self._signals, keys % self._signals, total

    def first_nonzero(self, widths: NDArray[np.int32]) -> tuple[int, int, int] | None:
        """Form, signal and coefficient of one that is not 0 modulo 2^widths[form], or None."""
        forms, signals, weights = self.summed()
        left = wrapped(weights, widths[forms])
        wrong = np.flatnonzero(left)
        if not wrong.size:
            return None
        at = wrong[0]
        return int(forms[at]), int(signals[at]), int(left[at])


def outputs_agree(
    sides: tuple[Circuit, Circuit],
    literals_of: Callable[[int, NDArray[np.int32]], I64],
    classes: int,
) -> bool:
    """Whether words and scores of two circuits are equal where literals say what signals are.

    `literals_of(side, signals)` are literals of classes up to `classes`, of which class 0 is the
    constant and there is no class 1.
    """
    words = [[literals_of(i, word.signals) for word in sides[i].words] for i in (0, 1)]
    if not all(map(np.array_equal, *words)):
        return False
    count = len(sides[0].scores)
    forms = Forms(count, classes + 1)
    for side, sign in enumerate((1, -1)):
        scores = sides[side].scores
        forms.add_constants(np.arange(count), np.array([sign * s.bias for s in scores]))
        for i, score in enumerate(scores):
            own = literals_of(side, score.signals)
            forms.add_literals(np.full(own.size, i), own, sign * score.weights.astype(np.int64))
    return not forms.summed()[2].any()


def wrapped(values: I64, widths: NDArray[np.integer]) -> I64:
    """The values modulo 2^widths, widths at most 62."""
    rest: I64 = values & (np.left_shift(np.int64(1), widths.astype(np.int64)) - 1)
    return rest


def rows_of(offsets: NDArray[np.integer], rows: NDArray[np.integer]) -> I64:
    """The places of these rows of a compressed matrix, row after row."""
    starts, sizes = offsets[rows].astype(np.int64), np.diff(offsets)[rows].astype(np.int64)
    ends = np.cumsum(sizes)
    places: I64 = np.arange(ends[-1] if ends.size else 0) + np.repeat(starts - ends + sizes, sizes)
    return places


def concatenated(parts: Sequence[NDArray[np.int32]]) -> I64:
    """The parts in a row."""
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


def reach(adders: Adders, groups: I64) -> tuple[I64, I64]:
    """The lowest and highest sum of terms of each group, every signal free but one value."""
    rows = rows_of(adders.term_offsets, groups)
    sizes = np.diff(adders.term_offsets)[groups]
    forms = Forms(len(groups), int(adders.terms.max(initial=1)) + 1)
    forms.add_signals(
        np.repeat(np.arange(len(groups)), sizes), adders.terms[rows], adders.weights[rows]
    )
    form, signal, weight = forms.summed()
    low, high = np.zeros(len(groups), np.int64), np.zeros(len(groups), np.int64)
    fixed = signal == 1
    np.add.at(low, form, np.where(fixed, weight, np.minimum(weight, 0)))
    np.add.at(high, form, np.where(fixed, weight, np.maximum(weight, 0)))
    return low, high
