"""The fewest cells of several ways to count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends import abc
from lithify.backends.fpga.carries import saved_cells
from lithify.backends.fpga.chain_search import PINS
from lithify.compiler.mapping.bundles import apart_of, bundles_of, terms_of
from lithify.compiler.mapping.cells import NO_GATES, Cells, map_netlist, together
from lithify.compiler.mapping.comparisons import comparison_gates
from lithify.compiler.mapping.direct import MOST_MAPPED, direct_gates
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, ToolFailed
from lithify.ir.netlist import FULL, MOST

I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]

SIZES = (4, 5, 6)
MOST_TRIED = 50_000
"""Gates up to which the mapper is also asked for fewer tables in any depth."""
MOST_WHOLE = 1_000
"""Gates up to which sums are left to the mapper too; in more of them no proof finds its way."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to make cells of a circuit: the counters, what they take in, and ABC's recipe.

    ABC also maps comparisons of up to `mapped` terms, with `matches` those of the argmax, and with
    `whole` everything. With `chains` counters are made for carry chains.
    """

    recipe: abc.Recipe
    most: int = FULL
    own: Mask | None = None
    bundles: Sequence[I32] = ()
    mapped: int = 0
    matches: bool = False
    whole: bool = False
    chains: bool = False


def map_cells(
    circuit: Circuit, *, inputs: int = 6, carries: bool = False, time_limit: float = 120.0
) -> Cells:
    """The circuit as tables of at most `inputs` inputs, 4 to 6, as few as were found.

    Tables of six count up to six bits at once, and take in the terms that nothing else reads, where
    that makes fewer; smaller ones are full adders. Several ways are tried; ToolFailed where the
    mapper needs more than `time_limit` CPU seconds for the first. With `carries` the fewest are
    those that carry chains leave, of a device whose cells hold a table of four and a carry.
    """
    if inputs not in SIZES:
        raise InputError(f"cells of {inputs} inputs; 4, 5 and 6 can be had")
    if carries and inputs != PINS:
        raise InputError(f"carries beside tables of {inputs} inputs; cells with a carry have 4")
    first, *others = _ways(circuit, inputs, carries)
    best = _mapped(circuit, first, inputs, time_limit)
    size = best.netlist.circuit.num_gates
    for way in others:
        if way.recipe == "shallow" or size <= (MOST_WHOLE if way.whole else MOST_TRIED):
            try:
                found = _mapped(circuit, way, inputs, time_limit)
            except ToolFailed:
                continue  # the others are as good an answer
            best = min(best, found, key=lambda cells: _size(cells.circuit, carries))
    return best


def _size(circuit: Circuit, carries: bool) -> int:
    """The cells that a circuit takes, with carry chains where there are `carries`."""
    return circuit.num_gates - (saved_cells(circuit) if carries else 0)


def _ways(circuit: Circuit, inputs: int, carries: bool) -> list[_Way]:
    """The ways that are tried, the first one always."""
    terms = terms_of(circuit)
    if inputs == MOST:
        own = terms.own
        bundles = [bundles_of(circuit, score, terms) for score in circuit.scores]
        return [
            _Way("shallow", MOST),
            _Way("shallow", MOST, own, bundles),
            _Way("rewritten", MOST, own, bundles),
            _Way("few", MOST, own, bundles, matches=True),
            _Way("few", whole=True),
        ]
    apart = [apart_of(terms)] * len(circuit.scores)
    ways = [
        _Way("shallow", bundles=apart, mapped=MOST_MAPPED),
        _Way("rewritten", bundles=apart, mapped=MOST_MAPPED),
        _Way("few", bundles=apart, mapped=MOST_MAPPED, matches=True),
        _Way("few", bundles=apart, whole=True),
    ]
    if carries:
        ways += [
            _Way(recipe, bundles=apart, mapped=MOST_MAPPED, matches=True, chains=True)
            for recipe in ("rewritten", "few")
        ]
    return ways


def _mapped(circuit: Circuit, way: _Way, inputs: int, time_limit: float) -> Cells:
    """The cells of one way."""
    own = np.zeros(circuit.num_signals, np.bool_) if way.own is None else way.own
    netlist = expand(circuit, most=way.most, bundles=way.bundles, chains=way.chains)
    direct = NO_GATES
    if not way.whole:
        direct = direct_gates(
            netlist, own, way.bundles, inputs, most_mapped=way.mapped, chains=way.chains
        )
    if not way.whole and not way.matches:
        direct = together(direct, comparison_gates(netlist, direct.signals, inputs))
    return map_netlist(netlist, direct, inputs=inputs, time_limit=time_limit, recipe=way.recipe)
