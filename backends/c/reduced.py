"""A circuit's gates as four operations of two inputs, inversions kept in literals.

Literals are `2 * node + inverted`; nodes are the input bits, then the gates that are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

AND, AND_NOT, OR, XOR = range(4)
SKIPPED = 255

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

OPERATION_OF = np.full(16, SKIPPED, np.uint8)
"""The operation of a four-bit table that is low for the pattern 00; SKIPPED for a copy."""
OPERATION_OF[[8, 2, 4, 14, 6]] = AND, AND_NOT, AND_NOT, OR, XOR


@njit
def _over_nodes(table: int, arity: int, a: int, b: int) -> int:
    """The table as four bits over the literals' nodes: inversions and constants put in."""
    if arity == 0:
        return (table & 1) * 15
    bits = (table & 3) * 5 if arity == 1 else table & 15
    if a & 1:
        bits = (bits & 5) << 1 | (bits & 10) >> 1
    if b & 1:
        bits = (bits & 3) << 2 | (bits & 12) >> 2
    if a >> 1 == 0:
        bits = (bits & 5) * 3
    if b >> 1 == 0:
        bits = (bits & 3) * 5
    if a >> 1 == b >> 1:
        bits = (bits & 1) * 5 | (bits >> 3) * 10
    return bits


@njit
def reduce_gates(
    first_gate: int,
    offsets: NDArray[np.int64],
    fanins: Ints,
    tables: NDArray[np.int64],
    literals: Ints,
    sources: Ints,
    operations: Bytes,
) -> None:
    """Fill `literals` of all signals, and `sources`, `operations` of the gates that remain.

    Constants, copies and inverters vanish; four operations remain, since what inverts a result is
    kept in its literal.
    """
    literals[0] = 0
    literals[1] = 1
    for signal in range(2, first_gate):
        literals[signal] = 2 * signal
    for gate in range(len(tables)):
        start = offsets[gate]
        arity = offsets[gate + 1] - start
        a = literals[fanins[start]] if arity > 0 else 0
        b = literals[fanins[start + 1]] if arity > 1 else 0
        table = _over_nodes(int(tables[gate]), arity, a, b)
        inverted = table & 1
        if inverted:
            table ^= 15
        if table == 4:
            a, b = b, a
        operations[gate] = OPERATION_OF[table]
        node = a >> 1 if table == 10 else b >> 1
        if operations[gate] != SKIPPED:
            node = first_gate + gate
            sources[gate, 0] = a >> 1
            sources[gate, 1] = b >> 1
        elif table == 0:
            node = 0
        literals[first_gate + gate] = 2 * node + inverted


@njit
def keep_live(first_gate: int, sources: Ints, operations: Bytes, roots: Ints, nodes: Ints) -> int:
    """How many gates reach the `roots` (signals); `nodes[signal]` becomes the node, or -1."""
    gates = len(operations)
    needed = np.zeros(first_gate + gates, np.uint8)
    for root in roots:
        needed[root] = 1
    for gate in range(gates - 1, -1, -1):
        if needed[first_gate + gate] and operations[gate] != SKIPPED:
            needed[sources[gate, 0]] = 1
            needed[sources[gate, 1]] = 1
    nodes[:] = -1
    for signal in range(2, first_gate):
        nodes[signal] = signal - 2
    kept = 0
    for gate in range(gates):
        if needed[first_gate + gate] and operations[gate] != SKIPPED:
            nodes[first_gate + gate] = first_gate - 2 + kept
            kept += 1
    return kept


@njit
def compact(
    first_gate: int, sources: Ints, operations: Bytes, nodes: Ints, kept: int
) -> tuple[Ints, Bytes]:
    """Sources (as nodes) and operations of the kept gates."""
    pairs = np.empty((kept, 2), np.int32)
    kinds = np.empty(kept, np.uint8)
    place = 0
    for gate in range(len(operations)):
        if nodes[first_gate + gate] >= 0:
            pairs[place, 0] = nodes[sources[gate, 0]]
            pairs[place, 1] = nodes[sources[gate, 1]]
            kinds[place] = operations[gate]
            place += 1
    return pairs, kinds
