"""The builder's loops over gates, compiled by numba: append with folding and hashing.

Tables are int64 here: their bits are the same as those of the uint64 arrays outside. All in one
file, since numba's cache does not notice a change of a callee in another.
"""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


@njit
def drop_variable(table: int, k: int, j: int, value: int) -> int:
    """The table over the other variables where variable j is held at `value`."""
    out = 0
    low = (1 << j) - 1
    for p in range(1 << (k - 1)):
        index = (p & low) | (value << j) | ((p & ~low) << 1)
        out |= ((table >> index) & 1) << p
    return out


@njit
def merge_variable(table: int, k: int, i: int, j: int) -> int:
    """The table where variable j > i is replaced by variable i."""
    out = 0
    low = (1 << j) - 1
    for p in range(1 << (k - 1)):
        index = (p & low) | (((p >> i) & 1) << j) | ((p & ~low) << 1)
        out |= ((table >> index) & 1) << p
    return out


@njit
def flip_variable(table: int, k: int, j: int) -> int:
    """The table where variable j is inverted."""
    out = 0
    for p in range(1 << k):
        out |= ((table >> (p ^ (1 << j))) & 1) << p
    return out


@njit
def swap_variables(table: int, k: int, j: int) -> int:
    """The table where variables j and j + 1 have changed places."""
    out = 0
    for p in range(1 << k):
        a, b = (p >> j) & 1, (p >> (j + 1)) & 1
        index = (p & ~(3 << j)) | (b << j) | (a << (j + 1))
        out |= ((table >> index) & 1) << p
    return out


@njit
def simplify_step(table: int, k: int, pins: I64) -> tuple[int, int]:
    """Remove one variable that is constant, repeated or without effect; k is kept when none is."""
    for j in range(k):
        s = pins[j]
        new = table
        found = s <= 1
        if found:
            new = drop_variable(table, k, j, s)
        else:
            for i in range(j):
                if pins[i] == s:
                    new = merge_variable(table, k, i, j)
                    found = True
                    break
        if not found:
            new = drop_variable(table, k, j, 0)
            found = new == drop_variable(table, k, j, 1)
        if found:
            for i in range(j, k - 1):
                pins[i] = pins[i + 1]
            return new, k - 1
    return table, k


@njit
def canonical_table(table: int, k: int, pins: I64) -> tuple[int, int]:
    """The same function over sorted, distinct, effective, non-constant pins (in place)."""
    before = -1
    while before != k and k > 0:
        before = k
        table, k = simplify_step(table, k, pins)
    for last in range(k - 1, 0, -1):
        for j in range(last):
            if pins[j] > pins[j + 1]:
                pins[j], pins[j + 1] = pins[j + 1], pins[j]
                table = swap_variables(table, k, j)
    return table, k


@njit
def merge_terms(bound: int, k: int, pins: I64, weights: I64) -> tuple[int, int]:
    """The threshold over sorted, distinct, non-constant pins with non-zero weights (in place)."""
    order = np.argsort(pins[:k], kind="mergesort")
    sorted_pins, sorted_weights = pins[:k][order], weights[:k][order]
    n = 0
    for i in range(k):
        s, w = sorted_pins[i], sorted_weights[i]
        if s == 1:
            bound -= w
        elif s > 1:
            if n > 0 and pins[n - 1] == s:
                weights[n - 1] += w
            else:
                pins[n], weights[n] = s, w
                n += 1
            if weights[n - 1] == 0:
                n -= 1
    return bound, n


