"""Where every bit of a circuit lives in hardware: module, vector, pipeline stage.

A *stage* lies between two rows of registers. Every path from an input to an output crosses each
row exactly once, so all outputs belong to the same inputs, `latency` clock cycles later.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lithify.backends.verilog.retiming import fewest_registers
from lithify.ir import walks
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.origin import PARTS

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

MODULES: Final = ("encoder", "core", "head", "")
"""The modules a bit can live in, in the order data flows; the last one is the top itself."""
TOP: Final = len(MODULES) - 1

INPUT, GATES, ROW = 0, 1, 2
"""Kinds of vector: an input port, gates of one table, a row of registers."""

IF_LOW = tuple(
    sum(1 << pattern for pattern in range(64) if not pattern >> pin & 1)
    for pin in range(MOST_FANINS)
)
"""For each fan-in the patterns in which it is 0, as a table."""

FEW_GATES = 8
MANY_TABLES = 24


@dataclass(frozen=True, slots=True)
class Vector:
    """Bits that are one signal of the design: their module, stage, and what makes them.

    `first` and `last` are the rows of the schedule's gate order (GATES) or register order (ROW),
    or the first and last bit of the inputs (INPUT). `readers` is a set of bits, one for each other
    module that reads the vector. `mixed` gates have several tables of one arity.
    """

    kind: int
    module: int
    stage: int
    first: int
    last: int
    readers: int
    level: int = 0
    origin: int = -1
    arity: int = 0
    table: int = 0
    mixed: bool = False

    @property
    def width(self) -> int:
        """How many bits."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Places:
    """For a list of bits the vector (-1: constant) and the bit (or the constant) of each."""

    vectors: Int32
    bits: Int32


@dataclass(frozen=True, slots=True)
class Schedule:
    """The vectors of a circuit and where every gate, register and output reads its bits.

    `gates` are the live gates in vector order; row i of `pins` and `tables` belong to `gates[i]`.
    `pins`, `registers` and `outputs` say where fan-ins, register inputs and output bits come from.
    """

    circuit: Circuit
    latency: int
    vectors: tuple[Vector, ...]
    gates: Int32
    tables: NDArray[np.uint64]
    pins: Places
    registers: Places
    outputs: Places


def schedule(
    circuit: Circuit,
    *,
    every: int,
    register_inputs: bool,
    register_outputs: bool,
    by_table: bool = True,
    retime: bool = False,
) -> Schedule:
    """The schedule of a circuit of tables and words, with a row of registers each `every` levels.

    `every` 0 puts no registers between gates. Gates that no output reads are left out. Gates of
    different tables are `by_table` apart as far as that is shorter to write, else never. With
    `retime` a row need not stand between levels: gates move so that registers are fewest.
    """
    fanins = _needed(circuit)
    live = walks.live(circuit.offsets, fanins, circuit.first_gate, circuit.output_signals)
    gates = np.flatnonzero(live).astype(np.int32)
    stages = fewest_registers(circuit, fanins, live, every) if retime and every else None
    stages = _stages(circuit, every) if stages is None else stages
    stages[circuit.first_gate :] += int(register_inputs)
    rows = latency(circuit, every, register_inputs, register_outputs)
    pins, tables, arities = _rows(circuit, gates, fanins)
    homes = _homes(circuit, gates, pins)
    uses = _Uses(stages, homes, rows)
    uses.collect(circuit, gates, pins)
    order, vectors = _gate_vectors(circuit, gates, tables, arities, homes, stages, uses, by_table)
    place = _Placement(circuit, vectors, uses)
    place.put_gates(gates[order])
    place.put_registers()
    gates, pins, tables = gates[order], pins[order], tables[order]
    outputs = _output_bits(circuit)
    return Schedule(
        circuit=circuit,
        latency=rows,
        vectors=tuple(place.vectors),
        gates=gates,
        tables=tables,
        pins=place.find(pins, stages[circuit.first_gate + gates][:, None]),
        registers=place.register_sources(),
        outputs=place.find(outputs, np.full(outputs.shape, rows, np.int32)),
    )


