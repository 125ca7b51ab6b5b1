"""Circuits as and-inverter graphs, and these as AIGER 1.9 files, binary and ASCII.

An AIGER literal is twice a variable plus whether it is inverted; variable 0 is the constant 0, the
inputs come next, then the ANDs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends.aiger_reader import read
from lithify.backends.bitnames import input_names, output_names, renamed
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.jit import njit
from lithify.ir.netlist import Netlist
from lithify.ir.split import split_signals

__all__ = ["Aig", "read", "to_aig", "write", "write_aig", "write_ascii", "write_aig_ascii"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Aig:
    """An and-inverter graph without outputs: AND i is variable ``1 + num_inputs + i``."""

    num_inputs: int
    ands: I32
    """Literals[m, 2], the larger first, both smaller than that of the AND itself."""
    literal_of: I32
    """For each signal of the circuit its literal."""


def to_aig(circuit: Circuit) -> Aig:
    """The gates of a circuit as ANDs, equal ones once; thresholds are written out first.

    An exclusive or is ``~(a & b) & ~(~a & ~b)``, or the same over ``~b``, whichever of the products
    is there already: so it shares the one that the carry of a full adder needs.
    """
    netlist = tables_only(circuit) if (circuit.kinds == THRESHOLD).any() else None
    small, signal_of = split_signals(circuit if netlist is None else netlist.circuit)
    ands = np.empty((3 * small.num_gates, 2), np.int32)
    literals = np.empty(small.num_signals, np.int32)
    literals[:2] = 0, 1
    literals[2 : small.first_gate] = 2 * np.arange(1, small.num_input_bits + 1)
    count = _make_ands(
        small.first_gate, small.num_input_bits, small.bounds, small.offsets, small.fanins,
        literals, ands, np.full(1 << (6 * small.num_gates + 1).bit_length(), -1, np.int32),
    )  # fmt: skip
    if netlist is not None:
        signal_of = signal_of[netlist.signal_of]
    return Aig(small.num_input_bits, ands[:count].copy(), literals[signal_of])


def tables_only(design: Circuit | Netlist) -> Netlist:
    """The design without thresholds and scores."""
    return design if isinstance(design, Netlist) else expand(design)


def write(design: Circuit | Netlist, *, rename: bool = False) -> bytes:
    """The design as a binary AIGER file; thresholds, scores and the argmax are written out.

    With `rename`, outputs called as an input that they do not copy get other names, which the
    comments of the file map: ABC refuses a file in which the two share a name.
    """
    parts, notes = _parts(design, rename)
    return write_aig(*parts) + notes


def write_ascii(design: Circuit | Netlist, *, rename: bool = False) -> bytes:
    """The design as an ASCII AIGER file, names as for `write`."""
    parts, notes = _parts(design, rename)
    return write_aig_ascii(*parts) + notes


def write_aig(
    aig: Aig, outputs: I32, inputs_called: Sequence[str], outputs_called: Sequence[str]
) -> bytes:
    """A binary AIGER file of the graph with these output literals and the names of all bits."""
    left = 2 * (1 + aig.num_inputs + np.arange(len(aig.ands), dtype=np.int64))
    deltas = np.stack([left - aig.ands[:, 0], aig.ands[:, 0].astype(np.int64) - aig.ands[:, 1]], 1)
    return b"".join(
        [
            _header("aig", aig, outputs),
            _lines(outputs),
            leb128(deltas.ravel()),
            _symbols(inputs_called, outputs_called),
        ]
    )


def write_aig_ascii(
    aig: Aig, outputs: I32, inputs_called: Sequence[str], outputs_called: Sequence[str]
) -> bytes:
    """An ASCII AIGER file of the graph with these output literals and the names of all bits."""
    left = 2 * (1 + aig.num_inputs + np.arange(len(aig.ands), dtype=np.int64))
    rows = np.column_stack([left, aig.ands])
    text = "".join(f"{a} {b} {c}\n" for a, b, c in rows.tolist())
    return b"".join(
        [
            _header("aag", aig, outputs),
            _lines(2 * np.arange(1, aig.num_inputs + 1, dtype=np.int32)),
            _lines(outputs),
            text.encode("ascii"),
            _symbols(inputs_called, outputs_called),
        ]
    )


def leb128(values: I64) -> bytes:
    """Each non-negative value in groups of seven bits, lowest first, all but the last marked."""
    lengths = np.ones(values.size, np.int64)
    for shift in range(7, 63, 7):
        lengths += values >> shift > 0
    ends = np.cumsum(lengths)
    starts = ends - lengths
    data = np.empty(int(ends[-1]) if values.size else 0, np.uint8)
    rows, rest, place = np.arange(values.size), values, 0
    while rows.size:
        more = lengths[rows] > place + 1
        data[starts[rows] + place] = rest & 127 | np.where(more, 128, 0)
        rows, rest, place = rows[more], rest[more] >> 7, place + 1
    return data.tobytes()


def _parts(
    design: Circuit | Netlist, rename: bool
) -> tuple[tuple[Aig, I32, list[str], list[str]], bytes]:
    """The graph of a design, its output literals and the names of its bits; and the comments."""
    circuit = tables_only(design).circuit
    aig = to_aig(circuit)
    signals = [word.signals.ravel() for word in circuit.words]
    outputs = aig.literal_of[np.concatenate([np.empty(0, np.int32), *signals])]
    if not rename:
        return (aig, outputs, input_names(circuit), output_names(circuit)), b""
    inputs_called, outputs_called, notes = renamed(circuit)
    comments = "".join(f"{line}\n" for line in ("c", *notes)) if notes else ""
    return (aig, outputs, inputs_called, outputs_called), comments.encode()


def _header(magic: str, aig: Aig, outputs: I32) -> bytes:
    inputs, ands = aig.num_inputs, len(aig.ands)
    return f"{magic} {inputs + ands} {inputs} 0 {outputs.size} {ands}\n".encode("ascii")


def _lines(literals: I32) -> bytes:
    return "".join(f"{literal}\n" for literal in literals.tolist()).encode("ascii")


def _symbols(inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    lines = [f"i{i} {name}\n" for i, name in enumerate(inputs)]
    lines += [f"o{i} {name}\n" for i, name in enumerate(outputs)]
    return "".join(lines).encode("utf-8")


@njit
def _make_ands(
    first: int,
    inputs: int,
    tables: I64,
    offsets: I64,
    fanins: I32,
    literals: I32,
    ands: I32,
    slots: I32,
) -> int:
    """Writes gates of at most two fan-ins as ANDs and fills in their literals; how many ANDs."""
    count = 0
    for g in range(tables.size):
        begin, k = offsets[g], offsets[g + 1] - offsets[g]
        a = literals[fanins[begin]] if k > 0 else 0
        b = literals[fanins[begin + 1]] if k > 1 else 0
        table = tables[g]
        if k == 0:
            table = 15 if table & 1 else 0
        elif k == 1:
            table = (table & 3) | (table & 3) << 2
        # The table without inversion of its output: 0 where both fan-ins are 0.
        inverted = table & 1
        if inverted:
            table ^= 15
        if table == 0b0000:
            made = 0
        elif table == 0b1010:
            made = a
        elif table == 0b1100:
            made = b
        elif table == 0b0110:
            made, count = _xor(a, b, inputs, count, ands, slots)
        elif table == 0b1110:
            made, count = _and(a ^ 1, b ^ 1, inputs, count, ands, slots)
            made ^= 1
        else:
            flip = (table == 0b0100) | (table == 0b0010) << 1
            made, count = _and(a ^ (flip & 1), b ^ (flip >> 1), inputs, count, ands, slots)
        literals[first + g] = made ^ inverted
    return count


@njit
def _xor(a: int, b: int, inputs: int, count: int, ands: I32, slots: I32) -> tuple[int, int]:
    """The literal of the exclusive or, and how many ANDs there are then."""
    inverted = 0
    if a > 1 and b > 1 and a >> 1 != b >> 1:
        even = slots[_slot(a, b, inputs, ands, slots)] >= 0
        even = even or slots[_slot(a ^ 1, b ^ 1, inputs, ands, slots)] >= 0
        odd = slots[_slot(a ^ 1, b, inputs, ands, slots)] >= 0
        odd = odd or slots[_slot(a, b ^ 1, inputs, ands, slots)] >= 0
        if odd and not even:
            b, inverted = b ^ 1, 1
    both, count = _and(a, b, inputs, count, ands, slots)
    neither, count = _and(a ^ 1, b ^ 1, inputs, count, ands, slots)
    made, count = _and(both ^ 1, neither ^ 1, inputs, count, ands, slots)
    return made ^ inverted, count


@njit
def _and(a: int, b: int, inputs: int, count: int, ands: I32, slots: I32) -> tuple[int, int]:
    """The literal of the AND, and how many ANDs there are then."""
    if a < b:
        a, b = b, a
    if b == 0 or a == b ^ 1:
        return 0, count
    if b == 1 or a == b:
        return a, count
    slot = _slot(a, b, inputs, ands, slots)
    if slots[slot] < 0:
        slots[slot] = count
        ands[count, 0], ands[count, 1] = a, b
        count += 1
    return 2 * (1 + inputs + slots[slot]), count


@njit
def _slot(a: int, b: int, inputs: int, ands: I32, slots: I32) -> int:
    """The slot of this AND, or the empty one where it belongs."""
    if a < b:
        a, b = b, a
    h = (np.uint64(a) << np.uint64(32) | np.uint64(b)) * np.uint64(0x9E3779B97F4A7C15)
    slot = int(h >> np.uint64(20)) & (slots.size - 1)
    while slots[slot] >= 0 and (ands[slots[slot], 0] != a or ands[slots[slot], 1] != b):
        slot = (slot + 1) & (slots.size - 1)
    return slot
