"""One canonical form for every gate over signals already found equal, compiled by numba.

Classes of signals are numbered; a literal is 2 * class + inverted. A gate of few distinct fan-ins
has its table as its form, any other its linear inequality: fan-ins ascending by class, no
constants, none twice, the first weight positive, no common divisor. Gates of one form are equal.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

FEW = 8  # distinct fan-ins of a gate whose form is a table
TABLES, SUMS = 0, 1


class Gates(NamedTuple):
    """A circuit's gates, and the class that its first gate has where it is like no other."""

    first: int
    kinds: NDArray[np.uint8]
    tables: NDArray[np.uint64]
    offsets: I64
    fanins: NDArray[np.int32]
    weights: NDArray[np.int32]
    own: int


class Store(NamedTuple):
    """The forms found so far: words in a row, the literal of each form, and slots of hashes.

    `sizes` holds how many forms there are, and how many words.
    """

    words: I64
    starts: I64
    literals: I64
    slots: I64
    sizes: I64


class Scratch(NamedTuple):
    """The fan-ins of the gate at hand: classes ascending, their weights, and the table."""

    pins: I64
    pulls: I64
    bits: U8


@njit
def number(gates: Gates, known: I64, store: Store, scratch: Scratch) -> None:
    """Writes the literal of every gate into `known`, which has those of constants and inputs."""
    for gate in range(gates.kinds.size):
        if gates.kinds[gate] == TABLES:
            count = list_table(gates, gate, known, scratch)
            bound = 0
        else:
            count, bound = gather(gates, gate, known, scratch)
            if count <= FEW:
                list_sums(count, bound, scratch)
        if gates.kinds[gate] == TABLES or count <= FEW:
            count = without_idle(count, scratch)
            literal = table_literal(count, gates.own + gate, store, scratch)
        else:
            literal = sum_literal(count, bound, gates.own + gate, store, scratch)
        known[gates.first + gate] = literal


@njit
def list_table(gates: Gates, gate: int, known: I64, scratch: Scratch) -> int:
    """The number of distinct fan-ins of a table gate, and its table over them."""
    begin, count = gates.offsets[gate], 0
    arity = gates.offsets[gate + 1] - begin
    for j in range(arity):
        pin = known[gates.fanins[begin + j]] >> 1
        at = 0
        while at < count and scratch.pins[at] < pin:
            at += 1
        if pin == 0 or (at < count and scratch.pins[at] == pin):
            continue
        for i in range(count, at, -1):
            scratch.pins[i] = scratch.pins[i - 1]
        scratch.pins[at] = pin
        count += 1
    for p in range(1 << count):
        row = 0
        for j in range(arity):
            literal = known[gates.fanins[begin + j]]
            value = literal & 1
            for i in range(count):
                if scratch.pins[i] == literal >> 1:
                    value ^= (p >> i) & 1
            row |= value << j
        scratch.bits[p] = (gates.tables[gate] >> np.uint64(row)) & np.uint64(1)
    return count


@njit
def gather(gates: Gates, gate: int, known: I64, scratch: Scratch) -> tuple[int, int]:
    """The number of distinct fan-ins of a threshold, and its bound over them."""
    begin, end = gates.offsets[gate], gates.offsets[gate + 1]
    bound, count = int(np.int64(gates.tables[gate])), 0
    for j in range(begin, end):
        literal, pull = known[gates.fanins[j]], 1
        if gates.weights.size:
            pull = int(gates.weights[j])
        if literal & 1:
            bound -= pull
            pull = -pull
        if literal > 1:
            scratch.pins[count], scratch.pulls[count] = literal >> 1, pull
            count += 1
    sort(count, scratch.pins, scratch.pulls)
    merged = 0
    for i in range(count):
        if merged and scratch.pins[merged - 1] == scratch.pins[i]:
            scratch.pulls[merged - 1] += scratch.pulls[i]
        else:
            merged -= merged > 0 and scratch.pulls[merged - 1] == 0
            scratch.pins[merged], scratch.pulls[merged] = scratch.pins[i], scratch.pulls[i]
            merged += 1
    merged -= merged > 0 and scratch.pulls[merged - 1] == 0
    return merged, bound


