"""The order of a net's two-input gates, in windows of equal operations over re-used slots.

Every function works on plain arrays and is compiled by numba once per machine. Literals are
`2 * node + inverted`; nodes are the input bits, then the gates that are kept.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

AND, AND_NOT, OR, XOR = range(4)
SKIPPED = 255
LOOKAHEAD = 8

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _table_of_literals(table: int, a: int, b: int) -> int:
    """The four bits of `table` over the literals' nodes: inversions and constants put in."""
    if a & 1:
        table = (table & 5) << 1 | (table & 10) >> 1
    if b & 1:
        table = (table & 3) << 2 | (table & 12) >> 2
    if a >> 1 == 0:
        table = (table & 5) * 3
    if b >> 1 == 0:
        table = (table & 3) * 5
    if a >> 1 == b >> 1:
        table = (table & 1) * 5 | (table >> 3) * 10
    return table


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def reduce_gates(
    first_gate: int,
    offsets: NDArray[np.int64],
    fanins: Ints,
    tables: NDArray[np.uint64],
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
        table = np.int64(tables[gate] & np.uint64(15))
        a = literals[fanins[start]] if arity > 0 else 0
        b = literals[fanins[start + 1]] if arity > 1 else 0
        if arity == 0:
            table = (table & 1) * 15
        elif arity == 1:
            table = (table & 3) * 5
        table = _table_of_literals(table, a, b)
        inverted = table & 1
        if inverted:
            table ^= 15
        node_a, node_b = a >> 1, b >> 1
        operations[gate] = SKIPPED
        if table == 0:
            literals[first_gate + gate] = inverted
        elif table == 10:
            literals[first_gate + gate] = 2 * node_a + inverted
        elif table == 12:
            literals[first_gate + gate] = 2 * node_b + inverted
        else:
            literals[first_gate + gate] = 2 * (first_gate + gate) + inverted
            if table == 4:
                node_a, node_b = node_b, node_a
            sources[gate, 0] = node_a
            sources[gate, 1] = node_b
            if table == 8:
                operations[gate] = AND
            elif table == 14:
                operations[gate] = OR
            elif table == 6:
                operations[gate] = XOR
            else:
                operations[gate] = AND_NOT


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _readers(num_nodes: int, pairs: Ints) -> tuple[NDArray[np.int64], Ints]:
    """The gates that read each node, as compressed rows."""
    starts = np.zeros(num_nodes + 1, np.int64)
    for gate in range(len(pairs)):
        starts[pairs[gate, 0] + 1] += 1
        starts[pairs[gate, 1] + 1] += 1
    for node in range(num_nodes):
        starts[node + 1] += starts[node]
    fill = starts[:-1].copy()
    readers = np.empty(2 * len(pairs), np.int32)
    for gate in range(len(pairs)):
        for side in range(2):
            node = pairs[gate, side]
            readers[fill[node]] = gate
            fill[node] += 1
    return starts, readers


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def walk(inputs: int, pairs: Ints, window: int) -> tuple[Ints, Ints]:
    """An order of the gates, and where each window starts in it (and ends, last).

    No gate reads another of its own window. Where it can, each gate shares a source with the one
    before it; else the gate that has been ready longest comes next.
    """
    gates = len(pairs)
    starts, readers = _readers(inputs + gates, pairs)
    cursor = starts[:-1].copy()
    pending = np.zeros(gates, np.uint8)
    done = np.zeros(gates, np.uint8)
    queue = np.empty(gates, np.int32)
    order = np.empty(gates, np.int32)
    begins = np.empty(gates + 1, np.int32)
    head = tail = place = windows = 0
    for gate in range(gates):
        pending[gate] = (pairs[gate, 0] >= inputs) + (pairs[gate, 1] >= inputs)
        if pending[gate] == 0:
            queue[tail] = gate
            tail += 1
    current = -1
    while place < gates:
        begins[windows] = place
        windows += 1
        while place - begins[windows - 1] < window:
            following = -1
            if current >= 0:
                for side in range(2):
                    node = pairs[current, side]
                    at = cursor[node]
                    end = starts[node + 1]
                    while at < end and done[readers[at]]:
                        at += 1
                    cursor[node] = at
                    end = min(end, at + LOOKAHEAD)
                    while at < end and following < 0:
                        if pending[readers[at]] == 0 and not done[readers[at]]:
                            following = readers[at]
                        at += 1
                    if following >= 0:
                        break
            if following < 0:
                while head < tail and done[queue[head]]:
                    head += 1
                if head == tail:
                    break
                following = queue[head]
                head += 1
            done[following] = 1
            order[place] = following
            place += 1
            current = following
        for i in range(begins[windows - 1], place):
            node = inputs + order[i]
            for at in range(starts[node], starts[node + 1]):
                reader = readers[at]
                pending[reader] -= 1
                if pending[reader] == 0:
                    queue[tail] = reader
                    tail += 1
    begins[windows] = gates
    return order, begins[: windows + 1]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def assign_slots(
    inputs: int, pairs: Ints, kinds: Bytes, order: Ints, begins: Ints, roots: Ints
) -> tuple[Ints, Ints, Ints, int]:
    """Operands [gates, 3] in running order, counts [windows, 4], the nodes' slots, and how many.

    A slot is free again after the last gate that reads it; `roots` (nodes) keep theirs.
    """
    gates = len(pairs)
    left = np.zeros(inputs + gates, np.int32)
    for gate in range(gates):
        left[pairs[gate, 0]] += 1
        left[pairs[gate, 1]] += 1
    for root in roots:
        left[root] += 1
    slot_of = np.empty(inputs + gates, np.int32)
    free = np.empty(inputs + gates, np.int32)
    num_free = 0
    slots = inputs
    for node in range(inputs - 1, -1, -1):
        slot_of[node] = node
        if left[node] == 0:
            free[num_free] = node
            num_free += 1
    operands = np.empty((gates, 3), np.int32)
    counts = np.zeros((len(begins) - 1, 4), np.int32)
    place = 0
    for window in range(len(begins) - 1):
        for kind in range(4):
            for i in range(begins[window], begins[window + 1]):
                gate = order[i]
                if kinds[gate] != kind:
                    continue
                counts[window, kind] += 1
                for side in range(2):
                    node = pairs[gate, side]
                    operands[place, side] = slot_of[node]
                    left[node] -= 1
                    if left[node] == 0:
                        free[num_free] = slot_of[node]
                        num_free += 1
                if num_free:
                    num_free -= 1
                    slot = free[num_free]
                else:
                    slot = slots
                    slots += 1
                slot_of[inputs + gate] = slot
                operands[place, 2] = slot
                place += 1
    return operands, counts, slot_of, slots
