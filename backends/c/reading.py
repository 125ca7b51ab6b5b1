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


class _Needs(NamedTuple):
    """What is needed of every element: some of its bits, and comparisons with bounds."""

    bits: Flags
    bounds: I64
    """[elements, MOST_COMPARED], ascending, filled up with NEVER + 1."""
    compared: I64
    """How many bounds each element has."""


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
    found = comparisons(circuit)
    possible = found.bounds > 0
    found = Comparisons(*(row[possible] for row in (found.gates, found.elements, found.bounds)))
    bits, first = input_bits(circuit), circuit.first_gate
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
    elements = circuit.elements
    compared = np.bincount(pairs[0], minlength=elements)
    counts = [
        np.bincount(bits.elements[2:], one[2:first], minlength=elements)
        for one in (otherwise, somehow)
    ]
    chosen = (0 < compared) & (compared <= MOST_COMPARED) & (compared + counts[0] <= counts[1])
    needed = somehow[2:first] & ~chosen[bits.elements[2:]] | otherwise[2:first]
    if needed.all():
        return None
    ranks = np.arange(pairs.shape[1]) - (np.cumsum(compared) - compared)[pairs[0]]
    bounds = np.full((elements, MOST_COMPARED), NEVER + 1)
    taken = chosen[pairs[0]]
    bounds[pairs[0][taken], ranks[taken]] = pairs[1][taken]
    needs = _Needs(needed, bounds, np.where(chosen, compared, 0))
    return _over_planes(circuit, found, ranks[pair_of.ravel()], needs)


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


def _over_planes(
    circuit: Circuit, found: Comparisons, ranks: I64, needs: _Needs
) -> tuple[Circuit, Reading]:
    """The circuit behind the planes that are needed, and these; `ranks` are those of the bounds."""
    planes = _Planes(circuit, needs)
    for element, count, width in _spans(circuit.inputs, merged=True):
        for chunk in _chunks(element, count):
            for shift in range(0, width, BYTE):
                planes.add(chunk, shift)
    moved = np.full(circuit.num_signals, -1, np.int64)
    slots = planes.bit_slots
    moved[2 : circuit.first_gate] = np.where(slots >= 0, 2 + slots, -1)
    kept = needs.compared[found.elements] > 0
    gates, elements, ranks = found.gates[kept], found.elements[kept], ranks[kept]
    at = planes.first_slots[elements] + ranks * planes.steps[elements]
    moved[circuit.first_gate + gates] = 2 + at
    ports = (Port("planes", count=planes.slots, kind="bit"),) if planes.slots else ()
    return without(circuit, ports, moved), planes.reading()


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
