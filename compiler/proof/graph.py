"""Proof that the and-inverter graph which an engine gets is the circuit, one gate at a time.

A circuit's copy is compared row by row. For the graph every signal comes with its literal: cut at
the literals of a gate's fan-ins, the ANDs behind the gate's own must have the gate's table, which
is a proof by induction. A file is decoded here, by none of the code that wrote it.
"""

import re

import numpy as np
from numpy.typing import NDArray

from lithify.backends.aiger import Aig
from lithify.compiler.proof.conservation import prove_netlist
from lithify.compiler.proof.forms import Gap, demand, rows_of
from lithify.compiler.proof.matching_loop import PATTERNS, Gates, table_word
from lithify.compiler.proof.verdict import NotProved, Proved
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.jit import njit
from lithify.ir.netlist import Netlist

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

HEADER = re.compile(rb"aig (\d+) (\d+) 0 (\d+) (\d+)\n")
NONE = -1
MOST_LOOKS = 4096
"""ANDs looked at for one gate: those of a table of six fan-ins are a few hundred."""
VECTORS = 64


def check_copy(circuit: Circuit, made: Circuit, inputs: I32, signal_of: I32) -> None:
    """Nothing, if `made` holds all gates of the circuit over these inputs, else Gap."""
    first, gates = circuit.first_gate, np.arange(circuit.num_gates)
    images = signal_of[first:].astype(np.int64) - made.first_gate
    good = np.array_equal(signal_of[:2], [0, 1]) and np.array_equal(signal_of[2:first], inputs)
    demand(good and bool((images >= 0).all()), "a copy of a circuit has other inputs")
    ours, theirs = rows_of(circuit.offsets, gates), rows_of(made.offsets, images)
    same = (
        np.array_equal(circuit.kinds, made.kinds[images])
        and np.array_equal(circuit.tables, made.tables[images])
        and np.array_equal(np.diff(circuit.offsets), np.diff(made.offsets)[images])
        and np.array_equal(signal_of[circuit.fanins[ours]], made.fanins[theirs])
        and np.array_equal(circuit.full_weights()[ours], made.full_weights()[theirs])
    )
    demand(same, "a copy of a circuit has other gates")


def check_graph(circuit: Circuit, netlist: Netlist, graph: Aig) -> None:
    """Nothing, if the netlist computes the circuit and the graph the netlist, else Gap.

    `graph.literal_of` is that of the netlist's signals.
    """
    verdict = prove_netlist(circuit, netlist, vectors=VECTORS)
    if not isinstance(verdict, Proved):
        reason = verdict.reason if isinstance(verdict, NotProved) else "it says something else"
        raise Gap(f"the arithmetic written out: {reason}")
    made, literals = netlist.circuit, graph.literal_of
    fixed = 2 * np.arange(made.first_gate) - 2
    fixed[:2] = 0, 1
    demand(
        graph.num_inputs == made.num_input_bits
        and literals.shape == (made.num_signals,)
        and np.array_equal(literals[: made.first_gate], fixed),
        "the graph has other inputs",
    )
    variables = 1 + graph.num_inputs + len(graph.ands)
    demand(
        bool((literals >= 0).all() and (literals < 2 * variables).all()),
        "the graph names literals that do not exist",
    )
    before = 2 * np.arange(1 + graph.num_inputs, variables)[:, None]
    demand(
        bool((graph.ands >= 0).all() and (graph.ands < before).all()),
        "the graph has ANDs that read later ones",
    )
    demand(bool((made.kinds == TABLE).all()), "the graph stands for gates that are no tables")
    gates = Gates(made.first_gate, made.tables, made.offsets, made.fanins)
    wrong = first_wrong(gates, literals, graph.ands, 1 + graph.num_inputs)
    if wrong != NONE:
        raise Gap(f"the ANDs of gate {wrong} are another function")


