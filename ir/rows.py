"""Gates being read from text, one after the other, and the quick reader of printed lines."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import (
    MOST_BOUND,
    MOST_FANINS,
    MOST_SIGNALS,
    MOST_WEIGHT,
    TABLE,
    THRESHOLD,
)
from lithify.ir.names import SignalNames

HEX = re.compile(r"0x[0-9a-fA-F]{1,40}", re.ASCII)
TAIL = re.compile(r"@([0-9]{0,10})(?:\.([0-9]{1,10}))?", re.ASCII)
NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
SIGNS = {"+": 1, "-": -1}
ROWS = tuple(1 << arity for arity in range(MOST_FANINS + 1))
CACHE = 1 << 16
WORD = 2**64 - 1


class GateRows:
    """Compressed rows of gates, appended one gate at a time."""

    def __init__(self) -> None:
        """Start with no gate."""
        self.kinds = bytearray()
        self.tables = array("Q")
        self.ends = array("q", [0])
        self.fanins = array("i")
        self.pulls = array("i")
        self.origin_of = array("i")
        self.unit_of = array("i")

    def append(
        self,
        kind: int,
        word: int,
        terms: tuple[Sequence[int], Sequence[int]],
        origin: tuple[int, int],
    ) -> None:
        """Add a gate; the weights of its terms are empty for a table."""
        signals, weights = terms
        self.tables.append(word)
        self.fanins.extend(signals)
        self.pulls.extend(weights)
        self.kinds.append(kind)
        self.ends.append(len(self.fanins))
        self.origin_of.append(origin[0])
        self.unit_of.append(origin[1])

    def weights(self) -> NDArray[np.int32]:
        """A weight for every fan-in, or none at all where all are 1."""
        pulls = np.frombuffer(self.pulls, np.int32) if self.pulls else np.empty(0, np.int32)
        if (pulls == 1).all():
            return np.empty(0, np.int32)
        full = np.ones(len(self.fanins), np.int32)
        ends = np.frombuffer(self.ends, np.int64)
        thresholds = np.frombuffer(self.kinds, np.uint8) == THRESHOLD
        full[np.repeat(thresholds, ends[1:] - ends[:-1])] = pulls
        return full


class QuickReader:
    """Reads gate lines in the form in which they are printed; anything else it leaves alone."""

    def __init__(self, names: SignalNames, rows: GateRows, num_origins: int) -> None:
        """Read into `names` and `rows`."""
        self._names = names
        self._rows = rows
        self._words = _HexWords()
        self._tails = _Tails(num_origins)

    def read(self, lines: Sequence[str], at: int) -> int:
        """The index of the first line from `at` that is not a gate in printed form."""
        names, rows, words, tails = self._names, self._rows, self._words, self._tails
        none = (-1, 0)
        for index in range(at, len(lines)):
            text = lines[index]
            try:
                left, equals, *right = text.split()
                if left != f"%{names.next_signal}" or equals != "=" or not text.isascii():
                    return index
                tail = tails[right.pop()] if right[-1][0] == "@" else none
                if right[0][:2] == "0x":
                    word, *pins = right
                    table = words[word]
                    if table >> ROWS[len(pins)]:
                        return index
                    rows.append(TABLE, table, ([names[pin] for pin in pins], ()), tail)
                else:
                    rows.append(THRESHOLD, _bound(right), _terms(right[:-2], names), tail)
            except (KeyError, ValueError, IndexError):
                return index
            names[left] = names.next_signal
            names.next_signal += 1
        return len(lines)


def _bound(right: list[str]) -> int:
    """The bound at the end of `... >= 3` as a 64-bit word."""
    if right[-2] != ">=" or NUMBER.fullmatch(right[-1]) is None:
        raise ValueError
    bound = int(right[-1])
    if abs(bound) > MOST_BOUND:
        raise ValueError
    return bound & WORD


def _terms(parts: list[str], names: SignalNames) -> tuple[list[int], list[int]]:
    """The signals and weights of `%4 + 2*%7 - %9`, split at its spaces."""
    if parts == ["0"]:
        return [], []
    if parts[0] not in SIGNS:
        parts = ["+", *parts]
    signals, weights = [], []
    for sign, term in zip(parts[::2], parts[1::2], strict=True):
        weight = SIGNS[sign]
        if term not in names:
            factor, star, name = term.partition("*")
            if star:
                weight *= _factor(factor)
                term = name
        signals.append(names[term])
        weights.append(weight)
    return signals, weights


def _factor(text: str) -> int:
    """A weight's absolute value."""
    value = int(text) if text.isdecimal() and len(text) <= 10 else 0
    if not 1 <= value <= MOST_WEIGHT:
        raise ValueError
    return value


class _HexWords(dict[str, int]):
    """The value of every table in hexadecimal, those in frequent use remembered."""

    def __missing__(self, text: str) -> int:
        """The value of a table not remembered."""
        if HEX.fullmatch(text) is None:
            raise KeyError(text)
        value = int(text, 16)
        if len(self) < CACHE:
            self[text] = value
        return value


class _Tails(dict[str, tuple[int, int]]):
    """The origin and unit of every suffix such as `@2.17`."""

    def __init__(self, num_origins: int) -> None:
        """Accept the origins that are declared."""
        super().__init__()
        self._num_origins = num_origins

    def __missing__(self, text: str) -> tuple[int, int]:
        """The origin and unit; remembers nothing, since units differ."""
        match = TAIL.fullmatch(text)
        if match is None:
            raise KeyError(text)
        origin = int(match[1]) if match[1] else -1
        unit = int(match[2]) if match[2] else 0
        if origin >= self._num_origins or unit > MOST_SIGNALS:
            raise KeyError(text)
        return origin, unit
