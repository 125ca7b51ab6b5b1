"""Circuits as ONNX models of integer operations, which any runtime computes exactly.

The model keeps a matrix of bits, a row a signal and a column a sample. A level of gates gathers the
rows that it reads, weighs and adds them up; a table looks the sum up among the entries of all
tables of the level, a threshold compares it with its bound. Inputs and outputs are matrices of
whole numbers [samples, elements], called as the ports and words are; the scores of a circuit are
the output `scores` [samples, classes], and the argmax of them is `class` [samples].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.backends.onnx_nodes import Array, Model
from lithify.ir.arithmetic import CLASS, SCORES
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port, Score, Word

MOST_EXACT = 1 << 24  # whole numbers below are exact in float32
MOST_BYTES = 1 << 31  # of a protocol buffer
NEVER = np.iinfo(np.int32).max
FLOAT32, INT32, INT64 = 1, 6, 7
Rows = NDArray[np.int64]


def write(circuit: Circuit, *, thresholds: Sequence[Sequence[float]] | None = None) -> bytes:
    """The model.

    With `thresholds`, an ascending list a feature, it takes float32 features [samples, features] as
    `x` in place of a port of that name: the code of a feature is how many of them it exceeds.
    """
    _check_names(circuit)
    model = Model("circuit")
    state = _State(circuit, model, _inputs(circuit, model, thresholds))
    for level in range(1, state.depth + 1):
        state.level(level)
    for word in circuit.words:
        model.output(_word(model, state, word), word.name, "int64", word.count)
    if circuit.scores:
        scores = _scores(model, state, circuit.scores)
        model.output(scores, SCORES, "int64", len(circuit.scores))
        if circuit.readout == "argmax":
            best = model.node("ArgMax", scores, axis=1, keepdims=0)
            model.output(best, CLASS, "int64", None)
    data = model.finish()
    if len(data) >= MOST_BYTES:
        raise InputError(f"the model has {len(data):,} bytes; ONNX files have less than 2 GiB")
    return data


class _State:
    """The rows of bits that later levels read, and where each signal's row is."""

    def __init__(self, circuit: Circuit, model: Model, bits: str) -> None:
        self.circuit, self.model, self.rows = circuit, model, bits
        self.levels = np.where(
            np.concatenate([np.ones(circuit.first_gate, np.bool_), circuit.live()]),
            circuit.levels(),
            -1,
        )
        self.depth = int(self.levels.max(initial=0))
        self.held = np.arange(circuit.first_gate, dtype=np.int64)
        self.place = np.full(circuit.num_signals, -1, np.int64)
        self.place[self.held] = self.held
        self.last = self._last_levels()

    def _last_levels(self) -> NDArray[np.int64]:
        """For every signal the highest level that reads it; NEVER ends for outputs."""
        circuit = self.circuit
        last = np.zeros(circuit.num_signals, np.int64)
        readers = np.repeat(self.levels[circuit.first_gate :], np.diff(circuit.offsets))
        np.maximum.at(last, circuit.fanins, readers)
        last[circuit.output_signals] = NEVER
        return last

    def take(self, signals: Array) -> str:
        """The rows of these signals."""
        return self.model.node("Gather", self.rows, self.place[signals], axis=0)

    def level(self, level: int) -> None:
        """Add the gates of a level, and drop rows that nothing reads any more."""
        circuit = self.circuit
        gates = np.flatnonzero(self.levels[circuit.first_gate :] == level)
        arities = np.diff(circuit.offsets)[gates]
        kinds = circuit.kinds[gates]
        made, order = [], []
        for kind, arity in sorted({*zip(kinds.tolist(), arities.tolist(), strict=True)}):
            group = gates[(kinds == kind) & (arities == arity)]
            made.append(_gates(self, group, arity, is_table=kind == TABLE))
            order.append(circuit.first_gate + group)
        keep = self.held[self.last[self.held] > level]
        if keep.size < self.held.size:
            self.rows = self.take(keep)
        self.rows = self.model.node("Concat", self.rows, *made, axis=0)
        self.held = np.concatenate([keep, *order])
        self.place[self.held] = np.arange(self.held.size)


def _check_names(circuit: Circuit) -> None:
    """Refuse names that would stand for two values, and circuits without samples."""
    if not circuit.inputs:
        raise InputError("a circuit without inputs has no samples; an ONNX model needs an input")
    names = [port.name for port in circuit.inputs] + [word.name for word in circuit.words]
    names += [SCORES, CLASS] if circuit.scores else []
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two of the inputs and outputs are called {twice}; rename one of them")


def _inputs(circuit: Circuit, model: Model, thresholds: Sequence[Sequence[float]] | None) -> str:
    """The rows of the constants and of all input bits."""
    rows = []
    for port in circuit.inputs:
        if thresholds is not None and port.name == "x":
            value = _codes(model, thresholds)
        else:
            model.input(port.name, "int64", port.count)
            value = port.name
        rows.append(_bits(model, port, value))
    bits = model.node("Concat", *rows, axis=0) if len(rows) > 1 else rows[0]
    first = model.node("Gather", bits, np.zeros(1, np.int64), axis=0)
    zero, one = (model.node("Gather", np.full(2, bit, np.int32), first, axis=0) for bit in (0, 1))
    return model.node("Concat", zero, one, bits, axis=0)


