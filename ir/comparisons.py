"""Gates that compare one integer of the inputs with a bound, and circuits without them.

Who brings the integers can then compare them on the way: a circuit needs only what that says.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.ports import Port

MOST_WIDTH = 8
"""Bits of an integer for whose comparisons is looked."""
VALUES = 1 << MOST_WIDTH
MOST_FANINS = 16
AT_ONCE = 4096

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Gates, the element among those of all ports that each compares, and with what bound.

    A gate is high from the bound on: 0 or above the element's range where it is constant.
    """

    gates: I64
    elements: I64
    bounds: I64


@dataclass(frozen=True, slots=True, eq=False)
class Bits:
    """The port, the element among those of all ports, and the place there of every input bit.

    Rows begin with the two constants, of which they say -1.
    """

    ports: I64
    elements: I64
    places: I64


def input_bits(circuit: Circuit) -> Bits:
    """What each of the first signals of a circuit is."""
    parts, before = [np.full((3, 2), -1)], 0
    for number, port in enumerate(circuit.inputs):
        bits = np.arange(port.bits)
        rows = (np.full(port.bits, number), before + bits // port.width, bits % port.width)
        parts.append(np.stack(rows))
        before += port.count
    return Bits(*np.concatenate(parts, axis=1))


def comparisons(circuit: Circuit) -> Comparisons:
    """The gates that compare one unsigned integer of a byte at most, whatever others do with it.

    Such a gate never falls as the integer rises.
    """
    bits, offsets, pins = input_bits(circuit), circuit.offsets, circuit.fanins
    narrow = np.array([p.kind != "int" and p.width <= MOST_WIDTH for p in circuit.inputs])
    element = np.full(circuit.num_signals, -1)
    inputs = np.arange(2, circuit.first_gate)
    fit = inputs[narrow[bits.ports[2:]]] if inputs.size else inputs
    element[fit] = bits.elements[fit]
    sizes = np.diff(offsets)
    some = np.flatnonzero((sizes > 0) & (sizes <= MOST_FANINS))
    of_gate = element[pins[offsets[some]]]
    some, of_gate = some[of_gate >= 0], of_gate[of_gate >= 0]
    for place in range(1, MOST_FANINS):
        more = sizes[some] > place
        other = element[pins[offsets[some] + np.where(more, place, 0)]]
        some, of_gate = some[other == of_gate], of_gate[other == of_gate]
    widths = np.repeat([p.width for p in circuit.inputs], [p.count for p in circuit.inputs])
    highs = (1 << widths.astype(np.int64)) - 1
    parts = [np.empty((3, 0), np.int64)]
    for at in range(0, some.size, AT_ONCE):
        gates, elements = some[at : at + AT_ONCE], of_gate[at : at + AT_ONCE]
        high = _answers(circuit, gates, bits.places)
        beyond = np.arange(VALUES) > highs[elements][:, None]
        rises = ((high[:, 1:] >= high[:, :-1]) | beyond[:, 1:]).all(axis=1)
        bounds = (~high & ~beyond).sum(axis=1)
        parts.append(np.stack((gates, elements, bounds))[:, rises])
    return Comparisons(*np.concatenate(parts, axis=1))


def without(circuit: Circuit, ports: tuple[Port, ...], moved: I64) -> Circuit:
    """The circuit behind other inputs: `moved` has their signals of those that they stand for.

    Of all other signals it says -1; gates of which it does not are left out.
    """
    first = 2 + sum(port.bits for port in ports)
    moved = moved.copy()
    stays = moved[circuit.first_gate :] < 0
    kept = np.flatnonzero(stays)
    moved[:2] = 0, 1
    moved[circuit.first_gate + kept] = first + np.arange(kept.size)
    sizes = np.diff(circuit.offsets)
    pins = np.repeat(stays, sizes)
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
        weights=circuit.weights[pins] if circuit.weights.size else circuit.weights,
        outputs=outputs,
        origin_of=circuit.origin_of[kept],
        unit_of=circuit.unit_of[kept],
    )


def _answers(circuit: Circuit, gates: I64, places: I64) -> NDArray[np.bool_]:
    """What gates over bits of one integer answer for each of its VALUES."""
    values = np.arange(VALUES)
    starts, sizes = circuit.offsets[gates], np.diff(circuit.offsets)[gates]
    weights, tables = circuit.full_weights(), circuit.tables[gates]
    sums, index = np.zeros((2, gates.size, VALUES), np.int64)
    for place in range(int(sizes.max(initial=0))):
        pins = np.where(sizes > place, starts + place, starts)
        bit = values >> places[circuit.fanins[pins]][:, None] & 1
        bit &= (sizes > place)[:, None]
        sums += bit * weights[pins][:, None].astype(np.int64)
        index |= bit << place
    of_table = (tables[:, None] >> index.astype(np.uint64) & np.uint64(1)).astype(np.bool_)
    above = sums >= circuit.bounds[gates][:, None]
    return np.where((circuit.kinds[gates] == THRESHOLD)[:, None], above, of_table)
