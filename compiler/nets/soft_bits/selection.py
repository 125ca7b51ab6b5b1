"""Selection: where the value of a given rank is among the rows of each group."""

from __future__ import annotations

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LANES = 64
ONE = int(np.float32(1).view(np.int32))


def ranked(values: Tensor, rank: int) -> Tensor:
    """Where in each group of soft bits `[groups, n, batch]` the value of this rank is.

    Rows `[groups, batch]`, rank 0 the least; of equal values it is one's, the same every time.
    """
    if values.is_cuda or values.dtype != torch.float32:
        return values.detach().kthvalue(rank + 1, 1).indices
    # Floats that are not negative are in the order of their bits.
    words = np.ascontiguousarray(values.detach().abs().numpy()).view(np.int32)
    rows = np.empty((words.shape[0], words.shape[2]), np.int64)
    _ranked(words, rank, rows)
    return torch.from_numpy(rows)


@numba.njit(cache=True, nogil=True)
def _ranked(words: NDArray[np.int32], rank: int, rows: NDArray[np.int64]) -> None:
    """Fill `rows`, many columns side by side."""
    groups, size, batch = words.shape
    tile = np.empty((size, LANES), np.int32)
    found = np.empty(LANES, np.int32)
    for group in range(groups):
        for start in range(0, batch, LANES):
            lanes = min(LANES, batch - start)
            tile[:, :lanes] = words[group, :, start : start + lanes]
            _search(tile, rank, found)
            for row in range(size):
                for lane in range(lanes):
                    if tile[row, lane] == found[lane]:
                        rows[group, start + lane] = row


@numba.njit(cache=True, nogil=True)
def _search(tile: NDArray[np.int32], rank: int, high: NDArray[np.int32]) -> None:
    """Leave in `high` the word of the rank in each column, by halving the range that it is in."""
    low, middle = np.zeros(LANES, np.int32), np.empty(LANES, np.int32)
    count = np.empty(LANES, np.int32)
    high[:] = ONE
    for _ in range(30):
        for lane in range(LANES):
            middle[lane] = (low[lane] + high[lane]) >> 1
            count[lane] = 0
        for row in range(len(tile)):
            for lane in range(LANES):
                count[lane] += np.int32(tile[row, lane] <= middle[lane])
        for lane in range(LANES):
            enough = count[lane] > rank
            high[lane] = middle[lane] if enough else high[lane]
            low[lane] = low[lane] if enough else middle[lane] + 1