def _codes(model: Model, thresholds: Sequence[Sequence[float]]) -> str:
    """How many of its thresholds each float32 feature exceeds."""
    model.input("x", "float32", len(thresholds))
    most = max(1, *map(len, thresholds))
    table = np.full((1, len(thresholds), most), np.inf)
    for feature, row in enumerate(thresholds):
        table[0, feature, : len(row)] = row
    with np.errstate(over="ignore"):
        narrow = table.astype(np.float32)
    # What exceeds a float64 bound is what exceeds the float32 number at or below it.
    below = np.where(narrow > table, np.nextafter(narrow, np.float32(-np.inf)), narrow)
    column = model.node("Unsqueeze", "x", np.array([2]))
    above = model.node("Greater", column, below.astype(np.float32))
    return model.node("ReduceSum", model.node("Cast", above, to=INT64), np.array([2]), keepdims=0)


def _bits(model: Model, port: Port, value: str) -> str:
    """The rows of the bits of a port, element after element."""
    wide = model.node("Transpose", value, perm=[1, 0])
    code = model.node("Mod", wide, np.array(1 << port.width, np.int64))
    if port.width == 1:
        return model.node("Cast", code, to=INT32)
    column = model.node("Unsqueeze", code, np.array([1]))
    powers = np.int64(1) << np.arange(port.width, dtype=np.int64)
    shifted = model.node("Div", column, powers[:, None])
    planes = model.node("Mod", shifted, np.array(2, np.int64))
    rows = model.node("Reshape", planes, np.array([port.bits, -1]))
    return model.node("Cast", rows, to=INT32)


def _gates(state: _State, gates: Rows, arity: int, *, is_table: bool) -> str:
    """The rows of gates of one kind and arity."""
    circuit, model = state.circuit, state.model
    at = circuit.offsets[gates][:, None] + np.arange(arity)
    if is_table:
        pulls = np.broadcast_to(np.int32(1) << np.arange(arity, dtype=np.int32), at.shape)
    else:
        pulls = circuit.full_weights()[at]
    sums = _weighed(state, circuit.fanins[at], pulls)
    if is_table:
        entries = np.arange(1 << arity, dtype=np.uint64)
        table = (circuit.tables[gates][:, None] >> entries & np.uint64(1)).astype(np.int32)
        starts = (np.arange(gates.size, dtype=np.int32) << arity)[:, None]
        index = model.node("Add", sums, starts)
        return model.node("Gather", table.ravel(), index, axis=0)
    reach = int(np.abs(pulls.astype(np.int64)).sum(axis=1).max(initial=0)) + 1
    bounds = np.clip(circuit.bounds[gates], -reach, reach).astype(np.int32)
    above = model.node("GreaterOrEqual", sums, bounds[:, None])
    return model.node("Cast", above, to=INT32)


def _weighed(state: _State, signals: NDArray[np.int32], pulls: NDArray[np.int32]) -> str:
    """The sums of weighted signals[gates, pins], a row a gate.

    Gates that read much the same are one product with a matrix, others add their own rows.
    """
    model, (count, arity) = state.model, signals.shape
    if not arity:
        return state.take(np.zeros(count, np.int64))
    reach = int(np.abs(pulls.astype(np.int64)).sum(axis=1).max(initial=0))
    if reach >= 1 << 31:
        raise InputError(f"a gate whose weights add up to {reach}; less than 2^31 can be written")
    union, column = np.unique(signals, return_inverse=True)
    if arity > 6 and union.size <= 2 * arity and reach < MOST_EXACT:
        matrix = np.zeros((count, union.size), np.float32)
        np.add.at(matrix, (np.arange(count)[:, None], column.reshape(signals.shape)), pulls)
        real = model.node("Cast", state.take(union), to=FLOAT32)
        return model.node("Cast", model.node("MatMul", matrix, real), to=INT32)
    rows = state.take(signals.ravel())
    cube = model.node("Reshape", rows, np.array([count, arity, -1]))
    heavy = cube if (pulls == 1).all() else model.node("Mul", cube, pulls[:, :, None])
    return model.node("ReduceSum", heavy, np.array([1]), keepdims=0)


def _word(model: Model, state: _State, word: Word) -> str:
    """The integers [samples, count] of a word."""
    rows = model.node("Cast", state.take(word.signals.ravel()), to=INT64)
    if word.width > 1:
        cube = model.node("Reshape", rows, np.array([word.count, word.width, -1]))
        powers = np.int64(1) << np.arange(word.width, dtype=np.int64)
        powers[-1] *= -1 if word.kind == "int" else 1
        rows = model.node(
            "ReduceSum", model.node("Mul", cube, powers[:, None]), np.array([1]), keepdims=0
        )
    elif word.kind == "int":
        rows = model.node("Neg", rows)
    return model.node("Transpose", rows, perm=[1, 0])


def _scores(model: Model, state: _State, scores: Sequence[Score]) -> str:
    """The scores [samples, classes]: a product with a matrix, and the biases."""
    signals = np.unique(np.concatenate([score.signals for score in scores] + [np.array([0])]))
    matrix = np.zeros((len(scores), signals.size), np.int64)
    for row, score in zip(matrix, scores, strict=True):
        np.add.at(row, np.searchsorted(signals, score.signals), score.weights)
    exact = int(np.abs(matrix).sum(axis=1).max()) < MOST_EXACT
    bits = model.node("Cast", state.take(signals), to=FLOAT32 if exact else INT64)
    sums = model.node("MatMul", matrix.astype(np.float32) if exact else matrix, bits)
    whole = model.node("Cast", sums, to=INT64)
    biases = np.array([[score.bias] for score in scores], np.int64)
    return model.node("Transpose", model.node("Add", whole, biases), perm=[1, 0])
