"""Layers of two-input gates as difflogic keeps them (Petersen et al., arXiv 2210.08277).

A gate is one of sixteen numbers: read as four bits, the highest is what it gives for a = b = 0, the
next for b alone, then a alone, then both. Weights are a number for each gate, the largest wins, the
first where several are as large. In archives the layers are `gate0`, `a0`, `b0`, `gate1` and on, or
`NAME.weights` [units, 16] and `NAME.indices` [2, units].
"""

from __future__ import annotations

import numpy as np

from lithify.compiler.importers.lookup import Array, Bits, Lookup
from lithify.ir.errors import FormatError

GATES = 16


def layer(path: str, weights: Array, indices: Array, inputs: int | None = None) -> Lookup:
    """The layer of the most likely gates; `indices` are the first and second wires."""
    numbers = np.asarray(weights)
    wires = np.asarray(indices)
    if numbers.ndim != 2 or numbers.shape[1] != GATES or wires.shape != (2, len(numbers)):
        raise FormatError(
            f"{path}: weights of shape {list(numbers.shape)} and indices of shape "
            f"{list(wires.shape)}; [units, 16] and [2, units] are needed"
        )
    require_finite(path, numbers)
    return chosen(path, numbers.argmax(axis=1), wires[0], wires[1], inputs)


def chosen(path: str, gates: Array, a: Array, b: Array, inputs: int | None = None) -> Lookup:
    """The layer of these gates over first and second wires."""
    parts = [require_whole(path, np.asarray(one)) for one in (gates, a, b)]
    if len({one.shape for one in parts}) > 1 or parts[0].ndim != 1:
        raise FormatError(f"{path}: gates and wires differ in number")
    if parts[0].size and not 0 <= parts[0].min() <= parts[0].max() < GATES:
        wrong = parts[0][(parts[0] < 0) | (parts[0] >= GATES)][0]
        raise FormatError(f"{path}: gate {wrong}; there are the gates 0 to 15")
    return Lookup(path, rows_of(parts[0]), np.stack(parts[1:], axis=1), inputs)


def rows_of(gates: Array) -> Bits:
    """The entries for (a, b) = 00, 10, 01, 11 of each gate."""
    rows: Bits = (gates[:, None] >> np.array([3, 1, 2, 0]) & 1).astype(np.bool_)
    return rows


def require_finite(path: str, numbers: Array) -> None:
    """Raise FormatError where a weight is no number."""
    if numbers.dtype.kind not in "biuf" or not np.isfinite(numbers).all():
        raise FormatError(f"{path}: its weights are not all finite numbers")


def require_whole(path: str, numbers: Array) -> Array:
    """The integers; FormatError where they are none."""
    if numbers.dtype.kind not in "biu":
        raise FormatError(f"{path}: {numbers.dtype} numbers where integers are needed")
    return numbers.astype(np.int64)
