"""A circuit whose integers come in as levels: each is compared where it arrives, not inside.

A serial line brings one element at a time, so that one comparator for each bound does what would
else take one for each element, and only the bits that it says have to be stored.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.backends.verilog.levels import Arriving, Level
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.ports import Port, Word

MOST_LEVELS = 8
"""Bounds of a port up to which each has a comparator and a shift register of its own."""
MOST_WIDTH = 8
"""Bits of an element that arrive at once."""

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AtLevels:
    """A circuit over levels, and what arrives to be compared with them."""

    circuit: Circuit
    arriving: Arriving


def at_levels(circuit: Circuit) -> AtLevels | None:
    """The circuit over the levels of its elements; None where it needs to know more of them.

    All input ports have to be unsigned integers of a byte at most, which gates compare with a few
    bounds and read in no other way.
    """
    if any(p.kind != "uint" or not 1 < p.width <= MOST_WIDTH for p in circuit.inputs):
        return None
    found = _compared(circuit)
    if found is None:
        return None
    gates, ports, elements, bounds = found
    keys, group = np.unique(np.stack((ports, bounds)), axis=1, return_inverse=True)
    if not keys.size or np.bincount(keys[0]).max() > MOST_LEVELS:
        return None
    levels, moved, new = [], np.full(circuit.num_signals, -1, np.int64), []
    first = 2
    for number, (port, bound) in enumerate(keys.T.tolist()):
        mine = group.ravel() == number
        there, at = np.unique(elements[mine], return_inverse=True)
        levels.append(Level(port, bound, there))
        new.append(Port(f"{circuit.inputs[port].name}_{bound}", count=there.size, kind="bit"))
        moved[gates[mine]] = first + at
        first += there.size
    arriving = Arriving(circuit.inputs, tuple(levels))
    return AtLevels(_moved(circuit, tuple(new), moved, first), arriving)


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


def _compared(circuit: Circuit) -> tuple[I64, I64, I64, I64] | None:
    """The gates that compare one element: their signals, port, element and bound."""
    first = circuit.first_gate
    owner = np.repeat(np.arange(circuit.num_gates), np.diff(circuit.offsets))
    outer = (circuit.fanins >= 2) & (circuit.fanins < first)
    readers = np.unique(owner[outer])
    inside = np.isin(owner, readers)
    pins = circuit.fanins[inside]
    outs = circuit.output_signals
    if not outer[inside].all() or ((outs >= 2) & (outs < first)).any() or not readers.size:
        return None
    if (circuit.kinds[readers] != THRESHOLD).any():
        return None
    port_of, element_of, bit_of = _where(circuit)
    row = np.searchsorted(readers, owner[inside])
    starts = np.searchsorted(row, np.arange(readers.size))
    ports, elements = port_of[pins[starts]], element_of[pins[starts]]
    if (port_of[pins] != ports[row]).any() or (element_of[pins] != elements[row]).any():
        return None
    weights = np.zeros((readers.size, MOST_WIDTH), np.int64)
    np.add.at(weights, (row, bit_of[pins]), circuit.full_weights()[inside])
    values = np.arange(1 << MOST_WIDTH)
    sums = weights @ (values >> np.arange(MOST_WIDTH)[:, None] & 1)
    high = sums >= circuit.bounds[readers][:, None]
    widths = np.array([port.width for port in circuit.inputs])[ports]
    beyond = values >= 1 << widths[:, None]
    rising = (high[:, 1:] >= high[:, :-1]) | beyond[:, 1:]
    if not rising.all():
        return None
    bounds = (~high & ~beyond).sum(axis=1)
    return readers + first, ports, elements, bounds


def _where(circuit: Circuit) -> tuple[I64, I64, I64]:
    """The port, element and bit of every input signal."""
    parts = [np.zeros((3, 2), np.int64)]
    for number, port in enumerate(circuit.inputs):
        bits = np.arange(port.bits)
        parts.append(np.stack((np.full(port.bits, number), bits // port.width, bits % port.width)))
    port_of, element_of, bit_of = np.concatenate(parts, axis=1)
    return port_of, element_of, bit_of


def _moved(circuit: Circuit, ports: tuple[Port, ...], moved: I64, first: int) -> Circuit:
    """The circuit without the gates whose signals have become inputs, which are below `first`."""
    stays = moved[circuit.first_gate :] < 0
    kept = np.flatnonzero(stays)
    moved[:2] = 0, 1
    moved[circuit.first_gate + kept] = first + np.arange(kept.size)
    sizes = np.diff(circuit.offsets)
    pins = np.repeat(stays, sizes)
    weights = circuit.full_weights()[pins] if circuit.weights.size else circuit.weights
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[kept])])
    outputs = tuple(
        replace(one, signals=moved[one.signals].astype(np.int32)) for one in circuit.outputs
    )
    return replace(
        circuit,
        inputs=ports,
        kinds=circuit.kinds[kept],
        tables=circuit.tables[kept],
        offsets=offsets,
        fanins=moved[circuit.fanins[pins]].astype(np.int32),
        weights=weights,
        outputs=outputs,
        origin_of=circuit.origin_of[kept],
        unit_of=circuit.unit_of[kept],
    )
