"""The loops of arithmetic, compiled by numba: hashed small gates, compressors, thresholds.

Literals are ``2 * signal + inverted``; marks are ``origin << 32 | unit``. All loops are in one
file, since numba's cache of a function does not notice a change of what it calls in another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lithify.ir import netstore as at
from lithify.ir.netlist import THRESHOLD
from lithify.ir.netstore import I32, I64, Store

MOST_PINS = 6
FAR = 1 << 62  # beyond every sum of 32-bit weights


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def flipped(table: int, k: int, flips: int) -> int:
    """The table whose variables are inverted where `flips` has a bit."""
    out = 0
    for p in range(1 << k):
        out |= ((table >> (p ^ flips)) & 1) << p
    return out


@njit(cache=True)
def literal_gate(store: Store, table: int, literals: I32, positive: bool, mark: int) -> int:
    """The literal of a table over two or three literals.

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
    table ^= -inverted & ((1 << (1 << literals.size)) - 1)
    return 2 * shared_gate(store, table, pins, mark) + inverted


@njit(cache=True)
def fill_row(
    store: Store, row: I32, literals: I32, one: bool, want_sum: int, want_carry: int, mark: int
) -> None:
    """Makes a row a half or full adder over two or three literals, or two and constant 1.

    A bit is left out where 0 is wanted, and is no inverted literal where 2 is.
    """
    k = literals.size
    for j in range(k):
        row[at.INPUT + j] = literals[j]
    row[at.KIND] = k
    if one:
        row[at.KIND], row[at.INPUT + k] = k + 1, 1
    sum_table, carry_table = (0b1001, 0b1110) if one else (0b0110, 0b1000)
    if k == 3:
        sum_table, carry_table = 0x96, 0xE8
    # The carry first: who writes the two in AND gates then finds its product for the sum.
    if want_carry:
        row[at.CARRY] = literal_gate(store, carry_table, literals, want_carry == 2, mark)
    if want_sum:
        row[at.SUM] = literal_gate(store, sum_table, literals, want_sum == 2, mark)


@njit(cache=True)
def new_compressor(store: Store, column: int, group: int) -> I32:
    """The row of a new compressor, without inputs and outputs."""
    row: I32 = store.compressors[store.counts[at.COMPRESSORS]]
    store.counts[at.COMPRESSORS] += 1
    row[at.INPUT] = row[at.INPUT + 1] = row[at.INPUT + 2] = 0
    row[at.SUM] = row[at.CARRY] = -1
    row[at.COLUMN], row[at.GROUP] = column, group
    return row


@njit(cache=True)
def ones(value: int) -> int:
    """How many bits of a non-negative value are set."""
    count = 0
    while value:
        value &= value - 1
        count += 1
    return count


@njit(cache=True)
def signed_digits(weight: int) -> tuple[int, int]:
    """The powers of two to add and to subtract: binary, or the non-adjacent form where shorter."""
    thrice, size = 3 * abs(weight), abs(weight)
    plus, minus = (thrice & ~size) >> 1, (size & ~thrice) >> 1
    if ones(plus) + ones(minus) >= ones(size):
        plus, minus = size, 0
    return (minus, plus) if weight < 0 else (plus, minus)


@njit(cache=True)
def merged(store: Store, signals: I32, weights: I64) -> tuple[I32, I64, int]:
    """The signals once each, early levels first, with their summed weights, and the constant."""
    order = np.argsort(signals, kind="mergesort")
    pins, pulls = np.empty(order.size, np.int32), np.empty(order.size, np.int64)
    n, constant = 0, 0
    for i in order:
        s = signals[i]
        if s <= 1:
            constant += s * weights[i]
            continue
        if n and pins[n - 1] == s:
            pulls[n - 1] += weights[i]
        else:
            pins[n], pulls[n] = s, weights[i]
            n += 1
        if pulls[n - 1] == 0:
            n -= 1
    early = np.argsort(store.levels[pins[:n]], kind="mergesort")
    return pins[:n][early], pulls[:n][early], constant


@njit(cache=True)
def by_column(pins: I32, pulls: I64, width: int) -> tuple[I32, I64, int]:
    """The literals to add up, column after column; where columns start; what the bias changes by.

    What is subtracted is an inverted literal that is added, and its weight less in the bias.
    """
    plus, minus = np.empty(pins.size, np.int64), np.empty(pins.size, np.int64)
    moved, room, count = 0, 0, 0
    for i in range(pins.size):
        plus[i], minus[i] = signed_digits(pulls[i])
        room += ones(plus[i]) + ones(minus[i])
        moved -= minus[i]
    literals, starts = np.empty(room, np.int32), np.zeros(width + 1, np.int64)
    for column in range(width):
        for i in range(pins.size):
            if ((plus[i] | minus[i]) >> column) & 1:
                literals[count] = 2 * pins[i] + ((minus[i] >> column) & 1)
                count += 1
        starts[column + 1] = count
    return literals, starts, moved


