"""A circuit whose integers come in as levels: each is compared where it arrives, not inside.

A serial line brings one element at a time, so that one comparator for each bound does what would
else take one for each element, and only the bits that it says have to be stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends.verilog.levels import Arriving, Level
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.comparisons import MOST_WIDTH, comparisons, without
from lithify.ir.ports import Port, Word

MOST_LEVELS = 8
"""Bounds of a port up to which each has a comparator and a shift register of its own."""

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AtLevels:
    """A circuit over levels, and what arrives to be compared with them."""

    circuit: Circuit
    arriving: Arriving


def at_levels(circuit: Circuit) -> AtLevels | None:
    """The circuit over the levels of its elements; None where it needs to know more of them.

    All input ports have to be unsigned integers of a byte at most, which threshold gates compare
    with a few bounds, and which nothing reads in any other way.
    """
    if any(p.kind != "uint" or not 1 < p.width <= MOST_WIDTH for p in circuit.inputs):
        return None
    found = comparisons(circuit)
    if not found.gates.size or not _only(circuit, found.gates):
        return None
    counts = np.array([port.count for port in circuit.inputs])
    ports = np.repeat(np.arange(counts.size), counts)[found.elements]
    elements = found.elements - (np.cumsum(counts) - counts)[ports]
    keys, group = np.unique(np.stack((ports, found.bounds)), axis=1, return_inverse=True)
    if np.bincount(keys[0]).max() > MOST_LEVELS:
        return None
    levels, moved, new = [], np.full(circuit.num_signals, -1, np.int64), []
    first = 2
    for number, (port, bound) in enumerate(keys.T.tolist()):
        mine = group.ravel() == number
        there, at = np.unique(elements[mine], return_inverse=True)
        levels.append(Level(port, bound, there))
        new.append(Port(f"{circuit.inputs[port].name}_{bound}", count=there.size, kind="bit"))
        moved[circuit.first_gate + found.gates[mine]] = first + at
        first += there.size
    arriving = Arriving(circuit.inputs, tuple(levels))
    return AtLevels(without(circuit, tuple(new), moved), arriving)


def rejoined(at: AtLevels) -> Circuit:
    """The circuit over levels behind a comparator for each of its bits, from the integers on."""
    b = Builder()
    inputs = at.arriving.ports
    signals = [b.port(port) for port in inputs]
    bits = [
        b.thresholds(
            np.full(one.elements.size, one.bound),
            signals[one.port][one.elements],
            np.tile(1 << np.arange(inputs[one.port].width), (one.elements.size, 1)),
        )
        for one in at.arriving.levels
    ]
    image = b.copy(at.circuit, inputs=np.concatenate(bits))
    for output in at.circuit.outputs:
        if isinstance(output, Word):
            b.output(output.name, image[output.signals], kind=output.kind)
        else:
            b.score(output.name, image[output.signals], output.weights, bias=output.bias)
    return b.finish(readout=at.circuit.readout)


def _only(circuit: Circuit, gates: I64) -> bool:
    """Whether these gates, and no others, read the inputs; all of them have to be thresholds."""
    readers = np.zeros(circuit.num_gates, np.bool_)
    owner = np.repeat(np.arange(circuit.num_gates), np.diff(circuit.offsets))
    readers[owner[(circuit.fanins >= 2) & (circuit.fanins < circuit.first_gate)]] = True
    readers[gates] ^= True
    outputs = circuit.output_signals
    inside = (outputs >= 2) & (outputs < circuit.first_gate)
    return bool(
        (circuit.kinds[gates] == THRESHOLD).all() and not readers.any() and not inside.any()
    )
