"""A circuit cut at some of its gates: what they compute comes in as inputs, and goes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.ports import Port, Word

CUT = "cut"

I32 = NDArray[np.int32]


def cut(circuit: Circuit, gates: I32, outputs: I32) -> Circuit:
    """The circuit whose gates read inputs in place of these gate signals, and that has only the
    given signals as outputs: an input and an output port called "cut".

    An output that is one of the gates is still what the gate computes.
    """
    first, more = circuit.first_gate, gates.size
    moved = np.arange(circuit.num_signals, dtype=np.int32)
    moved[first:] += more
    read = moved.copy()
    read[gates] = first + np.arange(more, dtype=np.int32)
    name = CUT
    while any(port.name == name for port in circuit.inputs):
        name += "_"
    ports = (*circuit.inputs, Port(name, count=more, kind="bit")) if more else circuit.inputs
    word = Word(CUT, moved[outputs][:, None], "bit")
    return replace(
        circuit,
        inputs=ports,
        fanins=read[circuit.fanins],
        outputs=(word,) if outputs.size else (),
        readout="bits",
    )
