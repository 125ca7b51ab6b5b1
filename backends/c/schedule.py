"""The order of a net's two-input gates, in windows of equal operations over re-used slots.

Every function works on plain arrays and is compiled by numba once per machine. Literals are
`2 * node + inverted`; nodes are the input bits, then the gates that are kept.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

AND, AND_NOT, OR, XOR = range(4)
SKIPPED = 255
LOOKAHEAD = 8
LEAST_WINDOW_OF_FOURS = 32
READY, DONE = 0, 3  # other states: how many of a gate's fan-ins are still to come

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

OPERATION_OF = np.full(16, SKIPPED, np.uint8)
"""The operation of a four-bit table that is low for the pattern 00; SKIPPED for a copy."""
OPERATION_OF[[8, 2, 4, 14, 6]] = AND, AND_NOT, AND_NOT, OR, XOR


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _sharer(
    sources: Ints,
    starts: NDArray[np.int64],
    readers: Ints,
    cursor: NDArray[np.int64],
    state: Bytes,
) -> int:
    """A gate that reads one of the sources and may come next, or -1; only a few are looked at."""
    for node in sources:
        at, end = cursor[node], starts[node + 1]
        while at < end and state[readers[at]] == DONE:
            at += 1
        cursor[node] = at
        for place in range(at, min(end, at + LOOKAHEAD)):
            if state[readers[place]] == READY:
                return int(readers[place])
    return -1


@numba.njit(cache=True)
def _release(readers: Ints, state: Bytes, queue: Ints, tail: int) -> int:
    """The queue's new end, after the readers of one node wait for one source less."""
    for reader in readers:
        state[reader] -= 1
        queue[tail] = reader
        tail += state[reader] == READY
    return tail


@numba.njit(cache=True)
def _whole_fours(
    kinds: Bytes, order: Ints, begin: int, end: int, state: Bytes, odd: Ints
) -> tuple[int, int]:
    """The window's new end and how many gates left it, so that each operation has whole fours.

    The gates that left are ready again, and listed in `odd`.
    """
    surplus = np.zeros(4, np.int64)
    for place in range(begin, end):
        surplus[kinds[order[place]]] += 1
    left = 0
    for place in range(end - 1, begin - 1, -1):
        gate = order[place]
        if surplus[kinds[gate]] % 4:
            surplus[kinds[gate]] -= 1
            state[gate] = READY
            odd[left] = gate
            left += 1
    kept = begin
    for place in range(begin, end):
        order[kept] = order[place]
        kept += state[order[place]] == DONE
    return kept, left


@numba.njit(cache=True)
def walk(inputs: int, pairs: Ints, kinds: Bytes, window: int) -> tuple[Ints, Ints]:
    """An order of the gates, and where each window starts in it (and ends, last).

    No gate reads another of its own window. Where it can, each gate shares a source with the one
    before it; else the gate that has been ready longest comes next. A window that could be filled
    has each operation in whole fours.
    """
    gates = len(pairs)
    starts, readers = _readers(inputs + gates, pairs)
    cursor = starts[:-1].copy()
    state = np.empty(gates, np.uint8)
    queue = np.empty(gates + 1, np.int32)
    order = np.empty(gates, np.int32)
    begins = np.empty(gates + 1, np.int32)
    odd = np.empty(16, np.int32)
    head = tail = place = windows = left = 0
    for gate in range(gates):
        state[gate] = (pairs[gate, 0] >= inputs) + (pairs[gate, 1] >= inputs)
        queue[tail] = gate
        tail += state[gate] == READY
    while place < gates:
        begin = place
        begins[windows] = begin
        windows += 1
        while place - begin < window:
            following = -1
            if left:
                left -= 1
                following = odd[left]
            elif place:
                following = _sharer(pairs[order[place - 1]], starts, readers, cursor, state)
            while following < 0 and head < tail:
                following = queue[head] if state[queue[head]] == READY else -1
                head += 1
            if following < 0:
                break
            state[following] = DONE
            order[place] = following
            place += 1
        if place - begin == window and window >= LEAST_WINDOW_OF_FOURS:
            place, left = _whole_fours(kinds, order, begin, place, state, odd)
        for gate in order[begin:place]:
            node = inputs + gate
            tail = _release(readers[starts[node] : starts[node + 1]], state, queue, tail)
    begins[windows] = gates
    return order, begins[: windows + 1]


@numba.njit(cache=True)
def by_operation(kinds: Bytes, order: Ints, begins: Ints) -> tuple[Ints, Ints]:
    """The order with the gates of each window by operation, and the rounds[rounds, 6].

    Windows go through the operations up and down in turns, so that neighbours share a run; where
    a run would be joined within a four, a new round begins.
    """
    running = np.empty_like(order)
    rounds = np.zeros((len(begins) + 1, 6), np.int32)
    place, at, column = 0, 0, 0
    for window in range(len(begins) - 1):
        if rounds[at, column] % 4:
            at, column = at + 1, 0
        down = column == 3
        for step in range(4):
            kind = 3 - step if down else step
            column = (3 + step) % 6 if down else step
            at += column == 0 and down
            for gate in order[begins[window] : begins[window + 1]]:
                if kinds[gate] == kind:
                    rounds[at, column] += 1
                    running[place] = gate
                    place += 1
    return running, rounds[: at + 1]


@numba.njit(cache=True)
def assign_slots(inputs: int, pairs: Ints, order: Ints, roots: Ints) -> tuple[Ints, Ints, int]:
    """Operands[gates, 3] in running order, the nodes' slots, and how many slots there are.

    A slot is free again after the last gate that reads it; `roots` (nodes) keep theirs.
    """
    left = np.zeros(inputs + len(pairs), np.int32)
    for pair in pairs:
        left[pair[0]] += 1
        left[pair[1]] += 1
    for root in roots:
        left[root] += 1
    slot_of = np.empty(inputs + len(pairs), np.int32)
    free = np.empty(inputs + len(pairs) + 1, np.int32)
    num_free, slots = 0, inputs
    for node in range(inputs - 1, -1, -1):
        slot_of[node] = node
        free[num_free] = node
        num_free += left[node] == 0
    operands = np.empty((len(pairs), 3), np.int32)
    for place, gate in enumerate(order):
        for side in range(2):
            node = pairs[gate, side]
            operands[place, side] = slot_of[node]
            left[node] -= 1
            free[num_free] = slot_of[node]
            num_free += left[node] == 0
        if num_free:
            num_free -= 1
            slot = free[num_free]
        else:
            slot = slots
            slots += 1
        slot_of[inputs + gate] = slot
        operands[place, 2] = slot
    return operands, slot_of, slots
