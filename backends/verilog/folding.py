"""A circuit as a program: tables of at most four inputs, some in every cycle, one after another.

The machine that runs it (`lithify.backends.verilog.folded`) keeps every bit that it has made in a
memory of words as wide as it has *lanes*. In each *step* every lane looks up one table, whose four
inputs are any bits of the memory; what the lanes find is a word, and a word's address is the step
that made it. Inputs are the words before step 0, at addresses below it.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.ir import walks
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.jit import njit

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

FANINS = 4
DELAY = 3
"""Steps after which a word that was made can be read."""
LEAD = DELAY
"""Steps before step 0 in which no input is written: so far ahead its sources are looked for."""
OVERHEAD = 1 + LEAD
"""Cycles of a sample that neither write an input nor are a step: it is taken in, and the lead."""
MOST_LANES = 64
"""Every lane reads four bits at once: so many more copies of the memory would be needed."""
ALL = 0xFFFF
IF_HIGH = (0xAAAA, 0xCCCC, 0xF0F0, 0xFF00)
"""For each pin the patterns in which it is 1, as a table."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What every lane looks up in every step, and where the inputs and outputs are.

    `words[step, lane, pin]` and `places[step, lane, pin]` are the address of a source and its bit;
    addresses are counted from step 0. The last steps are the circuit's `output_signals` in order.
    """

    lanes: int
    inputs: int
    outputs: int
    tables: NDArray[np.uint16]
    words: Int32
    places: Int32

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.tables)

    @property
    def input_words(self) -> int:
        """The words that hold inputs, of which the last may be filled in part."""
        return -(-self.inputs // self.lanes)

    @property
    def output_words(self) -> int:
        """The last words, which hold every signal that an output reads."""
        return -(-self.outputs // self.lanes)

    @property
    def cycles(self) -> int:
        """Clock cycles from one sample to the next."""
        return OVERHEAD + self.input_words + self.steps

    @property
    def address_bits(self) -> int:
        """The width of an address: below step 0 they wrap around."""
        return max(2, (self.cycles - 1).bit_length())

    @property
    def place_bits(self) -> int:
        """The width of the number of a bit in a word."""
        return max(1, (self.lanes - 1).bit_length())

    @property
    def row_bits(self) -> int:
        """What the tables of a step and the places of their sources take of memory."""
        return self.lanes * ((1 << FANINS) + FANINS * (self.address_bits + self.place_bits))

    @property
    def program_bits(self) -> int:
        """What those of all steps take."""
        return self.steps * self.row_bits

    @property
    def copies(self) -> int:
        """How many memories hold what is made: one for each source that is read at once."""
        return FANINS * self.lanes

    @property
    def word_bits(self) -> int:
        """What each of them takes."""
        return self.lanes << self.address_bits


def check_cycles(circuit: Circuit, cycles: int) -> None:
    """Refuse fewer cycles than the inputs take, whatever the gates are made into."""
    least = OVERHEAD + -(-circuit.num_input_bits // MOST_LANES) + 1
    if cycles < least:
        raise InputError(
            f"cycles={cycles}: {circuit.num_input_bits:,} bits of input take {least:,} cycles "
            "before any gate; ask for more, or leave the design unfolded"
        )


def fold(circuit: Circuit, cycles: int) -> Program:
    """The program with the fewest lanes that takes a sample in at most so many clock cycles.

    `circuit` is one of tables of at most four inputs; InputError where there are wider ones, or no
    number of lanes is enough.
    """
    if np.diff(circuit.offsets).max(initial=0) > FANINS:
        raise InputError(f"a folded design is made of tables of at most {FANINS} inputs")
    if not (circuit.output_signals.size and circuit.num_input_bits):
        raise InputError("the circuit has no inputs or no outputs: there is nothing to fold")
    at_least = circuit.num_gates // max(1, cycles)
    best = None
    for lanes in range(max(1, at_least), MOST_LANES + 1):
        made = program(circuit, lanes)
        if made.cycles <= cycles:
            return made
        best = made if best is None or made.cycles < best.cycles else best
    best = best or program(circuit, MOST_LANES)
    raise InputError(
        f"cycles={cycles}: {circuit.num_gates:,} tables, {circuit.depth} one after another, take "
        f"{best.cycles:,} cycles at least, {MOST_LANES} tables at once; ask for so many, "
        "or leave the design unfolded"
    )


def program(circuit: Circuit, lanes: int) -> Program:
    """The program for so many lanes: gates far from the outputs first, outputs last."""
    gates, first, inputs = circuit.num_gates, circuit.first_gate, circuit.num_input_bits
    outputs = circuit.output_signals
    rows = _rows(circuit, -(-outputs.size // lanes) * lanes)
    needed = rows.fanins[gates:].ravel().astype(np.int32)
    live = walks.live(circuit.offsets, circuit.fanins, first, needed)
    steps, columns = _schedule(rows.fanins[:gates], first, live, lanes)
    address = np.zeros(first + gates, np.int32)
    place = np.zeros(first + gates, np.int32)
    bits = np.arange(inputs)
    address[2:first] = bits // lanes - -(-inputs // lanes) - LEAD
    place[2:first] = bits % lanes
    address[first:], place[first:] = steps, columns
    last = max(int(address[needed].max()) + DELAY, int(steps.max(initial=-1)) + 1)
    more = np.arange(len(rows.fanins) - gates)
    there = np.concatenate((live, np.ones(more.size, np.bool_)))
    cell = (
        np.concatenate((steps, last + more // lanes))[there],
        np.concatenate((columns, more % lanes))[there],
    )
    shape = (last + more.size // lanes, lanes)
    tables = np.zeros(shape, np.uint16)
    words, places = (np.zeros((*shape, FANINS), np.int32) for _ in range(2))
    words -= LEAD + 1
    tables[cell] = rows.tables[there]
    words[cell] = address[rows.fanins[there]]
    places[cell] = place[rows.fanins[there]]
    return Program(lanes, inputs, outputs.size, tables, words, places)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Tables of four inputs and their fan-ins; a pin that is not read has what another one has."""

    tables: NDArray[np.uint64]
    fanins: Int64


