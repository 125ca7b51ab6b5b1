"""The netlist as it grows in the loops of arithmetic: arrays with room for all that comes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

# Counters of a store, then the columns of its rows of compressors and of groups.
GATES, PINS, COMPRESSORS, GROUPS = 0, 1, 2, 3
KIND, INPUT, SUM, CARRY, FOUR, COLUMN, GROUP = 0, 1, 8, 9, 10, 11, 12
COLUMNS = 13
PURPOSE, OWNER, WIDTH, BIAS, TERMS, BITS = 0, 1, 2, 3, 4, 5


class Store(NamedTuple):
    """Gates in compressed rows, the record of compressors and groups, and how much is used.

    Few arrays of many columns, since numba's time to compile grows with their number.
    """

    first: int
    counts: I64
    tables: I64
    offsets: I64
    fanins: I32
    levels: I32
    marks: I64
    """Origin and unit of every gate: ``origin << 32 | unit``, as for all marks here."""
    slots: I32
    compressors: I32
    groups: I64
    """Columns TERMS and BITS are where the rows of the group start; the next row has the end."""
    terms: I64
    """Signal and weight."""
    bits: I32
