"""Signals sorted by how they behave on test vectors: equal or complementary ones share a class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.uint64]
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """For every row its class and whether it is inverted against the others of the class."""

    number: NDArray[np.int64]
    inverted: NDArray[np.bool_]

    def representatives(self) -> NDArray[np.int64]:
        """For every row the first row of its class."""
        _, first = np.unique(self.number, return_index=True)
        return first[self.number]


def classify(planes: Planes) -> Classes:
    """The classes of planes[rows, words]: rows that are equal or complementary in every bit.

    Decided by 64-bit hashes: different rows may fall together, about once in 2^64 / rows^2.
    """
    if not planes.shape[1]:
        return Classes(np.zeros(len(planes), np.int64), np.zeros(len(planes), np.bool_))
    inverted = (planes[:, 0] & np.uint64(1)).astype(np.bool_)
    _, number = np.unique(_hashes(planes, inverted), return_inverse=True)
    return Classes(number.astype(np.int64), inverted)


def from_literals(literals: NDArray[np.int64]) -> Classes:
    """The classes of literals (2 * node + inverted): rows of one node."""
    _, number = np.unique(literals >> 1, return_inverse=True)
    return Classes(number.astype(np.int64), (literals & 1).astype(np.bool_))


def _hashes(planes: Planes, inverted: NDArray[np.bool_]) -> Planes:
    """One hash a row, of the row or, where it is inverted, of its complement."""
    mask = np.where(inverted, ~np.uint64(0), np.uint64(0))
    hashes = np.zeros(len(planes), np.uint64)
    for column in planes.T:
        hashes = (hashes ^ column ^ mask) * MIX
        hashes ^= hashes >> np.uint64(29)
    return hashes
