"""The least weights and bound of a threshold, and its table where it has one, compiled by numba.

Both work in place on fan-ins that are distinct, not constant and of non-zero weights, of which
some but not all sums reach the bound.
"""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I64 = NDArray[np.int64]

MOST_SUM = 2048  # up to this sum of weights every sum that fan-ins can have is listed
MOST_LISTED = 32  # of so many fan-ins at most


@njit
def tighten(bound: int, k: int, pins: I64, pulls: I64) -> tuple[int, int]:
    """The same threshold with weights that are no larger, and no fan-in without effect (in place).

    Fan-ins of negative weight are taken inverted, so that all weights are positive and the bound
    is from 1 to their sum.
    """
    signs = np.empty(k, np.int64)
    same = True
    for i in range(k):
        signs[i] = -1 if pulls[i] < 0 else 1
        bound += (signs[i] < 0) * -pulls[i]
        pulls[i] = abs(pulls[i])
        same = same and pulls[i] == pulls[0]
    while not same:
        before, count, total = bound, k, pulls[:k].sum()
        bound = clip(bound, k, pulls)
        bound = divide(bound, k, pulls)
        bound, k = reach(bound, k, pins, pulls, signs)
        same = (before, count, total) == (bound, k, pulls[:k].sum())
    for i in range(k):
        bound -= (signs[i] < 0) * pulls[i]
        pulls[i] *= signs[i]
    return bound, k


@njit
def clip(bound: int, k: int, pulls: I64) -> int:
    """The bound after weights were cut that decide alone, and that nothing can make up for."""
    total = np.int64(0)
    for i in range(k):
        pulls[i] = min(pulls[i], bound)
        total += pulls[i]
    needed = total - bound + 1  # a fan-in of this weight must be high
    for i in range(k):
        if pulls[i] > needed:
            bound -= pulls[i] - needed
            pulls[i] = needed
    return bound


@njit
def divide(bound: int, k: int, pulls: I64) -> int:
    """The bound after the weights were divided by what divides them all."""
    divisor = np.int64(0)
    for i in range(k):
        a, b = divisor, pulls[i]
        while b:
            a, b = b, a % b
        divisor = a
    if divisor > 1:
        for i in range(k):
            pulls[i] //= divisor
        bound = int(-(-bound // divisor))
    return bound


@njit
def reach(bound: int, k: int, pins: I64, pulls: I64, signs: I64) -> tuple[int, int]:
    """The bound raised to the least sum that reaches it, without fan-ins that decide nothing."""
    total = pulls[:k].sum()
    if k > MOST_LISTED or total > MOST_SUM:
        return bound, k
    sums = np.zeros(total + 1, np.bool_)
    list_sums(k, pulls, -1, sums)
    while not sums[bound]:
        bound += 1
    for i in range(k):
        list_sums(k, pulls, i, sums)
        decides = False
        for s in range(max(0, bound - pulls[i]), bound):
            decides = decides or sums[s]
        if not decides:
            for j in range(i, k - 1):
                pins[j], pulls[j], signs[j] = pins[j + 1], pulls[j + 1], signs[j + 1]
            return bound, k - 1
    return bound, k


@njit
def list_sums(k: int, pulls: I64, without: int, sums: NDArray[np.bool_]) -> None:
    """Marks every sum of some of the weights, one of them left out."""
    sums[:] = False
    sums[0] = True
    top = np.int64(0)
    for i in range(k):
        if i != without:
            for s in range(top, -1, -1):
                if sums[s]:
                    sums[s + pulls[i]] = True
            top += pulls[i]


@njit
def as_table(bound: int, k: int, pulls: I64) -> int:
    """The table of a threshold of at most six fan-ins."""
    table = 0
    for p in range(1 << k):
        total = np.int64(0)
        for j in range(k):
            total += pulls[j] * ((p >> j) & 1)
        if total >= bound:
            table |= 1 << p
    return table
