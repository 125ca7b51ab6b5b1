"""BLIF files read as circuits: one model of `.names`, without latches and subcircuits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.backends.ordering import assemble, topological
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.errors import FormatError, ParseError

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

MEMORY = (".latch", ".mlatch")
HIERARCHY = (".subckt", ".gate", ".search")
BUFFER = 0b10


class Line(NamedTuple):
    """A statement: where it starts, its first physical line and its words."""

    number: int
    source: str
    words: list[str]


class _Reader:
    """What has been read so far. Nets are numbered as they are first named."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.nets: dict[str, int] = {}
        self.seen: list[Line] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.driven: dict[int, Line] = {}
        self.targets: list[int] = []
        self.tables: list[int] = []
        self.pins: list[int] = []
        self.ends: list[int] = [0]
        self.aliases: dict[int, int] = {}
        self._covers: dict[tuple[int, tuple[str, ...]], int] = {}

    def error(self, message: str, line: Line, word: str = "") -> ParseError:
        """A parse error that points at a word of a line."""
        column = max(line.source.find(word), 0) + 1 if word else 1
        return ParseError(
            message, filename=self.filename, line=line.number, column=column, source=line.source
        )

    def net(self, name: str, line: Line) -> int:
        """The number of a net."""
        number = self.nets.setdefault(name, len(self.nets))
        if number == len(self.seen):
            self.seen.append(line)
        return number

    def drive(self, name: str, line: Line) -> int:
        """The number of a net that this line defines."""
        number = self.net(name, line)
        if number in self.driven:
            raise self.error(
                f"{name} is defined here and in line {self.driven[number].number}", line, name
            )
        self.driven[number] = line
        return number

    def names(self, line: Line, rows: list[Line]) -> None:
        """A `.names` with the lines of its cover."""
        if len(line.words) < 2:
            raise self.error(".names without an output", line)
        pins = [self.net(word, line) for word in line.words[1:-1]]
        target = self.drive(line.words[-1], line)
        key = len(pins), tuple(word for row in rows for word in (*row.words, "\n"))
        table = self._covers.get(key)
        if table is None:
            cubes, value = self._cubes(line, len(pins), rows)
            if len(pins) > MOST_FANINS:
                self._wide(pins, target, cubes, value, line)
                return
            table = self._covers[key] = _table(len(pins), cubes, value)
        if (len(pins), table) == (1, BUFFER):
            self.aliases[target] = pins[0]
        else:
            self._gate(table, pins, target)

    def _cubes(self, line: Line, arity: int, rows: list[Line]) -> tuple[list[str], int]:
        """The patterns of a cover and what they give."""
        cubes, values = [], set()
        for row in rows:
            pattern, value = ("", row.words[0]) if arity == 0 else (row.words[0], row.words[-1])
            plain = len(row.words) == 1 + (arity > 0) and value in ("0", "1")
            if not plain or len(pattern) != arity or not set(pattern) <= set("01-"):
                raise self.error(
                    f"expected {arity} of 0, 1 and - and then 0 or 1, for the .names in line "
                    f"{line.number}",
                    row,
                )
            cubes.append(pattern)
            values.add(value)
            if len(values) > 1:
                raise self.error("a cover gives either only 1 or only 0", row)
        return cubes, int(values != {"0"})

    def _gate(self, table: int, pins: list[int], target: int) -> None:
        self.targets.append(target)
        self.tables.append(table)
        self.pins += pins
        self.ends.append(len(self.pins))

    def _wide(self, pins: list[int], target: int, cubes: list[str], value: int, line: Line) -> None:
        """A cover of many inputs as trees: AND in each cube, OR over the cubes."""
        products = []
        for cube in cubes:
            taken = [(pin, bit == "1") for pin, bit in zip(pins, cube, strict=True) if bit != "-"]
            products.append((self._tree(taken, True, line), True))
        self._join(products, False, target, flip=not value)

    def _tree(self, literals: list[tuple[int, bool]], conjunction: bool, line: Line) -> int:
        """The new net of the AND or OR of literals (net, positive)."""
        target = self.net(f" {len(self.nets)}", line)
        self.driven[target] = line
        self._join(literals, conjunction, target)
        return target

    def _join(
        self, literals: list[tuple[int, bool]], conjunction: bool, target: int, flip: bool = False
    ) -> None:
        """Define the target as the AND or OR of the literals, by tables of at most six."""
        while len(literals) > MOST_FANINS:
            some, literals = literals[:MOST_FANINS], literals[MOST_FANINS:]
            literals.append((self._tree(some, conjunction, self.driven[target]), True))
        size = 1 << len(literals)
        inverted = sum(1 << j for j, (_, positive) in enumerate(literals) if not positive)
        rows = (p ^ inverted for p in range(size))
        full = size - 1
        bits = (p == full if conjunction else p > 0 for p in rows)
        table = sum(1 << p for p, bit in enumerate(bits) if bit != flip)
        self._gate(table, [net for net, _ in literals], target)

    def circuit(self) -> Circuit:
        """The circuit of all that was read."""
        for name, number in self.nets.items():
            if number not in self.driven:
                raise self.error(f"{name} is read but never defined", self.seen[number], name)
        first = 2 + len(self.inputs)
        pins = np.array(self.pins, np.int64)
        targets = np.array(self.targets, np.int64)
        offsets = np.array(self.ends, np.int64)
        signal = np.full(len(self.nets), -1, np.int32)
        signal[[self.nets[name] for name in self.inputs]] = np.arange(2, first, dtype=np.int32)
        signal[targets] = np.arange(first, first + targets.size, dtype=np.int32)
        for target, of in self.aliases.items():
            signal[target] = signal[self._origin(target, of)]
        order, stuck = topological(offsets, signal[pins], first)
        if stuck >= 0:
            raise self._loop(targets[stuck])
        place = np.arange(first + targets.size, dtype=np.int32)
        place[first + order] = first + np.arange(targets.size, dtype=np.int32)
        arities = np.diff(offsets)[order]
        ends = np.cumsum(arities)
        rows = np.repeat(offsets[:-1][order] - ends + arities, arities) + np.arange(pins.size)
        return assemble(
            self.inputs,
            self.outputs,
            np.array(self.tables, np.uint64).view(np.int64)[order],
            np.concatenate([np.zeros(1, np.int64), ends]),
            place[signal[pins[rows]]],
            place[signal[[self.nets[name] for name in self.outputs]]],
            self.filename,
        )

    def _origin(self, target: int, net: int) -> int:
        """The net that a chain of buffers copies."""
        path = {target}
        while net in self.aliases:
            if net in path:
                raise self._loop(net)
            path.add(net)
            net = self.aliases[net]
        for buffer in path:
            self.aliases[buffer] = net
        return net

    def _loop(self, net: int) -> ParseError:
        line = self.driven[int(net)]
        return self.error(f"{line.words[-1]} depends on itself", line, line.words[-1])


