"""AIGER 1.9 files read as circuits, binary and ASCII, without latches and properties."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.backends.ordering import assemble, topological
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, ParseError

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

MOST_VARIABLES = 2**30 - 2
MOST_OCTETS = 5
MOST_SPARE = 1 << 20  # inputs take no bytes in a binary file
# Tables of an AND by which of its two fan-ins are inverted.
AND_TABLES = np.array([0b1000, 0b0100, 0b0010, 0b0001], np.int64)
FEATURES = ("bad states", "invariant constraints", "justice properties", "fairness constraints")


class Header(NamedTuple):
    """What the first line says."""

    binary: bool
    variables: int
    inputs: int
    outputs: int
    ands: int


def read(data: bytes, filename: str = "<aiger>") -> Circuit:
    """The circuit in an AIGER file, one table for each AND; its symbols name ports and words.

    Bits called like ``x[3].2`` that follow one another are one port; without symbols the inputs
    are the port ``i`` and the outputs the word ``o``.
    """
    end = data.find(b"\n")
    header = _header(data[: max(end, 0)], filename)
    if header.variables > len(data) + MOST_SPARE:
        raise FormatError(
            f"{filename} has {header.variables} variables in {len(data)} bytes; at most "
            f"{MOST_SPARE} more than bytes can be read"
        )
    if header.binary:
        outputs, rows, rest = _binary(data, end + 1, header, filename)
        left = 2 * np.arange(1 + header.inputs, 1 + header.variables, dtype=np.int64)
        inputs = 2 * np.arange(1, 1 + header.inputs, dtype=np.int64)
    else:
        inputs, outputs, left, rows, rest = _ascii(data, end + 1, header, filename)
    names = _symbols(data[rest:], header, filename)
    return _circuit(header, inputs, outputs, left, rows, names, filename)


def _header(line: bytes, filename: str) -> Header:
    """The numbers of the first line, with limits on what they may ask for."""
    fields = line.split()
    numbers = [int(f) for f in fields[1:] if f.isdigit() and len(f) < 12]
    if fields[:1] not in ([b"aig"], [b"aag"]) or not 5 <= len(numbers) == len(fields) - 1 <= 9:
        raise FormatError(
            f"{filename} is no AIGER file: it starts with {line[:40]!r}, "
            "not with aig or aag and five numbers"
        )
    variables, inputs, latches, outputs, ands = numbers[:5]
    if latches:
        raise FormatError(
            f"{filename} has {latches} latches; a circuit here has no memory: cut the design at "
            "its latches, for example with ABC's comb"
        )
    for count, what in zip(numbers[5:], FEATURES, strict=False):
        if count:
            raise FormatError(f"{filename} has {count} {what}; only inputs and outputs can be read")
    if variables > MOST_VARIABLES or outputs > MOST_VARIABLES:
        raise FormatError(f"{filename} has {variables} variables; at most 2^30 - 2 can be read")
    header = Header(fields[0] == b"aig", variables, inputs, outputs, ands)
    if variables < inputs + ands or (header.binary and variables != inputs + ands):
        raise FormatError(
            f"{filename}: {variables} variables do not fit {inputs} inputs and {ands} ANDs"
        )
    return header


def _binary(data: bytes, start: int, header: Header, filename: str) -> tuple[I64, I64, int]:
    """The output literals, the two literals of every AND, and where the symbols start."""
    outputs, start = _output_lines(data, start, header, filename)
    octets = np.frombuffer(data, np.uint8)[start : start + 2 * MOST_OCTETS * header.ands]
    ends = np.flatnonzero(octets < 128)[: 2 * header.ands] + 1
    if ends.size < 2 * header.ands:
        raise FormatError(
            f"{filename} is truncated: {ends.size // 2} of its {header.ands} ANDs are there"
        )
    used = int(ends[-1]) if ends.size else 0
    starts = np.concatenate([[0], ends[:-1]]) if ends.size else ends
    lengths = ends - starts
    long = lengths > MOST_OCTETS
    if long.any():
        raise _broken(int(np.argmax(long)) // 2, start + int(starts[np.argmax(long)]), filename)
    shifts = 7 * (np.arange(used) - np.repeat(starts, lengths))
    values = (octets[:used].astype(np.int64) & 127) << shifts
    deltas = np.add.reduceat(values, starts).reshape(-1, 2) if used else values.reshape(0, 2)
    left = 2 * np.arange(1 + header.inputs, 1 + header.variables, dtype=np.int64)
    high = left - deltas[:, 0]
    low = high - deltas[:, 1]
    wrong = (deltas[:, 0] < 1) | (low < 0)
    if wrong.any():
        number = int(np.argmax(wrong))
        raise _broken(number, start + int(starts[2 * number]), filename)
    return outputs, np.stack([high, low], 1), start + used


def _broken(number: int, position: int, filename: str) -> FormatError:
    return FormatError(
        f"{filename} is corrupt: AND {number}, at byte {position}, reads what does not come before"
    )


def _output_lines(data: bytes, start: int, header: Header, filename: str) -> tuple[I64, int]:
    """The literals in the lines of the outputs, and where the next line starts."""
    literals = []
    for number in range(header.outputs):
        end = data.find(b"\n", start, start + 20)
        text = data[start:end] if end >= 0 else b""
        if not text.isdigit() or int(text) > 2 * header.variables + 1:
            raise FormatError(
                f"{filename} is corrupt: output {number}, at byte {start}, is no literal"
            )
        literals.append(int(text))
        start = end + 1
    return np.array(literals, np.int64), start


def _ascii(
    data: bytes, start: int, header: Header, filename: str
) -> tuple[I64, I64, I64, I64, int]:
    """Inputs, outputs, left sides, the two literals of every AND, and where the symbols start."""
    sections = [(header.inputs, 1), (header.outputs, 1), (header.ands, 3)]
    limit = 2 * header.variables + 1
    parts = []
    line = 2
    for count, fields in sections:
        rows: list[list[int]] = []
        for _ in range(count):
            if start >= len(data):
                raise FormatError(f"{filename} is truncated: line {line} is missing")
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            row = data[start:end].split()
            if len(row) != fields or not all(f.isdigit() and int(f) <= limit for f in row):
                raise ParseError(
                    f"expected {fields} literals of at most {limit}",
                    filename=filename, line=line, column=1,
                    source=data[start : min(end, start + 100)].decode("utf-8", "replace"),
                )  # fmt: skip
            rows.append([int(f) for f in row])
            start, line = end + 1, line + 1
        parts.append(np.array(rows, np.int64).reshape(count, fields))
    inputs, outputs, ands = parts
    return inputs[:, 0], outputs[:, 0], ands[:, 0], ands[:, 1:], start


def _symbols(text: bytes, header: Header, filename: str) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs."""
    sizes = {"i": header.inputs, "o": header.outputs}
    found: dict[str, dict[int, str]] = {"i": {}, "o": {}}
    for line in text.decode("utf-8", "replace").split("\n"):
        if line.rstrip() == "c" or not line:
            break
        place, _, name = line.partition(" ")
        kind, digits = place[:1], place[1:]
        known = kind in sizes and digits.isascii() and digits.isdigit() and name
        if not known or int(digits) >= sizes[kind]:
            raise FormatError(
                f"{filename} is corrupt: {line[:60]!r} is no symbol of an input or output"
            )
        found[kind][int(digits)] = name
    return _filled(found["i"], "i", header.inputs), _filled(found["o"], "o", header.outputs)


