"""Thresholds that the kernel counts, between rounds of gates: each is a plane and takes one slot.

As gates they would be adders, five gates for each of their fan-ins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.comparisons import without
from lithify.ir.jit import njit
from lithify.ir.ports import Port, Word
from lithify.ir.walks import live

LEAST_PINS = 7
"""Thresholds of fewer take about as long as gates."""
MOST_TOTAL = 1 << 30
"""What the weights of a threshold that is counted reach together."""

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Thresholds by stages: those of one read signals that gates make before, and earlier stages'.

    `circuit` has an input bit for each, the last ones. Threshold i is high where the sum of
    weights[starts[i]:starts[i + 1]] times the signals of these sources is its bound and more.
    """

    circuit: Circuit
    wanted: I32
    sources: I32
    starts: I64
    weights: I64
    bounds: I64
    ends: I64
    """How many thresholds there are up to each stage."""


@dataclass(frozen=True, slots=True, eq=False)
class SumTables:
    """The tables of these names that the kernel reads (see `Program`)."""

    sums: I64
    addends: I32
    pins: NDArray[np.uint32]


def no_sums(circuit: Circuit, wanted: I32) -> Sums:
    """A circuit whose signals `wanted` count, as it is."""
    none = np.empty(0, np.int64)
    return Sums(circuit, wanted, none.astype(np.int32), np.zeros(1, np.int64), none, none, none)


def apart(circuit: Circuit, wanted: I32) -> Sums:
    """A circuit whose signals `wanted` count, without the thresholds that are to be counted."""
    gates = _counted(circuit)
    gates = gates[live(circuit.offsets, circuit.fanins, circuit.first_gate, wanted)[gates]]
    if not gates.size:
        return no_sums(circuit, wanted)
    flags = np.zeros(circuit.num_gates, np.bool_)
    flags[gates] = True
    stages = _stages(circuit.offsets, circuit.fanins, flags, circuit.first_gate)[gates]
    gates = gates[np.argsort(stages, kind="stable")]
    sizes = np.diff(circuit.offsets)[gates]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pins = np.repeat(circuit.offsets[gates] - starts[:-1], sizes) + np.arange(starts[-1])
    outputs = (
        Word("wanted", wanted[:, None]),
        Word("sources", circuit.fanins[pins][:, None]),
    )
    moved = np.full(circuit.num_signals, -1)
    moved[: circuit.first_gate] = np.arange(circuit.first_gate)
    moved[circuit.first_gate + gates] = circuit.first_gate + np.arange(gates.size)
    ports = (*circuit.inputs, Port("sums", 1, gates.size, "bit"))
    bare = without(replace(circuit, outputs=outputs, readout="bits"), ports, moved)
    signals, sources = (word.signals.ravel() for word in bare.words)
    ends = np.cumsum(np.bincount(stages)[1:])
    weights = circuit.full_weights()[pins].astype(np.int64)
    return Sums(bare, signals, sources, starts, weights, circuit.bounds[gates], ends)


def tabulate(found: Sums, targets: I32, slots: I32, flips: NDArray[np.bool_]) -> SumTables:
    """The tables of sums that set slots `targets`, from the slot of each source and its inversion.

    A source without a slot, -1, is 1 where it is inverted. A counter of n bits starts with so much
    that its top bit, which it can never leave, says whether the sum is the bound and more.
    """
    numbers = np.repeat(np.arange(found.bounds.size), np.diff(found.starts))
    weights, there = found.weights, slots >= 0
    shifts = np.where(there, np.minimum(weights, 0), weights * flips)
    sizes = np.where(there, np.abs(weights), 0)
    bounds, totals = found.bounds.copy(), np.zeros(found.bounds.size, np.int64)
    np.subtract.at(bounds, numbers, shifts)
    np.add.at(totals, numbers, sizes)
    bits = 1 + np.frexp(totals)[1].astype(np.int64)
    begin = (1 << (bits - 1)) - np.clip(bounds, 0, totals + 1)
    columns = [np.empty((4, 0), np.int64)]
    for place in range(int(sizes.max(initial=0)).bit_length()):
        some = np.flatnonzero(sizes >> place & 1)
        inverted = flips[some] ^ (weights[some] < 0)
        columns.append(np.stack((numbers[some], np.full(some.size, place), inverted, slots[some])))
    rows = np.concatenate(columns, axis=1)
    rows = rows[:, np.lexsort(rows[2::-1])]
    runs, counts = np.unique(rows[:3], axis=1, return_counts=True)
    each = np.bincount(runs[0], minlength=found.bounds.size)
    return SumTables(
        np.stack((targets, bits, begin, each), axis=1).astype(np.int64),
        np.stack((runs[1], runs[2], counts), axis=1).astype(np.int32),
        rows[3].astype(np.uint32),
    )


def _counted(circuit: Circuit) -> I64:
    """The gates that are worth it."""
    sizes = np.diff(circuit.offsets)
    some: I64 = np.flatnonzero((circuit.kinds == THRESHOLD) & (sizes >= LEAST_PINS))
    if not some.size:
        return some
    sizes = np.abs(circuit.full_weights().astype(np.int64))
    before = np.concatenate([[0], np.cumsum(sizes)])
    totals = before[circuit.offsets[some + 1]] - before[circuit.offsets[some]]
    counted: I64 = some[totals < MOST_TOTAL]
    return counted


@njit
def _stages(offsets: I64, fanins: I32, counted: NDArray[np.bool_], first: int) -> I32:
    """For each gate the most counted thresholds on a way to it, itself among them."""
    stages = np.zeros(first + len(counted), np.int32)
    for gate in range(len(counted)):
        most = 0
        for at in range(offsets[gate], offsets[gate + 1]):
            most = max(most, stages[fanins[at]])
        stages[first + gate] = most + counted[gate]
    return stages[first:]
