"""Gates of two circuits that are equal by their forms, from the inputs on: no search, no engine.

What differs after all is left to an engine, over one copy of what is equal. That matters for wide
thresholds: two networks of adders for one sum may be as unlike as two multipliers.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.proof.canonical import FEW, Gates, Scratch, Store, number
from lithify.compiler.proof.forms import outputs_agree, rows_of
from lithify.ir.circuit import TABLE, Circuit

INVERTER = np.uint64(0b01)
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Twins:
    """Two circuits of one interface, and for every signal of each the literal of its class.

    A class is the signal of the expected circuit that came first, or lies beyond them all; the
    literal of class c is 2 * c, that of its inverse 2 * c + 1. Constant 0 is class 0.
    """

    expected: Circuit
    seen: Circuit
    left: I64
    right: I64

    @property
    def found(self) -> int:
        """How many gates of the seen circuit are signals of the expected one."""
        return int(self._is_found.sum())

    @cached_property
    def _is_found(self) -> NDArray[np.bool_]:
        gates: I64 = self.right[self.seen.first_gate :]
        return gates < 2 * self.expected.num_signals

    def agree(self) -> bool:
        """Whether words and scores are equal, as bits and linear forms over the classes."""
        literals = self.left, self.right
        signals = self.expected.num_signals + self.seen.num_gates
        sides = self.expected, self.seen
        return outputs_agree(sides, lambda side, read: literals[side][read], signals)

    def merged(self) -> Circuit:
        """The seen circuit, reading signals of the expected one wherever they were found."""
        ours, theirs = self.expected, self.seen
        kept = np.flatnonzero(~self._is_found)
        literals = self.right.copy()
        inverses = np.unique(literals[(literals < 2 * ours.num_signals) & (literals & 1 == 1)])
        inverses = inverses[inverses > 1]
        # Signals of the merged circuit: the expected ones, inverters, then the gates kept.
        signal_of = np.where(literals == 1, 1, literals >> 1).astype(np.int32)
        turned = (literals & 1 == 1) & (literals > 1)
        signal_of[turned] = ours.num_signals + np.searchsorted(inverses, literals[turned])
        first = ours.num_signals + inverses.size
        signal_of[theirs.first_gate + kept] = first + np.arange(kept.size)
        rows = rows_of(theirs.offsets, kept)
        arities = [np.diff(ours.offsets), np.ones(inverses.size), np.diff(theirs.offsets)[kept]]
        fanins = [ours.fanins, inverses >> 1, signal_of[theirs.fanins[rows]]]
        new = np.zeros(inverses.size + kept.size)
        outputs = tuple(replace(o, signals=signal_of[o.signals]) for o in theirs.outputs)
        everything = replace(
            ours,
            kinds=np.concatenate([ours.kinds, np.full(inverses.size, TABLE), theirs.kinds[kept]]),
            tables=np.concatenate(
                [ours.tables, np.full(inverses.size, INVERTER), theirs.tables[kept]]
            ),
            offsets=np.concatenate([[0], np.cumsum(np.concatenate(arities))]),
            fanins=np.concatenate(fanins),
            weights=np.concatenate(
                [ours.full_weights(), np.ones(inverses.size), theirs.full_weights()[rows]]
            ),
            origin_of=np.concatenate([ours.origin_of, new]),
            unit_of=np.concatenate([ours.unit_of, new]),
            outputs=outputs,
        )
        return _without_dead(everything)


def _without_dead(circuit: Circuit) -> Circuit:
    """The circuit without gates that no output depends on."""
    live = np.flatnonzero(circuit.live())
    rows = rows_of(circuit.offsets, live)
    renamed = np.arange(circuit.num_signals, dtype=np.int32)
    renamed[circuit.first_gate + live] = circuit.first_gate + np.arange(live.size)
    weights = circuit.full_weights()[rows]
    return replace(
        circuit,
        kinds=circuit.kinds[live],
        tables=circuit.tables[live],
        offsets=np.concatenate([[0], np.cumsum(np.diff(circuit.offsets)[live])]),
        fanins=renamed[circuit.fanins[rows]],
        weights=weights if (weights != 1).any() else np.empty(0, np.int32),
        origin_of=circuit.origin_of[live],
        unit_of=circuit.unit_of[live],
        outputs=tuple(replace(o, signals=renamed[o.signals]) for o in circuit.outputs),
    )


def twins(expected: Circuit, seen: Circuit) -> Twins:
    """The classes of the signals of both, inputs first, each gate after its fan-ins."""
    sides = expected, seen
    gates = sum(c.num_gates for c in sides)
    words = sum(2 * c.fanins.size + (2 + FEW) * c.num_gates for c in sides)
    store = Store(
        np.empty(words, np.int64),
        np.zeros(gates + 1, np.int64),
        np.empty(gates, np.int64),
        np.full(1 << (2 * gates + 1).bit_length(), -1, np.int64),
        np.zeros(2, np.int64),
    )
    widest = max(int(np.diff(c.offsets).max(initial=0)) for c in sides)
    size = max(widest, FEW)
    scratch = Scratch(
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(1 << FEW, np.uint8)
    )
    known = []
    for circuit, own in zip(sides, (expected.first_gate, expected.num_signals), strict=True):
        literals = 2 * np.arange(circuit.num_signals)
        literals[1] = 1
        number(
            Gates(
                circuit.first_gate,
                circuit.kinds,
                circuit.tables,
                circuit.offsets,
                circuit.fanins,
                circuit.weights,
                own,
            ),
            literals,
            store,
            scratch,
        )
        known.append(literals)
    return Twins(expected, seen, *known)
