"""The loops that add up, compiled by numba: compressors, column by column.

Literals are ``2 * signal + inverted``; marks are ``origin << 32 | unit``. Numba's cache of a
function does not notice a change of what it calls in another file: run `make clean` after one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lithify.ir import netstore as at
from lithify.ir.columns import EXTRAS, planned
from lithify.ir.jit import njit
from lithify.ir.netlist import BEST_APART, CHAINS, FULL, MOST, MOST_COUNT, SCORE
from lithify.ir.netstore import I32, I64, Store
from lithify.ir.smallgates import (
    MOST_PINS,
    count_table,
    literal_gate,
    ones,
    shared_gate,
    signed_digits,
)

APART, OWN, CARRIED, SUMS, WAITING, CARRIES, FOURS = 0, 1, 2, 3, 4, 5, 6
QUEUES = 7


class Queues(NamedTuple):
    """Literals that wait to be counted, in the order of their levels, queue by queue.

    The first four are of the column: terms that are best alone among what is counted, its other
    terms, carries from before, sums made in it. The next two are of the column after it: carries
    from the column before and from this one. The last are of the one after that.
    """

    literals: I32
    heads: I64
    ends: I64


@njit
def positive_first(literals: I32, starts: I64) -> None:
    """Puts the inverted literals of every column last: a carry chain inverts all or none."""
    for column in range(starts.size - 1):
        own = literals[starts[column] : starts[column + 1]]
        own[:] = own[np.argsort(own & 1, kind="mergesort")]


@njit
def fill_row(
    store: Store, row: I32, literals: I32, twice: int, one: int, wants: I32, mark: int
) -> None:
    """Makes a row count up to six literals, the last `twice` of them twice, and constant 1 if one.

    A bit is left out where 0 is wanted, and is no inverted literal where 2 is.
    """
    k = literals.size
    row[at.INPUT : at.INPUT + k] = literals
    row[at.INPUT + k : at.INPUT + k + twice] = literals[k - twice :]
    total = k + twice + one
    row[at.KIND] = total
    if one:
        row[at.INPUT + total - 1] = 1
    # The carry first: who writes the two in AND gates then finds its product for the sum.
    for place in (2, 1, 0):
        if wants[place] and total >= 1 << place:
            table = count_table(place, k, twice, one)
            positive = wants[place] == 2
            row[at.SUM + place] = literal_gate(store, table, literals, positive, mark)


@njit
def new_compressor(store: Store, column: int, group: int) -> I32:
    """The row of a new compressor, without inputs and outputs."""
    row: I32 = store.compressors[store.counts[at.COMPRESSORS]]
    store.counts[at.COMPRESSORS] += 1
    row[at.INPUT : at.SUM] = 0
    row[at.SUM : at.FOUR + 1] = -1
    row[at.COLUMN], row[at.GROUP] = column, group
    return row


@njit
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


@njit
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


@njit
def earliest(store: Store, queues: Queues, first: int, after: int) -> int:
    """Takes the literal of the lowest level from the heads of these queues, one of which waits."""
    best, low = -1, 0
    for q in range(first, after):
        if queues.heads[q] < queues.ends[q]:
            level = store.levels[queues.literals[q, queues.heads[q]] >> 1]
            if best < 0 or level < low:
                best, low = q, level
    queues.heads[best] += 1
    return int(queues.literals[best, queues.heads[best] - 1])


@njit
def waiting(queues: Queues, first: int, after: int) -> int:
    """How many literals wait in these queues."""
    return int((queues.ends[first:after] - queues.heads[first:after]).sum())


@njit
def put(queues: Queues, queue: int, literal: int) -> None:
    """Adds a literal to the end of a queue."""
    queues.literals[queue, queues.ends[queue]] = literal
    queues.ends[queue] += 1


@njit
def compressor(
    store: Store, group: int, column: int, literals: I32, twice: int, one: int, wants: I32,
    queues: Queues, mark: int,
) -> None:  # fmt: skip
    """Makes a new row that counts the literals; `wants` says which bits, which go to the queues."""
    row = new_compressor(store, column, group)
    fill_row(store, row, literals, twice, one, wants, mark)
    put(queues, SUMS, row[at.SUM])
    for place, queue in ((1, CARRIES), (2, FOURS)):
        if row[at.SUM + place] >= 0:
            put(queues, queue, row[at.SUM + place])


@njit
def take_earliest(store: Store, queues: Queues, taken: I32) -> None:
    """Takes the earliest literals of the column, those that are best apart one at a time."""
    for j in range(taken.size):
        apart = waiting(queues, APART, OWN) and (j == 0 or not waiting(queues, OWN, WAITING))
        first, after = (APART, OWN) if apart else (OWN, WAITING)
        taken[j] = earliest(store, queues, first, after)


@njit
def take_chained(store: Store, queues: Queues, taken: I32) -> None:
    """Takes a carry first, that of the longest chain, if there is one, and then no carry.

    Of more carries than there will be adders the rest, those of the shortest chains, count as
    other literals do; where there are fewer, terms are counted without. Adders make carries in the
    order of their chains, the longest first.
    """
    spare = waiting(queues, CARRIED, SUMS) - waiting(queues, APART, WAITING) // 2
    apart_from_carries = spare < 0 and waiting(queues, APART, CARRIED) >= taken.size
    for j in range(taken.size):
        carried = waiting(queues, CARRIED, SUMS)
        own, summed = waiting(queues, OWN, CARRIED), waiting(queues, SUMS, WAITING)
        apart = waiting(queues, APART, OWN)
        if j == 0 and carried and not apart_from_carries:
            queues.heads[CARRIED] += 1
            taken[j] = queues.literals[CARRIED, queues.heads[CARRIED] - 1]
        elif carried and (spare > 0 or own + summed + apart == 0):
            spare -= 1
            queues.ends[CARRIED] -= 1
            taken[j] = queues.literals[CARRIED, queues.ends[CARRIED]]
        elif apart and (j == 0 or own + summed == 0):
            taken[j] = earliest(store, queues, APART, OWN)
        elif own:
            taken[j] = earliest(store, queues, OWN, CARRIED)
        else:
            taken[j] = earliest(store, queues, SUMS, WAITING)


@njit
def count_together(
    store: Store, group: int, column: int, takes: int, others: int, one: int, needed: bool,
    chains: bool, wants: I32, queues: Queues, mark: int,
) -> int:  # fmt: skip
    """Counts the earliest literals of the column, or a carry first, and some of the next one.

    The rest of the constant 1 of the column, `one`: it is counted where that costs no table.
    """
    taken = np.empty(MOST_PINS, np.int32)
    if chains:
        take_chained(store, queues, taken[:takes])
    else:
        take_earliest(store, queues, taken[:takes])
    twice = 0
    while twice < others and waiting(queues, WAITING, FOURS):
        taken[takes + twice] = earliest(store, queues, WAITING, FOURS)
        twice += 1
    total = takes + 2 * twice
    closed = 1 if one and total != 3 and total < MOST_COUNT else 0
    wants[0] = 1
    if waiting(queues, APART, WAITING) == 0 and one == closed:
        wants[0] = 2 if needed else 0
    compressor(store, group, column, taken[: takes + twice], twice, closed, wants, queues, mark)
    return one - closed


@njit
def last_literal(store: Store, one: int, wants: I32, queues: Queues) -> int:
    """The literal that is left of a column, once a constant 1 is added to it."""
    rest = earliest(store, queues, APART, WAITING) if waiting(queues, APART, WAITING) else 0
    if one and rest > 1 and wants[1]:
        put(queues, CARRIES, rest)
    return rest ^ one if rest >= 0 else rest


@njit
def column_sum(
    store: Store, group: int, column: int, most: int, one: int, needed: bool, wants: I32,
    own: I64, bias: int, queues: Queues, mark: int,
) -> int:  # fmt: skip
    """The bit of one column, whose literals wait in the queues; its carries go to theirs.

    With `most` of 3 full adders, the earliest literals first, or in CHAINS; else as planned.
    """
    chains = most == CHAINS
    plan = np.zeros((3, 3), np.int64)  # kinds of compressors: how many, and what each takes
    if most <= FULL:
        while waiting(queues, APART, WAITING) >= 2:
            takes, others = min(waiting(queues, APART, WAITING), FULL), plan[0, 2]
            one = count_together(
                store, group, column, takes, others, one, needed, chains, wants, queues, mark
            )
        return last_literal(store, one, wants, queues)
    state = np.zeros(4, np.int64)
    there = waiting(queues, WAITING, FOURS)
    state[0], state[3] = waiting(queues, APART, WAITING), one
    state[1] = there + (own[column + 1] if column + 1 < own.size else 0)
    state[2] = own[column + 2] if column + 2 < own.size else 0
    state[2] += queues.ends[FOURS]
    full, mixed, extra = planned(state, there, own, bias, column)
    plan[0, 0], plan[0, 1] = full, MOST
    plan[1, 0], plan[1, 1], plan[1, 2] = extra > 0, EXTRAS[extra, 0], EXTRAS[extra, 1]
    plan[2, 0], plan[2, 1], plan[2, 2] = mixed, MOST - 1, 1
    for kind in range(3):
        takes, others = plan[kind, 1], plan[kind, 2]
        for _ in range(plan[kind, 0]):
            one = count_together(
                store, group, column, takes, others, one, needed, chains, wants, queues, mark
            )
    return last_literal(store, one, wants, queues)


@njit
def count_bundles(
    store: Store, group: int, column: int, bundle_of: I32, wants: I32, queues: Queues, mark: int
) -> None:
    """Counts the column's own literals that share a bundle, each bundle in a row of its own.

    Those that are best apart move to a queue of theirs.
    """
    own = queues.literals[OWN, queues.heads[OWN] : queues.ends[OWN]].copy()
    order = np.argsort(bundle_of[own >> 1], kind="mergesort")
    queues.heads[OWN] = queues.ends[OWN] = 0
    start = 0
    while start < own.size:
        bundle, end = bundle_of[own[order[start]] >> 1], start + 1
        while end < own.size and bundle >= 0 and bundle_of[own[order[end]] >> 1] == bundle:
            end += 1
        if end == start + 1:
            put(queues, APART if bundle == BEST_APART else OWN, own[order[start]])
        else:
            together = own[order[start:end]]
            compressor(store, group, column, together, 0, 0, wants, queues, mark)
        start = end


@njit
def next_column(queues: Queues, literals: I32) -> None:
    """Moves what waits for the next column to the queues of the column; its own are `literals`."""
    queues.heads[OWN], queues.ends[OWN] = 0, literals.size
    queues.literals[OWN, : literals.size] = literals
    for q in (APART, CARRIED):
        queues.heads[q], queues.ends[q] = 0, 0
    for q in (WAITING, CARRIES):
        for i in range(queues.heads[q], queues.ends[q]):
            put(queues, CARRIED, queues.literals[q, i])
    queues.heads[WAITING], queues.ends[WAITING] = 0, 0
    for i in range(queues.ends[FOURS]):
        put(queues, WAITING, queues.literals[FOURS, i])
    for q in (SUMS, CARRIES, FOURS):
        queues.heads[q], queues.ends[q] = 0, 0


@njit
def add_up(
    store: Store,
    group: int,
    signals: I32,
    weights: I64,
    most: int,
    bundle_of: I32,
    mark: int,
) -> None:
    """Adds up the terms and the bias of a group, whose row is written; fills in its bits.

    Column by column, by compressors of at most `most` inputs; only the top bit counts, unless it
    is a SCORE. A constant 1 waits for the end of its column. `bundle_of` numbers the terms that
    are counted together first, or BEST_APART; it is empty where none are.
    """
    width = store.groups[group, at.WIDTH]
    pins, pulls, constant = merged(store, signals, weights)
    literals, starts, moved = by_column(pins, pulls, width)
    if most == CHAINS:
        positive_first(literals, starts)
    bias = store.groups[group, at.BIAS] + constant + moved
    own = np.diff(starts)
    room = 2 * literals.size + 4 * width + 8
    queues = Queues(
        np.empty((QUEUES, room), np.int32), np.zeros(QUEUES, np.int64), np.zeros(QUEUES, np.int64)
    )
    wants = np.zeros(3, np.int32)
    for column in range(width):
        next_column(queues, literals[starts[column] : starts[column + 1]])
        one = (bias >> column) & 1
        lonely = most <= FULL and column + 1 < width and own[column + 1] == 0
        lonely = lonely and (waiting(queues, APART, WAITING) + one) >> 1 == 1
        lonely = lonely and (bias >> (column + 1)) & 1 == 0
        wants[0], wants[1] = 1, 0 if column + 1 == width else 1 + lonely
        wants[2] = column + 2 < width
        if bundle_of.size:
            count_bundles(store, group, column, bundle_of, wants, queues, mark)
        needed = column + 1 == width or store.groups[group, at.PURPOSE] == SCORE
        store.bits[store.groups[group, at.BITS] + column] = column_sum(
            store, group, column, most, one, needed, wants, own, bias, queues, mark
        )


@njit
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


@njit
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
