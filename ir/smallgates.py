"""Gates of a netlist that grows: added as they are, or shared; and the digits of weights.

Literals are ``2 * signal + inverted``; marks are ``origin << 32 | unit``. Numba's cache of the
loops in `lithify.ir.compress` does not notice a change here: run `make clean` after one.
"""

from __future__ import annotations

import numpy as np

from lithify.ir import netstore as at
from lithify.ir.jit import njit
from lithify.ir.netstore import I32, Store

MOST_PINS = 6


@njit
def add_gate(store: Store, table: int, pins: I32, mark: int) -> int:
    """The signal of a new gate over these pins, as given."""
    g, begin, k = store.counts[at.GATES], store.counts[at.PINS], pins.size
    level = np.int32(0)
    for j in range(k):
        store.fanins[begin + j] = pins[j]
        level = max(level, store.levels[pins[j]])
    store.tables[g] = table
    store.offsets[g + 1] = begin + k
    store.marks[g] = mark
    store.levels[store.first + g] = level + 1
    store.counts[at.GATES] += 1
    store.counts[at.PINS] += k
    return int(store.first + g)


@njit
def shared_gate(store: Store, table: int, pins: I32, mark: int) -> int:
    """The signal of the gate with this table over these pins, made only where it is missing."""
    h = np.uint64(table) * np.uint64(0x9E3779B97F4A7C15)
    for pin in pins:
        h = (h ^ np.uint64(pin)) * np.uint64(0xFF51AFD7ED558CCD)
        h ^= h >> np.uint64(32)
    mask = store.slots.size - 1
    slot = np.int64(h >> np.uint64(1)) & mask
    while store.slots[slot] >= 0:
        g = store.slots[slot]
        begin = store.offsets[g]
        if store.tables[g] == table and store.offsets[g + 1] - begin == pins.size:
            same = True
            for j in range(pins.size):
                same = same and store.fanins[begin + j] == pins[j]
            if same:
                return int(store.first + g)
        slot = (slot + 1) & mask
    store.slots[slot] = store.counts[at.GATES]
    return add_gate(store, table, pins, mark)


@njit
def flipped(table: int, k: int, flips: int) -> int:
    """The table whose variables are inverted where `flips` has a bit."""
    out = 0
    for p in range(1 << k):
        out |= ((table >> (p ^ flips)) & 1) << p
    return out


@njit
def literal_gate(store: Store, table: int, literals: I32, positive: bool, mark: int) -> int:
    """The literal of a table over two to six literals.

    The gate is 0 where its fan-ins are, and the literal inverted where that takes it, so that
    complements share a gate; where `positive` is asked for, the literal is not inverted.
    """
    flips = 0
    pins = np.empty(literals.size, np.int32)
    for j in range(literals.size):
        pins[j] = literals[j] >> 1
        flips |= (literals[j] & 1) << j
    table = flipped(table, literals.size, flips)
    inverted = 0 if positive else table & 1
    if inverted:
        table ^= -1 if literals.size == MOST_PINS else (1 << (1 << literals.size)) - 1
    return 2 * shared_gate(store, table, pins, mark) + inverted


@njit
def ones(value: int) -> int:
    """How many bits of a non-negative value are set."""
    count = 0
    while value:
        value &= value - 1
        count += 1
    return count


@njit
def signed_digits(weight: int) -> tuple[int, int]:
    """The powers of two to add and to subtract: binary, or the non-adjacent form where shorter."""
    thrice, size = 3 * abs(weight), abs(weight)
    plus, minus = (thrice & ~size) >> 1, (size & ~thrice) >> 1
    if ones(plus) + ones(minus) >= ones(size):
        plus, minus = size, 0
    return (minus, plus) if weight < 0 else (plus, minus)


@njit
def count_table(place: int, k: int, twice: int, one: int) -> int:
    """The table of bit `place` of how many of k inputs, the last `twice` of them twice, and of
    `one` are high.
    """
    table = 0
    for p in range(1 << k):
        table |= (((ones(p) + ones(p >> (k - twice)) + one) >> place) & 1) << p
    return table
