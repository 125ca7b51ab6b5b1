"""The circuit: a frozen value made of flat arrays, a directed acyclic graph to its users."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lithify.ir import walks
from lithify.ir.errors import InputError
from lithify.ir.origin import PARTS, Origin
from lithify.ir.ports import Output, Port, Score, Word, frozen_array

if TYPE_CHECKING:
    import networkx

TABLE, THRESHOLD = 0, 1
READOUTS = ("bits", "scores", "argmax")
MOST_FANINS = 6  # of a table: its truth table is one 64-bit word
MOST_SIGNALS = 2**31 - 1
MOST_WEIGHT = 2**31 - 1
MOST_BOUND = 2**61  # with weights of 32 bits every sum then fits 64 bits
ARRAYS: dict[str, type[np.generic]] = {
    "kinds": np.uint8,
    "tables": np.uint64,
    "offsets": np.int64,
    "fanins": np.int32,
    "weights": np.int32,
    "origin_of": np.int32,
    "unit_of": np.int32,
}


@dataclass(frozen=True, eq=False, repr=False)
class Circuit:
    """A combinational circuit of table and threshold gates.

    Signals are integers: 0 and 1 are the constants, then come the bits of the inputs in port
    order, then the gates in topological order. `tables[g]` is the truth table of a table gate
    (bit i is the output for input pattern i, first fan-in least significant) or the bound of a
    threshold gate as a two's complement number. The fan-ins of gate g are
    `fanins[offsets[g]:offsets[g + 1]]`; `weights` runs along, or is empty where all are 1.
    """

    inputs: tuple[Port, ...]
    kinds: NDArray[np.uint8]
    tables: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    fanins: NDArray[np.int32]
    weights: NDArray[np.int32]
    outputs: tuple[Output, ...]
    readout: str
    origins: tuple[Origin, ...]
    origin_of: NDArray[np.int32]
    unit_of: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Freeze the arrays; `lithify.ir.check` judges what they say."""
        for name, dtype in ARRAYS.items():
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))
        if self.readout not in READOUTS:
            raise InputError(f"readout {self.readout!r} is none of {', '.join(READOUTS)}")

    @property
    def num_input_bits(self) -> int:
        """Bits of all inputs together."""
        return sum(port.bits for port in self.inputs)

    @property
    def elements(self) -> int:
        """Integers of all inputs together."""
        return sum(port.count for port in self.inputs)

    @property
    def first_gate(self) -> int:
        """The signal of gate 0."""
        return 2 + self.num_input_bits

    @property
    def num_gates(self) -> int:
        """How many gates there are."""
        return len(self.kinds)

    @property
    def num_signals(self) -> int:
        """Constants, input bits and gates."""
        return self.first_gate + self.num_gates

    @property
    def words(self) -> tuple[Word, ...]:
        """The outputs that are given by their bits."""
        return tuple(output for output in self.outputs if isinstance(output, Word))

    @property
    def scores(self) -> tuple[Score, ...]:
        """The outputs that are sums."""
        return tuple(output for output in self.outputs if isinstance(output, Score))

    @property
    def bounds(self) -> NDArray[np.int64]:
        """`tables` read as the bounds of thresholds."""
        return self.tables.view(np.int64)

    def full_weights(self) -> NDArray[np.int32]:
        """A weight for every fan-in, also where all are 1."""
        return self.weights if self.weights.size else np.ones(self.fanins.size, np.int32)

    def gate_fanins(self, gate: int) -> list[int]:
        """The fan-ins of one gate, for people and tests."""
        row: list[int] = self.fanins[self.offsets[gate] : self.offsets[gate + 1]].tolist()
        return row

    @cached_property
    def output_signals(self) -> NDArray[np.int32]:
        """Every signal that an output reads, once, ascending."""
        parts = [output.signals.ravel() for output in self.outputs]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int32)

    @cached_property
    def _levels(self) -> NDArray[np.int32]:
        levels = walks.levels(self.offsets, self.fanins, self.first_gate)
        levels.flags.writeable = False
        return levels

    def levels(self) -> NDArray[np.int32]:
        """The level of every signal: inputs 0, a gate one above its highest fan-in."""
        return self._levels

    @property
    def depth(self) -> int:
        """Gates on the longest path to an output."""
        reached = self.output_signals
        return int(self.levels()[reached].max()) if reached.size else 0

    def live(self) -> NDArray[np.bool_]:
        """For every gate whether an output depends on it."""
        return walks.live(self.offsets, self.fanins, self.first_gate, self.output_signals)

    def part_of(self) -> NDArray[np.int8]:
        """For every gate the index of its part in `PARTS`."""
        codes = np.array([PARTS.index(o.part) for o in self.origins] + [len(PARTS) - 1], np.int8)
        return codes[self.origin_of]

    def size_by_part(self) -> Mapping[str, int]:
        """How many gates each part has; parts without gates are 0."""
        counts = np.bincount(self.part_of(), minlength=len(PARTS)).tolist()
        return dict(zip(PARTS, counts, strict=True))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that equality compares."""
        h = hashlib.sha256(b"lithify circuit 1\n")
        h.update(repr((self.inputs, self.readout, self.origins)).encode())
        if any(port.pattern != "any" for port in self.inputs):
            h.update(repr([port.pattern for port in self.inputs]).encode())
        for output in self.outputs:
            bias = output.bias if isinstance(output, Score) else 0
            kind = output.kind if isinstance(output, Word) else "score"
            h.update(repr((output.name, kind, bias, output.signals.shape)).encode())
            h.update(output.signals.astype("<i4").tobytes())
            if isinstance(output, Score):
                h.update(output.weights.astype("<i4").tobytes())
        for name, dtype in ARRAYS.items():
            array = getattr(self, name)
            h.update(f"{name} {array.size}\n".encode())
            h.update(array.astype(np.dtype(dtype).newbyteorder("<")).tobytes())
        return h.hexdigest()

    @cached_property
    def graph(self) -> "networkx.DiGraph":
        """The circuit as a live, read-only networkx graph."""
        from lithify.ir.graph import view

        return view(self)

    @classmethod
    def from_graph(cls, graph: "networkx.DiGraph") -> "Circuit":
        """The circuit that a graph with the documented attributes describes."""
        from lithify.ir.graph import from_graph

        return from_graph(graph)

    def __eq__(self, other: object) -> bool:
        """The same circuit, gate by gate and name by name."""
        if not isinstance(other, Circuit):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name))
            if f.name in ARRAYS
            else getattr(self, f.name) == getattr(other, f.name)
            for f in fields(self)
        )

    def __hash__(self) -> int:
        """A hash of the digest."""
        return hash(self.digest)

    def __str__(self) -> str:
        """The text form."""
        from lithify.ir.text import dump

        return dump(self)

    def __repr__(self) -> str:
        """A one-line summary."""
        return (
            f"<Circuit: {self.num_input_bits} input bits, {self.num_gates} gates, "
            f"{len(self.words)} words, {len(self.scores)} scores, readout {self.readout}>"
        )
