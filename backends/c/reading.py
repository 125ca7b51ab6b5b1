"""What of the input integers the gates start from: planes of bits, and of comparisons with bounds.

A plane has one bit of each of up to 64 elements side by side, a chunk. Comparisons that are made
while codes are read cost a fraction of what they cost as gates on all bits of the codes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.comparisons import Comparisons, comparisons, input_bits, without
from lithify.ir.ports import Port

CHUNK, BYTE = 64, 8
NEVER = 255
"""No byte is above it."""
COMPARED = 255
"""In place of a bit."""
MOST_COMPARED = 8
"""Bounds of an element up to which it is compared with them as it is read."""

Flags = NDArray[np.bool_]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The tables `chunks`, `tested` and `above` of the kernel, and how many slots they fill.

    With `in_order` slot i gets input bit i.
    """

    chunks: NDArray[np.int32]
    tested: NDArray[np.uint8]
    above: NDArray[np.uint8]
    slots: int
    in_order: bool


class _Chunk(NamedTuple):
    """Elements `first` to `stop` - 1, among `size` that are read from `start` on.

    The last elements go again with those before them rather than alone.
    """

    start: int
    size: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class _Needs:
    """What is needed of every element: some of its bits, and comparisons with bounds."""

    bits: Flags
    bounds: I64
    """[elements, MOST_COMPARED], ascending, filled up with NEVER + 1."""
    compared: I64
    """How many bounds each element has."""
    found: Comparisons
    """The gates that compare, of elements that have bounds."""
    ranks: I64
    """The places of their bounds."""


def bit_reading(inputs: Sequence[Port]) -> Reading:
    """All bits of the inputs, in order."""
    rows: list[list[int]] = []
    slot = 0
    for element, count, width in _spans(inputs, merged=False):
        for chunk in _chunks(element, count):
            first = slot + (chunk.start - element) * width
            for shift in range(0, width, BYTE):
                tests = min(BYTE, width - shift)
                row = [chunk.start, chunk.size, shift, tests, 0, 0, 0, first + shift, width, 1]
                rows.append(row)
        slot += count * width
    tested, above = np.arange(BYTE, dtype=np.uint8), np.empty((0, CHUNK), np.uint8)
    return Reading(_table(rows), tested, above, slot, in_order=True)


def compared_reading(circuit: Circuit) -> tuple[Circuit, Reading] | None:
    """The circuit behind planes, and how they are read; None where every bit is needed.

    Gates that compare an element have become inputs where that takes no more planes than its bits.
    """
    needs = _needs(circuit)
    if needs is None:
        return None
    planes = _Planes(circuit, needs)
    for element, count, width in _spans(circuit.inputs, merged=True):
        for chunk in _chunks(element, count):
            for shift in range(0, width, BYTE):
                planes.add(chunk, shift)
    at = planes.first_slots[needs.found.elements] + needs.ranks * planes.steps[needs.found.elements]
    return _behind(circuit, needs, planes.slots, planes.bit_slots, at), planes.reading()


def dense_reading(circuit: Circuit) -> tuple[Circuit, I64] | None:
    """The same for code that has no vectors: planes[slots, 3] one by one, in the order of elements.

    Each is of an element: its bit of that place, or where that is COMPARED whether it is above the
    third number.
    """
    needs = _needs(circuit)
    if needs is None:
        return None
    bits = input_bits(circuit)
    rows = np.flatnonzero(needs.bits)
    of_bits = np.stack((bits.elements[2 + rows], bits.places[2 + rows], np.zeros_like(rows)))
    element, rank = np.nonzero(np.arange(MOST_COMPARED) < needs.compared[:, None])
    forms = np.full(element.size, COMPARED)
    of_bounds = np.stack((element, forms, needs.bounds[element, rank] - 1))
    planes = np.concatenate((of_bits, of_bounds), axis=1)
    order = np.argsort(planes[0], kind="stable")
    slots = np.argsort(order)
    bit_slots = np.full(circuit.num_input_bits, -1)
    bit_slots[rows] = slots[: rows.size]
    firsts = np.cumsum(needs.compared) - needs.compared
    at = slots[rows.size + firsts[needs.found.elements] + needs.ranks]
    return _behind(circuit, needs, order.size, bit_slots, at), planes.T[order]


def _needs(circuit: Circuit) -> _Needs | None:
    """What is needed of the elements; None where that are all bits."""
    found = comparisons(circuit)
    found = _some(found, found.bounds > 0)
    bits, first, elements = input_bits(circuit), circuit.first_gate, circuit.elements
    comparing = np.zeros(circuit.num_gates, np.bool_)
    comparing[found.gates] = True
    pins = np.repeat(comparing, np.diff(circuit.offsets))
    otherwise, somehow = np.zeros((2, circuit.num_signals), np.bool_)
    otherwise[circuit.fanins[~pins]] = otherwise[circuit.output_signals] = True
    somehow[circuit.fanins[pins]] = True
    somehow |= otherwise
    pairs, pair_of = np.unique(
        np.stack((found.elements, found.bounds)), axis=1, return_inverse=True
    )
    compared = np.bincount(pairs[0], minlength=elements)
    alone, together = (
        np.bincount(bits.elements[2:], one[2:first], minlength=elements)
        for one in (otherwise, somehow)
    )
    chosen = (compared > 0) & (compared <= MOST_COMPARED) & (compared + alone <= together)
    needed = somehow[2:first] & ~chosen[bits.elements[2:]] | otherwise[2:first]
    if needed.all():
        return None
    ranks = np.arange(pairs.shape[1]) - (np.cumsum(compared) - compared)[pairs[0]]
    bounds = np.full((elements, MOST_COMPARED), NEVER + 1)
    taken = chosen[pairs[0]]
    bounds[pairs[0][taken], ranks[taken]] = pairs[1][taken]
    kept = chosen[found.elements]
    ranks = ranks[pair_of.ravel()][kept]
    return _Needs(needed, bounds, np.where(chosen, compared, 0), _some(found, kept), ranks)


