"""The fewest cells of several ways to count."""

from __future__ import annotations

import numpy as np

from lithify.compiler.mapping.bundles import bundles_of, terms_of
from lithify.compiler.mapping.cells import Cells, map_netlist
from lithify.compiler.mapping.direct import direct_gates
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import FULL, MOST

SIZES = (4, 5, 6)


def map_cells(circuit: Circuit, *, inputs: int = 6, time_limit: float = 120.0) -> Cells:
    """The circuit as tables of at most `inputs` inputs, 4 to 6, as few as were found.

    Tables of six count up to six bits at once, and take in the terms that nothing else reads where
    that makes fewer; smaller ones are full adders that the mapper may change. ToolFailed where the
    mapper needs more than `time_limit` CPU seconds.
    """
    if inputs not in SIZES:
        raise InputError(f"cells of {inputs} inputs; 4, 5 and 6 can be had")
    none = np.zeros(circuit.num_signals, np.bool_)
    most = MOST if inputs == MOST else FULL
    netlist = expand(circuit, most=most)
    best = map_netlist(
        netlist, direct_gates(netlist, none, ()), inputs=inputs, time_limit=time_limit
    )
    if most == MOST and circuit.scores:
        terms = terms_of(circuit)
        bundles = [bundles_of(circuit, score, terms) for score in circuit.scores]
        netlist = expand(circuit, most=most, bundles=bundles)
        direct = direct_gates(netlist, terms.own, bundles)
        other = map_netlist(netlist, direct, inputs=inputs, time_limit=time_limit)
        best = min(best, other, key=lambda cells: cells.circuit.num_gates)
    return best
