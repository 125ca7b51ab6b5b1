"""The order of a net's two-input gates: pairs that share a source, in windows of equal operations.

Every function works on plain arrays and is compiled by numba once per machine. Nodes are the input
bits, then the gates that are kept; gate i reads sources[starts[i]:starts[i + 1]]: two nodes, or
eight where it is a pool. A unit is one gate, or two that share a source which nothing else reads
any more: the first's result takes its slot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.pooled import FIRST_POOL, OPERATIONS
from lithify.backends.c.reduced import AND_NOT, Bytes, Ints
from lithify.ir.jit import njit

LOOKAHEAD = 8
READY, DONE = 0, 9  # other states: how many of a gate's fan-ins are still to come

Rows = NDArray[np.int64]

SHAPES = ("x & b", "x & ~b", "b & ~x", "x | b", "x ^ b")
"""What a gate of a pair makes of its own source x and the shared one b."""
PAIRS = tuple((x, y) for x in range(len(SHAPES)) for y in range(x, len(SHAPES)))
"""The shapes of both gates of a pair, by its kind; single gates and pools are what follows."""
KINDS = len(PAIRS) + OPERATIONS
GATES_OF = np.array([2] * len(PAIRS) + [1] * FIRST_POOL + [7] * (OPERATIONS - FIRST_POOL))
"""How many two-input gates a unit of each kind is."""

_PAIR_KIND = np.zeros((len(SHAPES), len(SHAPES)), np.uint8)
for _kind, _shapes in enumerate(PAIRS):
    _PAIR_KIND[_shapes] = _kind


@njit
def _readers(num_nodes: int, starts: Rows, sources: Ints) -> tuple[Rows, Ints]:
    """The gates that read each node, as compressed rows."""
    rows = np.zeros(num_nodes + 1, np.int64)
    for node in sources:
        rows[node + 1] += 1
    for node in range(num_nodes):
        rows[node + 1] += rows[node]
    fill = rows[:-1].copy()
    readers = np.empty(len(sources), np.int32)
    for gate in range(len(starts) - 1):
        for node in sources[starts[gate] : starts[gate + 1]]:
            readers[fill[node]] = gate
            fill[node] += 1
    return rows, readers


@njit
def _uses(num_nodes: int, sources: Ints, roots: Ints) -> Ints:
    """How many gates and roots need each node."""
    left = np.zeros(num_nodes, np.int32)
    for node in sources:
        left[node] += 1
    for root in roots:
        left[root] += 1
    return left


@njit
def _reader(node: int, rows: Rows, readers: Ints, cursor: Rows, state: Bytes) -> int:
    """A gate that reads the node and may come next, or -1; only a few are looked at."""
    at, end = cursor[node], rows[node + 1]
    while at < end and state[readers[at]] == DONE:
        at += 1
    cursor[node] = at
    for place in range(at, min(end, at + LOOKAHEAD)):
        if state[readers[place]] == READY:
            return int(readers[place])
    return -1


@njit
def _release(readers: Ints, state: Bytes, queue: Ints, tail: int) -> int:
    """The queue's new end, after the readers of one node wait for one source less."""
    for reader in readers:
        state[reader] -= 1
        queue[tail] = reader
        tail += state[reader] == READY
    return tail


@njit
def _finish(
    gate: int,
    inputs: int,
    starts: Rows,
    sources: Ints,
    left: Ints,
    rows: Rows,
    readers: Ints,
    state: Bytes,
    queue: Ints,
    tail: int,
) -> int:
    """The queue's new end, once a gate has run (-1: none)."""
    if gate < 0:
        return tail
    for node in sources[starts[gate] : starts[gate + 1]]:
        left[node] -= 1
    result = inputs + gate
    return _release(readers[rows[result] : rows[result + 1]], state, queue, tail)


@njit
def _missing(starts: Rows, sources: Ints, first: int) -> Bytes:
    """How many of each gate's sources are nodes from `first` on."""
    missing = np.zeros(len(starts) - 1, np.uint8)
    for gate in range(len(missing)):
        for node in sources[starts[gate] : starts[gate + 1]]:
            missing[gate] += node >= first
    return missing


