"""The circuit that hardware is made of, and the names of its ports."""

from dataclasses import dataclass

import numpy as np

from lithify.backends.verilog.description import Bus
from lithify.backends.verilog.names import identifiers
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist

RESERVED = (
    *("clk", "rst", "en", "in_valid", "in_ready", "out_valid", "out_ready", "in_tag", "out_tag"),
    *("elaborate", "signature", "metadata", "interface", "schedule", "latency", "interval"),
    *("core", "cells", "program", "said", "registers", "gates_by_part", "partly_read"),
    *("input_signals", "output_signals", "vector_names"),
)
"""Names that the shells and the components use themselves."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A circuit of tables and words, and its ports."""

    circuit: Circuit
    inputs: tuple[Bus, ...]
    outputs: tuple[Bus, ...]

    @classmethod
    def of(cls, design: Circuit | Netlist) -> "Interface":
        """The interface of a design, whose arithmetic is written as tables first if need be."""
        circuit = only_tables(design)
        words = circuit.words
        if not words:
            raise InputError("the circuit has no outputs: there is nothing to write as Verilog")
        names = identifiers(
            [port.name for port in circuit.inputs] + [word.name for word in words], taken=RESERVED
        )
        found = iter(names)
        return cls(
            circuit,
            tuple(Bus(p.name, next(found), p.width, p.count, p.kind) for p in circuit.inputs),
            tuple(Bus(w.name, next(found), w.width, w.count, w.kind) for w in words),
        )


def only_tables(design: Circuit | Netlist) -> Circuit:
    """The design as a circuit of tables and words only."""
    if isinstance(design, Netlist):
        return design.circuit
    if design.scores or np.any(design.kinds == THRESHOLD):
        from lithify.ir.arithmetic import expand

        return expand(design).circuit
    return design