def _some(found: Comparisons, kept: Flags) -> Comparisons:
    return Comparisons(found.gates[kept], found.elements[kept], found.bounds[kept])


def _behind(circuit: Circuit, needs: _Needs, slots: int, bits: I64, compared: I64) -> Circuit:
    """The circuit behind so many planes, at the slots of its input bits and of its comparisons."""
    moved = np.full(circuit.num_signals, -1, np.int64)
    moved[2 : circuit.first_gate] = np.where(bits >= 0, 2 + bits, -1)
    moved[circuit.first_gate + needs.found.gates] = 2 + compared
    ports = (Port("planes", count=slots, kind="bit"),) if slots else ()
    return without(circuit, ports, moved)


class _Planes:
    """The planes that are needed of a circuit's inputs, chunk after chunk.

    In the end `bit_slots` has the slot of every input bit that is needed, else -1; and
    `first_slots` and `steps` have the slot of each element's first comparison and how far on the
    next ones are.
    """

    def __init__(self, circuit: Circuit, needs: _Needs) -> None:
        """None yet."""
        bits = input_bits(circuit)
        self._needs, self._elements, self._places = needs, bits.elements[2:], bits.places[2:]
        self._starts = np.searchsorted(self._elements, np.arange(circuit.elements + 1))
        self._rows: list[list[int]] = []
        self._tested, self._above = [np.empty(0, np.int64)], [np.empty((0, CHUNK), np.int64)]
        self._counts = [0, 0]
        self.slots = 0
        self.bit_slots = np.full(circuit.num_input_bits, -1)
        self.first_slots, self.steps = np.zeros((2, circuit.elements), np.int64)

    def add(self, chunk: _Chunk, shift: int) -> None:
        """What is needed of one byte of the elements of a chunk; only the first is compared."""
        needs, mine = self._needs, slice(chunk.first, chunk.stop)
        bits = np.arange(self._starts[chunk.first], self._starts[chunk.stop])
        places = self._places[bits] - shift
        here = needs.bits[bits] & (places >= 0) & (places < BYTE)
        bits, places = bits[here], places[here]
        tests = np.unique(places)
        compares = 0 if shift else int(needs.compared[mine].max(initial=0))
        above = np.full((compares, CHUNK), NEVER)
        lanes = np.arange(chunk.first, chunk.stop) - chunk.start
        above[:, lanes] = needs.bounds[mine, :compares].T - 1
        planes = np.searchsorted(tests, places) * chunk.size
        self.bit_slots[bits] = self.slots + planes + self._elements[bits] - chunk.start
        if not shift:
            self.first_slots[mine] = self.slots + tests.size * chunk.size + lanes
            self.steps[mine] = chunk.size
        kinds = [tests.size, compares]
        place = [chunk.start, chunk.size, shift]
        self._rows.append([*place, *kinds, *self._counts, self.slots, 1, chunk.size])
        self._tested.append(tests)
        self._above.append(above)
        self._counts = [before + more for before, more in zip(self._counts, kinds, strict=True)]
        self.slots += sum(kinds) * chunk.size

    def reading(self) -> Reading:
        """The tables of all that was added."""
        tested = np.concatenate(self._tested).astype(np.uint8)
        above = np.concatenate(self._above).astype(np.uint8)
        return Reading(_table(self._rows), tested, above, self.slots, in_order=False)


def _spans(inputs: Sequence[Port], *, merged: bool) -> Iterator[tuple[int, int, int]]:
    """First element, how many, width: neighbours of one width, or of any up to a byte if merged."""
    spans: list[list[int]] = []
    element = 0
    for port in inputs:
        width = BYTE if merged and port.width <= BYTE else port.width
        if spans and spans[-1][2] == width:
            spans[-1][1] += port.count
        else:
            spans.append([element, port.count, width])
        element += port.count
    yield from ((first, count, width) for first, count, width in spans)


def _chunks(element: int, count: int) -> Iterator[_Chunk]:
    """The chunks of a span of elements."""
    for done in range(0, count, CHUNK):
        start = done if count < CHUNK or done + CHUNK <= count else count - CHUNK
        stop = min(done + CHUNK, count)
        yield _Chunk(element + start, min(count, CHUNK), element + done, element + stop)


def _table(rows: list[list[int]]) -> NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(-1, 10)