@njit
def sort(count: int, pins: I64, pulls: I64) -> None:
    """Both in place, ascending by pin."""
    gap = count // 2
    while gap:
        for i in range(gap, count):
            pin, pull, j = pins[i], pulls[i], i
            while j >= gap and pins[j - gap] > pin:
                pins[j], pulls[j] = pins[j - gap], pulls[j - gap]
                j -= gap
            pins[j], pulls[j] = pin, pull
        gap //= 2


@njit
def list_sums(count: int, bound: int, scratch: Scratch) -> None:
    """The table of a threshold of few fan-ins."""
    for p in range(1 << count):
        total = np.int64(0)
        for i in range(count):
            total += scratch.pulls[i] * ((p >> i) & 1)
        scratch.bits[p] = total >= bound


@njit
def without_idle(count: int, scratch: Scratch) -> int:
    """How many fan-ins are left of a table without those that decide nothing."""
    for i in range(count - 1, -1, -1):
        idle = True
        for p in range(1 << count):
            idle = idle and scratch.bits[p] == scratch.bits[p ^ (1 << i)]
        if not idle:
            continue
        count -= 1
        for j in range(i, count):
            scratch.pins[j] = scratch.pins[j + 1]
        for p in range(1 << count):
            low = p & ((1 << i) - 1)
            scratch.bits[p] = scratch.bits[(p - low) * 2 + low]
    return count


@njit
def table_literal(count: int, own: int, store: Store, scratch: Scratch) -> int:
    """The literal of a gate by its table; `own` is its class where it is like no other."""
    inverted = int(scratch.bits[0])
    if count == 0:
        return inverted
    if count == 1:
        return int(2 * scratch.pins[0] + inverted)
    top = begin(TABLES, count, store, scratch)
    for p in range(0, 1 << count, 32):
        word = np.int64(0)
        for q in range(p, min(p + 32, 1 << count)):
            word |= np.int64(scratch.bits[q] ^ inverted) << (q - p)
        store.words[top] = word
        top += 1
    literal: int = enter(top, 2 * own + inverted, store)
    return literal ^ inverted


@njit
def sum_literal(count: int, bound: int, own: int, store: Store, scratch: Scratch) -> int:
    """The literal of a gate by its inequality; `own` is its class where it is like no other."""
    low, high, divisor = 0, 0, 0
    inverted = int(scratch.pulls[0] < 0)
    if inverted:
        bound = 1 - bound
    for i in range(count):
        if inverted:
            scratch.pulls[i] = -scratch.pulls[i]
        low += min(scratch.pulls[i], 0)
        high += max(scratch.pulls[i], 0)
        a, b = divisor, abs(scratch.pulls[i])
        while b:
            a, b = b, a % b
        divisor = a
    if bound <= low or bound > high:
        return inverted ^ int(bound <= low)
    top = begin(SUMS, count, store, scratch)
    for i in range(count):
        store.words[top + i] = scratch.pulls[i] // divisor
    store.words[top + count] = -((-bound) // divisor)
    literal: int = enter(top + count + 1, 2 * own + inverted, store)
    return literal ^ inverted


@njit
def begin(kind: int, count: int, store: Store, scratch: Scratch) -> int:
    """Where the words of a new form go on, once its kind and its fan-ins are written."""
    top = store.sizes[1]
    store.words[top] = 2 * count + kind
    for i in range(count):
        store.words[top + 1 + i] = scratch.pins[i]
    return int(top + 1 + count)


@njit
def enter(end: int, own: int, store: Store) -> int:
    """The literal of the form that was written up to `end`: an earlier one's, or its own."""
    start = store.sizes[1]
    hashed = np.uint64(end - start)
    for i in range(start, end):
        hashed = (hashed ^ np.uint64(store.words[i])) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    slot = np.int64(hashed & np.uint64(store.slots.size - 1))
    while store.slots[slot] >= 0:
        form = store.slots[slot]
        if same(store, form, start, end):
            return int(store.literals[form])
        slot = (slot + 1) & (store.slots.size - 1)
    form = store.sizes[0]
    store.slots[slot], store.literals[form], store.starts[form + 1] = form, own, end
    store.sizes[0], store.sizes[1] = form + 1, end
    return own


@njit
def same(store: Store, form: int, start: int, end: int) -> bool:
    """Whether the words from `start` to `end` are those of this form."""
    before = store.starts[form]
    if store.starts[form + 1] - before != end - start:
        return False
    for i in range(end - start):
        if store.words[before + i] != store.words[start + i]:
            return False
    return True