@njit
def _other(gate: int, node: int, starts: Rows, sources: Ints) -> int:
    """The gate's last source, or its first one where that is `node`."""
    last = sources[starts[gate + 1] - 1]
    return int(sources[starts[gate]] if last == node else last)


@njit
def _partner(
    gate: int,
    starts: Rows,
    sources: Ints,
    left: Ints,
    rows: Rows,
    readers: Ints,
    cursor: Rows,
    state: Bytes,
    last: int,
) -> tuple[int, int]:
    """A gate that may come with this one, and the source that only they still need; or -1, -1."""
    if starts[gate + 1] - starts[gate] > 2:
        return -1, -1
    other = _other(gate, last, starts, sources)
    for node in (other, _other(gate, other, starts, sources)):
        if left[node] == 2:
            partner = _reader(node, rows, readers, cursor, state)
            if partner >= 0 and starts[partner + 1] - starts[partner] == 2:
                return partner, node
    return -1, -1


@njit
def walk(
    inputs: int, starts: Rows, sources: Ints, roots: Ints, window: int, ends: Rows
) -> tuple[Ints, Ints, Ints]:
    """Units[count, 3] in an order, where each window of up to `window` gates starts (and ends).

    A unit is its gates (the second is -1 where there is none) and the source that they share. No
    gate reads another of its own window. Where it can, each unit shares a source with the one
    before it; else the gate that has been ready longest comes next.

    The last inputs are sums, by stages that end at `ends`: they come once nothing else is ready.
    The third result is how many windows come before each stage.
    """
    gates, sums = len(starts) - 1, inputs - (ends[-1] if len(ends) else 0)
    rows, readers = _readers(inputs + gates, starts, sources)
    cursor, left = rows[:-1].copy(), _uses(inputs + gates, sources, roots)
    state = _missing(starts, sources, sums)
    queue, units = np.empty(gates + 1, np.int32), np.empty((gates, 3), np.int32)
    begins, stops = np.empty(gates + 1, np.int32), np.empty(len(ends), np.int32)
    head = tail = count = windows = placed = stage = 0
    for gate in range(gates):
        queue[tail] = gate
        tail += state[gate] == READY
    last = -1
    while placed < gates or stage < len(ends):
        begin, end = count, placed + window
        while placed < end:
            gate = _reader(last, rows, readers, cursor, state) if last >= 0 else -1
            while gate < 0 and head < tail:
                gate = int(queue[head]) if state[queue[head]] == READY else -1
                last = -1
                head += 1
            if gate < 0:
                break
            state[gate] = DONE
            partner, shared = _partner(
                gate, starts, sources, left, rows, readers, cursor, state, last
            )
            last = _other(gate, last, starts, sources)
            if partner >= 0:
                state[partner] = DONE
                last = _other(partner, shared, starts, sources)
            units[count] = gate, partner, shared
            count += 1
            placed += 1 + (partner >= 0)
        if count == begin:
            stops[stage] = windows
            for node in range(sums + (ends[stage - 1] if stage else 0), sums + ends[stage]):
                tail = _release(readers[rows[node] : rows[node + 1]], state, queue, tail)
            stage += 1
            continue
        begins[windows] = begin
        windows += 1
        for done in units[begin:count, :2].copy().ravel():
            tail = _finish(
                int(done), inputs, starts, sources, left, rows, readers, state, queue, tail
            )
    begins[windows] = count
    return units[:count], begins[: windows + 1], stops


@njit
def _shape(gate: int, shared: int, starts: Rows, sources: Ints, operations: Bytes) -> int:
    """What the gate of a pair makes of its own source and the shared one, as in SHAPES."""
    operation = int(operations[gate])
    if operation == AND_NOT:
        return 1 if sources[starts[gate] + 1] == shared else 2
    return operation + int(operation > AND_NOT)


