"""The loops that write gates and thresholds as tables, compiled by numba.

Literals are ``2 * signal + inverted``; marks are ``origin << 32 | unit``. Numba's cache of a
function does not notice a change of what it calls in another file: run `make clean` after one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.ir.compress import add_up, bit_signal, merged, open_group
from lithify.ir.jit import njit
from lithify.ir.netlist import THRESHOLD
from lithify.ir.netstore import I32, I64, Store
from lithify.ir.smallgates import MOST_PINS, add_gate, flipped, shared_gate

FAR = 1 << 62  # beyond every sum of 32-bit weights


@njit
def small_threshold(store: Store, bound: int, pins: I32, pulls: I64, mark: int) -> int:
    """The signal of a threshold over at most six distinct signals."""
    if pins.size == 1 and pulls[0] > 0:
        return int(pins[0])
    table = 0
    for p in range(1 << pins.size):
        total = 0
        for j in range(pins.size):
            total += pulls[j] * ((p >> j) & 1)
        if total >= bound:
            table |= 1 << p
    return add_gate(store, table, pins, mark)


@njit
def tree(store: Store, literals: I32, conjunction: bool, mark: int) -> int:
    """The signal of the AND or OR of the literals, as a tree of tables."""
    queue = np.empty(2 * literals.size, np.int32)
    head, end = 0, literals.size
    for i in range(end):
        queue[i] = literals[i]
    while end - head > 1:
        k = min(MOST_PINS, end - head)
        full = -1 if k == MOST_PINS else (1 << (1 << k)) - 1
        table = 1 << ((1 << k) - 1) if conjunction else full ^ 1
        flips = 0
        pins = np.empty(k, np.int32)
        for j in range(k):
            flips |= (queue[head + j] & 1) << j
            pins[j] = queue[head + j] >> 1
        queue[end] = 2 * shared_gate(store, flipped(table, k, flips), pins, mark)
        head, end = head + k, end + 1
    return int(queue[head] >> 1)


@njit
def threshold(
    store: Store, owner: int, bound: int, terms: I32, weights: I64, most: int, mark: int
) -> int:
    """The signal of ``sum(weights * terms) >= bound``: one table, a tree of them, or an adder."""
    pins, pulls, constant = merged(store, terms, weights)
    goal = min(max(bound, -FAR), FAR) - constant
    low, high, least = 0, 0, FAR
    for w in pulls:
        low += min(w, 0)
        high += max(w, 0)
        least = min(least, abs(w))
    if goal <= low or goal > high:
        return 1 if goal <= low else 0
    if pins.size <= MOST_PINS:
        return small_threshold(store, goal, pins, pulls, mark)
    if goal > high - least or goal <= low + least:
        for i in range(pins.size):
            pins[i] = 2 * pins[i] + (pulls[i] < 0)
        return tree(store, pins, goal > high - least, mark)
    room = 1
    while high - goal >= 1 << room or goal - low > 1 << room:
        room += 1
    bias = (1 << room) - bound
    group = open_group(store, THRESHOLD, owner, room + 1, bias, terms, weights)
    add_up(store, group, terms, weights, most, np.empty(0, np.int32), mark)
    return bit_signal(store, group, room, mark)


@njit
def copy_gates(
    store: Store,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    marks: I64,
    signal_of: I32,
    most: int,
) -> None:
    """Takes over all gates in order, tables as they are; fills in `signal_of`."""
    for i in range(kinds.size):
        begin, end = offsets[i], offsets[i + 1]
        mark = marks[i]
        pins, pulls = np.empty(end - begin, np.int32), np.ones(end - begin, np.int64)
        for j in range(pins.size):
            pins[j] = signal_of[fanins[begin + j]]
            if weights.size:
                pulls[j] = weights[begin + j]
        if kinds[i] == 0:
            made = add_gate(store, tables[i], pins, mark)
        else:
            made = threshold(store, store.first + i, tables[i], pins, pulls, most, mark)
        signal_of[store.first + i] = made
