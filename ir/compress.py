"""The loops of arithmetic, compiled by numba: compressors and thresholds.

Literals are ``2 * signal + inverted``; marks are ``origin << 32 | unit``. The loops are in one
file, since numba's cache of a function does not notice a change of what it calls in another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lithify.ir import netstore as at
from lithify.ir.netlist import THRESHOLD
from lithify.ir.netstore import I32, I64, Store
from lithify.ir.smallgates import (
    MOST_PINS,
    add_gate,
    count_table,
    flipped,
    literal_gate,
    ones,
    shared_gate,
    signed_digits,
)

FAR = 1 << 62  # beyond every sum of 32-bit weights


@njit(cache=True)
def fill_row(store: Store, row: I32, literals: I32, one: int, wants: I32, mark: int) -> None:
    """Makes a row count two to six literals, or two and constant 1.

    A bit is left out where 0 is wanted, and is no inverted literal where 2 is.
    """
    k = literals.size
    row[at.INPUT : at.INPUT + k] = literals
    row[at.KIND] = k + one
    if one:
        row[at.INPUT + k] = 1
    # The carry first: who writes the two in AND gates then finds its product for the sum.
    for place in (2, 1, 0):
        if wants[place] and k + one >= 1 << place:
            table = count_table(place, k, one)
            positive = wants[place] == 2
            row[at.SUM + place] = literal_gate(store, table, literals, positive, mark)


@njit(cache=True)
def new_compressor(store: Store, column: int, group: int) -> I32:
    """The row of a new compressor, without inputs and outputs."""
    row: I32 = store.compressors[store.counts[at.COMPRESSORS]]
    store.counts[at.COMPRESSORS] += 1
    row[at.INPUT : at.INPUT + MOST_PINS] = 0
    row[at.SUM : at.FOUR + 1] = -1
    row[at.COLUMN], row[at.GROUP] = column, group
    return row


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
def compressor(
    store: Store, group: int, column: int, literals: I32, wants: I32, one: int, outs: I32, mark: int
) -> int:
    """The sum of a new row that counts the literals.

    `wants` says which bits are wanted, and counts the carries and fours in rows 3 and 4 of `outs`.
    """
    row = new_compressor(store, column, group)
    fill_row(store, row, literals, one, wants, mark)
    for place in (1, 2):
        if row[at.SUM + place] >= 0:
            outs[2 + place, wants[2 + place]] = row[at.SUM + place]
            wants[2 + place] += 1
    return int(row[at.SUM])


@njit(cache=True)
def takes_of(left: int, most: int) -> int:
    """How many of the literals that are left in a column the next compressor counts."""
    if most > 3 and left > 3:
        return min(left, most)
    return min(left, 3)


@njit(cache=True)
def column_sum(
    store: Store,
    group: int,
    column: int,
    one: int,
    wants: I32,
    needed: bool,
    most: int,
    queues: I32,
    heads: I64,
    ends: I64,
    mark: int,
) -> int:
    """The bit of one column, whose literals wait in queues 0 to 2.

    Sums wait in queue 2; rows 3 and 4 gather the carries and fours, counted in `wants`.
    """
    left = ends[0] + ends[1] + ends[2]
    taken = np.empty(MOST_PINS, np.int32)
    while left >= 2:
        takes = takes_of(left, most)
        for j in range(takes):
            taken[j] = earliest(store, queues, heads, ends)
        closed = 1 if takes == 2 and one == 1 else 0
        one -= closed
        left -= takes - 1
        wants[0] = 1
        if left == 1 and one == 0:
            wants[0] = 2 if needed else 0
        row_sum = compressor(store, group, column, taken[:takes], wants, closed, queues, mark)
        queues[2, ends[2]] = row_sum
        ends[2] += 1
    rest = 0
    if left:
        rest = (
            int(queues[2, ends[2] - 1])
            if heads[2] < ends[2]
            else earliest(store, queues, heads, ends)
        )
    if one and left and wants[1]:
        queues[3, wants[3]] = rest
        wants[3] += 1
    return rest ^ one if rest >= 0 else rest


@njit(cache=True)
def bundled(
    store: Store,
    group: int,
    column: int,
    bundle_of: I32,
    wants: I32,
    queues: I32,
    ends: I64,
    mark: int,
) -> None:
    """Counts the literals of queue 0 that share a bundle, each bundle in a row of its own.

    The sums go to queue 2; queue 0 keeps the literals without company.
    """
    own = queues[0, : ends[0]].copy()
    order = np.argsort(bundle_of[own >> 1], kind="mergesort")
    kept, start = 0, 0
    while start < own.size:
        bundle, end = bundle_of[own[order[start]] >> 1], start + 1
        while end < own.size and bundle >= 0 and bundle_of[own[order[end]] >> 1] == bundle:
            end += 1
        if end == start + 1:
            queues[0, kept] = own[order[start]]
            kept += 1
        else:
            together = own[order[start:end]]
            queues[2, ends[2]] = compressor(store, group, column, together, wants, 0, queues, mark)
            ends[2] += 1
        start = end
    ends[0] = kept


@njit(cache=True)
def add_up(
    store: Store,
    group: int,
    signals: I32,
    weights: I64,
    every: bool,
    most: int,
    bundle_of: I32,
    mark: int,
) -> None:
    """Adds up the terms and the bias of a group, whose row is written; fills in its bits.

    Column by column, the earliest literals first, by compressors of at most `most` inputs, with a
    half adder only where two are left; without `every` only the top bit counts. A constant 1 waits
    for the end of its column. `bundle_of` numbers the terms that are counted together first; it is
    empty where none are.
    """
    width = store.groups[group, at.WIDTH]
    pins, pulls, constant = merged(store, signals, weights)
    literals, starts, moved = by_column(pins, pulls, width)
    bias = store.groups[group, at.BIAS] + constant + moved
    queues = np.empty((6, literals.size + width + 2), np.int32)
    heads, ends = np.zeros(3, np.int64), np.zeros(3, np.int64)
    wants = np.zeros(5, np.int32)
    carried, waiting = 0, 0
    for column in range(width):
        own = starts[column + 1] - starts[column]
        for i in range(own):
            queues[0, i] = literals[starts[column] + i]
        left, one = own + carried, (bias >> column) & 1
        heads[:], ends[0], ends[1], ends[2] = 0, own, carried, 0
        lonely = most == 3 and column + 1 < width and (left + one) >> 1 == 1
        lonely = lonely and starts[column + 2] == starts[column + 1]
        lonely = lonely and (bias >> (column + 1)) & 1 == 0
        wants[:] = 1
        wants[1] = 0 if column + 1 == width else 1 + lonely
        wants[2], wants[3], wants[4] = column + 2 < width, 0, 0
        if bundle_of.size:
            bundled(store, group, column, bundle_of, wants, queues, ends, mark)
        needed = every or column + 1 == width
        rest = column_sum(store, group, column, one, wants, needed, most, queues, heads, ends, mark)
        store.bits[store.groups[group, at.BITS] + column] = rest
        for i in range(waiting):
            queues[1, i] = queues[5, i]
        for i in range(wants[3]):
            queues[1, waiting + i] = queues[3, i]
        carried, waiting = waiting + wants[3], wants[4]
        for i in range(waiting):
            queues[5, i] = queues[4, i]


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
    add_up(store, group, terms, weights, False, most, np.empty(0, np.int32), mark)
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