def _filled(names: dict[int, str], letter: str, count: int) -> list[str]:
    """All names, those that are missing made up."""
    if not names and count > 1:
        return [f"{letter}[{i}]" for i in range(count)]
    return [names.get(i, f"{letter}{i}" if count > 1 else letter) for i in range(count)]


def _circuit(
    header: Header, inputs: I64, outputs: I64, left: I64, rows: I64,
    names: tuple[list[str], list[str]], filename: str,
) -> Circuit:  # fmt: skip
    """The circuit of the ANDs and of the inverters that outputs need."""
    first = 2 + header.inputs
    signal = _signals(header, inputs, left, filename)
    pins = signal[rows >> 1]
    inverted = outputs & 1 == 1
    missing = np.concatenate([pins.ravel(), signal[outputs >> 1]]) < 0
    if missing.any():
        literals = np.concatenate([rows.ravel(), outputs])
        raise FormatError(f"{filename}: literal {literals[np.argmax(missing)]} is never defined")
    offsets = 2 * np.arange(header.ands + 1, dtype=np.int64)
    order, stuck = topological(offsets, pins.ravel(), first)
    if stuck >= 0:
        raise FormatError(f"{filename}: the AND of literal {left[stuck]} depends on itself")
    place = np.arange(first + header.ands, dtype=np.int32)
    place[first + order] = first + np.arange(header.ands, dtype=np.int32)
    tables = AND_TABLES[(rows[:, 0] & 1) + 2 * (rows[:, 1] & 1)][order]
    flipped, at = np.unique(outputs[inverted & (outputs > 1)] >> 1, return_inverse=True)
    bits = place[signal[outputs >> 1]]
    bits[inverted & (outputs > 1)] = first + header.ands + at.astype(np.int32)
    bits[outputs == 1] = 1
    return assemble(
        *names,
        np.concatenate([tables, np.ones(flipped.size, np.int64)]),
        np.concatenate([offsets, offsets[-1] + np.arange(1, flipped.size + 1)]),
        np.concatenate([place[pins[order]].ravel(), place[signal[flipped]]]),
        bits,
        filename,
    )


def _signals(header: Header, inputs: I64, left: I64, filename: str) -> I32:
    """For every variable its signal, or -1; ANDs are numbered as they come."""
    signal = np.full(header.variables + 1, -1, np.int32)
    defined = np.concatenate([inputs, left])
    wrong = (defined & 1 == 1) | (defined < 2)
    if wrong.any():
        literal = defined[np.argmax(wrong)]
        raise FormatError(f"{filename}: literal {literal} is defined; it is inverted or constant")
    variables, counts = np.unique(defined, return_counts=True)
    if (counts > 1).any():
        raise FormatError(
            f"{filename}: literal {variables[np.argmax(counts > 1)]} is defined twice"
        )
    signal[0] = 0
    signal[defined >> 1] = np.arange(2, 2 + defined.size, dtype=np.int32)
    return signal
