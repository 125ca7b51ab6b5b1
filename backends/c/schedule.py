"""The order of a net's two-input gates: pairs that share a source, in windows of equal operations.

Every function works on plain arrays and is compiled by numba once per machine. Literals are
`2 * node + inverted`; nodes are the input bits, then the gates that are kept. A unit is one gate,
or two that share a source which nothing else reads any more: the first's result takes its slot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

AND, AND_NOT, OR, XOR = range(4)
SKIPPED = 255
LOOKAHEAD = 8
READY, DONE = 0, 3  # other states: how many of a gate's fan-ins are still to come

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

OPERATION_OF = np.full(16, SKIPPED, np.uint8)
"""The operation of a four-bit table that is low for the pattern 00; SKIPPED for a copy."""
OPERATION_OF[[8, 2, 4, 14, 6]] = AND, AND_NOT, AND_NOT, OR, XOR


SHAPES = ("x & b", "x & ~b", "b & ~x", "x | b", "x ^ b")
"""What a gate of a pair makes of its own source x and the shared one b."""
PAIRS = tuple((x, y) for x in range(len(SHAPES)) for y in range(x, len(SHAPES)))
"""The shapes of both gates of a pair, by its kind; single gates are the kinds that follow."""
KINDS = len(PAIRS) + 4

_PAIR_KIND = np.zeros((len(SHAPES), len(SHAPES)), np.uint8)
for _kind, _shapes in enumerate(PAIRS):
    _PAIR_KIND[_shapes] = _kind


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


@njit
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


@njit
def _uses(num_nodes: int, pairs: Ints, roots: Ints) -> Ints:
    """How many gates and roots need each node."""
    left = np.zeros(num_nodes, np.int32)
    for pair in pairs:
        left[pair[0]] += 1
        left[pair[1]] += 1
    for root in roots:
        left[root] += 1
    return left


@njit
def _reader(
    node: int, starts: NDArray[np.int64], readers: Ints, cursor: NDArray[np.int64], state: Bytes
) -> int:
    """A gate that reads the node and may come next, or -1; only a few are looked at."""
    at, end = cursor[node], starts[node + 1]
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
def _other(gate: int, node: int, pairs: Ints) -> int:
    """The gate's other source than `node`."""
    return int(pairs[gate, 0] if pairs[gate, 1] == node else pairs[gate, 1])


@njit
def _partner(
    gate: int,
    pairs: Ints,
    left: Ints,
    starts: NDArray[np.int64],
    readers: Ints,
    cursor: NDArray[np.int64],
    state: Bytes,
    last: int,
) -> tuple[int, int]:
    """A gate that may come with this one, and the source that only they still need; or -1, -1."""
    other = _other(gate, last, pairs)
    for node in (other, _other(gate, other, pairs)):
        if left[node] == 2:
            partner = _reader(node, starts, readers, cursor, state)
            if partner >= 0:
                return partner, node
    return -1, -1


@njit
def walk(inputs: int, pairs: Ints, roots: Ints, window: int) -> tuple[Ints, Ints]:
    """Units[count, 3] in an order, and where each window of up to `window` gates starts (and ends).

    A unit is its gates (the second is -1 where there is none) and the source that they share. No
    gate reads another of its own window. Where it can, each unit shares a source with the one
    before it; else the gate that has been ready longest comes next.
    """
    gates = len(pairs)
    starts, readers = _readers(inputs + gates, pairs)
    cursor, left = starts[:-1].copy(), _uses(inputs + gates, pairs, roots)
    state = np.empty(gates, np.uint8)
    queue, units = np.empty(gates + 1, np.int32), np.empty((gates, 3), np.int32)
    begins = np.empty(gates + 1, np.int32)
    head = tail = count = windows = placed = 0
    for gate in range(gates):
        state[gate] = (pairs[gate, 0] >= inputs) + (pairs[gate, 1] >= inputs)
        queue[tail] = gate
        tail += state[gate] == READY
    last = -1
    while placed < gates:
        begin, end = count, placed + window
        begins[windows] = begin
        windows += 1
        while placed < end:
            gate = _reader(last, starts, readers, cursor, state) if last >= 0 else -1
            while gate < 0 and head < tail:
                gate = int(queue[head]) if state[queue[head]] == READY else -1
                last = -1
                head += 1
            if gate < 0:
                break
            state[gate] = DONE
            partner, shared = _partner(gate, pairs, left, starts, readers, cursor, state, last)
            last = _other(gate, last, pairs)
            if partner >= 0:
                state[partner] = DONE
                last = _other(partner, shared, pairs)
            units[count] = gate, partner, shared
            count += 1
            placed += 1 + (partner >= 0)
        for done in units[begin:count, :2].copy().ravel():
            if done >= 0:
                node = inputs + done
                left[pairs[done, 0]] -= 1
                left[pairs[done, 1]] -= 1
                tail = _release(readers[starts[node] : starts[node + 1]], state, queue, tail)
    begins[windows] = count
    return units[:count], begins[: windows + 1]


@njit
def _shape(gate: int, shared: int, pairs: Ints, operations: Bytes) -> int:
    """What the gate of a pair makes of its own source and the shared one, as in SHAPES."""
    operation = int(operations[gate])
    if operation == AND_NOT:
        return 1 if pairs[gate, 1] == shared else 2
    return operation + int(operation > AND_NOT)


@njit
def by_kind(pairs: Ints, operations: Bytes, units: Ints, begins: Ints) -> tuple[Ints, Ints]:
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
        x = _shape(first, shared, pairs, operations)
        y = _shape(second, shared, pairs, operations)
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
def assign_slots(inputs: int, pairs: Ints, units: Ints, roots: Ints) -> tuple[Ints, Ints, int]:
    """The units' slots one after the other, the nodes' slots, and how many slots there are.

    A pair is four: the first gate's own source, the shared one, which takes the first result, the
    second gate's own source, the second result. A single gate is both sources and the result. A
    slot is free again after the last gate that reads it; `roots` (nodes) keep theirs.
    """
    left = _uses(inputs + len(pairs), pairs, roots)
    slot_of = np.empty(inputs + len(pairs), np.int32)
    free = np.empty(inputs + len(pairs) + 1, np.int32)
    num_free, slots = 0, inputs
    for node in range(inputs - 1, -1, -1):
        slot_of[node] = node
        free[num_free] = node
        num_free += left[node] == 0
    operands = np.empty(3 * len(pairs), np.int32)
    place = 0
    for first, second, shared in units:
        a, b = pairs[first]
        if second >= 0:
            a = a if b == shared else b
            b = pairs[second, 0] if pairs[second, 1] == shared else pairs[second, 1]
            operands[place + 1] = slot_of[inputs + first] = slot_of[shared]
        operands[place] = slot_of[a]
        place += 1 + (second >= 0)
        operands[place] = slot_of[b]
        num_free = _free(a, left, slot_of, free, num_free)
        num_free = _free(b, left, slot_of, free, num_free)
        if num_free:
            num_free -= 1
            slot = free[num_free]
        else:
            slot = slots
            slots += 1
        slot_of[inputs + (first if second < 0 else second)] = slot
        operands[place + 1] = slot
        place += 2
    return operands[:place], slot_of, slots
