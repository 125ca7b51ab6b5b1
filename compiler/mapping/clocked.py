"""Cells for designs with registers: sums stay the shallow trees of full adders that they are.

Counting terms apart saves cells and makes sums deeper, which costs registers; and what a mapper
leaves of a sum cannot be followed by a proof. Comparators and gates are left to the mapper.
"""

import numpy as np

from lithify.compiler.mapping.bundles import apart_of, terms_of
from lithify.compiler.mapping.cells import Cells, map_netlist
from lithify.compiler.mapping.direct import MOST_MAPPED, direct_gates
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit

INPUTS = 4


def map_clocked(circuit: Circuit, *, time_limit: float = 120.0) -> Cells:
    """The circuit as tables of at most four inputs, few and not deep; or ToolFailed.

    >>> from lithify.ir.builder import Builder
    >>> b = Builder()
    >>> x = b.input("x", count=64)
    >>> b.score("ones", x)
    >>> map_clocked(b.finish(readout="scores")).circuit.num_gates
    123
    """
    netlist = expand(circuit)
    taken_in = [apart_of(terms_of(circuit))] * len(circuit.scores)
    none = np.zeros(circuit.num_signals, np.bool_)
    sums = direct_gates(netlist, none, taken_in, INPUTS, most_mapped=MOST_MAPPED)
    return map_netlist(netlist, sums, inputs=INPUTS, time_limit=time_limit, recipe="few")
