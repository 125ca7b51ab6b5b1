"""BLIF files read as circuits: one model of `.names`, without latches and subcircuits."""

from __future__ import annotations

from collections.abc import Iterator

from lithify.backends.named_nets import AND, OR, Line, NamedNets
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.errors import FormatError

MEMORY = (".latch", ".mlatch")
HIERARCHY = (".subckt", ".gate", ".search")
BUFFER = 0b10


class _Reader(NamedNets):
    """What has been read so far."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename)
        self._covers: dict[tuple[int, tuple[str, ...]], int] = {}

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
            self.alias(target, pins[0])
        else:
            self.gate(table, pins, target)

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

    def _wide(self, pins: list[int], target: int, cubes: list[str], value: int, line: Line) -> None:
        """A cover of many inputs as trees: AND in each cube, OR over the cubes."""
        products = []
        for cube in cubes:
            taken = [(pin, bit == "1") for pin, bit in zip(pins, cube, strict=True) if bit != "-"]
            products.append((self.tree(taken, AND, line), True))
        self.join(products, OR, target, flip=not value)


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
            reader.input(name, line)
    elif word == ".outputs":
        for name in line.words[1:]:
            reader.output(name, line)
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
