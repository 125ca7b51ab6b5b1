"""The cells that are written directly: counters, and the terms that they take in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.mapping.cells import Gates, gates_of
from lithify.ir.jit import njit
from lithify.ir.netlist import BEST_APART, FULL, HALF, MATCH, MOST_COUNT, SCORE, Netlist

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_PINS = 6
DIRECT = 4
"""Counters of at least so many inputs are cells of their own: mappers do worse."""
MOST_MAPPED = 24
"""Terms of a comparison that is left to the mapper; with more it is a sum like those of scores."""


def direct_gates(
    netlist: Netlist,
    own: Mask,
    bundles: Sequence[I32],
    inputs: int,
    *,
    most_mapped: int = 0,
    chains: bool = False,
) -> Gates:
    """The counters that are cells of their own, some over what their terms read.

    Where tables have six inputs, those of four and more bits, and bundles; else full adders, which
    take in terms that are best apart. `own` says which signals of the expanded circuit are terms
    that a counter may take in; `bundles` are those that the netlist was made with. Thresholds and
    comparisons of up to `most_mapped` terms are left to the mapper. With `chains` half adders are
    cells too, and so are comparisons whose winner is compared again: in carry chains a multiplexer
    shares the cell of each.
    """
    adders, circuit = netlist.adders, netlist.circuit
    taken = np.zeros(circuit.num_signals, np.bool_)
    if inputs < MOST_PINS:
        together = _with_apart(netlist, bundles, inputs, taken)
        small = np.diff(adders.term_offsets) <= most_mapped
        left = small & (adders.purposes != SCORE)
        if chains:
            left &= (adders.purposes != MATCH) | (adders.owners == netlist.matches.left.size - 1)
        whole = (adders.kinds >= (HALF if chains else FULL)) & ~left[adders.groups]
    else:
        together, whole = _bundled_rows(netlist, bundles), adders.kinds >= DIRECT
        inside = np.zeros(own.size, np.bool_)
        for bundle_of in bundles:
            inside |= (bundle_of >= 0) & own
        taken[netlist.signal_of[inside]] = True
    signals = gates_of(adders, whole | together)
    bundled = np.isin(signals, gates_of(adders, together))
    fanins = np.empty((signals.size, MOST_PINS), np.int32)
    sizes = np.empty(signals.size, np.int64)
    tables = np.empty(signals.size, np.int64)
    gates = signals.astype(np.int64) - circuit.first_gate
    _compose(
        gates, bundled, taken, circuit.tables.view(np.int64),
        circuit.offsets, circuit.fanins, circuit.first_gate, tables, sizes, fanins,
    )  # fmt: skip
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    used = np.arange(MOST_PINS) < sizes[:, None]
    return Gates(signals, tables.view(np.uint64), offsets, fanins[used])


def _with_apart(netlist: Netlist, bundles: Sequence[I32], inputs: int, taken: Mask) -> Mask:
    """The full adders of scores that take in terms, which are marked in `taken`.

    A term that is best apart reads two signals, and takes one input more than as a signal.
    """
    adders = netlist.adders
    apart = np.zeros(netlist.circuit.num_signals, np.bool_)
    for bundle_of in bundles:
        apart[netlist.signal_of[bundle_of == BEST_APART]] = True
    scores = (adders.purposes == SCORE)[adders.groups] & (adders.kinds == FULL)
    pins = adders.inputs[:, :FULL] >> 1
    inside = apart[pins] & scores[:, None]
    inside &= inside.cumsum(axis=1) <= inputs - FULL
    taken[pins[inside]] = True
    inside = taken[pins] & scores[:, None]  # some of them for another adder's sake
    taken[pins[inside & (inside.cumsum(axis=1) > inputs - FULL)]] = False
    rows: Mask = (taken[pins] & scores[:, None]).any(axis=1)
    return rows


def _bundled_rows(netlist: Netlist, bundles: Sequence[I32]) -> Mask:
    """The counters that count a bundle and nothing else."""
    adders = netlist.adders
    rows = np.zeros(adders.num_compressors, np.bool_)
    used = np.arange(MOST_COUNT) < adders.kinds[:, None]
    score_of = np.where(adders.purposes == SCORE, adders.owners, -1)[adders.groups]
    for number, bundle_of in enumerate(bundles):
        named = np.full(netlist.circuit.num_signals, -1, np.int32)
        named[netlist.signal_of] = bundle_of
        own = np.flatnonzero(score_of == number)
        numbers = named[adders.inputs[own] >> 1]
        same = (numbers == numbers[:, :1]) | ~used[own]
        rows[own] = same.all(1) & (numbers[:, 0] >= 0) & (adders.kinds[own] > 1)
    return rows


@njit
def _compose(
    gates: I64, bundled: Mask, taken: Mask, tables: I64, offsets: I64, fanins: I32, first: int,
    out_tables: I64, out_sizes: I64, out_fanins: I32,
) -> None:  # fmt: skip
    """Writes every gate as a table over its fan-ins, or what those read that are taken in."""
    for i in range(gates.size):
        begin, end = offsets[gates[i]], offsets[gates[i] + 1]
        leaves, used = out_fanins[i], 0
        for p in range(begin, end):
            inner = fanins[p] - first
            if bundled[i] and taken[fanins[p]]:
                for q in range(offsets[inner], offsets[inner + 1]):
                    used = _noted(leaves, used, fanins[q])
            else:
                used = _noted(leaves, used, fanins[p])
        table = 0
        for pattern in range(1 << used):
            index = 0
            for p in range(begin, end):
                inner = fanins[p] - first
                if bundled[i] and taken[fanins[p]]:
                    row = 0
                    for q in range(offsets[inner], offsets[inner + 1]):
                        at = _found(leaves, used, fanins[q])
                        row |= ((pattern >> at) & 1) << (q - offsets[inner])
                    value = (tables[inner] >> row) & 1
                else:
                    value = (pattern >> _found(leaves, used, fanins[p])) & 1
                index |= value << (p - begin)
            table |= ((tables[gates[i]] >> index) & 1) << pattern
        out_tables[i], out_sizes[i] = table, used


@njit
def _found(leaves: I32, used: int, leaf: int) -> int:
    """The place of a leaf, or how many there are."""
    for j in range(used):
        if leaves[j] == leaf:
            return j
    return used


@njit
def _noted(leaves: I32, used: int, leaf: int) -> int:
    """How many leaves there are with this one."""
    place = _found(leaves, used, leaf)
    leaves[place] = leaf
    return max(used, place + 1)
