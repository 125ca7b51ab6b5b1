"""Arrays of integers as the single wide integers that a simulator's ports hold, and back."""

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def pack(values: Int64, width: int) -> list[int]:
    """One integer for each row: element i at bits [i * width, (i + 1) * width).

    >>> pack(np.array([[1, 2], [-1, 0]]), 4)
    [33, 15]
    """
    bits = (values[:, :, None] >> np.arange(width)) & 1
    rows = np.packbits(bits.reshape(len(values), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def unpack(word: int, *, width: int, count: int, signed: bool) -> Int64:
    """The `count` integers in one wide integer.

    >>> unpack(0x8F, width=4, count=2, signed=True)
    array([-1, -8])
    """
    size = (width * count + 7) // 8
    raw = np.frombuffer(word.to_bytes(size, "little"), np.uint8)
    bits = np.unpackbits(raw, count=width * count, bitorder="little").reshape(count, width)
    weights = np.int64(1) << np.arange(width, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return bits.astype(np.int64) @ weights
