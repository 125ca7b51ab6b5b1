"""Tables of many fan-ins written as tables of few."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import MOST_FANINS, TABLE, Circuit
from lithify.ir.decompose import VARIABLES, Plan, plan, spread
from lithify.ir.errors import InputError
from lithify.ir.jit import njit
from lithify.ir.ports import Output, Score, Word

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class Rows(NamedTuple):
    """The gates that are written, and for each the old gate that it comes from."""

    tables: I64
    offsets: I64
    fanins: I32
    weights: I32
    source: I32
    slots: I32


def split(circuit: Circuit, arity: int = 2) -> Circuit:
    """The same function with tables of at most `arity` fan-ins; thresholds and scores are kept.

    The tables that a gate is made of carry its origin; equal ones are made once.

    >>> from lithify.ir.builder import Builder
    >>> b = Builder()
    >>> b.output("odd", b.table(0x6996, *b.input("x", count=4).ravel()))
    >>> split(b.finish())
    <Circuit: 4 input bits, 3 gates, 1 words, 0 scores, readout bits>
    """
    return split_signals(circuit, arity)[0]


def split_signals(circuit: Circuit, arity: int = 2) -> tuple[Circuit, I32]:
    """What `split` gives, and for each signal of the circuit the one that stands for it."""
    if not 2 <= arity <= MOST_FANINS:
        raise InputError(f"split: arity {arity}; tables are split to 2 to {MOST_FANINS} fan-ins")
    arities = np.diff(circuit.offsets)
    wide = np.flatnonzero((circuit.kinds == TABLE) & (arities > arity))
    signal_of = np.arange(circuit.num_signals, dtype=np.int32)
    if not wide.size:
        return circuit, signal_of
    functions = spread(circuit.tables[wide], arities[wide])
    inverted = (functions & np.uint64(1)).astype(np.bool_)
    functions[inverted] = ~functions[inverted]
    steps = plan(functions, arity)
    roots, program = np.unique(np.searchsorted(steps.functions, functions), return_inverse=True)
    ends = programs(roots, steps.arities, steps.operands, np.empty(0, np.int32))
    nodes = np.empty(ends[-1], np.int32)
    programs(roots, steps.arities, steps.operands, nodes)
    made = int((ends[1:] - ends[:-1])[program].sum())
    program_of = np.full(circuit.num_gates, -1, np.int32)
    program_of[wide] = 2 * program + inverted
    rows = _rows(circuit, made, arity)
    count = instantiate(
        circuit.first_gate, circuit.bounds, circuit.offsets, circuit.fanins, circuit.weights,
        program_of, ends, nodes, steps, signal_of, rows,
    )  # fmt: skip
    return _circuit(circuit, rows, count, signal_of), signal_of


def _rows(circuit: Circuit, made: int, arity: int) -> Rows:
    """Room for the circuit's own gates and those that are made."""
    gates, pins = circuit.num_gates + made, circuit.fanins.size + arity * made
    return Rows(
        tables=np.empty(gates, np.int64),
        offsets=np.zeros(gates + 1, np.int64),
        fanins=np.empty(pins, np.int32),
        weights=np.empty(pins if circuit.weights.size else 0, np.int32),
        source=np.empty(gates, np.int32),
        slots=np.full(1 << (2 * made).bit_length(), -1, np.int32),
    )


def _circuit(circuit: Circuit, rows: Rows, count: int, signal_of: I32) -> Circuit:
    """The circuit of the first `count` rows."""
    source, pins = rows.source[:count], int(rows.offsets[count])
    return Circuit(
        inputs=circuit.inputs,
        kinds=circuit.kinds[source],
        tables=rows.tables[:count].view(np.uint64),
        offsets=rows.offsets[: count + 1],
        fanins=rows.fanins[:pins],
        weights=rows.weights[:pins],
        outputs=tuple(_renamed(output, signal_of) for output in circuit.outputs),
        readout=circuit.readout,
        origins=circuit.origins,
        origin_of=circuit.origin_of[source],
        unit_of=circuit.unit_of[source],
    )


def _renamed(output: Output, signal_of: I32) -> Output:
    """The output over other signals."""
    if isinstance(output, Word):
        return Word(output.name, signal_of[output.signals], output.kind)
    return Score(output.name, output.bias, signal_of[output.signals], output.weights)