def _rows(circuit: Circuit, outputs: int) -> _Rows:
    """All gates, then what the outputs are made by, filled up with zeros to so many.

    An output is made by the table of its gate once more, so that it comes at its own place.
    """
    arities = np.diff(circuit.offsets)
    pins = np.arange(FANINS)
    inside = pins < arities[:, None]
    at = np.where(inside, circuit.offsets[:-1, None] + pins, 0)
    fanins = np.where(inside, circuit.fanins[at] if circuit.fanins.size else 0, 0).astype(np.int64)
    tables = circuit.tables
    signals = np.zeros(outputs, np.int64)
    signals[: circuit.output_signals.size] = circuit.output_signals
    wires = np.zeros((outputs, FANINS), np.int64)
    wires[:, 0] = np.maximum(signals, 2)
    made = np.array([0, ALL, IF_HIGH[0]], np.uint64)[np.minimum(signals, 2)]
    gate = signals - circuit.first_gate
    own = gate >= 0
    wires[own], made[own] = fanins[gate[own]], tables[gate[own]]
    return _without_constants(np.concatenate((tables, made)), np.concatenate((fanins, wires)))


def _without_constants(tables: NDArray[np.uint64], fanins: Int64) -> _Rows:
    """The same where no table reads a constant, as pins do so far that are not read.

    It chooses half of the table.
    """
    for pin, high in enumerate(IF_HIGH):
        shift = np.uint64(1 << pin)
        upper, lower = tables & np.uint64(high), tables & np.uint64(ALL ^ high)
        tables = np.where(fanins[:, pin] == 0, lower | lower << shift, tables)
        tables = np.where(fanins[:, pin] == 1, upper | upper >> shift, tables)
    another = np.maximum(fanins.max(axis=1), 2)[:, None]
    return _Rows(tables, np.where(fanins < 2, another, fanins))


def _schedule(
    fanins: Int64, first: int, live: NDArray[np.bool_], lanes: int
) -> tuple[Int32, Int32]:
    """The step and the lane of every live gate, 0 of others; steps follow their sources'."""
    gates, pins = np.nonzero((fanins >= first) & live[:, None])
    sources = fanins[gates, pins] - first
    order = np.argsort(sources, kind="stable")
    offsets = np.searchsorted(sources[order], np.arange(len(fanins) + 1))
    waiting = np.bincount(gates, minlength=len(fanins)).astype(np.int64)
    return _in_order(offsets, gates[order], waiting, live, lanes)


@njit
def _in_order(
    offsets: Int64, readers: Int64, waiting: Int64, live: NDArray[np.bool_], lanes: int
) -> tuple[Int32, Int32]:
    """Each step takes, of the gates whose sources can be read, those farthest from the end."""
    count = len(waiting)
    height = np.zeros(count, np.int64)
    for gate in range(count - 1, -1, -1):
        for at in range(offsets[gate], offsets[gate + 1]):
            height[gate] = max(height[gate], height[readers[at]] + 1)
    steps, columns = np.zeros(count, np.int32), np.zeros(count, np.int32)
    order = np.empty(count, np.int64)
    ready = [np.int64(0)]
    ready.clear()
    for gate in range(count):
        if live[gate] and not waiting[gate]:
            heapq.heappush(ready, gate - height[gate] * count)
    done = seen = step = 0
    while ready or seen < done:
        while seen < done and steps[order[seen]] + DELAY <= step:
            for at in range(offsets[order[seen]], offsets[order[seen] + 1]):
                reader = readers[at]
                waiting[reader] -= 1
                if not waiting[reader]:
                    heapq.heappush(ready, reader - height[reader] * count)
            seen += 1
        for lane in range(min(lanes, len(ready))):
            chosen = heapq.heappop(ready) % count
            steps[chosen], columns[chosen] = step, lane
            order[done] = chosen
            done += 1
        step += 1
    return steps, columns
