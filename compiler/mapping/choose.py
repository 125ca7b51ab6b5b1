"""The fewest cells of several ways to count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends import abc
from lithify.compiler.mapping.bundles import apart_of, bundles_of, terms_of
from lithify.compiler.mapping.cells import NO_GATES, Cells, map_netlist, together
from lithify.compiler.mapping.comparisons import comparison_gates
from lithify.compiler.mapping.direct import direct_gates
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, ToolFailed
from lithify.ir.netlist import FULL, MOST

I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]

SIZES = (4, 5, 6)
MAPPED_WHOLE = 50_000
"""Gates up to which the mapper is also asked for fewer tables in any depth, of full adders."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to make cells of a circuit: the counters, what they take in, and ABC's recipe.

    With `whole` all is left to ABC.
    """

    recipe: abc.Recipe
    most: int = FULL
    own: Mask | None = None
    bundles: Sequence[I32] = ()
    whole: bool = False


def map_cells(circuit: Circuit, *, inputs: int = 6, time_limit: float = 120.0) -> Cells:
    """The circuit as tables of at most `inputs` inputs, 4 to 6, as few as were found.

    Tables of six count up to six bits at once, and take in the terms that nothing else reads, where
    that makes fewer; smaller ones are full adders that the mapper may change. Several ways are
    tried; ToolFailed where the mapper needs more than `time_limit` CPU seconds for the first.
    """
    if inputs not in SIZES:
        raise InputError(f"cells of {inputs} inputs; 4, 5 and 6 can be had")
    first, *others = _ways(circuit, inputs)
    best = _mapped(circuit, first, inputs, time_limit)
    small = best.netlist.circuit.num_gates <= MAPPED_WHOLE
    for way in others:
        if small or way.recipe == "shallow":
            try:
                found = _mapped(circuit, way, inputs, time_limit)
            except ToolFailed:
                continue  # the others are as good an answer
            best = min(best, found, key=lambda cells: cells.circuit.num_gates)
    return best


def _ways(circuit: Circuit, inputs: int) -> list[_Way]:
    """The ways that are tried, the first one always."""
    terms = terms_of(circuit)
    if inputs == MOST:
        bundles = [bundles_of(circuit, score, terms) for score in circuit.scores]
        return [
            _Way("shallow", MOST),
            _Way("shallow", MOST, terms.own, bundles),
            _Way("few", whole=True),
            _Way("rewritten", MOST, terms.own, bundles),
        ]
    apart = [apart_of(terms)] * len(circuit.scores)
    return [
        _Way("shallow", bundles=apart),
        _Way("rewritten", bundles=apart),
        _Way("few", bundles=apart, whole=True),
    ]


def _mapped(circuit: Circuit, way: _Way, inputs: int, time_limit: float) -> Cells:
    """The cells of one way."""
    own = np.zeros(circuit.num_signals, np.bool_) if way.own is None else way.own
    netlist = expand(circuit, most=way.most, bundles=way.bundles)
    direct = NO_GATES
    if not way.whole:
        direct = direct_gates(netlist, own, way.bundles, inputs)
        direct = together(direct, comparison_gates(netlist, direct.signals, inputs))
    return map_netlist(netlist, direct, inputs=inputs, time_limit=time_limit, recipe=way.recipe)