def latency(circuit: Circuit, every: int, register_inputs: bool, register_outputs: bool) -> int:
    """How many rows of registers there are between inputs and outputs."""
    cuts = (circuit.depth - 1) // every if every and circuit.depth else 0
    return int(register_inputs) + cuts + int(register_outputs)


def _stages(circuit: Circuit, every: int) -> Int32:
    """The stage of every signal where rows stand between levels."""
    stages = np.zeros(circuit.num_signals, np.int32)
    if every:
        stages[circuit.first_gate :] = (circuit.levels()[circuit.first_gate :] - 1) // every
    return stages


def _needed(circuit: Circuit) -> Int32:
    """The fan-ins of all gates, constant 0 in place of those that a table ignores."""
    fanins = circuit.fanins.copy()
    arities = np.diff(circuit.offsets)
    for pin in range(MOST_FANINS):
        rows = np.flatnonzero(arities > pin)
        patterns = np.uint64(1) << arities[rows].astype(np.uint64)
        low = np.uint64(IF_LOW[pin]) & ~np.uint64(0) >> (np.uint64(64) - patterns)
        tables = circuit.tables[rows]
        ignored = ((tables >> np.uint64(1 << pin)) ^ tables) & low == 0
        fanins[circuit.offsets[rows[ignored]] + pin] = 0
    return fanins


def _rows(circuit: Circuit, gates: Int32, fanins: Int32) -> tuple[Int32, NDArray[np.uint64], Int32]:
    """Fan-ins (padded with constant 0), tables and arities of the gates, pairs in normal order."""
    starts = circuit.offsets[gates]
    arities = (circuit.offsets[gates + 1] - starts).astype(np.int32)
    places = np.arange(MOST_FANINS)
    inside = places < arities[:, None]
    at = np.where(inside, starts[:, None] + places, 0)
    pins = np.where(inside, fanins[at] if fanins.size else 0, 0).astype(np.int32)
    tables = circuit.tables[gates].copy()
    for mirrored, normal in ((0b0100, 0b0010), (0b1101, 0b1011)):
        swap = (arities == 2) & (tables == mirrored)
        pins[swap, :2] = pins[swap, 1::-1]
        tables[swap] = normal
    return pins, tables, arities


def _homes(circuit: Circuit, gates: Int32, pins: Int32) -> Int32:
    """The module of every signal: its part, or a later one where it reads from a later one."""
    homes = np.full(circuit.num_signals, TOP, np.int32)
    part = circuit.part_of()[gates].astype(np.int32)
    part[part == PARTS.index("")] = MODULES.index("core")
    if np.unique(part).size < 2:
        return homes
    signals = circuit.first_gate + gates
    homes[signals] = part
    homes[: circuit.first_gate] = 0
    while True:
        latest = homes[pins].max(axis=1)
        late = latest > homes[signals]
        if not late.any():
            break
        homes[signals[late]] = latest[late]
    homes[: circuit.first_gate] = TOP
    return homes


def _output_bits(circuit: Circuit) -> Int32:
    words = [word.signals.ravel() for word in circuit.words]
    return np.concatenate(words) if words else np.empty(0, np.int32)


