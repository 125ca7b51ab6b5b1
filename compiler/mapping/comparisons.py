"""The comparisons of an argmax as cells: each takes in as many columns as its inputs allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.mapping.cells import Gates, gates_of
from lithify.ir.circuit import Circuit
from lithify.ir.decompose import HIGH
from lithify.ir.netlist import MATCH, Netlist

I32 = NDArray[np.int32]
U64 = NDArray[np.uint64]

FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


def comparison_gates(netlist: Netlist, others: I32, inputs: int) -> Gates:
    """What decides the matches of an argmax and who wins, as tables of at most `inputs` inputs.

    From the top column down: a table reads what the carry that it needs is made of, while its
    inputs hold that, and the carry itself where they do not. `others` are gates of other cells.
    """
    adders, matches = netlist.adders, netlist.matches
    ours = gates_of(adders, (adders.purposes == MATCH)[adders.groups])
    inner = set(np.setdiff1d(ours, others).tolist())
    won = matches.values[matches.values.shape[0] - matches.left.size : -1]
    chosen = np.setdiff1d(won[won >= netlist.circuit.first_gate], others)
    wanted = set(matches.higher.tolist()) & inner | set(chosen.tolist())
    cones: dict[int, list[int]] = {}
    while len(cones) < len(wanted):
        # A proof cuts at every gate of these, so that none may be inside the table of another.
        cones = {root: _leaves(netlist.circuit, root, inner - wanted, inputs) for root in wanted}
        wanted |= {leaf for leaves in cones.values() for leaf in leaves if leaf in inner}
    roots = sorted(cones)
    sizes = np.array([len(cones[root]) for root in roots], np.int64)
    return Gates(
        np.array(roots, np.int32),
        np.array([_table(netlist.circuit, root, cones[root]) for root in roots], np.uint64),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        np.array([leaf for root in roots for leaf in cones[root]], np.int32),
    )


def _leaves(circuit: Circuit, root: int, inner: set[int], inputs: int) -> list[int]:
    """What a table for this gate reads: inner gates are replaced by their fan-ins, where these
    are few enough.
    """
    leaves = _fanins(circuit, root)
    while True:
        for leaf in leaves:
            if leaf in inner:
                more = [other for other in leaves if other != leaf]
                more += [other for other in _fanins(circuit, leaf) if other not in more]
                if len(more) <= inputs:
                    leaves = more
                    break
        else:
            return sorted(leaves)


def _fanins(circuit: Circuit, signal: int) -> list[int]:
    return [int(pin) for pin in circuit.gate_fanins(signal - circuit.first_gate)]


def _table(circuit: Circuit, root: int, leaves: list[int]) -> np.uint64:
    """The table of a gate over signals that it is a function of."""
    known = {leaf: HIGH[j] for j, leaf in enumerate(leaves)}
    used = np.uint64((1 << (1 << len(leaves))) - 1)
    return _planes(circuit, root, known) & used


def _planes(circuit: Circuit, signal: int, known: dict[int, np.uint64]) -> np.uint64:
    """The value of a signal for all patterns of the known ones."""
    if signal not in known:
        gate, made = signal - circuit.first_gate, np.uint64(0)
        pins = [_planes(circuit, pin, known) for pin in _fanins(circuit, signal)]
        table = int(circuit.tables[gate])
        for pattern in range(1 << len(pins)):
            if table >> pattern & 1:
                term = FULL
                for j, pin in enumerate(pins):
                    term &= pin if pattern >> j & 1 else ~pin
                made |= term
        known[signal] = made
    return known[signal]
