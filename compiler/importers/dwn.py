"""Layers of lookup tables as torch-dwn keeps them (Bacellar et al., ICML 2024).

Table j is luts[j], high where an entry is positive; its wire l, mapping[j, l], is bit l of the
number of the entry. A learned mapping is a weight for each bit and wire; the largest wins, the
first where several are as large. Classes sum consecutive bits; where they do not divide, the last
classes have fewer.
"""

from __future__ import annotations

import numpy as np

from lithify.compiler.importers.difflogic import require_finite, require_whole
from lithify.compiler.importers.lookup import MOST_ARITY, Array, Lookup, Sum
from lithify.ir.errors import FormatError


def layer(path: str, luts: Array, mapping: Array, *, learned: bool = False) -> Lookup:
    """The layer of luts[units, entries] and mapping[units, arity], or the weights of a learned."""
    tables = np.asarray(luts)
    arity = tables.shape[1].bit_length() - 1 if tables.ndim == 2 else 0
    if not 1 <= arity <= MOST_ARITY or tables.shape[1] != 1 << arity:
        raise FormatError(
            f"{path}: luts of shape {list(tables.shape)}; [units, 2 to the number of wires] are "
            f"needed, with at most {MOST_ARITY} wires"
        )
    require_finite(path, tables)
    wires = np.asarray(mapping)
    inputs = len(wires) if learned else None
    if learned:
        if wires.ndim != 2 or not len(wires) or wires.shape[1] != arity * len(tables):
            raise FormatError(
                f"{path}: a learned mapping of shape {list(wires.shape)}; "
                f"[bits, {arity * len(tables)}] are needed"
            )
        require_finite(path, wires)
        wires = wires.argmax(axis=0).reshape(-1, arity)
    if wires.shape != (len(tables), arity):
        raise FormatError(
            f"{path}: a mapping of shape {list(wires.shape)} for luts of shape {list(tables.shape)}"
        )
    return Lookup(path, tables > 0, require_whole(path, wires), inputs)


def group_sum(
    path: str, inputs: int, classes: int, *, tau: float, order: Array | None = None
) -> Sum:
    """The sums of consecutive bits, after putting them in order."""
    if not 1 <= classes <= inputs:
        raise FormatError(f"{path}: {classes} classes of {inputs} bits; each needs one")
    bits = np.arange(inputs) if order is None else require_whole(path, np.asarray(order))
    if bits.ndim != 1:
        raise FormatError(f"{path}: its order of bits has shape {list(bits.shape)}")
    size = max(1, -(-bits.size // classes))
    return Sum(path, tuple(bits[c * size : (c + 1) * size] for c in range(classes)), tau)
