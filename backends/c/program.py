"""A circuit as the data that the fixed C kernel runs: `schedule` makes a `Program`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.reading import bit_reading, compared_reading
from lithify.backends.c.schedule import GATES_OF
from lithify.backends.c.sums import Sums, SumTables, apart, no_sums, tabulate
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port, Score, Word

WINDOW = 512
MOST_NARROW_SLOTS = 1 << 16


@dataclass(frozen=True, slots=True)
class WordShape:
    """The name and form of one word output."""

    name: str
    count: int
    width: int
    kind: str


class Tables:
    """What every program is: inputs, and read-only arrays that the kernel reads in place."""

    __slots__ = ()
    ARRAYS: ClassVar[tuple[str, ...]]
    inputs: tuple[Port, ...]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for name in self.ARRAYS:
            array = np.ascontiguousarray(getattr(self, name))
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def num_input_bits(self) -> int:
        """Bits of all inputs together."""
        return sum(port.bits for port in self.inputs)

    @property
    def elements(self) -> int:
        """Integers of all inputs together."""
        return sum(port.count for port in self.inputs)

    @property
    def table_bytes(self) -> int:
        """Bytes of the arrays that the kernel reads."""
        return int(sum(getattr(self, name).nbytes for name in self.ARRAYS))


@dataclass(frozen=True, slots=True, eq=False)
class Program(Tables):
    """Everything the kernel needs to know of a net, as frozen arrays.

    The first slots hold what is read of the inputs: with `in_order` slot i holds input bit i. The
    gates run in runs of units of one kind: pairs in the order of `schedule.PAIRS`, single AND,
    AND-NOT, OR, XOR gates, and pools as in `pooled`. No unit reads another of its round.
    """

    ARRAYS = (
        "operands",
        "rounds",
        "stages",
        "sums",
        "addends",
        "pins",
        "chunks",
        "tested",
        "above",
        "runs",
        "terms",
        "biases",
        "word_slots",
        "word_masks",
        "word_fields",
    )

    inputs: tuple[Port, ...]
    words: tuple[WordShape, ...]
    scores: tuple[str, ...]
    readout: str
    slots: int
    operands: NDArray[np.uint16] | NDArray[np.uint32]
    """Slots, 16 bits where they fit. Four a pair: the first gate's own source, the shared one,
    which takes the first result, the second gate's own source, the second result. Three a single
    gate: both sources, the result. Nine a pool: the sources of its four gates, the result."""
    rounds: NDArray[np.uint32]
    """[rounds, KINDS]: how many units of each kind come one after the other."""
    stages: NDArray[np.int32]
    """[stages, 2]: how many rounds come, and how many sums after them."""
    sums: NDArray[np.int64]
    """[sums, 4]: the slot that is set, bits of the counter, of which the top one is the result,
    what it starts with, and how many runs of addends it has."""
    addends: NDArray[np.int32]
    """[runs, 3]: of what each sum adds: the weight's power of two, inverted, how many."""
    pins: NDArray[np.uint32]
    """The slots of all these runs, in order."""
    chunks: NDArray[np.int32]
    """How the inputs are read, with `tested` and `above`: see `lithify.backends.c.reading`."""
    tested: NDArray[np.uint8]
    above: NDArray[np.uint8]
    in_order: bool
    runs: NDArray[np.int32]
    """[runs, 4]: terms of one score: its index, the weight's power of two, inverted, how many."""
    terms: NDArray[np.uint32]
    """The slots of all runs, in order."""
    biases: NDArray[np.int64]
    score_bits: int
    """Bits of the largest score without its bias."""
    wide_scores: bool
    """Whether a score can leave the 32-bit integers."""
    word_slots: NDArray[np.uint32]
    word_masks: NDArray[np.uint64]
    """[word bits, 2]: which bits of the slot count (none for a constant), and which flip then."""
    word_fields: NDArray[np.int32]
    """[word elements, 2]: width, and whether the top bit is a sign."""

    @property
    def num_gates(self) -> int:
        """How many two-input gates run."""
        counts = self.rounds.sum(0, dtype=np.int64)
        return int(counts @ GATES_OF)

    @property
    def digest(self) -> str:
        """SHA-256 over all that the program says."""
        h = hashlib.sha256(b"lithify program 1\n")
        h.update(repr((self.inputs, self.words, self.scores, self.readout, self.slots)).encode())
        for name in self.ARRAYS:
            array = getattr(self, name)
            h.update(f"{name} {array.dtype.name} {array.shape}\n".encode())
            h.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return h.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Scheduled gates: where they run and, for wanted signals, the slot (-1: constant) and flip."""

    operands: NDArray[np.int32]
    rounds: NDArray[np.int32]
    stages: NDArray[np.int64]
    counted: SumTables
    slots: int
    slot_of: NDArray[np.int32]
    inverted: NDArray[np.bool_]


def schedule(
    circuit: Circuit, *, window: int = WINDOW, compare: bool = False, count: bool = False
) -> Program:
    """The program of a circuit, with up to `window` gates (and one more of a pair) in a round.

    Its first slots hold the input bits; with `compare` what their integers are compared with, where
    the circuit asks for no more. With `count` large thresholds are sums rather than gates.
    """
    inputs, reading = circuit.inputs, bit_reading(circuit.inputs)
    if compare and (over := compared_reading(circuit)):
        circuit, reading = over
    wanted = [output.signals.ravel() for output in circuit.outputs]
    signals = np.concatenate(wanted) if wanted else np.empty(0, np.int32)
    placed = _place((apart if count else no_sums)(circuit, signals), window)
    ends = np.cumsum([len(part) for part in wanted], dtype=np.int64)
    rows = [slice(int(end) - len(part), int(end)) for end, part in zip(ends, wanted, strict=True)]
    pairs = list(zip(circuit.outputs, rows, strict=True))
    score_rows = [(output, row) for output, row in pairs if isinstance(output, Score)]
    word_rows = [(output, row) for output, row in pairs if isinstance(output, Word)]
    runs, terms, biases, bits, wide = _scores(score_rows, placed)
    word_slots, word_masks, word_fields = _words(word_rows, placed)
    operands = placed.operands.view(np.uint32)
    narrow = placed.slots <= MOST_NARROW_SLOTS
    return Program(
        inputs=inputs,
        words=tuple(WordShape(w.name, w.count, w.width, w.kind) for w, _ in word_rows),
        scores=tuple(score.name for score, _ in score_rows),
        readout=circuit.readout,
        slots=placed.slots,
        operands=operands.astype(np.uint16) if narrow else operands,
        rounds=placed.rounds.astype(np.uint32),
        stages=placed.stages.astype(np.int32),
        sums=placed.counted.sums,
        addends=placed.counted.addends,
        pins=placed.counted.pins,
        chunks=reading.chunks,
        tested=reading.tested,
        above=reading.above,
        in_order=reading.in_order,
        runs=runs,
        terms=terms,
        biases=biases,
        score_bits=bits,
        wide_scores=wide,
        word_slots=word_slots,
        word_masks=word_masks,
        word_fields=word_fields,
    )


def _two_input(circuit: Circuit, signals: NDArray[np.int32]) -> tuple[Circuit, NDArray[np.int32]]:
    """A circuit of tables of at most two fan-ins, and where in it the signals are."""
    if (circuit.kinds == THRESHOLD).any():
        from lithify.ir.arithmetic import expand

        bare = replace(circuit, outputs=(Word("wanted", signals[:, None]),), readout="bits")
        circuit = expand(bare).circuit
        signals = circuit.words[0].signals.ravel()
    if (np.diff(circuit.offsets)[circuit.kinds == TABLE] > 2).any():
        from lithify.ir.split import split

        bare = replace(circuit, outputs=(Word("wanted", signals[:, None]),), readout="bits")
        circuit = split(bare)
        signals = circuit.words[0].signals.ravel()
    return circuit, signals


class _Gates(NamedTuple):
    """Live gates: their sources, as compressed rows of nodes, and operations; and some signals.

    Of those the node (-1: constant), and whether it is inverted.
    """

    starts: NDArray[np.int64]
    sources: NDArray[np.int32]
    operations: NDArray[np.uint8]
    nodes: NDArray[np.int32]
    flips: NDArray[np.bool_]


def _live_gates(circuit: Circuit, signals: NDArray[np.int32]) -> _Gates:
    """What the signals need of a circuit, as gates of two inputs and pools of them."""
    from lithify.backends.c import reduced
    from lithify.backends.c.pooled import pool

    circuit, signals = _two_input(circuit, signals)
    first, gates = circuit.first_gate, circuit.num_gates
    literals = np.empty(first + gates, np.int32)
    pairs = np.empty((gates, 2), np.int32)
    operations = np.empty(gates, np.uint8)
    rows = (circuit.offsets, circuit.fanins, circuit.bounds)
    reduced.reduce_gates(first, *rows, literals, pairs, operations)
    wanted = literals[signals]
    nodes = np.empty(first + gates, np.int32)
    kept = reduced.keep_live(first, pairs, operations, wanted >> 1, nodes)
    pairs, operations = reduced.compact(first, pairs, operations, nodes, kept)
    places = nodes[wanted >> 1]
    held = np.unique(places[places >= 0])
    starts, sources, operations, moved = pool(first - 2, pairs, operations, held)
    places = np.append(moved, np.int32(-1))[places]
    return _Gates(starts, sources, operations, places, (wanted & 1).astype(np.bool_))


def _place(found: Sums, window: int) -> _Placed:
    """The live gates of the circuit in running order over slots, and the sums between them."""
    from lithify.backends.c import schedule as passes

    inputs, num_outputs = found.circuit.num_input_bits, len(found.wanted)
    gates = _live_gates(found.circuit, np.concatenate([found.wanted, found.sources]))
    rows = gates.starts, gates.sources
    outputs, read = gates.nodes[:num_outputs], gates.nodes[num_outputs:]
    held = np.unique(gates.nodes[gates.nodes >= 0])
    units, begins, stops = passes.walk(inputs, *rows, held, window, found.ends)
    units, rounds = passes.by_kind(*rows, gates.operations, units, begins)
    roots, there = np.unique(outputs[outputs >= 0]), read >= 0
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(there)])[found.starts]
    operands, slot_of, slots = passes.assign_slots(
        inputs, *rows, units, roots, begins[stops], found.ends, starts, read[there]
    )
    slot_of = np.append(slot_of, np.int32(-1))
    targets = slot_of[inputs - len(found.bounds) : inputs]
    counted = tabulate(found, targets, slot_of[read], gates.flips[num_outputs:])
    ends = np.concatenate([found.ends, found.ends[-1:]]) if len(stops) else np.zeros(1, np.int64)
    stages = np.stack((np.append(stops, len(rounds)), ends), axis=1)
    stages = np.diff(stages, axis=0, prepend=0)
    flips = gates.flips[:num_outputs]
    return _Placed(operands, rounds, stages, counted, slots, slot_of[outputs], flips)


def _scores(
    scores: list[tuple[Score, slice]], placed: _Placed
) -> tuple[NDArray[np.int32], NDArray[np.uint32], NDArray[np.int64], int, bool]:
    """Runs, terms and biases of the scores, bits of the sums, and whether 32 bits are too few.

    A negative weight is a positive one of the inverted signal, with the bias moved.
    """
    biases = [score.bias for score, _ in scores]
    most, wide = 0, False
    columns: list[NDArray[np.int64]] = []
    for index, (score, row) in enumerate(scores):
        low, high = score.range()
        if low < -(1 << 63) or high >= 1 << 63:
            raise InputError(
                f"score {score.name} reaches {low}..{high}, beyond 64 bits; scale its weights down"
            )
        wide = wide or low < -(1 << 31) or high >= 1 << 31
        weights, slots = score.weights.astype(np.int64), placed.slot_of[row].astype(np.int64)
        inverted = placed.inverted[row]
        constant = slots < 0
        moved = np.where(constant, inverted, weights < 0)
        biases[index] += int(weights[moved].sum())
        slots, weights, inverted = slots[~constant], weights[~constant], inverted[~constant]
        flips = inverted ^ (weights < 0)
        sizes = np.abs(weights)
        most = max(most, int(sizes.sum()))
        for place in range(int(sizes.max(initial=0)).bit_length()):
            for flip in (False, True):
                chosen = slots[((sizes >> place) & 1 == 1) & (flips == flip)]
                if len(chosen):
                    columns.append(np.concatenate(([index, place, int(flip), len(chosen)], chosen)))
    runs = np.array([column[:4] for column in columns], np.int32).reshape(-1, 4)
    terms = [column[4:] for column in columns]
    joined = np.concatenate(terms) if terms else np.empty(0, np.int64)
    bits = max(1, most.bit_length())
    return runs, joined.astype(np.uint32), np.array(biases, np.int64), bits, wide


def _words(
    words: list[tuple[Word, slice]], placed: _Placed
) -> tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.int32]]:
    """Slots and masks of all word bits, and the form of all word elements."""
    slots, inverted, shapes = [np.empty(0, np.int32)], [np.empty(0, np.bool_)], []
    for word, row in words:
        if word.width > 64:
            raise InputError(
                f"output {word.name}: integers of {word.width} bits; the C engine gives at most 64"
            )
        slots.append(placed.slot_of[row])
        inverted.append(placed.inverted[row])
        shapes += [[word.width, int(word.kind == "int" and word.width > 0)]] * word.count
    slot, flip = np.concatenate(slots), np.concatenate(inverted)
    every = ~np.uint64(0)
    masks = np.zeros((len(slot), 2), np.uint64)
    masks[slot >= 0, 0] = every
    masks[flip, 1] = every
    return np.maximum(slot, 0).astype(np.uint32), masks, np.array(shapes, np.int32).reshape(-1, 2)
