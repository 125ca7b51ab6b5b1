"""The simplest form of one gate, compiled by numba: tables and thresholds in lowest terms.

Tables are int64 here: their bits are the same as those of the uint64 arrays outside.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@njit(cache=True)
def drop_variable(table: int, k: int, j: int, value: int) -> int:
    """The table over the other variables where variable j is held at `value`."""
    out = 0
    low = (1 << j) - 1
    for p in range(1 << (k - 1)):
        index = (p & low) | (value << j) | ((p & ~low) << 1)
        out |= ((table >> index) & 1) << p
    return out


@njit(cache=True)
def merge_variable(table: int, k: int, i: int, j: int) -> int:
    """The table where variable j > i is replaced by variable i."""
    out = 0
    low = (1 << j) - 1
    for p in range(1 << (k - 1)):
        index = (p & low) | (((p >> i) & 1) << j) | ((p & ~low) << 1)
        out |= ((table >> index) & 1) << p
    return out


@njit(cache=True)
def flip_variable(table: int, k: int, j: int) -> int:
    """The table where variable j is inverted."""
    out = 0
    for p in range(1 << k):
        out |= ((table >> (p ^ (1 << j))) & 1) << p
    return out


@njit(cache=True)
def swap_variables(table: int, k: int, j: int) -> int:
    """The table where variables j and j + 1 have changed places."""
    out = 0
    for p in range(1 << k):
        a, b = (p >> j) & 1, (p >> (j + 1)) & 1
        index = (p & ~(3 << j)) | (b << j) | (a << (j + 1))
        out |= ((table >> index) & 1) << p
    return out


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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
