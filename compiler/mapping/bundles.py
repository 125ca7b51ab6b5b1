"""Which terms of a score are counted together by cells that compute the terms themselves.

A term that only one score reads, a gate of two or three signals, needs no cell of its own where
three such terms read at most six signals: two cells count all three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.jit import njit
from lithify.ir.netlist import BEST_APART
from lithify.ir.ports import Score

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

TOGETHER = 3
LEAVES = 6
MOST_OWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The gates that are terms of one score only and read few signals, and what these are."""

    own: Mask
    leaves: I32
    """For every signal up to three signals that it is a function of, then -1."""


def terms_of(circuit: Circuit) -> Terms:
    """What is known of every signal as a term."""
    arity = np.zeros(circuit.num_signals, np.int64)
    arity[circuit.first_gate :] = np.diff(circuit.offsets)
    tables = np.zeros(circuit.num_signals, np.bool_)
    tables[circuit.first_gate :] = circuit.kinds == TABLE
    uses = np.bincount(circuit.fanins, minlength=circuit.num_signals)
    for output in circuit.outputs:
        uses += np.bincount(np.unique(output.signals), minlength=circuit.num_signals)
    # What one gate alone reads may lie inside that gate's cell, and should not need its own.
    shared = uses >= 2
    shared[: circuit.first_gate] = True
    own = (uses == 1) & tables & (arity >= 2) & (arity <= MOST_OWN)
    leaves = np.full((circuit.num_signals, MOST_OWN), -1, np.int32)
    leaves[:, 0] = np.arange(circuit.num_signals)
    alone = np.repeat(np.arange(circuit.num_gates), np.diff(circuit.offsets))[
        ~shared[circuit.fanins]
    ]
    own[circuit.first_gate + alone] = False
    gates = np.flatnonzero(own) - circuit.first_gate
    for j in range(MOST_OWN):
        has = arity[gates + circuit.first_gate] > j
        leaves[gates + circuit.first_gate, j] = np.where(
            has, circuit.fanins[np.minimum(circuit.offsets[gates] + j, circuit.fanins.size - 1)], -1
        )
    return Terms(own, leaves)


def bundles_of(circuit: Circuit, score: Score, terms: Terms) -> I32:
    """For every signal the number of its bundle in this score, or -1."""
    signals, row = np.unique(score.signals, return_inverse=True)
    weights = np.zeros(signals.size, np.int64)
    np.add.at(weights, row, score.weights)
    size = np.abs(weights)
    single = (signals > 1) & (size > 0) & (size & (size - 1) == 0)
    bundle_of = np.full(circuit.num_signals, -1, np.int32)
    count = 0
    for weight in np.unique(size[single]).tolist():
        chosen = signals[single & (size == weight)].astype(np.int32)
        own = terms.own[chosen]
        count = int(pack(chosen[own], chosen[~own], terms.leaves, bundle_of, count))
    return bundle_of


def apart_of(terms: Terms) -> I32:
    """For every signal whether it is best apart: a full adder of four-input tables takes in one.

    Both of its tables read the two signals of such a term, and two terms more.
    """
    alone = terms.own & (terms.leaves[:, 2] < 0)
    return np.where(alone, BEST_APART, -1).astype(np.int32)


@njit
def pack(own: I32, other: I32, leaves: I32, bundle_of: I32, count: int) -> int:
    """Numbers bundles of three terms over at most six signals; the number after the last.

    Each bundle starts with the first term left, and takes those that add the fewest signals; a term
    that is shared fills a bundle of two.
    """
    free = np.ones(own.size, np.bool_)
    spare = 0
    for start in range(own.size):
        if not free[start]:
            continue
        members, known = np.full(TOGETHER, start, np.int64), np.full(LEAVES, -1, np.int32)
        size, used = 1, take(leaves[own[start]], known, 0)
        free[start] = False
        while size < TOGETHER:
            best = closest(own, free, start, leaves, known, used)
            if best < 0:
                break
            members[size], free[best] = best, False
            size, used = size + 1, take(leaves[own[best]], known, used)
        alone = size == TOGETHER - 1 and used < LEAVES and spare < other.size
        if alone:
            bundle_of[other[spare]] = count
            spare += 1
        for i in members[:size]:
            free[i] = size < TOGETHER and not alone and i != start
            if size == TOGETHER or alone:
                bundle_of[own[i]] = count
        count += size == TOGETHER or alone
    return count


@njit
def closest(own: I32, free: Mask, start: int, leaves: I32, known: I32, used: int) -> int:
    """The first free term that adds the fewest signals and fits, or -1."""
    best, least = -1, LEAVES + 1 - used
    for i in range(start + 1, own.size):
        if free[i]:
            more = extra(leaves[own[i]], known, used)
            if more < least:
                best, least = i, more
            if least == 0:
                break
    return best


@njit
def extra(leaves: I32, known: I32, used: int) -> int:
    """How many of the leaves are not known yet."""
    more = 0
    for leaf in leaves:
        new = leaf >= 0
        for i in range(used):
            new = new and known[i] != leaf
        more += new
    return more


@njit
def take(leaves: I32, known: I32, used: int) -> int:
    """Notes the leaves that are new; how many are known then."""
    for leaf in leaves:
        new = leaf >= 0
        for i in range(used):
            new = new and known[i] != leaf
        if new:
            known[used] = leaf
            used += 1
    return used
