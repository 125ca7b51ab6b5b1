"""Circuits as programs of alkaid's intermediate form (ALIR, version 4), in JSON.

Its back ends make VHDL, HLS and XLS of such a program. Gates become its bitwise operations on
numbers of one bit, words and scores its sums; the argmax has no operation there and is left out.
Inputs are the elements of the ports, outputs the elements of the words and then the scores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lithify.backends.aiger import to_aig
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port, Word

MOST_GATES = 500_000
MOST_BITS = 30  # of an input, and of a sum
VERSION = 4
INPUT, WRAP, ADD_CONSTANT, CONSTANT, NOT, AND, SUM = -1, 3, 4, 5, 9, 10, 11
BIT = (0.0, 1.0, 1.0)
Range = tuple[float, float, float]  # lowest, highest, step


def write(circuit: Circuit) -> bytes:
    """The program."""
    signals = np.unique(circuit.output_signals)
    kept = replace(circuit, outputs=(Word("bits", signals.reshape(-1, 1), "bit"),), readout="bits")
    aig = to_aig(kept)
    if len(aig.ands) > MOST_GATES:
        raise InputError(f"a program of {len(aig.ands)} gates; at most {MOST_GATES} are written")
    program = _Program()
    program.inputs(circuit.inputs)
    for left, right in aig.ands.tolist():
        program.and_(left, right)
    outputs = []
    for word in circuit.words:
        powers = [1 << k for k in range(word.width)]
        powers[-1] *= -1 if word.kind == "int" else 1
        for row in aig.literal_of[word.signals].tolist():
            outputs.append(program.total(row, powers, 0))
    for score in circuit.scores:
        literals = aig.literal_of[score.signals].tolist()
        outputs.append(program.total(literals, score.weights.tolist(), score.bias))
    count, made = sum(port.count for port in circuit.inputs), len(outputs)
    model: list[Any] = [[count, made], [0] * count, outputs, [0] * made, [False] * made]
    model += [program.operations, -1, -1]
    whole = {"model": model, "meta": "ALIRModel", "spec_version": VERSION}
    return json.dumps(whole, separators=(",", ":")).encode() + b"\n"


class _Program:
    """The operations so far, and where the value of each literal is."""

    def __init__(self) -> None:
        self.operations: list[tuple[list[int], int, list[int], Range, float, float]] = []
        self._places: dict[int, int] = {}
        self._variables = 0

    def inputs(self, ports: Sequence[Port]) -> None:
        """Take the elements of the ports in, and their bits out of them."""
        elements = [port for port in ports for _ in range(port.count)]
        wide = next((port for port in elements if port.width > MOST_BITS), None)
        if wide is not None:
            raise InputError(f"input {wide.name} has {wide.width} bits; at most {MOST_BITS} fit")
        for number, port in enumerate(elements):
            low, high = port.bounds
            self._add([], INPUT, [number], (float(low), float(high), 1.0))
        for number, port in enumerate(elements):
            for bit in range(port.width):
                self._variables += 1
                plain = port.bounds in ((0, 1), (0, 0))
                place = number if plain else self._add([number], WRAP, [-bit], BIT)
                self._places[2 * self._variables] = place

    def and_(self, left: int, right: int) -> None:
        """Add the next gate."""
        places = [self._place(left), self._place(right)]
        self._variables += 1
        self._places[2 * self._variables] = self._add(places, AND, [0, 0], BIT)

    def total(self, literals: list[int], weights: list[int], bias: int) -> int:
        """The place of a weighted sum of literals and a bias."""
        terms, low, high = list[tuple[int, int, int]](), bias, bias
        for literal, weight in zip(literals, weights, strict=True):
            place, size = self._place(literal), abs(weight)
            low, high = low + min(weight, 0), high + max(weight, 0)
            terms += [
                (place, int(weight > 0), k) for k in range(size.bit_length()) if size >> k & 1
            ]
        if max(high, -low).bit_length() > MOST_BITS:
            raise InputError(f"a sum of {low} to {high}; at most {MOST_BITS} bits can be written")
        terms += [(self._place(0), 1, 0)] * max(0, 2 - len(terms))
        reach = (float(low - bias), float(high - bias), 1.0)
        data = [number for _, plus, shift in terms for number in (plus, shift)]
        place = self._add([term[0] for term in terms], SUM, data, reach)
        if bias:
            place = self._add([place], ADD_CONSTANT, [bias, 0], (float(low), float(high), 1.0))
        return place

    def _place(self, literal: int) -> int:
        """Where the value of a literal is."""
        if literal not in self._places:
            if literal < 2:
                made = self._add([], CONSTANT, [literal], (float(literal), float(literal), 1.0))
            else:
                made = self._add([self._places[literal ^ 1]], NOT, [0], BIT)
            self._places[literal] = made
        return self._places[literal]

    def _add(self, reads: list[int], code: int, data: list[int], reach: Range) -> int:
        self.operations.append((reads, code, data, reach, 0.0, 0.0))
        return len(self.operations) - 1