class _Uses:
    """Which modules read which signal at which stage."""

    def __init__(self, stages: Int32, homes: Int32, latency: int) -> None:
        self.stages, self.homes, self.latency = stages, homes, latency
        self.keys: Int64 = np.empty(0, np.int64)
        self.readers: Int32 = np.empty(0, np.int32)
        self.last: Int32 = stages.copy()

    def collect(self, circuit: Circuit, gates: Int32, pins: Int32) -> None:
        """Gather the readers of all gates and outputs."""
        signals = circuit.first_gate + gates
        outputs = _output_bits(circuit)
        read = np.concatenate((pins.ravel(), outputs))
        when = np.concatenate(
            (
                np.repeat(self.stages[signals], pins.shape[1]),
                np.full(outputs.size, self.latency, np.int32),
            )
        )
        where = np.concatenate(
            (np.repeat(self.homes[signals], pins.shape[1]), np.full(outputs.size, TOP, np.int32))
        )
        real = read >= 2
        read, when, where = read[real], when[real], where[real]
        np.maximum.at(self.last, read, when)
        self.keys, inverse = np.unique(self.key(read, when), return_inverse=True)
        self.readers = np.zeros(self.keys.size, np.int32)
        np.bitwise_or.at(self.readers, inverse, (1 << where).astype(np.int32))

    def key(self, signals: Int32, stages: Int32) -> Int64:
        """One number for a signal at a stage."""
        return signals.astype(np.int64) * (self.latency + 1) + stages

    def readers_of(self, signals: Int32, stages: Int32) -> Int32:
        """The other modules that read each signal at that stage, as a set of bits."""
        keys = self.key(signals, stages)
        if not self.keys.size:
            return np.zeros(signals.shape, np.int32)
        at = np.minimum(np.searchsorted(self.keys, keys), self.keys.size - 1)
        found = np.where(self.keys[at] == keys, self.readers[at], 0)
        others: Int32 = (found & ~(1 << self.homes[signals])).astype(np.int32)
        return others


def _gate_vectors(
    circuit: Circuit,
    gates: Int32,
    tables: NDArray[np.uint64],
    arities: Int32,
    homes: Int32,
    stages: Int32,
    uses: _Uses,
    by_table: bool,
) -> tuple[Int64, list[Vector]]:
    """The order of the gates, and the vectors (after those of the inputs) that cut it up."""
    signals = circuit.first_gate + gates
    levels = circuit.levels()[signals]
    readers = uses.readers_of(signals, stages[signals])
    origins = circuit.origin_of[gates]
    columns = [homes[signals], levels, stages[signals], origins, readers, arities]
    if _runs(columns).size * FEW_GATES > gates.size > MANY_TABLES * FEW_GATES:
        columns[3] = np.full(gates.size, -1, np.int32)
    mixed = _mixed(columns, tables) if by_table else arities > 0
    shown = np.where(mixed, 0, tables)
    order = np.lexsort((gates, shown, mixed, *reversed(columns)))
    keys = [column[order] for column in (*columns, mixed, shown)]
    starts = _changes(keys)
    ends = _ends(starts, gates.size)
    vectors = []
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        module, level, stage, origin, mask, arity, several, table = (
            int(key[first]) for key in keys
        )
        vectors.append(
            Vector(
                GATES, module, stage, first, last, mask, level, origin, arity, table, bool(several)
            )
        )
    return order, vectors


def _changes(columns: list[NDArray[np.generic]]) -> Int64:
    """Where a new row begins in sorted columns."""
    size = columns[0].size
    new = np.zeros(size, np.bool_)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


def _ends(starts: Int64, size: int) -> Int64:
    """Where each of the rows that begin at `starts` ends."""
    return np.append(starts[1:], size)[: starts.size]


def _runs(columns: list[Int32]) -> Int64:
    order = np.lexsort(columns)
    return _changes([column[order] for column in columns])


