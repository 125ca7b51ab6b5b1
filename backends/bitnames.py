"""The names that single bits of ports and words have in formats that know only bits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port, Word

PATTERN = re.compile(r"(?P<base>.*?)(?P<element>\[(?:0|[1-9]\d*)\])?(?P<bit>\.(?:0|[1-9]\d*))?")
MOST_WIDTH = 62


class Group(NamedTuple):
    """Bits that follow one another and belong to one port or word."""

    name: str
    elements: int
    width: int


def bit_names(name: str, count: int, width: int) -> list[str]:
    """The names of the bits: `x`, `x[3]`, `x.2` or `x[3].2`, as the shape asks.

    >>> bit_names("x", 2, 2)
    ['x[0].0', 'x[0].1', 'x[1].0', 'x[1].1']
    """
    elements = [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
    if width == 1:
        return elements
    return [f"{element}.{bit}" for element in elements for bit in range(width)]


def input_names(circuit: Circuit) -> list[str]:
    """The name of every input bit."""
    return _all_names("input", circuit.inputs)


def output_names(circuit: Circuit) -> list[str]:
    """The name of every bit of the words."""
    return _all_names("output", circuit.words)


def _all_names(what: str, ports: Iterable[Port | Word]) -> list[str]:
    names: list[str] = []
    for port in ports:
        names += bit_names(port.name, port.count, port.width)
    unprintable = next((name for name in names if not name.isprintable()), None)
    if unprintable is not None:
        raise InputError(
            f"{what} {unprintable!r}: its name has characters that cannot be printed; rename it"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two bits of the {what}s would be called {twice}; rename one of them")
    return names


def renamed(
    circuit: Circuit, forbidden: re.Pattern[str] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """Names of the bits of inputs and outputs, all different, and a note for each port renamed.

    A name in which `forbidden` is found is not kept. An output keeps the name of an input that it
    copies, since formats of bits mean the same by it.
    """
    inputs, outputs = input_names(circuit), output_names(circuit)
    bad = {n for n in (*inputs, *outputs) if forbidden is not None and forbidden.search(n)}
    given = {name: 2 + i for i, name in enumerate(inputs) if name not in bad}
    signals = [s for word in circuit.words for s in word.signals.ravel().tolist()]
    free = {
        name
        for name, signal in zip(outputs, signals, strict=True)
        if name not in bad and given.get(name, signal) == signal
    }
    used = given.keys() | free | {p.name for p in circuit.inputs} | {w.name for w in circuit.words}
    notes: list[str] = []

    def fitted(what: str, port: Port | Word, fits: Callable[[str], bool]) -> list[str]:
        bits = bit_names(port.name, port.count, port.width)
        if all(map(fits, bits)):
            return bits
        base = other = re.sub(r"[^A-Za-z0-9_]+", "_", port.name)
        count = 1
        while not used.isdisjoint([other, *(bits := bit_names(other, port.count, port.width))]):
            count += 1
            other = f"{base}_{count}"
        used.update([other, *bits])
        notes.append(f"{what} {other} is {ascii(port.name)}")
        return bits

    new_inputs = [bit for p in circuit.inputs for bit in fitted("input", p, given.__contains__)]
    new_outputs = [bit for w in circuit.words for bit in fitted("output", w, free.__contains__)]
    return new_inputs, new_outputs, notes


def grouped(names: Sequence[str]) -> list[Group]:
    """The ports that the names of bits describe; a bit whose name fits no pattern is its own.

    >>> grouped(["x[0].0", "x[0].1", "x[1].0", "x[1].1", "clk", "y[1]"])
    [Group(name='x', elements=2, width=2), Group(name='clk', elements=1, width=1), \
Group(name='y[1]', elements=1, width=1)]
    """
    groups: list[Group] = []
    for base, run in groupby(names, key=_base):
        bits = list(run)
        shape = _shape(base, bits)
        groups += [Group(base, *shape)] if shape else [Group(bit, 1, 1) for bit in bits]
    return groups


def _base(name: str) -> str:
    """The part of a bit's name that the other bits of its port share."""
    match = PATTERN.fullmatch(name)
    return name if match is None else match["base"] or name


def _shape(base: str, bits: list[str]) -> tuple[int, int] | None:
    """The count and width with which the bits are exactly those of one port, if there are such."""
    last = PATTERN.fullmatch(bits[-1])
    if last is None:
        return None
    count = int(last["element"][1:-1]) + 1 if last["element"] else 1
    width = int(last["bit"][1:]) + 1 if last["bit"] else 1
    whole = count * width == len(bits) and width <= MOST_WIDTH
    return (count, width) if whole and bits == bit_names(base, count, width) else None
