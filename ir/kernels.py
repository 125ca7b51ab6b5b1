"""The loops over gates, compiled by numba: append with folding and hashing, levels, liveness.

Tables are int64 here: their bits are the same as those of the uint64 arrays outside.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lithify.ir.canonical import canonical_gate, flip_variable

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


@njit(cache=True)
def is_inverter(
    signal: int, first: int, kinds: NDArray[np.uint8], tables: I64, offsets: I64
) -> bool:
    """Whether a signal is a gate that inverts its only fan-in."""
    g = signal - first
    return g >= 0 and kinds[g] == 0 and offsets[g + 1] - offsets[g] == 1 and (tables[g] & 3) == 1


@njit(cache=True)
def gate_hash(kind: int, table: int, k: int, pins: I64, weights: I64) -> int:
    """A hash of one gate, non-negative."""
    h = np.uint64(kind + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(table)
    for i in range(k):
        h = (h ^ np.uint64(pins[i]) ^ (np.uint64(weights[i]) << np.uint64(40))) * np.uint64(
            0xFF51AFD7ED558CCD
        )
        h ^= h >> np.uint64(32)
    return int(np.int64(h >> np.uint64(1)))


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def load(
    begin: int, k: int, fanins: I32, weights: I32, renamed: I32, pins: I64, pulls: I64
) -> None:
    """Read the pins of one gate, renamed, with their weights."""
    for j in range(k):
        s = fanins[begin + j]
        pins[j] = renamed[s] if renamed.size else s
        pulls[j] = weights[begin + j] if weights.size else 1


@njit(cache=True)
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


@njit(cache=True)
def trivial(kind: int, table: int, k: int, pins: I64) -> int:
    """The signal that a canonical gate merely repeats, or -1 where it does something."""
    if k == 0:
        return table & 1
    return pins[0] if k == 1 and kind == 0 and table == 2 else -1


@njit(cache=True)
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


@njit(cache=True)
def levels(offsets: I64, fanins: I32, first: int) -> I32:
    """The level of every signal."""
    count = offsets.size - 1
    level = np.zeros(first + count, np.int32)
    for g in range(count):
        highest = np.int32(0)
        for p in range(offsets[g], offsets[g + 1]):
            highest = max(highest, level[fanins[p]])
        level[first + g] = highest + 1
    return level


@njit(cache=True)
def live(offsets: I64, fanins: I32, first: int, roots: I32) -> NDArray[np.bool_]:
    """For every gate whether one of the roots depends on it."""
    count = offsets.size - 1
    alive = np.zeros(count, np.bool_)
    for root in roots:
        if root >= first:
            alive[root - first] = True
    for g in range(count - 1, -1, -1):
        if alive[g]:
            for p in range(offsets[g], offsets[g + 1]):
                if fanins[p] >= first:
                    alive[fanins[p] - first] = True
    return alive