def check_file(data: bytes, graph: Aig, outputs: I32) -> None:
    """Nothing, if the binary AIGER file is the graph with these output literals, else Gap."""
    header = HEADER.match(data)
    counts = [int(number) for number in header.groups()] if header else []
    most = graph.num_inputs + len(graph.ands)
    demand(
        counts == [most, graph.num_inputs, outputs.size, len(graph.ands)],
        "the file of the graph has another header",
    )
    at = header.end() if header else 0
    lines = data[at:].split(b"\n", outputs.size)
    demand(
        len(lines) == outputs.size + 1 and [int(n) for n in lines[:-1]] == outputs.tolist(),
        "the file of the graph has other outputs",
    )
    values = _numbers(np.frombuffer(lines[-1], np.uint8))
    demand(values.size == graph.ands.size, "the file of the graph has another number of ANDs")
    deltas = values.reshape(-1, 2)
    left = 2 * np.arange(1 + graph.num_inputs, 1 + most) - deltas[:, 0]
    ands = np.stack([left, left - deltas[:, 1]], axis=1)
    demand(np.array_equal(ands, graph.ands), "the file of the graph has other ANDs")


def _numbers(data: NDArray[np.uint8]) -> I64:
    """The numbers in groups of seven bits, lowest first, all but the last of each marked."""
    if not data.size:
        return np.empty(0, np.int64)
    ends = np.flatnonzero(data < 128)
    demand(ends.size > 0 and ends[-1] == data.size - 1, "the file of the graph is cut off")
    starts = np.concatenate([[0], ends[:-1] + 1])
    demand(bool((ends - starts < 8).all()), "the file of the graph has a number too long")
    place = np.arange(data.size) - np.repeat(starts, ends - starts + 1)
    numbers: I64 = np.add.reduceat((data & 127).astype(np.int64) << 7 * place, starts)
    return numbers


@njit
def cone_word(
    root: int, low: int, ands: I32, first: int, stamps: I64, words: U64, mark: int, stack: I64
) -> bool:
    """Whether variables with this mark determine the root; then its values are written.

    No variable below `low` has a mark, but constant 0.
    """
    stack[0] = root
    top, looks = 1, 0
    while top:
        node = stack[top - 1]
        if stamps[node] == mark:
            top -= 1
            continue
        looks += 1
        if node < first or node < low or looks > MOST_LOOKS:
            return False
        a, b = ands[node - first, 0], ands[node - first, 1]
        if stamps[a >> 1] != mark or stamps[b >> 1] != mark:
            for literal in (a, b):
                if stamps[literal >> 1] != mark:
                    stack[top] = literal >> 1
                    top += 1
            continue
        words[node] = valued(a, words) & valued(b, words)
        stamps[node] = mark
        top -= 1
    return True


@njit
def valued(literal: int, words: U64) -> np.uint64:
    """The values of a literal."""
    word: np.uint64 = words[literal >> 1]
    return ~word if literal & 1 else word


@njit
def is_right(
    gates: Gates,
    gate: int,
    literals: I32,
    ands: I32,
    first: int,
    derive: bool,
    stamps: I64,
    words: U64,
    mark: int,
    stack: I64,
) -> bool:
    """Whether the ANDs of a gate have its table where its fan-ins are free.

    With `derive` only fan-ins are free that others do not determine.
    """
    pins = literals[gates.fanins[gates.offsets[gate] : gates.offsets[gate + 1]]]
    order = np.sort(pins >> 1)
    stamps[0], words[0] = mark, np.uint64(0)
    low = 0
    for variable in order:
        low = variable if low == 0 else low
    free = 0
    for variable in order:
        if stamps[variable] == mark:
            continue
        if derive and cone_word(variable, low, ands, first, stamps, words, mark, stack):
            continue
        stamps[variable], words[variable] = mark, PATTERNS[free]
        free += 1
    rows = np.empty(6, np.uint64)
    for j in range(pins.size):
        rows[j] = valued(pins[j], words)
    root = literals[gates.first + gate]
    if not cone_word(root >> 1, low, ands, first, stamps, words, mark, stack):
        return False
    return bool(valued(root, words) == table_word(gates, gate, rows))


@njit
def first_wrong(gates: Gates, literals: I32, ands: I32, first: int) -> int:
    """The first gate whose literal is not its table over those of its fan-ins."""
    stamps = np.full(first + len(ands), -1, np.int64)
    words = np.empty(first + len(ands), np.uint64)
    stack = np.empty(2 * MOST_LOOKS + 4, np.int64)
    for gate in range(gates.offsets.size - 1):
        for turn in range(2):
            mark = 2 * gate + turn
            if is_right(
                gates, gate, literals, ands, first, turn == 1, stamps, words, mark, stack
            ):  # fmt: skip
                break
        else:
            return gate
    return NONE
