"""Every gate in its simplest terms: thresholds, exclusive ors, and tables over tables."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lithify.compiler.passes import rules
from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import Circuit

MOST_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Simplify:
    """Write every gate with the fewest fan-ins and least weights that local rules find.

    Thresholds: constants out, equal fan-ins into weights, complements cancelled, weights and bound
    as small as they can be, a table where at most six fan-ins are left. Tables: over the fan-ins of
    their fan-ins where these are fewer or earlier, which takes in absorption (a and (a or b)) and
    chains of exclusive ors. Gates that equal another or its inverse become that. It never adds a
    gate, and finds nothing a second time.
    """

    name: ClassVar[str] = "simplify"

    def __call__(self, circuit: Circuit) -> Circuit:
        """The simplified circuit, without dead gates and inverters that a gate could take in."""
        before = _tidy(circuit)
        for _ in range(MOST_ROUNDS):
            after = _tidy(_rewritten(before))
            if after == before:
                break
            before = after
        return before


def _tidy(circuit: Circuit) -> Circuit:
    made = rebuild(circuit, fold=True, hash=True, absorb=True)
    return rebuild(made, keep=made.live())


def _rewritten(circuit: Circuit) -> Circuit:
    """The circuit after one walk of the rules over all gates."""
    gates = circuit.num_gates
    slots = 1 << max(4, (2 * gates).bit_length())
    rows = rules.Rows(
        first=circuit.first_gate,
        kinds=circuit.kinds.copy(),
        tables=circuit.bounds.copy(),
        offsets=circuit.offsets,
        arity=np.diff(circuit.offsets),
        fanins=circuit.fanins.astype(np.int64),
        weights=circuit.full_weights().astype(np.int64),
        leaves=np.empty((gates, rules.MOST_LEAVES), np.int32),
        sizes=np.zeros(gates, np.uint8),
        inverted=np.zeros(gates, np.uint8),
        slots=np.full(slots, -1, np.int32),
    )
    rules.simplify(rows)
    starts = np.repeat(rows.offsets[:-1], np.diff(rows.offsets))
    kept = np.arange(rows.fanins.size) - starts < np.repeat(rows.arity, np.diff(rows.offsets))
    weights = rows.weights[kept].astype(np.int32)
    return replace(
        circuit,
        kinds=rows.kinds,
        tables=rows.tables.view(np.uint64),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(rows.arity)]),
        fanins=rows.fanins[kept].astype(np.int32),
        weights=weights[:0] if (weights == 1).all() else weights,
    )
