"""Counters planned for columns: against the best plan that a search of all finds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from lithify.ir.columns import EXTRAS, finish_column, planned

KINDS = [(6, 0, 3), (5, 1, 3), *((int(a), int(b), int(t)) for a, b, t, _ in EXTRAS[1:])]


@cache
def fewest(bits: int, more: int, most: int, left: int) -> int:
    """The tables of the best plan of all, each counter chosen by itself."""
    if left == 0:
        return 0
    if bits <= 1:
        return fewest(more, most, 0, left - 1) if more + most else 0
    found = []
    for own, other, tables in KINDS:
        if own <= bits and other <= more and (left > 1 or not other):
            rest = (
                bits - own + 1,
                more - other + (left > 1),
                most + (tables == 3 and left > 2),
            )
            found.append(min(tables, left) + fewest(*rest, left))
    return min(found)


def tables_of(own: np.ndarray, bias: int = 0) -> int:
    """The tables of the plan of these columns."""
    width, total = own.size, 0
    state = np.array([own[0], *own[1:3], *[0] * (3 - min(width, 3)), bias & 1])[:4]
    for column in range(width):
        state[3] = (bias >> column) & 1
        full, mixed, extra = planned(state, int(state[1]), own, bias, column)
        total += finish_column(state, state[1], width - column, full, mixed, extra)
        state[2] = own[column + 3] if column + 3 < width else 0
    return total


@pytest.mark.parametrize("n", range(2, 65))
def test_popcounts_take_at_most_one_table_more_than_the_best_plan(n: int) -> None:
    width = n.bit_length()
    own = np.zeros(width, np.int64)
    own[0] = n
    assert fewest(n, 0, 0, width) <= tables_of(own) <= fewest(n, 0, 0, width) + 1


@pytest.mark.parametrize("n", [256, 784, 5000])
def test_large_popcounts_lose_hardly_a_table(n: int) -> None:
    own = np.zeros(n.bit_length(), np.int64)
    own[0] = n
    bits_fewer = n - n.bit_length()
    assert bits_fewer <= tables_of(own) <= bits_fewer + 5


def test_a_constant_one_is_counted_for_nothing() -> None:
    own = np.array([60, 0, 0, 0, 0, 0])
    assert tables_of(own, 1) == tables_of(own)


def test_a_column_of_one_bit_needs_no_counter() -> None:
    state = np.array([1, 0, 0, 1])
    assert planned(state, 0, np.array([1, 0]), 1, 0) == (0, 0, 0)
    assert finish_column(state, 0, 2, 0, 0, 0) == 0
    assert state[0] == 1  # x + 1 is (not x) + 2 * x


def test_the_top_column_makes_no_carries() -> None:
    state = np.array([11, 0, 0, 0])
    full, mixed, extra = planned(state, 0, np.array([11]), 0, 0)
    assert (full, mixed, extra) == (2, 0, 0)
    assert finish_column(state, 0, 1, full, mixed, extra) == 2
