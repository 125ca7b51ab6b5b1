"""Nets that are layers of sums from end to end: bits of the inputs, neurons, scores.

Such a net needs no gates: a neuron counts where a row of bits agrees with its weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.ir import simulate
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.jit import njit
from lithify.ir.ports import Score, Word

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Flags = NDArray[np.bool_]

LEAST_FANINS = 16
"""Neurons narrower than this on average are gates, not sums."""
MOST_TABLES = 4096
MOST_WIDTH = 12
MOST_WEIGHTS = 1 << 28
"""Of one layer, those that are 0 among them."""
MANY, NO_ELEMENT = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Row by row: the weights of the bits before, and the least sum that fires, or the bias."""

    weights: I32
    offsets: I64


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Source j is whether the integer of `elements[j]` is at least `least[j]`; the last is scores.

    Sources ascend by element, then by bound.
    """

    elements: I64
    least: I64
    layers: tuple[Layer, ...]


def find_layers(circuit: Circuit) -> Layers | None:
    """The layers that a circuit with scores alone is made of; None where it is anything else."""
    if not _mostly_sums(circuit):
        return None
    element, depth = _shape(circuit)
    ends = np.unique(np.concatenate([score.signals.ravel() for score in circuit.scores]))
    last = int(depth[ends[0]]) if ends.size else 0
    if last < 1 or (depth[ends] != last).any():
        return None
    live = np.flatnonzero(circuit.live())
    rank = depth[circuit.first_gate + live]
    before = np.unique(np.concatenate([_fanins(circuit, g) for g in live[rank == 1]]))
    sources = _sources(circuit, before, element)
    if sources is None:
        return None
    layers = []
    for level in range(1, last + 1):
        gates = live[rank == level]
        layer = _layer(circuit, gates, before)
        if layer is None:
            return None
        layers.append(layer)
        before = circuit.first_gate + gates
    layers.append(_scores(circuit.scores, before))
    return _ordered(sources, layers)


def _mostly_sums(circuit: Circuit) -> bool:
    """Whether it is worth a closer look: scores only, and most of what is read is read by sums."""
    if circuit.words or not circuit.scores:
        return False
    counts = np.diff(circuit.offsets)
    sums = circuit.kinds == THRESHOLD
    read = int(counts[sums].sum())
    wide = read >= LEAST_FANINS * circuit.num_gates
    return wide and int((~sums).sum()) <= MOST_TABLES


def _shape(circuit: Circuit) -> tuple[I64, I64]:
    """For every signal: the only element it depends on, and how many layers lie below it.

    The depth is -1 where a gate reads bits of several depths, or a constant.
    """
    counts = [port.count for port in circuit.inputs]
    widths = np.repeat([port.width for port in circuit.inputs], counts)
    of_bit = np.repeat(np.arange(len(widths)), widths)
    return _walk(circuit.offsets, circuit.fanins, circuit.first_gate, of_bit.astype(np.int64))


@njit
def _walk(offsets: I64, fanins: I32, first: int, of_bit: I64) -> tuple[I64, I64]:
    count = offsets.size - 1
    element = np.full(first + count, NO_ELEMENT, np.int64)
    depth = np.full(first + count, -1, np.int64)
    element[2:first] = of_bit
    depth[2:first] = 0
    for g in range(count):
        start, stop = offsets[g], offsets[g + 1]
        if start == stop:
            continue
        only, level, even = element[fanins[start]], depth[fanins[start]], True
        for p in range(start, stop):
            if element[fanins[p]] != only:
                only = MANY
            even = even and depth[fanins[p]] == level
        element[first + g] = only
        if only >= 0:
            depth[first + g] = 0
        elif even and level >= 0:
            depth[first + g] = level + 1
    return element, depth


def _fanins(circuit: Circuit, gate: int) -> I32:
    return circuit.fanins[circuit.offsets[gate] : circuit.offsets[gate + 1]]


def _sources(circuit: Circuit, signals: I32, element: I64) -> tuple[I64, I64, Flags] | None:
    """Element, bound and whether it is below the bound instead, for signals of one element each.

    All elements count through their ranges at once, so that one run shows every step.
    """
    if max(port.width for port in circuit.inputs) > MOST_WIDTH:
        return None
    bounds = np.repeat(
        np.array([port.bounds for port in circuit.inputs], np.int64),
        [port.count for port in circuit.inputs],
        axis=0,
    )
    low, high = bounds.T
    codes = np.minimum(low + np.arange(int((high - low).max()) + 1)[:, None], high)
    bare = replace(circuit, outputs=(Word("sources", signals[:, None]),), readout="bits")
    seen = simulate.run(bare, codes).words["sources"]
    steps = np.diff(seen, axis=0)
    if ((steps != 0).sum(0) != 1).any():
        return None
    where = element[signals]
    least = low[where] + 1 + np.abs(steps).argmax(0)
    return where, least, seen[0] == 1


def _layer(circuit: Circuit, gates: I64, before: I32) -> Layer | None:
    """The gates as rows of weights over the signals before them."""
    if len(gates) * len(before) > MOST_WEIGHTS:
        return None
    weights = np.zeros((len(gates), len(before)), np.int32)
    bounds = circuit.bounds[gates].copy()
    full = circuit.full_weights()
    for row, gate in enumerate(gates.tolist()):
        fanins = _fanins(circuit, gate)
        mine = full[circuit.offsets[gate] : circuit.offsets[gate + 1]]
        if circuit.kinds[gate] == TABLE:
            form = as_sum(int(circuit.tables[gate]), len(fanins))
            if form is None:
                return None
            mine, bounds[row] = form
        np.add.at(weights[row], np.searchsorted(before, fanins), mine)
    return Layer(weights, bounds)


def as_sum(table: int, fanins: int) -> tuple[I32, int] | None:
    """Weights of 1 and -1 and a bound with which a sum is this table, where there are such."""
    patterns = np.arange(1 << fanins)
    fires = (table >> patterns & 1 if fanins < 6 else _bits(table)) == 1
    weights = np.zeros(fanins, np.int32)
    for pin in range(fanins):
        without = patterns[patterns >> pin & 1 == 0]
        change = fires[without | 1 << pin].astype(int) - fires[without]
        if change.min() < 0 < change.max():
            return None
        weights[pin] = change.max() + change.min()
    sums = ((patterns[:, None] >> np.arange(fanins) & 1) * weights).sum(1)
    bound = int(sums[fires].min(initial=fanins + 1))
    return (weights, bound) if np.array_equal(sums >= bound, fires) else None


def _bits(table: int) -> I64:
    return np.array([table >> i & 1 for i in range(64)])


def _scores(scores: tuple[Score, ...], before: I32) -> Layer:
    """The scores as rows of weights over the last neurons."""
    weights = np.zeros((len(scores), len(before)), np.int32)
    for row, score in enumerate(scores):
        columns = np.searchsorted(before, score.signals.ravel())
        np.add.at(weights[row], columns, score.weights.ravel())
    return Layer(weights, np.array([score.bias for score in scores], np.int64))


def _ordered(sources: tuple[I64, I64, Flags], layers: list[Layer]) -> Layers:
    """Sources in order, those that fire below their bound turned round."""
    elements, least, below = sources
    order = np.lexsort((least, elements))
    first = layers[0]
    turned = np.where(below, -first.weights, first.weights)
    offsets = first.offsets - first.weights[:, below].sum(1, dtype=np.int64)
    layers[0] = Layer(turned[:, order], offsets)
    return Layers(elements[order], least[order], tuple(layers))