@njit
def programs(roots: I64, arities: I32, operands: I32, nodes: I32) -> I64:
    """Where the steps of each root start; the steps themselves, last the root, go into `nodes`."""
    offsets = np.zeros(roots.size + 1, np.int64)
    stamp = np.full(arities.size, -1, np.int64)
    stack = np.empty(arities.size * 6 + 1, np.int32)
    count = 0
    for r in range(roots.size):
        depth = 1
        stack[0] = roots[r]
        while depth:
            node = stack[depth - 1]
            before = depth
            if stamp[node] != r:
                for j in range(arities[node] - 1, -1, -1):
                    child = operands[node, j] - VARIABLES
                    if child >= 0 and stamp[child] != r:
                        stack[depth] = child
                        depth += 1
            if depth == before:
                depth -= 1
                if stamp[node] != r:
                    stamp[node] = r
                    if nodes.size:
                        nodes[count] = node
                    count += 1
        offsets[r + 1] = count
    return offsets


@njit
def instantiate(
    first: int,
    tables: I64,
    offsets: I64,
    fanins: I32,
    weights: I32,
    program_of: I32,
    ends: I64,
    nodes: I32,
    steps: Plan,
    signal_of: I32,
    rows: Rows,
) -> int:
    """Writes the gates in order, those with a program step by step; the number of gates.

    `program_of` is -1, or twice the number of a program and whether its root is inverted.
    """
    count = 0
    value = np.empty(steps.arities.size, np.int32)
    for g in range(program_of.size):
        pins = np.empty(offsets[g + 1] - offsets[g], np.int32)
        for j in range(pins.size):
            pins[j] = signal_of[fanins[offsets[g] + j]]
        if program_of[g] < 0:
            write(rows, count, tables[g], pins, g)
            for j in range(pins.size):
                if weights.size:
                    rows.weights[rows.offsets[count] + j] = weights[offsets[g] + j]
            count += 1
        else:
            program = program_of[g] >> 1
            for p in range(ends[program], ends[program + 1]):
                root = p + 1 == ends[program + 1]
                flip = root and program_of[g] & 1 == 1
                made = step(steps, nodes[p], pins, value, rows, count, g, root, flip)
                value[nodes[p]] = first + made
                count = max(count, made + 1)
        signal_of[first + g] = first + count - 1
    return count


@njit
def step(
    steps: Plan,
    node: int,
    fanins: I32,
    value: I32,
    rows: Rows,
    count: int,
    source: int,
    root: bool,
    flip: bool,
) -> int:
    """The gate that one step of a program becomes: number `count`, or an equal earlier one.

    The root is always made, so that every gate keeps a gate of its own.
    """
    k, table = steps.arities[node], steps.tables[node]
    pins = np.empty(k, np.int32)
    for j in range(k):
        operand = steps.operands[node, j]
        pins[j] = fanins[operand] if operand < VARIABLES else value[operand - VARIABLES]
    if k == 2 and pins[0] > pins[1]:
        pins[0], pins[1] = pins[1], pins[0]
        table = (table & 9) | (table & 2) << 1 | (table & 4) >> 1
    if flip:
        table ^= (1 << (1 << k)) - 1
    slot = find(rows, table, pins)
    if rows.slots[slot] >= 0 and not root:
        return int(rows.slots[slot])
    rows.slots[slot] = count
    write(rows, count, table, pins, source)
    return count


@njit
def write(rows: Rows, count: int, table: int, pins: I32, source: int) -> None:
    """Writes gate number `count`."""
    start = rows.offsets[count]
    for j in range(pins.size):
        rows.fanins[start + j] = pins[j]
        if rows.weights.size:
            rows.weights[start + j] = 1
    rows.offsets[count + 1] = start + pins.size
    rows.tables[count], rows.source[count] = table, source


@njit
def find(rows: Rows, table: int, pins: I32) -> int:
    """The slot of the gate with this table over these pins, or the empty one where it belongs."""
    h = np.uint64(table) * np.uint64(0x9E3779B97F4A7C15)
    for pin in pins:
        h = (h ^ np.uint64(pin)) * np.uint64(0xFF51AFD7ED558CCD)
        h ^= h >> np.uint64(32)
    slot = int(h >> np.uint64(1)) & (rows.slots.size - 1)
    while rows.slots[slot] >= 0:
        g = rows.slots[slot]
        begin = rows.offsets[g]
        same = rows.tables[g] == table and rows.offsets[g + 1] - begin == pins.size
        for j in range(pins.size):
            same = same and rows.fanins[begin + j] == pins[j]
        if same:
            break
        slot = (slot + 1) & (rows.slots.size - 1)
    return slot
