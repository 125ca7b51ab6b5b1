"""A circuit under construction from a text whose gates name their nets in any order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lithify.backends.ordering import assemble, topological
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.errors import ParseError

AND, OR, XOR = "and", "or", "xor"
Literal = tuple[int, bool]  # a net, and whether it counts as it is or inverted


class Line(NamedTuple):
    """A statement: where it starts, its first physical line and its words."""

    number: int
    source: str
    words: list[str]


class NamedNets:
    """What has been read so far. Nets are numbered as they are first named."""

    def __init__(self, filename: str) -> None:
        """Start with nothing."""
        self.filename = filename
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self._nets: dict[str, int] = {}
        self._seen: list[Line] = []
        self._driven: dict[int, Line] = {}
        self._targets: list[int] = []
        self._tables: list[int] = []
        self._pins: list[int] = []
        self._ends: list[int] = [0]
        self._aliases: dict[int, int] = {}

    def error(self, message: str, line: Line, word: str = "") -> ParseError:
        """A parse error that points at a word of a line."""
        column = max(line.source.find(word), 0) + 1 if word else 1
        return ParseError(
            message, filename=self.filename, line=line.number, column=column, source=line.source
        )

    def net(self, name: str, line: Line) -> int:
        """The number of a net."""
        number = self._nets.setdefault(name, len(self._nets))
        if number == len(self._seen):
            self._seen.append(line)
        return number

    def drive(self, name: str, line: Line) -> int:
        """The number of a net that this line defines."""
        number = self.net(name, line)
        if number in self._driven:
            raise self.error(
                f"{name} is defined here and in line {self._driven[number].number}", line, name
            )
        self._driven[number] = line
        return number

    def input(self, name: str, line: Line) -> None:
        """Note an input."""
        self.drive(name, line)
        self.inputs.append(name)

    def output(self, name: str, line: Line) -> None:
        """Note an output."""
        self.net(name, line)
        self.outputs.append(name)

    def alias(self, target: int, of: int) -> None:
        """Let the target be the same as another net."""
        self._aliases[target] = of

    def gate(self, table: int, pins: list[int], target: int) -> None:
        """Define the target as a table of at most six nets."""
        self._targets.append(target)
        self._tables.append(table)
        self._pins += pins
        self._ends.append(len(self._pins))

    def join(self, literals: list[Literal], how: str, target: int, *, flip: bool = False) -> None:
        """Define the target as AND, OR or XOR of any number of literals, inverted with `flip`."""
        while len(literals) > MOST_FANINS:
            some, literals = literals[:MOST_FANINS], literals[MOST_FANINS:]
            literals.append((self.tree(some, how, self._driven[target]), True))
        size = 1 << len(literals)
        inverted = sum(1 << j for j, (_, positive) in enumerate(literals) if not positive)
        table = sum(1 << p for p in range(size) if _joined(p ^ inverted, size - 1, how) != flip)
        self.gate(table, [net for net, _ in literals], target)

    def tree(self, literals: list[Literal], how: str, line: Line) -> int:
        """The new net that is AND, OR or XOR of literals."""
        target = self.net(f" {len(self._nets)}", line)
        self._driven[target] = line
        self.join(literals, how, target)
        return target

    def circuit(self) -> Circuit:
        """The circuit of all that was read."""
        for name, number in self._nets.items():
            if number not in self._driven:
                raise self.error(f"{name} is read but never defined", self._seen[number], name)
        first = 2 + len(self.inputs)
        pins = np.array(self._pins, np.int64)
        targets = np.array(self._targets, np.int64)
        offsets = np.array(self._ends, np.int64)
        signal = np.full(len(self._nets), -1, np.int32)
        signal[[self._nets[name] for name in self.inputs]] = np.arange(2, first, dtype=np.int32)
        signal[targets] = np.arange(first, first + targets.size, dtype=np.int32)
        for target, of in self._aliases.items():
            signal[target] = signal[self._origin(target, of)]
        order, stuck = topological(offsets, signal[pins], first)
        if stuck >= 0:
            raise self._loop(int(targets[stuck]))
        place = np.arange(first + targets.size, dtype=np.int32)
        place[first + order] = first + np.arange(targets.size, dtype=np.int32)
        arities = np.diff(offsets)[order]
        ends = np.cumsum(arities)
        rows = np.repeat(offsets[:-1][order] - ends + arities, arities) + np.arange(pins.size)
        return assemble(
            self.inputs,
            self.outputs,
            np.array(self._tables, np.uint64).view(np.int64)[order],
            np.concatenate([np.zeros(1, np.int64), ends]),
            place[signal[pins[rows]]],
            place[signal[[self._nets[name] for name in self.outputs]]],
            self.filename,
        )

    def _origin(self, target: int, net: int) -> int:
        """The net that a chain of buffers copies."""
        path = {target}
        while net in self._aliases:
            if net in path:
                raise self._loop(net)
            path.add(net)
            net = self._aliases[net]
        for buffer in path:
            self._aliases[buffer] = net
        return net

    def _loop(self, net: int) -> ParseError:
        line = self._driven[net]
        names = list(self._nets)
        name = names[net] if not names[net].startswith(" ") else line.words[-1]
        return self.error(f"{name} depends on itself", line, name)


def _joined(pattern: int, full: int, how: str) -> bool:
    """What AND, OR or XOR of the bits of a pattern is."""
    if how == XOR:
        return pattern.bit_count() % 2 == 1
    return pattern == full if how == AND else pattern > 0