def read(data: bytes, filename: str = "<blif>") -> Circuit:
    """The circuit in a BLIF file, one table for each `.names`; covers of many inputs become trees.

    Bits called like ``x[3].2`` that follow one another are one port. Buffers vanish.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{filename} is no BLIF file: byte {error.start} is no text") from error
    reader = _Reader(filename)
    models = 0
    for line, rows in _statements(reader, text):
        models += line.words[0] == ".model"
        if line.words[0] == ".names":
            reader.names(line, rows)
        else:
            _command(reader, line, models)
    if not models:
        raise FormatError(f"{filename} is no BLIF file: it has no .model")
    return reader.circuit()


def _statements(reader: _Reader, text: str) -> Iterator[tuple[Line, list[Line]]]:
    """The commands up to `.end`, each `.names` with the lines of its cover."""
    command: Line | None = None
    rows: list[Line] = []
    for line in _lines(text):
        if line.words[0].startswith("."):
            if command is not None:
                yield command, rows
            command, rows = line, []
            if line.words[0] == ".end":
                return
        elif command is None or command.words[0] != ".names":
            raise reader.error("a line that belongs to no .names", line)
        else:
            rows.append(line)
    if command is not None:
        yield command, rows


def _command(reader: _Reader, line: Line, models: int) -> None:
    """Any command but `.names` and `.end`."""
    word = line.words[0]
    if word == ".inputs":
        for name in line.words[1:]:
            reader.drive(name, line)
        reader.inputs += line.words[1:]
    elif word == ".outputs":
        for name in line.words[1:]:
            reader.net(name, line)
        reader.outputs += line.words[1:]
    elif word in MEMORY:
        raise reader.error("a latch; a circuit here has no memory: cut the design at them", line)
    elif word in HIERARCHY:
        raise reader.error(f"{word} needs other models or a library; flatten the design", line)
    elif word != ".model":
        raise reader.error(f"unknown command {word}", line, word)
    elif models > 1:
        raise reader.error("a second .model; flatten the design", line)


def _lines(text: str) -> Iterator[Line]:
    """The statements: without comments and empty lines, continued lines joined."""
    words: list[str] = []
    number, source = 0, ""
    for here, physical in enumerate(text.split("\n"), 1):
        content = physical.partition("#")[0].rstrip()
        if not words:
            number, source = here, physical
        if content.endswith("\\"):
            words += content[:-1].split()
            continue
        words += content.split()
        if words:
            yield Line(number, source, words)
            words = []
    if words:
        yield Line(number, source, words)


def _table(arity: int, cubes: list[str], value: int) -> int:
    """The table of a cover."""
    table = 0
    for cube in cubes:
        patterns = [0]
        for j, bit in enumerate(cube):
            more = [p | 1 << j for p in patterns]
            patterns = more if bit == "1" else patterns if bit == "0" else patterns + more
        for p in patterns:
            table |= 1 << p
    return table if value else table ^ ((1 << (1 << arity)) - 1)
