"""Parts of circuits as circuits of their own: `cone`, with chosen signals cut to free inputs."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lithify.ir import walks
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.ports import Port

CUT, ROOTS = "cut", "roots"
NOTHING = np.empty(0, np.int32)


def cone(circuit: Circuit, roots: NDArray[np.int32], cuts: NDArray[np.int32] = NOTHING) -> Circuit:
    """The circuit that computes the roots and nothing else, as one word `roots` of bits.

    The inputs are those of the circuit, then one bit for each of the `cuts`, which are distinct
    gate signals: what they were computed from is left out.
    """
    first, added = circuit.first_gate, len(cuts)
    moved = np.arange(circuit.num_signals, dtype=np.int32)
    moved[first:] += added
    moved[cuts] = np.arange(first, first + added, dtype=np.int32)
    fanins, wanted = moved[circuit.fanins], moved[roots]
    inputs = circuit.inputs
    if added:
        inputs = (*inputs, Port(_free_name(inputs), 1, added, "bit"))
    whole = replace(circuit, inputs=inputs, fanins=fanins, outputs=(), readout="bits")
    alive = walks.live(circuit.offsets, fanins, first + added, wanted)
    builder = Builder(fold=False, hash=False)
    for port in inputs:
        builder.port(port)
    builder.output(ROOTS, builder.copy(whole, keep=alive)[wanted])
    return builder.finish()


def _free_name(ports: tuple[Port, ...]) -> str:
    """A name that none of the ports has."""
    name, taken = CUT, {port.name for port in ports}
    while name in taken:
        name += "_"
    return name
