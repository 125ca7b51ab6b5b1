"""Small functions checked row by row on the gates themselves, compiled by numba."""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

GOOD = -1
MOST_PINS = 6


@njit
def value_of(
    signal: int, known: I32, values: I64, tables: I64, offsets: I64, fanins: I32, first: int
) -> int:
    """The signal's value where signals `known` have these values; -1 where it reads others."""
    for j in range(known.size):
        if known[j] == signal:
            return int(values[j])
    if signal <= 1:
        return signal
    if signal < first:
        return -1
    g, pattern = signal - first, 0
    for p in range(offsets[g], offsets[g + 1]):
        bit = fanins[p] if fanins[p] <= 1 else -1
        for j in range(known.size):
            if known[j] == fanins[p]:
                bit = values[j]
        if bit < 0:
            return -1
        pattern |= bit << (p - offsets[g])
    return int((tables[g] >> pattern) & 1)


@njit
def consistent(known: I32, values: I64) -> bool:
    """Whether constants have their values and a signal given twice has one value."""
    for j in range(known.size):
        if known[j] <= 1 and values[j] != known[j]:
            return False
        for i in range(j):
            if known[i] == known[j] and values[i] != values[j]:
                return False
    return True


@njit
def first_wrong(
    literals: I32, operands: I32, table: int, tables: I64, offsets: I64, fanins: I32, first: int
) -> int:
    """The first row whose literal is not this table over operands[rows, 3]; negative are skipped.

    The gate behind the literal is one table over signals of the operands, or is one of them.
    """
    values, known = np.empty(3, np.int64), np.empty(3, np.int32)
    for i in range(literals.size):
        if literals[i] < 0:
            continue
        for p in range(8):
            index = 0
            for j in range(3):
                known[j] = operands[i, j] >> 1
                values[j] = (p >> j) & 1
                index |= (values[j] ^ (operands[i, j] & 1)) << j
            if not consistent(known, values):
                continue
            got = value_of(literals[i] >> 1, known, values, tables, offsets, fanins, first)
            if got < 0 or got ^ (literals[i] & 1) != (table >> index) & 1:
                return i
    return GOOD


@njit
def first_wrong_count(
    literals: I32,
    operands: I32,
    kinds: NDArray[np.uint8],
    place: int,
    tables: I64,
    offsets: I64,
    fanins: I32,
    first: int,
) -> int:
    """The first row whose literal is not bit `place` of how many operands[row] are high.

    Row i has kinds[i] operands; rows with a negative literal are skipped. The gate behind the
    literal is one table over signals of the operands, or is one of them.
    """
    for i in range(literals.size):
        if literals[i] < 0:
            continue
        k = kinds[i]
        values, known = np.empty(k, np.int64), operands[i, :k] >> 1
        for p in range(1 << k):
            high = 0
            for j in range(k):
                values[j] = (p >> j) & 1
                high += values[j] ^ (operands[i, j] & 1)
            if not consistent(known, values):
                continue
            got = value_of(literals[i] >> 1, known, values, tables, offsets, fanins, first)
            if got < 0 or got ^ (literals[i] & 1) != (high >> place) & 1:
                return i
    return GOOD


@njit
def sum_up(signals: I32, weights: I64, pins: I32, pulls: I64) -> tuple[int, int]:
    """Writes the distinct signals that matter and their weights; how many, and the constant."""
    order = np.argsort(signals, kind="mergesort")
    n, constant = 0, 0
    for i in order:
        if signals[i] <= 1:
            constant += signals[i] * weights[i]
        elif n and pins[n - 1] == signals[i]:
            pulls[n - 1] += weights[i]
        else:
            pins[n], pulls[n] = signals[i], weights[i]
            n += 1
    used = 0
    for i in range(n):
        if pulls[i]:
            pins[used], pulls[used] = pins[i], pulls[i]
            used += 1
    return used, constant


@njit
def is_threshold(
    signal: int,
    goal: int,
    pins: I32,
    pulls: I64,
    wanted: I32,
    tables: I64,
    offsets: I64,
    fanins: I32,
    first: int,
) -> bool:
    """Whether the signal is ``sum(pulls * pins) >= goal``: constant, one table, or AND/OR trees.

    `wanted` is scratch for every signal, all 0 before and after.
    """
    low, high, least = 0, 0, np.int64(1 << 62)
    for w in pulls:
        low += min(w, 0)
        high += max(w, 0)
        least = min(least, abs(w))
    if goal <= low or goal > high:
        return signal == int(goal <= low)
    if pins.size <= MOST_PINS:
        values = np.empty(pins.size, np.int64)
        for p in range(1 << pins.size):
            total = 0
            for j in range(pins.size):
                values[j] = (p >> j) & 1
                total += values[j] * pulls[j]
            got = value_of(signal, pins, values, tables, offsets, fanins, first)
            if got != int(total >= goal):
                return False
        return True
    if goal <= high - least and goal > low + least:
        return False
    for j in range(pins.size):
        wanted[pins[j]] = 1 if pulls[j] > 0 else 2
    conjunction = goal > high - least
    good = is_tree(signal, bool(conjunction), pins.size, wanted, tables, offsets, fanins, first)
    for pin in pins:
        wanted[pin] = 0
    return good


@njit
def is_tree(
    root: int,
    conjunction: bool,
    leaves: int,
    wanted: I32,
    tables: I64,
    offsets: I64,
    fanins: I32,
    first: int,
) -> bool:
    """Whether the root is the AND (or OR) of the wanted literals: 1 as they are, 2 inverted.

    Every gate on the way must have a single 1 (or 0) in its table, and every leaf be read once.
    """
    stack = [root]
    seen = 0
    while len(stack) > 0:
        g = stack.pop() - first
        if g < 0 or seen > leaves:
            return False
        k = offsets[g + 1] - offsets[g]
        row, rows = -1, 0
        for p in range(1 << k):
            if ((tables[g] >> p) & 1) == int(conjunction):
                row, rows = p, rows + 1
        if rows != 1:
            return False
        for j in range(k):
            pin = fanins[offsets[g] + j]
            positive = ((row >> j) & 1) == int(conjunction)
            if wanted[pin]:
                if wanted[pin] != (1 if positive else 2):
                    return False
                wanted[pin] = 3  # a leaf that comes twice is another function
                seen += 1
            elif positive:
                stack.append(pin)
            else:
                return False
    return seen == leaves


@njit
def first_wrong_threshold(
    gates: I64,
    signals: I32,
    bounds: I64,
    old_offsets: I64,
    terms: I32,
    weights: I64,
    tables: I64,
    offsets: I64,
    fanins: I32,
    first: int,
) -> int:
    """The first of these threshold gates that its signal in the netlist does not compute.

    `terms` and `weights` are the fan-ins of the old gates, renamed to signals of the netlist.
    """
    wanted = np.zeros(first + offsets.size - 1, np.int32)
    for i in range(gates.size):
        row = slice(old_offsets[gates[i]], old_offsets[gates[i] + 1])
        pins, pulls = terms[row].copy(), weights[row].copy()
        n, constant = sum_up(terms[row], weights[row], pins, pulls)
        if not is_threshold(
            signals[i], bounds[i] - constant, pins[:n], pulls[:n], wanted, tables, offsets, fanins,
            first,
        ):  # fmt: skip
            return i
    return GOOD
