"""Selection: where the value of a given rank is among the rows of each group."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithify.ir.jit import njit

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


@njit(nogil=True)
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


@njit(nogil=True)
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


def ranked_of_two(order: Tensor, x: Tensor, rank: int) -> Tensor:
    """The place `[groups, width, batch]` in each order of the value of this rank.

    Row i of a group gives one of two values, number 2 i where its bit in `x` `[groups, size,
    batch]` is 0 and 2 i + 1 where it is 1; `order` `[groups, width, 2 size]` has the numbers by
    rising values, at most 127 rows.
    """
    bits = np.ascontiguousarray(x.detach().numpy()).astype(np.int8)
    places = np.empty((*order.shape[:2], x.shape[2]), np.uint8)
    _ranked_of_two(order.numpy(), bits, rank, places)
    return torch.from_numpy(places).to(torch.int64)


@njit(nogil=True)
def _ranked_of_two(
    order: NDArray[np.int64], bits: NDArray[np.int8], rank: int, places: NDArray[np.uint8]
) -> None:
    """Walk each order for all samples side by side, and count the values that are there."""
    groups, width, numbers = order.shape
    count = np.empty(bits.shape[2], np.int8)
    for group in range(groups):
        for pattern in range(width):
            place = places[group, pattern]
            place[:] = 0
            count[:] = 0
            for number in order[group, pattern]:
                row, bit = bits[group, number >> 1], np.int8(number & 1)
                for sample in range(len(count)):
                    count[sample] += np.int8(row[sample] == bit)
                    place[sample] += np.uint8(count[sample] <= rank)