def _mixed(columns: list[Int32], tables: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """The gates of three and more inputs that have too many tables for an expression each."""
    mixed = np.zeros(tables.size, np.bool_)
    wide = np.flatnonzero(columns[-1] > 2)
    if not wide.size:
        return mixed
    keys = [column[wide] for column in columns]
    everything: list[NDArray[np.generic]] = [tables[wide], *keys]
    order = np.lexsort(everything)
    groups = _changes([key[order] for key in keys])
    kinds = _changes([key[order] for key in everything])
    sizes = _ends(groups, wide.size) - groups
    firsts = np.searchsorted(kinds, groups)
    tables_each = _ends(firsts, kinds.size) - firsts
    many = (tables_each > MANY_TABLES) & (sizes < FEW_GATES * tables_each)
    mixed[wide[order]] = np.repeat(many, sizes)
    return mixed


class _Placement:
    """Gives every signal its vector and bit at every stage it is read."""

    def __init__(self, circuit: Circuit, vectors: list[Vector], uses: _Uses) -> None:
        self.circuit, self.uses = circuit, uses
        self.vectors: list[Vector] = []
        self.vector_of = np.full(circuit.num_signals, -1, np.int32)
        self.bit_of = np.zeros(circuit.num_signals, np.int32)
        self.bit_of[1] = 1
        self.rank = np.arange(circuit.num_signals, dtype=np.int64)
        self.keys = np.empty(0, np.int64)
        self.row_vectors = self.row_bits = np.empty(0, np.int32)
        self.register_signals = self.register_stages = np.empty(0, np.int32)
        signal = 2
        for port in circuit.inputs:
            bits = np.arange(port.bits)
            self.vector_of[signal + bits] = len(self.vectors)
            self.bit_of[signal + bits] = bits
            first = signal - 2
            self.vectors.append(Vector(INPUT, TOP, 0, first, first + port.bits, 0))
            signal += port.bits
        self.vectors += vectors

    def put_gates(self, gates: Int32) -> None:
        """Place the gates, which are in vector order."""
        signals = self.circuit.first_gate + gates
        self.rank[signals] = self.circuit.first_gate + np.arange(gates.size)
        for index, vector in enumerate(self.vectors):
            if vector.kind == GATES:
                chosen = signals[vector.first : vector.last]
                self.vector_of[chosen] = index
                self.bit_of[chosen] = np.arange(vector.width)

    def put_registers(self) -> None:
        """Place a register for every signal and row that it crosses."""
        uses = self.uses
        rows = np.maximum(uses.last - uses.stages, 0)
        rows[:2] = 0
        signals = np.repeat(np.arange(rows.size, dtype=np.int32), rows)
        starts = np.cumsum(rows) - rows
        stages = (uses.stages[signals] + 1 + np.arange(signals.size) - starts[signals]).astype(
            np.int32
        )
        readers = uses.readers_of(signals, stages)
        columns = [uses.homes[signals], stages, readers]
        order = np.lexsort((self.rank[signals], *reversed(columns)))
        columns = [column[order] for column in columns]
        begins = _changes(columns)
        ends = _ends(begins, order.size)
        vectors = np.repeat(np.arange(begins.size) + len(self.vectors), ends - begins)
        bits = np.arange(order.size) - np.repeat(begins, ends - begins)
        for first, last in zip(begins.tolist(), ends.tolist(), strict=True):
            module, stage, mask = (int(column[first]) for column in columns)
            self.vectors.append(Vector(ROW, module, stage, first, last, mask))
        self.register_signals, self.register_stages = signals[order], stages[order]
        keys = uses.key(self.register_signals, self.register_stages)
        by_key = np.argsort(keys)
        self.keys = keys[by_key]
        self.row_vectors = vectors[by_key].astype(np.int32)
        self.row_bits = bits[by_key].astype(np.int32)

    def register_sources(self) -> Places:
        """What each register takes in: its signal one stage earlier."""
        return self.find(self.register_signals, self.register_stages - 1)

    def find(self, signals: Int32, stages: Int32) -> Places:
        """Where the signals are at those stages."""
        stages = np.broadcast_to(stages, signals.shape)
        vectors, bits = self.vector_of[signals], self.bit_of[signals]
        late = (signals >= 2) & (stages > self.uses.stages[signals])
        if late.any():
            at = np.searchsorted(self.keys, self.uses.key(signals[late], stages[late]))
            vectors[late], bits[late] = self.row_vectors[at], self.row_bits[at]
        return Places(vectors, bits)
