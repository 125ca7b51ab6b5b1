"""The stages of gates with which a pipeline has the fewest registers.

Every gate counts as one level. Between two rows of registers there are at most so many levels: of
two gates, the first and last of a path one level longer, the last is in a later stage. Under this,
and with as few stages as there have to be, the sum of the stages that all signals live through is
least: a linear program whose constraints are differences, so that its corners are whole numbers.
"""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

MOST_PAIRS = 1_000_000
"""Ends of paths that are looked at; the linear program takes some seconds for 100,000."""


def fewest_registers(
    circuit: Circuit, fanins: Int32, live: NDArray[np.bool_], every: int
) -> Int32 | None:
    """The stage of every signal, or None where there are too many paths to say.

    Constants in `fanins` are not waited for, and gates that are not `live` have no place.
    """
    rows = (circuit.depth - 1) // every
    if rows < 1:
        return np.zeros(circuit.num_signals, np.int32)
    gates = np.repeat(np.arange(circuit.num_gates), np.diff(circuit.offsets))
    real = live[gates] & (fanins >= 2)
    sources = fanins[real].astype(np.int64)
    readers = circuit.first_gate + gates[real].astype(np.int64)
    apart = _apart(circuit, sources, readers, every)
    if apart is None:
        return None
    stages = _solve(circuit, sources, readers, apart, rows)
    if stages is None or (stages[readers] < stages[sources]).any():
        return None
    return None if (stages[apart[1]] <= stages[apart[0]]).any() else stages


def _apart(
    circuit: Circuit, sources: Int64, readers: Int64, every: int
) -> tuple[Int64, Int64] | None:
    """The first and last gates of all paths of `every` + 1 gates."""
    inner = sources >= circuit.first_gate
    before, after = sources[inner], readers[inner]
    by_reader = np.argsort(after, kind="stable")
    before, after = before[by_reader], after[by_reader]
    size = circuit.num_signals
    first = np.unique(after)
    last = first
    for _ in range(every):
        starts, ends = np.searchsorted(after, first), np.searchsorted(after, first, "right")
        counts = ends - starts
        if counts.sum() > 8 * MOST_PAIRS:
            return None
        at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        keys = np.unique(before[at] * size + np.repeat(last, counts))
        first, last = keys // size, keys % size
        if keys.size > MOST_PAIRS:
            return None
    return first, last


def _solve(
    circuit: Circuit, sources: Int64, readers: Int64, apart: tuple[Int64, Int64], rows: int
) -> Int32 | None:
    """The stages for which the sum of lives is least; a life ends with the last reader."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    size = circuit.num_signals
    words = [word.signals.ravel() for word in circuit.words]
    outputs = np.unique(np.concatenate(words)) if words else np.empty(0, np.int64)
    outputs = outputs[outputs >= 2]
    # Of each row: the first variable is at most the second, or below it. Ends follow the stages.
    lower = np.concatenate((readers, sources, apart[0]))
    upper = np.concatenate((size + sources, readers, apart[1]))
    below = np.concatenate((np.zeros(2 * sources.size), np.ones(apart[0].size)))
    row = np.tile(np.arange(lower.size), 2)
    signs = np.repeat([1.0, -1.0], lower.size)
    matrix = csr_array((signs, (row, np.concatenate((lower, upper)))), shape=(lower.size, 2 * size))
    low, high = np.zeros(2 * size), np.full(2 * size, float(rows))
    high[: circuit.first_gate] = 0
    low[size + outputs] = rows
    cost = np.zeros(2 * size)
    read = np.unique(np.concatenate((sources, outputs)))
    cost[read] -= 1
    cost[size + read] += 1
    found = linprog(cost, matrix, -below, bounds=np.stack((low, high), 1), method="highs")
    if found.x is None:
        return None
    stages: Int32 = np.rint(found.x[:size]).astype(np.int32)
    return stages
