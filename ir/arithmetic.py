"""Thresholds, scores and the argmax of a circuit written as tables: `expand`."""

from __future__ import annotations

from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Netlist


def expand(circuit: Circuit) -> Netlist:
    """The same function in tables and words only, with the record of its adders.

    Tables are kept as they are; thresholds of at most six fan-ins become one table. After the
    circuit's own words come, where it has scores, ``Word("scores", kind="int")`` of one row for
    each score and, for the readout "argmax", ``Word("class")``.
    """
    raise NotImplementedError
