"""The reader of the text form, statement by statement; `rows` reads gates as printed quickly."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np

from lithify.ir.check import MOST_WIDTH
from lithify.ir.circuit import (
    MOST_BOUND,
    MOST_FANINS,
    MOST_SIGNALS,
    MOST_WEIGHT,
    READOUTS,
    TABLE,
    THRESHOLD,
    Circuit,
)
from lithify.ir.errors import InputError
from lithify.ir.lexer import Line
from lithify.ir.names import SignalNames
from lithify.ir.origin import PARTS, Origin
from lithify.ir.ports import PATTERNS, Output, Port, Score, Word
from lithify.ir.rows import SIGNS, GateRows, QuickReader

MOST_CODE = 2**MOST_WIDTH - 1
VERSION = 1
HEADER = f"lithify circuit {VERSION}"
ORDER = ("input", "origin", "gate", "output", "readout")
TYPE = re.compile(r"(?:(bit)|(uint|int)([1-9][0-9]?))", re.ASCII)
Terms = tuple[list[int], list[int]]


def parse(source: str, filename: str = "<text>") -> Circuit:
    """The circuit that the text describes, gate by gate as it stands; raises ParseError."""
    return _Reader(source, filename).read()


class _Reader:
    """What has been read of one text so far."""

    def __init__(self, source: str, filename: str) -> None:
        self.lines = source.split("\n")
        self.filename = filename
        self.at = 0
        self.stage = -1
        self.names = SignalNames()
        self.origins: dict[Origin, int] = {}
        self.outputs: dict[str, Output] = {}
        self.readout = ""
        self.rows = GateRows()

    def read(self) -> Circuit:
        """The whole circuit."""
        quick: QuickReader | None = None
        while self.at < len(self.lines):
            self._statement(Line(self.lines[self.at], number=self.at + 1, filename=self.filename))
            self.at += 1
            if self.stage == ORDER.index("gate"):
                quick = quick or QuickReader(self.names, self.rows, len(self.origins))
                self.at = quick.read(self.lines, self.at)
        if not self.readout:
            number = len(self.lines)
            line = Line(self.lines[-1], number=number, filename=self.filename)
            raise line.error(self._what_is_missing(), len(line.text) + 1)
        return self._circuit()

    def _statement(self, line: Line) -> None:
        """One line of any kind."""
        if line.token.kind == "end":
            return
        if self.stage < 0:
            self._header(line)
            self.stage = 0
            return
        if line.token.kind == "signal":
            self._enter(line, "gate")
            self._gate(line)
            line.end()
            return
        word = line.token.text
        readers = {
            "input": self._input,
            "origin": self._origin,
            "output": self._output,
            "score": self._score,
            "readout": self._readout,
        }
        if line.token.kind != "name" or word not in readers:
            raise line.error(
                f"expected input, origin, output, score, readout or a gate, found {line.found()}"
            )
        self._enter(line, "output" if word == "score" else word)
        line.take()
        readers[word](line)
        line.end()

    def _enter(self, line: Line, what: str) -> None:
        """Keep the order of the sections."""
        stage = ORDER.index(what)
        if self.stage == ORDER.index("readout"):
            raise line.error("nothing follows the readout line")
        if stage < self.stage:
            raise line.error(
                f"{what} lines do not follow {ORDER[self.stage]} lines; "
                "the order is inputs, origins, gates, outputs and scores, readout"
            )
        self.stage = stage

    def _header(self, line: Line) -> None:
        if not (line.accept("lithify") and line.accept("circuit")):
            raise line.error(f"a text circuit starts with the line '{HEADER}'", 1)
        column = line.token.column
        version = line.natural("the version of the text form", MOST_SIGNALS)
        if version != VERSION:
            raise line.error(f"version {version} is unknown; this reader reads {VERSION}", column)
        line.end()

    def _input(self, line: Line) -> None:
        column = line.token.column
        name = line.name("the name of an input")
        line.expect(":")
        width, count, kind = self._type(line)
        low = high = None
        pattern = next((one for one in PATTERNS[1:] if line.accept(one)), PATTERNS[0])
        if pattern == PATTERNS[0] and line.accept("in"):
            low = line.integer("the lowest value", MOST_CODE)
            line.expect("..")
            high = line.integer("the highest value", MOST_CODE)
        try:
            self.names.add_port(Port(name, width, count, kind, low, high, pattern))
        except InputError as error:
            raise line.error(str(error), column) from error

    def _type(self, line: Line) -> tuple[int, int, str]:
        """Width, count and kind of a type such as `bit`, `uint5[64]` or `int8`."""
        match = TYPE.fullmatch(line.token.text)
        if match is None:
            raise line.error(f"expected a type such as bit, uint5 or int8[4], found {line.found()}")
        line.take()
        count = 1
        if line.accept("["):
            count = line.natural("the number of elements", MOST_SIGNALS)
            line.expect("]")
        return (1 if match[1] else int(match[3])), count, match[1] or match[2]

    def _origin(self, line: Line) -> None:
        line.expect("@")
        column = line.token.column
        if line.natural("the number of an origin", MOST_SIGNALS) != len(self.origins):
            raise line.error(f"expected origin @{len(self.origins)}: count them from 0", column)
        line.expect("=")
        column = line.token.column
        path = line.string("the path of a layer")
        part = line.token.text
        if part not in PARTS:
            raise line.error(f"part {part!r} is none of encoder, core, head")
        line.take()
        origin = Origin(path, part)
        if origin in self.origins:
            raise line.error("this origin is declared already", column)
        self.origins[origin] = len(self.origins)

    def _gate(self, line: Line) -> None:
        """One gate by the grammar, whatever its spacing."""
        due = self.names.next_signal
        left = line.take()
        if left.text[1:].isdecimal() and left.text != f"%{due}":
            raise line.error(f"gate {left.text} stands where %{due} is due", left.column)
        if left.text in self.names:
            raise line.error(f"there is a gate {left.text} already", left.column)
        line.expect("=")
        if line.token.kind == "hex":
            kind, (word, signals), pulls = TABLE, self._table(line), list[int]()
        else:
            kind = THRESHOLD
            _, (signals, pulls) = self._sum(line, bias=False)
            line.expect(">=")
            word = line.integer("the bound", MOST_BOUND) & (2**64 - 1)
        self.rows.append(kind, word, (signals, pulls), self._tail(line))
        self.names.add_gate(left.text)

    def _table(self, line: Line) -> tuple[int, list[int]]:
        token = line.take()
        pins: list[int] = []
        while line.token.kind in ("signal", "name", "string"):
            if len(pins) == MOST_FANINS:
                raise line.error(f"a table has at most {MOST_FANINS} fan-ins")
            pins.append(self._signal(line))
        rows = 1 << len(pins)
        table = int(token.text, 16)
        if table >> rows:
            raise line.error(
                f"table {token.text} does not fit {len(pins)} fan-ins, which take {rows} bits",
                token.column,
            )
        return table, pins

    def _sum(self, line: Line, *, bias: bool) -> tuple[int, Terms]:
        """The constant and the terms of a weighted sum; zero weights only where `bias` is."""
        constant = 0
        signals: list[int] = []
        weights: list[int] = []
        first = True
        while first or line.token.text in SIGNS:
            sign = SIGNS.get(line.token.text, 0)
            if sign:
                line.take()
            column, weight, number = line.token.column, 1, line.token.kind == "number"
            if number:
                weight = line.natural("the number", MOST_BOUND)
            if number and not line.accept("*"):
                if not first or (weight and not bias):
                    raise line.error("expected weight*signal, found a number alone", column)
                constant = (sign or 1) * weight
            else:
                if weight > MOST_WEIGHT or not (weight or bias):
                    raise line.error(f"a weight is from 1 to {MOST_WEIGHT}, not {weight}", column)
                signals.append(self._signal(line))
                weights.append((sign or 1) * weight)
            first = False
        return constant, (signals, weights)

    def _tail(self, line: Line) -> tuple[int, int]:
        """The origin and unit of `@2.17`, or none."""
        origin, unit = -1, 0
        if line.accept("@"):
            if line.token.kind == "number":
                column = line.token.column
                origin = line.natural("the number of an origin", MOST_SIGNALS)
                if origin >= len(self.origins):
                    raise line.error(f"origin @{origin} is not declared", column)
            if line.accept("."):
                unit = line.natural("the unit", MOST_SIGNALS)
        return origin, unit

    def _signal(self, line: Line) -> int:
        """The signal that the next tokens name."""
        column, token = line.token.column, line.token
        if token.kind == "signal":
            signal = self.names.get(token.text)
            if signal is None:
                raise line.error(self._unknown(token.text), column)
            line.take()
            return signal
        name = line.name("a signal")
        element = bit = None
        if line.accept("["):
            element = line.natural("the element", MOST_SIGNALS)
            line.expect("]")
        if line.accept("."):
            bit = line.natural("the bit", MOST_SIGNALS)
        try:
            return self.names.input_bit(name, element, bit)
        except InputError as error:
            raise line.error(str(error), column) from error

    def _unknown(self, name: str) -> str:
        """Why a signal has no meaning here."""
        if name[1:].isdecimal() and int(name[1:]) < self.names.first_gate:
            return f"signal {name} is an input bit; write it by the name of its input"
        later = any(
            line.split("=")[0].strip() == name for line in islice(self.lines, self.at, None)
        )
        if later:
            return f"signal {name} is used before it is made; a gate reads earlier signals only"
        return f"unknown signal {name}"

    def _output(self, line: Line) -> None:
        name = self._output_name(line)
        line.expect(":")
        column = line.token.column
        width, count, kind = self._type(line)
        try:
            shape = Port(name, width, count, kind)
        except InputError as error:
            raise line.error(str(error), column) from error
        line.expect("=")
        signals: list[int] = []
        while line.token.kind != "end" and len(signals) < shape.bits:
            signals.append(self._signal(line))
        if len(signals) < shape.bits:
            raise line.error(f"output {name} needs {shape.bits} signals, found {len(signals)}")
        if line.token.kind != "end":
            raise line.error(f"output {name} needs {shape.bits} signals, found more")
        array = np.array(signals, np.int32).reshape(count, width)
        self.outputs[name] = Word(name, array, kind)

    def _score(self, line: Line) -> None:
        name = self._output_name(line)
        line.expect("=")
        bias, (signals, weights) = self._sum(line, bias=True)
        terms = np.array(signals, np.int32), np.array(weights, np.int32)
        self.outputs[name] = Score(name, bias, *terms)

    def _output_name(self, line: Line) -> str:
        column = line.token.column
        name = line.name("the name of an output")
        if name in self.outputs:
            raise line.error(f"there is an output {name} already", column)
        return name

    def _readout(self, line: Line) -> None:
        if line.token.text not in READOUTS:
            raise line.error(f"expected bits, scores or argmax, found {line.found()}")
        if line.token.text != "bits" and not any(
            isinstance(o, Score) for o in self.outputs.values()
        ):
            raise line.error(f"readout {line.token.text} needs at least one score")
        self.readout = line.take().text

    def _what_is_missing(self) -> str:
        """Why the end of the text comes too early."""
        if self.stage < 0:
            return f"a text circuit starts with the line '{HEADER}'"
        return "the text ends without a readout line; is it cut off?"

    def _circuit(self) -> Circuit:
        rows = self.rows
        return Circuit(
            inputs=tuple(port for port, _ in self.names.ports.values()),
            kinds=np.array(rows.kinds, np.uint8),
            tables=np.array(rows.tables, np.uint64),
            offsets=np.array(rows.ends, np.int64),
            fanins=np.array(rows.fanins, np.int32),
            weights=rows.weights(),
            outputs=tuple(self.outputs.values()),
            readout=self.readout,
            origins=tuple(self.origins),
            origin_of=np.array(rows.origin_of, np.int32),
            unit_of=np.array(rows.unit_of, np.int32),
        )
