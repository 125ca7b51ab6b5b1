"""Circuits as BLIF files: one `.names` with its cover for each table."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lithify.backends.bitnames import input_names, output_names, renamed
from lithify.backends.blif_reader import read
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist

__all__ = ["read", "write"]

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
GATES_AT_ONCE = 1 << 16
FORBIDDEN = re.compile(r'[\s#\\="]')


def write(design: Circuit | Netlist, name: str = "top", *, rename: bool = False) -> bytes:
    """The design as a BLIF file; thresholds, scores and the argmax are written out.

    With `rename`, ports and words whose names BLIF cannot hold get others, which comments map.
    """
    circuit = design.circuit if isinstance(design, Netlist) else expand(design).circuit
    inputs, outputs = input_names(circuit), output_names(circuit)
    notes: list[str] = []
    if rename:
        inputs, outputs, notes = renamed(circuit, FORBIDDEN)
    for what in (name, *inputs, *outputs):
        if FORBIDDEN.search(what):
            raise InputError(f"name {what!r} cannot be written as BLIF; rename it to plain letters")
    prefix = _prefix([*inputs, *outputs])
    library = _Pieces(circuit, inputs, prefix)
    head = f".model {name}\n{_listed('.inputs', inputs)}{_listed('.outputs', outputs)}"
    parts = [
        "".join(f"# {note}\n" for note in notes).encode(),
        head.encode(),
        _constants(circuit, prefix),
    ]
    for start in range(0, circuit.num_gates, GATES_AT_ONCE):
        parts.append(library.gates(start, min(start + GATES_AT_ONCE, circuit.num_gates)))
    parts += [_buffers(circuit, library, inputs, outputs), b".end\n"]
    return b"".join(parts)


def _buffers(circuit: Circuit, library: _Pieces, inputs: list[str], outputs: list[str]) -> bytes:
    """The outputs as copies of signals; an output that is the input of its name needs none."""
    given = {name: 2 + i for i, name in enumerate(inputs)}
    signals = [s for word in circuit.words for s in word.signals.ravel().tolist()]
    lines = []
    for signal, source, name in zip(signals, library.names(signals), outputs, strict=True):
        if name not in given:
            lines.append(f".names {source} {name}\n1 1\n")
        elif given[name] != signal:
            raise InputError(f"input and output are both called {name}; BLIF needs two names")
    return "".join(lines).encode()


def cover(table: int, arity: int) -> str:
    """The lines of a table: the patterns that give 1, or those that give 0 where these are fewer.

    >>> cover(0b1000, 2)
    '11 1\\n'
    >>> cover(0b0111, 2)
    '11 0\\n'
    """
    size = 1 << arity
    high = table.bit_count()
    if arity == 0:
        return "1\n" * high
    if high in (0, size):
        return f"{'-' * arity} {high // size}\n"
    value = int(high <= size - high)
    rows = (p for p in range(size) if table >> p & 1 == value)
    return "".join(f"{p:0{arity}b}"[::-1] + f" {value}\n" for p in rows)


def _prefix(names: list[str]) -> str:
    """What the names of gates start with, so that none is the name of an input or output."""
    prefix = "n"
    while any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in names):
        prefix += "_"
    return prefix


def _listed(command: str, names: list[str]) -> str:
    """A command with many names, eight on a line."""
    lines = [" ".join(names[i : i + 8]) for i in range(0, len(names), 8)]
    return " \\\n ".join([command, *lines]) + "\n"


def _constants(circuit: Circuit, prefix: str) -> bytes:
    """The constants, as far as gates or outputs read them."""
    read_here = np.concatenate([circuit.fanins, circuit.output_signals])
    texts = (f".names {prefix}0\n", f".names {prefix}1\n1\n")
    return "".join(texts[value] for value in (0, 1) if (read_here == value).any()).encode()


class _Pieces:
    """All the pieces of text that gates are written with, and the gates in terms of them.

    Piece 0 is the command, then comes a piece for every signal, then one for every cover.
    """

    def __init__(self, circuit: Circuit, inputs: list[str], prefix: str) -> None:
        """Gather the pieces."""
        self._circuit = circuit
        known = [f" {prefix}0", f" {prefix}1", *(f" {name}" for name in inputs)]
        covers, self._cover_of = _covers(circuit)
        texts = [b".names", *(text.encode() for text in known)]
        last = [text.encode() for text in covers]
        numbered, widths = _numbered(f" {prefix}", circuit.first_gate, circuit.num_signals)
        lengths = [[len(t) for t in texts], widths, [len(t) for t in last]]
        self._lengths = np.concatenate([np.asarray(part, np.int64) for part in lengths])
        self._starts = np.cumsum(self._lengths) - self._lengths
        bulk = (np.frombuffer(b"".join(texts), np.uint8), numbered)
        self._text = np.concatenate([*bulk, np.frombuffer(b"".join(last), np.uint8)])

    def gates(self, first: int, last: int) -> bytes:
        """The text of gates first to last - 1."""
        circuit = self._circuit
        offsets = circuit.offsets[first : last + 1]
        arities = np.diff(offsets)
        ends = np.cumsum(arities + 3)
        pieces = np.zeros(int(ends[-1]), np.int64)
        places = np.arange(offsets[0], offsets[-1]) - offsets[0]
        places += np.repeat(3 * np.arange(last - first) + 1, arities)
        pieces[places] = 1 + circuit.fanins[offsets[0] : offsets[-1]]
        pieces[ends - 2] = 1 + circuit.first_gate + np.arange(first, last)
        pieces[ends - 1] = 1 + circuit.num_signals + self._cover_of[first:last]
        lengths = self._lengths[pieces]
        before = np.cumsum(lengths) - lengths
        take = np.arange(int(lengths.sum())) + np.repeat(self._starts[pieces] - before, lengths)
        text: U8 = self._text[take]
        return text.tobytes()

    def names(self, signals: list[int]) -> list[str]:
        """The names of some signals."""
        rows = (
            (self._starts[1 + s] + 1, self._starts[1 + s] + self._lengths[1 + s]) for s in signals
        )
        return [self._text[a:b].tobytes().decode() for a, b in rows]


def _covers(circuit: Circuit) -> tuple[list[str], I64]:
    """Every cover there is, and for each gate the number of its own."""
    arities = np.diff(circuit.offsets)
    covers: list[str] = []
    cover_of = np.empty(circuit.num_gates, np.int64)
    for arity in range(MOST_FANINS + 1):
        rows = arities == arity
        tables, kinds = np.unique(circuit.tables[rows], return_inverse=True)
        cover_of[rows] = len(covers) + kinds
        covers += ["\n" + cover(table, arity) for table in tables.tolist()]
    return covers, cover_of


def _numbered(prefix: str, first: int, last: int) -> tuple[U8, I64]:
    """The prefix with each number from first to last - 1, in a row, and their lengths."""
    parts, lengths = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
    while first < last:
        digits = len(str(first))
        stop = min(last, 10**digits)
        numbers = np.arange(first, stop)
        rows = np.empty((stop - first, len(prefix) + digits), np.uint8)
        rows[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
        for j in range(digits):
            rows[:, len(prefix) + j] = numbers // 10 ** (digits - 1 - j) % 10 + ord("0")
        parts.append(rows.ravel())
        lengths.append(np.full(stop - first, rows.shape[1], np.int64))
        first = stop
    return np.concatenate(parts), np.concatenate(lengths)
