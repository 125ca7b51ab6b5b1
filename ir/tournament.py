"""The argmax of scores as a tournament of comparisons and multiplexers."""

from __future__ import annotations

import numpy as np

from lithify.ir import compress, smallgates
from lithify.ir.netlist import MATCH, Matches
from lithify.ir.netstore import I32, Store

NO_BUNDLES = np.empty(0, np.int32)


def play(store: Store, scores: I32, matches: int, mark: int) -> Matches:
    """The tournament over the scores[entries, width]; its gates are added to the store.

    Neighbours meet, so that the left one of a match always has the lower classes.
    """
    count, width = scores.shape
    left, right = pairings(count if matches else 0)
    bits = max(1, (count - 1).bit_length()) if count else 0
    values = np.full((count + matches, width), -1, np.int32)
    values[:count] = scores
    classes = np.full((count + matches, bits), -1, np.int32)
    classes[:count] = (np.arange(count)[:, None] >> np.arange(bits)) & 1
    higher = np.full(matches, -1, np.int32)
    for m, (a, b) in enumerate(zip(left, right, strict=True)):
        higher[m] = compare(store, m, values[a], values[b], mark | m)
        if m + 1 < matches:
            values[count + m] = choose(store, higher[m], values[b], values[a], mark | m)
        classes[count + m] = choose(store, higher[m], classes[b], classes[a], mark | m)
    return Matches(
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        higher=higher,
        values=values,
        classes=classes,
    )


def pairings(count: int) -> tuple[list[int], list[int]]:
    """The left and right entry of every match; winners are numbered on from `count`.

    >>> pairings(5)
    ([0, 2, 5, 7], [1, 3, 6, 4])
    """
    entries = list(range(count))
    left: list[int] = []
    right: list[int] = []
    while len(entries) > 1:
        first, pairs = count + len(left), len(entries) // 2
        left += entries[0 : 2 * pairs : 2]
        right += entries[1 : 2 * pairs : 2]
        entries = list(range(first, first + pairs)) + entries[2 * pairs :]
    return left, right


def compare(store: Store, number: int, left: I32, right: I32, mark: int) -> int:
    """The signal "right strictly above left", both as two's complement."""
    width = left.size
    places = np.left_shift(np.int64(1), np.arange(width, dtype=np.int64))
    places[-1] = -places[-1]
    terms, weights = np.concatenate([right, left]), np.concatenate([places, -places])
    bias = (1 << width) - 1
    group = compress.open_group(store, MATCH, number, width + 1, bias, terms, weights)
    compress.add_up(store, group, terms, weights, 3, NO_BUNDLES, mark)
    return int(compress.bit_signal(store, group, width, mark))


def choose(store: Store, select: int, high: I32, low: I32, mark: int) -> list[int]:
    """The signals of the word `high` where `select` is 1, else of `low`."""
    pairs = zip(high.tolist(), low.tolist(), strict=True)
    return [_mux(store, int(select), a, b, mark) for a, b in pairs]


def _mux(store: Store, select: int, high: int, low: int, mark: int) -> int:
    """The signal of one multiplexer, where constants fold."""
    if high == low or select <= 1:
        return high if select else low
    if (high, low) == (1, 0):
        return select
    if (high, low) == (0, 1):
        table, pins = 0b01, [select]
    elif high <= 1:
        table, pins = (0b1110 if high else 0b0010), [low, select]
    elif low <= 1:
        table, pins = (0b1011 if low else 0b1000), [high, select]
    else:
        table, pins = 0xCA, [low, high, select]
    return int(smallgates.shared_gate(store, table, np.array(pins, np.int32), mark))
