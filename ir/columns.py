"""Which counters of up to six inputs add up a column of bits, so that few tables do.

A counter over a bits of a column and b of the next one, where a + 2 * b is at most 7, makes one bit
of each of three columns. Six bits, or five and one of the next column, make as many bits fewer as
they take tables, and nothing does better: tables are lost on what is left over, which is what is
planned here. Numba's cache of the loops in `lithify.ir.compress` does not notice a change here: run
`make clean` after one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I64 = NDArray[np.int64]

EXTRAS = np.array(
    [
        (1, 0, 0, 0), (5, 0, 3, 1), (4, 1, 3, 1), (3, 2, 3, 0), (3, 0, 2, 0), (4, 0, 3, 1),
        (3, 1, 3, 1), (2, 2, 3, 1), (2, 0, 2, 1),
    ],
    np.int64,
)  # fmt: skip
"""The counters of which a column has one or none: bits, bits of the next column, tables, and
whether it counts a constant 1 without another table. The first is none."""

STEP, TRIED = 5, 3
FAR = 1 << 40


@njit
def counters_of_six(bits: int, others: int, left: int, mixed: int, extra: int) -> int:
    """How many counters of six leave one bit of the column, or -1 where none do.

    `others` bits of the next column can be had; `left` columns are left with this one.
    """
    if bits <= 1:
        return 0 if extra + mixed == 0 else -1
    more = EXTRAS[extra, 1]
    rest = bits - EXTRAS[extra, 0] - 4 * mixed
    if rest < 0 or rest % STEP or (left == 1 and mixed + more):
        return -1
    full = rest // STEP
    return int(full) if others + full >= more else -1


@njit
def alone(others: int, full: int, mixed: int, extra: int) -> int:
    """1 where the first mixed counter has no bit of the next column to count, else 0.

    Those of six come first, then the extra one: their carries are such bits.
    """
    return int(mixed > 0 and others + full + extra == 0)


@njit
def first_mixed(bits: int, extra: int) -> int:
    """The fewest mixed counters with which counters of six may come out even."""
    return int((EXTRAS[extra, 0] - bits) % STEP)


@njit
def finish_column(state: I64, others: int, left: int, full: int, mixed: int, extra: int) -> int:
    """The tables that a column takes; `state` becomes that of the next column.

    The state holds the bits of this column, of the next and of the one after, and whether there is
    a constant 1 in this column.
    """
    _, more, tables, closes = EXTRAS[extra]
    carries = full + alone(others, full, mixed, extra) - more + (extra > 0)
    if state[3] and state[0] and not (closes or full):
        carries += 1
    fours = full + mixed + (tables == 3)
    state[0] = state[1] + carries if left > 1 else 0
    state[1] = state[2] + fours if left > 2 else 0
    return int((full + mixed) * min(3, left) + min(tables, left))


@njit
def least_loss(state: I64, left: int) -> tuple[int, int, int]:
    """The counters of six, mixed and extra, that lose the fewest tables in one column."""
    fewest, best, made = FAR, (0, 0, 0), min(3, left)
    for extra in range(len(EXTRAS)):
        mixed = first_mixed(state[0], extra)
        full = counters_of_six(state[0], state[1], left, mixed, extra)
        if full >= 0:
            lost = (full + mixed) * (2 * made - 6) + alone(state[1], full, mixed, extra)
            if extra:
                lost += 2 * min(EXTRAS[extra, 2], left) - EXTRAS[extra, 0] - EXTRAS[extra, 1]
            if lost < fewest:
                fewest, best = lost, (full, mixed, extra)
    return best


@njit
def remaining_tables(state: I64, own: I64, bias: int, column: int) -> int:
    """The tables of the columns from this one on, each with the least loss of its own."""
    total = 0
    for place in range(column, own.size):
        state[3] = (bias >> place) & 1
        full, mixed, extra = least_loss(state, own.size - place)
        total += finish_column(state, state[1], own.size - place, full, mixed, extra)
        state[2] = own[place + 3] if place + 3 < own.size else 0
    return total


@njit
def planned(state: I64, others: int, own: I64, bias: int, column: int) -> tuple[int, int, int]:
    """The counters of six, mixed and extra, of a column, by the tables of all columns to come.

    `others` bits of the next column can be had, and `own[c]` terms are there in column c.

    >>> import numpy as np
    >>> own = np.array([63, 0, 0, 0, 0, 0])
    >>> planned(np.array([63, 0, 0, 0]), 0, own, 0, 0)
    (10, 2, 1)
    """
    fewest, best, left = FAR, (0, 0, 0), own.size - column
    for extra in range(len(EXTRAS)):
        for turn in range(TRIED):
            mixed = first_mixed(state[0], extra) + turn * STEP
            full = counters_of_six(state[0], others, left, mixed, extra)
            if full < 0:
                continue
            trial = state.copy()
            cost = finish_column(trial, others, left, full, mixed, extra)
            trial[2] = own[column + 3] if column + 3 < own.size else 0
            cost += remaining_tables(trial, own, bias, column + 1)
            if cost < fewest:
                fewest, best = cost, (full, mixed, extra)
    return best
