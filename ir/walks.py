"""Walks over all gates, compiled by numba: levels and liveness."""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


@njit
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


@njit
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