@njit
def canonical_threshold(bound: int, k: int, pins: I64, weights: I64) -> tuple[int, int]:
    """The same threshold in lowest terms (in place); k = 0 with bound <= 0 is constant 1."""
    bound, k = merge_terms(bound, k, pins, weights)
    low, high, divisor = 0, 0, 0
    for i in range(k):
        w = weights[i]
        low += min(w, 0)
        high += max(w, 0)
        a, b = divisor, abs(w)
        while b:
            a, b = b, a % b
        divisor = a
    if bound <= low:
        return 0, 0
    if bound > high:
        return 1, 0
    if divisor > 1:
        bound = -((-bound) // divisor)
        for i in range(k):
            weights[i] //= divisor
    return bound, k


@njit
def canonical_gate(kind: int, table: int, k: int, pins: I64, weights: I64) -> tuple[int, int, int]:
    """The simplest gate with the same function: kind, table, arity; an arity of -1 is overflow."""
    if kind == 1:
        table, k = canonical_threshold(table, k, pins, weights)
        if k == 0:
            return 0, 1 - table, 0
        if k > 1:
            for j in range(k):
                if abs(weights[j]) > 2147483647:
                    return 1, table, -1
            return 1, table, k
        kind, table = 0, 2 if weights[0] > 0 else 1
    table, k = canonical_table(table, k, pins)
    for j in range(k):
        weights[j] = 1
    return kind, table, k


@njit
def is_inverter(
    signal: int, first: int, kinds: NDArray[np.uint8], tables: I64, offsets: I64
) -> bool:
    """Whether a signal is a gate that inverts its only fan-in."""
    g = signal - first
    return g >= 0 and kinds[g] == 0 and offsets[g + 1] - offsets[g] == 1 and (tables[g] & 3) == 1


@njit
def gate_hash(kind: int, table: int, k: int, pins: I64, weights: I64) -> int:
    """A hash of one gate, non-negative."""
    h = np.uint64(kind + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(table)
    for i in range(k):
        h = (h ^ np.uint64(pins[i]) ^ (np.uint64(weights[i]) << np.uint64(40))) * np.uint64(
            0xFF51AFD7ED558CCD
        )
        h ^= h >> np.uint64(32)
    return int(np.int64(h >> np.uint64(1)))


@njit
def same_gate(
    g: int,
    kind: int,
    table: int,
    k: int,
    pins: I64,
    weights: I64,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    stored: I32,
) -> bool:
    """Whether stored gate g is the gate at hand."""
    begin = offsets[g]
    if kinds[g] != kind or tables[g] != table or offsets[g + 1] - begin != k:
        return False
    for i in range(k):
        if fanins[begin + i] != pins[i] or stored[begin + i] != weights[i]:
            return False
    return True


@njit
def rehash(
    slots: I32,
    count: int,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
) -> None:
    """Enter the first `count` gates into empty slots."""
    mask = slots.size - 1
    for g in range(count):
        begin, end = offsets[g], offsets[g + 1]
        pins, stored = fanins[begin:end].astype(np.int64), weights[begin:end].astype(np.int64)
        slot = gate_hash(kinds[g], tables[g], end - begin, pins, stored) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = g


@njit
def absorb_inverters(
    kind: int,
    table: int,
    k: int,
    pins: I64,
    weights: I64,
    first: int,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
) -> int:
    """The table or bound after pins that are inverters have been replaced by what they invert."""
    for j in range(k):
        if is_inverter(pins[j], first, kinds, tables, offsets):
            pins[j] = fanins[offsets[pins[j] - first]]
            if kind == 0:
                table = flip_variable(table, k, j)
            else:
                table -= weights[j]
                weights[j] = -weights[j]
    return table


@njit
def find_slot(
    kind: int,
    table: int,
    k: int,
    pins: I64,
    pulls: I64,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    slots: I32,
) -> int:
    """The hash slot that holds this gate, or the empty one where it belongs."""
    mask = slots.size - 1
    slot = gate_hash(kind, table, k, pins, pulls) & mask
    while slots[slot] >= 0 and not same_gate(
        slots[slot], kind, table, k, pins, pulls, kinds, tables, offsets, fanins, weights
    ):
        slot = (slot + 1) & mask
    return slot


@njit
def load(
    begin: int, k: int, fanins: I32, weights: I32, renamed: I32, pins: I64, pulls: I64
) -> None:
    """Read the pins of one gate, renamed, with their weights."""
    for j in range(k):
        s = fanins[begin + j]
        pins[j] = renamed[s] if renamed.size else s
        pulls[j] = weights[begin + j] if weights.size else 1


@njit
def store(
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    count: int,
    kind: int,
    table: int,
    k: int,
    pins: I64,
    pulls: I64,
) -> None:
    """Write one gate behind the others."""
    kinds[count], tables[count] = kind, table
    start = offsets[count]
    for j in range(k):
        fanins[start + j], weights[start + j] = pins[j], pulls[j]
    offsets[count + 1] = start + k


@njit
def trivial(kind: int, table: int, k: int, pins: I64) -> int:
    """The signal that a canonical gate merely repeats, or -1 where it does something."""
    if k == 0:
        return table & 1
    return pins[0] if k == 1 and kind == 0 and table == 2 else -1


@njit
def append(
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    origins: I32,
    units: I32,
    count: int,
    first: int,
    slots: I32,
    fold: bool,
    hashed: bool,
    absorb: bool,
    new_kinds: NDArray[np.uint8],
    new_tables: I64,
    new_offsets: I64,
    new_fanins: I32,
    new_weights: I32,
    new_origins: I32,
    new_units: I32,
    keep: NDArray[np.bool_],
    renamed: I32,
    result: I32,
    base: int,
) -> int:
    """Append gates to a builder's arrays; the new count, or -1 - i: the weights of gate i overflow.

    `renamed` maps the signals of the new gates to the builder's, or is empty where they are the
    builder's already; the signal that gate i became is written to result[base + i].
    """
    widest = np.int64(6)
    for i in range(new_kinds.size):
        widest = max(widest, new_offsets[i + 1] - new_offsets[i])
    pins, pulls = np.zeros(widest, np.int64), np.ones(widest, np.int64)
    for i in range(new_kinds.size):
        result[base + i] = -1
        if keep.size and not keep[i]:
            continue
        kind, table, begin = int(np.int64(new_kinds[i])), int(new_tables[i]), int(new_offsets[i])
        k = int(new_offsets[i + 1]) - begin
        load(begin, k, new_fanins, new_weights, renamed, pins, pulls)
        if absorb:
            table = absorb_inverters(
                kind, table, k, pins, pulls, first, kinds, tables, offsets, fanins
            )
        if fold:
            kind, table, k = canonical_gate(kind, table, k, pins, pulls)
            if k < 0:
                return -1 - i
            result[base + i] = trivial(kind, table, k, pins)
        if hashed and result[base + i] < 0:
            slot = find_slot(
                kind, table, k, pins, pulls, kinds, tables, offsets, fanins, weights, slots
            )
            if slots[slot] >= 0:
                result[base + i] = first + slots[slot]
            else:
                slots[slot] = count
        if result[base + i] < 0:
            store(kinds, tables, offsets, fanins, weights, count, kind, table, k, pins, pulls)
            origins[count], units[count] = new_origins[i], new_units[i]
            result[base + i] = first + count
            count += 1
    return count
