"""Two-input gates on bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.nets.layer import Bits


def table_outputs(tables: NDArray[np.uint64], a: Bits, b: Bits) -> Bits:
    """The outputs `[gates, batch]`, by exclusive-or of each table's algebraic normal form."""
    f0, f1, f2, f3 = ((tables[:, None] >> np.uint64(i)) & np.uint64(1) == 1 for i in range(4))
    out: Bits = f0 ^ (a & (f0 ^ f1)) ^ (b & (f0 ^ f2)) ^ (a & b & (f0 ^ f1 ^ f2 ^ f3))
    return out
