"""The fewest cells of several ways to count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.mapping.bundles import bundles_of, terms_of
from lithify.compiler.mapping.cells import Cells, map_netlist, together
from lithify.compiler.mapping.comparisons import comparison_gates
from lithify.compiler.mapping.direct import direct_gates
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import FULL, MOST

I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]

SIZES = (4, 5, 6)
MAPPED_WHOLE = 50_000
"""Gates up to which the mapper is also given the sums as full adders, where tables count six."""


def map_cells(circuit: Circuit, *, inputs: int = 6, time_limit: float = 120.0) -> Cells:
    """The circuit as tables of at most `inputs` inputs, 4 to 6, as few as were found.

    Tables of six count up to six bits at once, and take in the terms that nothing else reads, where
    that makes fewer; smaller ones are full adders that the mapper may change. ToolFailed where the
    mapper needs more than `time_limit` CPU seconds.
    """
    if inputs not in SIZES:
        raise InputError(f"cells of {inputs} inputs; 4, 5 and 6 can be had")

    def mapped(most: int, own: Mask, bundles: Sequence[I32]) -> Cells:
        netlist = expand(circuit, most=most, bundles=bundles)
        direct = direct_gates(netlist, own, bundles)
        if most == MOST:
            compared = comparison_gates(netlist, direct.signals, inputs)
            direct = together(direct, compared)
        return map_netlist(netlist, direct, inputs=inputs, time_limit=time_limit)

    none = np.zeros(circuit.num_signals, np.bool_)
    if inputs < MOST:
        return mapped(FULL, none, ())
    found = [mapped(MOST, none, ())]
    if circuit.scores:
        terms = terms_of(circuit)
        bundles = [bundles_of(circuit, score, terms) for score in circuit.scores]
        found.append(mapped(MOST, terms.own, bundles))
    if found[0].netlist.circuit.num_gates <= MAPPED_WHOLE:
        found.append(mapped(FULL, none, ()))
    return min(found, key=lambda cells: cells.circuit.num_gates)
