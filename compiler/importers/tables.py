"""Truth tables as numpy arrays: one row an input pattern, one column an output bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lithify.compiler.importers.arrays import read_npy
from lithify.compiler.importers.lookup import MOST_ARITY, Array, Lookup, lookups
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError

MOST_ENTRIES = 1 << 26


def from_tables(tables: ArrayLike) -> Circuit:
    """The circuit of truth tables [patterns, outputs], or of one table [patterns].

    Bit j of the number of a row is input `x[j]`; column k is output `y[k]`.

    >>> from_tables([0, 1, 1, 0]).num_gates
    1
    """
    rows = np.asarray(tables)
    rows = rows[:, None] if rows.ndim == 1 else rows
    arity = rows.shape[0].bit_length() - 1 if rows.ndim == 2 else 0
    if not 1 <= arity <= MOST_ARITY or rows.shape[0] != 1 << arity or not rows.shape[1]:
        raise InputError(
            f"truth tables of shape {list(np.shape(tables))}; [2 to the number of inputs, outputs] "
            f"are needed, of 1 to {MOST_ARITY} inputs"
        )
    if rows.size > MOST_ENTRIES:
        raise InputError(f"truth tables of {rows.size:,} entries; at most {MOST_ENTRIES:,}")
    if rows.dtype.kind not in "biu" or rows.min() < 0 or rows.max() > 1:
        raise InputError("an entry of the truth tables is neither 0 nor 1")
    return _circuit(rows.astype(np.bool_).T, arity)


def _circuit(rows: Array, arity: int) -> Circuit:
    builder = Builder()
    pins = builder.input("x", count=arity).ravel()
    wires = np.broadcast_to(np.arange(arity), (len(rows), arity)).astype(np.int64)
    layer = Lookup("tables", np.ascontiguousarray(rows), wires)
    with builder.origin("tables", "core"):
        builder.output("y", lookups(builder, layer, pins[layer.wires]))
    return builder.finish()


def read(data: bytes, filename: str = "<npy>") -> Circuit:
    """The circuit of the truth tables in an `.npy` file."""
    try:
        return from_tables(read_npy(data, "the file"))
    except (FormatError, InputError) as error:
        raise FormatError(f"{filename}: {error}") from error
