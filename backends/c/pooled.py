"""Four gates of one operation under an AND or an OR, as one: a gate over a pooling window.

Nothing else reads the four, so they stay in registers: eight sources are read and one result is
written, where seven gates read fourteen and write seven.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.reduced import AND, OR, Bytes, Ints
from lithify.ir.jit import njit

FIRST_POOL = 4
OPERATIONS = FIRST_POOL + 8
"""A pool's operation is FIRST_POOL + 2 * the four gates' operation, and one more under an OR."""


@njit
def _own(node: int, inputs: int, operation: int, uses: Ints, operations: Bytes) -> bool:
    """Whether the node is a gate of this operation that only one other reads."""
    return bool(node >= inputs and uses[node] == 1 and operations[node - inputs] == operation)


@njit
def _flatten(
    gate: int, inputs: int, pairs: Ints, operations: Bytes, uses: Ints, nodes: Ints, through: Ints
) -> int:
    """How many `nodes` an AND or OR is of, looked `through` own gates of it; 9: more than 8."""
    nodes[:2] = pairs[gate]
    count, at = 2, 0
    while at < count:
        if not _own(nodes[at], inputs, operations[gate], uses, operations):
            at += 1
        elif count == 8:
            return 9
        else:
            through[count - 2] = nodes[at] - inputs
            nodes[at], nodes[count] = pairs[nodes[at] - inputs]
            count += 1
    return count


@njit
def _find(
    gate: int, inputs: int, pairs: Ints, operations: Bytes, uses: Ints, nodes: Ints, through: Ints
) -> int:
    """The operation of the pool that the gate ends, or -1; its eight sources, the gates inside."""
    outer = operations[gate]
    if outer != AND and outer != OR:
        return -1
    count = _flatten(gate, inputs, pairs, operations, uses, nodes, through)
    inner = outer
    if count == 4 and nodes[0] >= inputs:
        inner = operations[nodes[0] - inputs]
        for i in range(3, -1, -1):
            if not _own(nodes[i], inputs, inner, uses, operations):
                return -1
            through[2 + i] = nodes[i] - inputs
            nodes[2 * i], nodes[2 * i + 1] = pairs[nodes[i] - inputs]
    elif count != 8:
        return -1
    return int(FIRST_POOL + 2 * inner + (outer == OR))


@njit
def pool(
    inputs: int, pairs: Ints, operations: Bytes, held: Ints
) -> tuple[NDArray[np.int64], Ints, Bytes, Ints]:
    """All gates' sources, as compressed rows, their operations, and what each node is then.

    Gates inside of pools are no longer there (-1). Nodes that are `held` stay.
    """
    gates = len(pairs)
    uses = np.zeros(inputs + gates, np.int32)
    for pair in pairs:
        uses[pair[0]] += 1
        uses[pair[1]] += 1
    for node in held:
        uses[node] += 2
    kinds, place, nodes = operations.copy(), np.full(gates, -1, np.int32), np.empty(8, np.int32)
    inside, through = np.zeros(gates, np.bool_), np.empty(6, np.int32)
    eights, pools = np.empty((gates // 7, 8), np.int32), 0
    for gate in range(gates - 1, -1, -1):
        if inside[gate]:
            continue
        found = _find(gate, inputs, pairs, operations, uses, nodes, through)
        if found >= 0:
            kinds[gate], place[gate], eights[pools] = found, pools, nodes
            inside[through] = True
            pools += 1
    starts, sources, moved = _rows(inputs, pairs, inside, place, eights)
    return starts, sources, kinds[~inside], moved


@njit
def _rows(
    inputs: int, pairs: Ints, inside: NDArray[np.bool_], place: Ints, eights: Ints
) -> tuple[NDArray[np.int64], Ints, Ints]:
    """The sources of all gates that are not inside, as compressed rows, and where nodes are then.

    A gate with a place has the eight sources of that place.
    """
    moved = np.full(inputs + len(pairs), -1, np.int32)
    moved[:inputs] = np.arange(inputs)
    starts, sources = np.zeros(len(pairs) + 1, np.int64), np.empty(2 * len(pairs), np.int32)
    kept = end = 0
    for gate in range(len(pairs)):
        if inside[gate]:
            continue
        for node in pairs[gate] if place[gate] < 0 else eights[place[gate]]:
            sources[end] = moved[node]
            end += 1
        moved[inputs + gate] = inputs + kept
        kept += 1
        starts[kept] = end
    return starts[: kept + 1], sources[:end], moved