@njit(cache=True)
def earliest(store: Store, queues: I32, heads: I64, ends: I64) -> int:
    """Takes the literal of the lowest level from the heads of the three queues."""
    best, low = -1, 0
    for q in range(3):
        if heads[q] < ends[q]:
            level = store.levels[queues[q, heads[q]] >> 1]
            if best < 0 or level < low:
                best, low = q, level
    heads[best] += 1
    return int(queues[best, heads[best] - 1])


@njit(cache=True)
def column_sum(
    store: Store,
    group: int,
    column: int,
    one: int,
    want_carry: int,
    needed: bool,
    queues: I32,
    heads: I64,
    ends: I64,
    mark: int,
) -> tuple[int, int]:
    """The bit of one column, whose literals wait in queues 0 and 1; how many carries left it.

    Sums wait in queue 2; row 3 gathers the carries, which become queue 1 of the next column.
    """
    left, carried = ends[0] + ends[1], 0
    taken, carries = np.empty(3, np.int32), queues[3]
    while left >= 2:
        takes = min(left, 3)
        for j in range(takes):
            taken[j] = earliest(store, queues, heads, ends)
        closed = takes == 2 and one == 1
        one -= closed
        left -= takes - 1
        want_sum = 1
        if left == 1 and one == 0:
            want_sum = 2 if needed else 0
        row = new_compressor(store, column, group)
        fill_row(store, row, taken[:takes], closed, want_sum, want_carry, mark)
        if want_carry:
            carries[carried] = row[at.CARRY]
            carried += 1
        queues[2, ends[2]] = row[at.SUM]
        ends[2] += 1
    rest = 0
    if left:
        rest = int(queues[2, ends[2] - 1]) if ends[2] else earliest(store, queues, heads, ends)
    if one and left and want_carry:
        carries[carried] = rest
        carried += 1
    for i in range(carried):
        queues[1, i] = carries[i]
    return (rest ^ one if rest >= 0 else rest), carried


@njit(cache=True)
def add_up(store: Store, group: int, signals: I32, weights: I64, every: bool, mark: int) -> None:
    """Adds up the terms and the bias of a group, whose row is written; fills in its bits.

    Column by column, the earliest literals first, by full adders, with a half adder only where two
    are left; without `every` only the top bit counts. A constant 1 waits for the end of its column.
    """
    width = store.groups[group, at.WIDTH]
    pins, pulls, constant = merged(store, signals, weights)
    literals, starts, moved = by_column(pins, pulls, width)
    bias = store.groups[group, at.BIAS] + constant + moved
    room = literals.size + width + 2
    queues = np.empty((4, room), np.int32)
    heads, ends = np.zeros(3, np.int64), np.zeros(3, np.int64)
    carried = 0
    for column in range(width):
        own = starts[column + 1] - starts[column]
        for i in range(own):
            queues[0, i] = literals[starts[column] + i]
        left, one = own + carried, (bias >> column) & 1
        heads[:], ends[0], ends[1], ends[2] = 0, own, carried, 0
        lonely = column + 1 < width and (left + one) >> 1 == 1
        lonely = lonely and starts[column + 2] == starts[column + 1]
        lonely = lonely and (bias >> (column + 1)) & 1 == 0
        want_carry = 0 if column + 1 == width else 1 + lonely
        needed = every or column + 1 == width
        rest, carried = column_sum(
            store, group, column, one, want_carry, needed, queues, heads, ends, mark
        )
        store.bits[store.groups[group, at.BITS] + column] = rest


@njit(cache=True)
def bit_signal(store: Store, group: int, column: int, mark: int) -> int:
    """The signal of one bit of a group; an inverted literal is given a gate of its own."""
    place = store.groups[group, at.BITS] + column
    literal = int(store.bits[place])
    if literal == 1:
        store.bits[place] = literal = 2
    elif literal & 1:
        pins = np.empty(1, np.int32)
        pins[0] = literal >> 1
        row = new_compressor(store, column, group)
        row[at.KIND], row[at.INPUT] = 1, literal
        literal = 2 * shared_gate(store, 1, pins, mark)
        row[at.SUM] = store.bits[place] = literal
    return literal >> 1


@njit(cache=True)
def open_group(
    store: Store, purpose: int, owner: int, width: int, bias: int, terms: I32, weights: I64
) -> int:
    """The number of a new group with this linear form; its bits are still to be found."""
    group = store.counts[at.GROUPS]
    row, after = store.groups[group], store.groups[group + 1]
    row[at.PURPOSE], row[at.OWNER], row[at.WIDTH], row[at.BIAS] = purpose, owner, width, bias
    for i in range(terms.size):
        store.terms[row[at.TERMS] + i, 0] = terms[i]
        store.terms[row[at.TERMS] + i, 1] = weights[i]
    after[at.TERMS], after[at.BITS] = row[at.TERMS] + terms.size, row[at.BITS] + width
    store.counts[at.GROUPS] += 1
    return int(group)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def threshold(store: Store, owner: int, bound: int, terms: I32, weights: I64, mark: int) -> int:
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
    add_up(store, group, terms, weights, False, mark)
    return bit_signal(store, group, room, mark)


@njit(cache=True)
def copy_gates(
    store: Store,
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    marks: I64,
    signal_of: I32,
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
            made = threshold(store, store.first + i, tables[i], pins, pulls, mark)
        signal_of[store.first + i] = made
