"""Gates that come in any order put so that each follows what it reads, and made a circuit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.backends.bitnames import grouped
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError
from lithify.ir.jit import njit

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


def topological(offsets: I64, fanins: I32, first: int) -> tuple[I32, int]:
    """The gates in an order in which each follows those it reads, and -1 or a gate on a cycle.

    Signals below `first` are no gates. Gates that are in order already stay as they are.
    """
    gates = offsets.size - 1
    own = np.repeat(np.arange(first, first + gates), np.diff(offsets))
    if (fanins < own).all():
        return np.arange(gates, dtype=np.int32), -1
    order = np.empty(gates, np.int32)
    stuck = int(_visit(offsets, fanins, first, order))
    return order, stuck


@njit
def _visit(offsets: I64, fanins: I32, first: int, order: I32) -> int:
    """Fills in the order depth first; a gate on a cycle, or -1."""
    gates = offsets.size - 1
    following = offsets[:-1].copy()
    state = np.zeros(gates, np.uint8)
    stack = np.empty(gates + 1, np.int32)
    count = 0
    for root in range(gates):
        if state[root]:
            continue
        stack[0], depth, state[root] = root, 1, 1
        while depth:
            g = stack[depth - 1]
            if following[g] == offsets[g + 1]:
                state[g] = 2
                order[count] = g
                count += 1
                depth -= 1
                continue
            child = fanins[following[g]] - first
            following[g] += 1
            if child >= 0 and state[child] == 1:
                return int(child)
            if child >= 0 and state[child] == 0:
                stack[depth] = child
                state[child] = 1
                depth += 1
    return -1


def assemble(
    inputs: Sequence[str], outputs: Sequence[str], tables: I64, offsets: I64, fanins: I32,
    output_signals: I32, filename: str,
) -> Circuit:  # fmt: skip
    """The circuit of tables that are in order; bits whose names belong together become ports."""
    b = Builder(fold=False, hash=False)
    for group in grouped(_unique("inputs", inputs, filename)):
        kind = "bit" if group.width == 1 else "uint"
        b.input(group.name, width=group.width, count=group.elements, kind=kind)
    kinds = np.zeros(tables.size, np.uint8)
    b.gates(kinds, tables.view(np.uint64), offsets, fanins, np.empty(0, np.int32))
    start = 0
    for group in grouped(_unique("outputs", outputs, filename)):
        bits = group.elements * group.width
        signals = output_signals[start : start + bits].reshape(group.elements, group.width)
        b.output(group.name, signals, kind="bit" if group.width == 1 else "uint")
        start += bits
    return b.finish()


def _unique(what: str, names: Sequence[str], filename: str) -> Sequence[str]:
    """The names, which must differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FormatError(f"{filename}: two {what} are called {name}; names must differ")
        seen.add(name)
    return names