@njit
def by_kind(
    starts: Rows, sources: Ints, operations: Bytes, units: Ints, begins: Ints
) -> tuple[Ints, Ints]:
    """The units with those of each window by kind, and how many: rounds[windows, KINDS].

    The gates of a pair come in the order that their kind says.
    """
    running = np.empty_like(units)
    kinds = np.empty(len(units), np.uint8)
    rounds = np.zeros((len(begins) - 1, KINDS), np.int32)
    for at in range(len(units)):
        first, second, shared = units[at]
        if second < 0:
            kinds[at] = len(PAIRS) + operations[first]
            continue
        x = _shape(first, shared, starts, sources, operations)
        y = _shape(second, shared, starts, sources, operations)
        kinds[at] = _PAIR_KIND[min(x, y), max(x, y)]
        if x > y:
            units[at, 0], units[at, 1] = second, first
    place = 0
    for window in range(len(begins) - 1):
        for kind in range(KINDS):
            for at in range(begins[window], begins[window + 1]):
                if kinds[at] == kind:
                    running[place] = units[at]
                    place += 1
                    rounds[window, kind] += 1
    return running, rounds


@njit
def _free(node: int, left: Ints, slot_of: Ints, free: Ints, num_free: int) -> int:
    """How many slots are free after one more reader of the node."""
    left[node] -= 1
    free[num_free] = slot_of[node]
    return num_free + int(left[node] == 0)


@njit
def _take(free: Ints, num_free: int, slots: int) -> tuple[int, int, int]:
    """A slot for a new result, how many are free then, and how many there are."""
    if num_free:
        return int(free[num_free - 1]), num_free - 1, slots
    return slots, 0, slots + 1


@njit
def assign_slots(
    inputs: int,
    starts: Rows,
    sources: Ints,
    units: Ints,
    roots: Ints,
    stops: Ints,
    ends: Rows,
    sum_starts: Rows,
    sum_sources: Ints,
) -> tuple[Ints, Ints, int]:
    """The units' slots one after the other, the nodes' slots, and how many slots there are.

    A pair is four: the first gate's own source, the shared one, which takes the first result, the
    second gate's own source, the second result. Another gate is its sources and the result. A
    slot is free again after the last gate that reads it; `roots` (nodes) keep theirs.

    The last inputs are sums: those of a stage, up to ends[stage], read `sum_sources`, as compressed
    rows, after stops[stage] units.
    """
    nodes = inputs + len(starts) - 1
    left = _uses(nodes, sources, roots)
    for node in sum_sources:
        left[node] += 1
    slot_of, free = np.empty(nodes, np.int32), np.empty(nodes + 1, np.int32)
    slots = sums = inputs - (ends[-1] if len(ends) else 0)
    num_free, stage, counted = 0, 0, 0
    for node in range(sums - 1, -1, -1):
        slot_of[node] = node
        free[num_free] = node
        num_free += left[node] == 0
    operands = np.empty(len(sources) + len(starts) - 1, np.int32)
    place = 0
    for at in range(len(units) + 1):
        while stage < len(ends) and stops[stage] == at:
            for i in range(counted, ends[stage]):
                slot_of[sums + i], num_free, slots = _take(free, num_free, slots)
                for node in sum_sources[sum_starts[i] : sum_starts[i + 1]]:
                    num_free = _free(node, left, slot_of, free, num_free)
            counted = ends[stage]
            stage += 1
        if at == len(units):
            break
        first, second, shared = units[at]
        if second >= 0:
            a, b = _other(first, shared, starts, sources), _other(second, shared, starts, sources)
            operands[place : place + 3] = slot_of[a], slot_of[shared], slot_of[b]
            slot_of[inputs + first] = slot_of[shared]
            place += 3
            num_free = _free(a, left, slot_of, free, num_free)
            num_free = _free(b, left, slot_of, free, num_free)
        else:
            for node in sources[starts[first] : starts[first + 1]]:
                operands[place] = slot_of[node]
                num_free = _free(node, left, slot_of, free, num_free)
                place += 1
        slot, num_free, slots = _take(free, num_free, slots)
        slot_of[inputs + (first if second < 0 else second)] = slot
        operands[place] = slot
        place += 1
    return operands[:place], slot_of, slots
