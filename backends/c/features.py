"""Raw features as codes, by the kernel: what an input code does, many times as fast."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.library import FeatureCode, load

COMPARED = 32
"""Bounds of a feature that the kernel compares one by one (MOST_BOUNDS there)."""
MOST_EXACT = 1 << 24
"""Up to which whole numbers are numbers of single precision."""
Array = NDArray[Any]


class Features:
    """Codes of features: the numbers of their bounds that they exceed, or whole numbers as such."""

    def __init__(
        self, elements: int, *, low: int, high: int, bounds: Sequence[Sequence[float]] | None = None
    ) -> None:
        """`bounds` has ascending numbers for each element; without, features are low..high."""
        self._kernel = load()
        self.words = self._kernel.vectors[-1] // 64
        self._elements, self._low, self._high = elements, low, high
        self._code = np.dtype(np.uint8 if 0 <= low and high <= 255 else np.int32)
        self._tables: dict[int, Array | None] = {4: None, 8: None}
        if bounds is not None:
            self._tables = {size: _table(bounds, size) for size in self._tables}

    def codes(self, x: Array) -> Array | None:
        """The codes of numbers x[samples, elements]; None where there is one that has no code."""
        single = x.dtype.itemsize <= (4 if x.dtype.kind == "f" else 2)
        if max(abs(self._low), abs(self._high)) > MOST_EXACT:
            single = False
        x = np.ascontiguousarray(x, np.float32 if single else np.float64)
        codes = np.empty(x.shape, self._code)
        table = self._tables[x.itemsize]
        code = FeatureCode(
            bounds=None if table is None else table.ctypes.data,
            num_bounds=0 if table is None else table.size // self._elements,
            elements=self._elements,
            item_bytes=x.itemsize,
            code_bytes=codes.itemsize,
            low=self._low,
            high=self._high,
        )
        there, made = x.ctypes.data, codes.ctypes.data
        refused = self._kernel.features(
            ctypes.byref(code), there, x.strides[0], len(x), self.words, made
        )
        return None if refused else codes


def _table(bounds: Sequence[Sequence[float]], size: int) -> Array:
    """The bounds as the kernel takes them, those of single precision not above the given ones."""
    most = max(map(len, bounds), default=0)
    room = most if most <= COMPARED else (1 << most.bit_length()) - 1
    table = np.full((len(bounds), max(1, room)), np.inf)
    for element, row in enumerate(bounds):
        table[element, : len(row)] = row
    if size == 4:
        with np.errstate(over="ignore", under="ignore"):
            single = table.astype(np.float32)
        table = np.where(single > table, np.nextafter(single, np.float32(-np.inf)), single)
    return np.ascontiguousarray(table.T if room <= COMPARED else table)
