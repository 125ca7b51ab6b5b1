"""A netlist of iCE40 cells with carry chains in place of the majorities that its tables compute."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from lithify.backends.fpga.carries import Tables, chained
from lithify.backends.fpga.chain_search import PINS
from lithify.backends.ordering import assemble, topological
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError
from lithify.ir.files import write_atomically

TABLE, CARRY = "SB_LUT4", "SB_CARRY"
CARRY_PINS = ("I0", "I1", "CI")
INPUTS = tuple(f"I{j}" for j in range(PINS))
NOT_LAST = 0x00FF
"""The table that inverts its last input."""
MAJORITY = 0b11101000

Cell = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chains:
    """The names of the tables that became carries, of those that were added, and cells saved."""

    carries: tuple[str, ...]
    added: tuple[str, ...]
    saved: int


def chain_file(path: Path, top: str = "top") -> Chains:
    """Makes carries of tables in a JSON netlist, whose top module is flat."""
    netlist = json.loads(path.read_text("utf-8"))
    made = chain_carries(netlist["modules"][top])
    if made.saved:
        write_atomically(path, (json.dumps(netlist, indent=2) + "\n").encode())
    return made


def chain_carries(module: dict[str, Any]) -> Chains:
    """Makes carries of tables in a flat module of yosys' JSON.

    Tables that share a signal with a carry that is there already stay as they are.
    """
    found = _Tables(module)
    if not found.names:
        return Chains((), (), 0)
    added: list[str] = []
    made = chained(found.tables)
    fresh = count(1 + max(found.in_use))
    for place, name in enumerate(found.names):
        pins = [found.bit(pin) for pin in made.pins[place].tolist()]
        cell = module["cells"][name]
        (output,) = cell["connections"]["O"]
        if made.turned[place]:
            inside = next(fresh)
            leaving = _cell(cell, TABLE, ["0", "0", "0", inside], output, NOT_LAST)
            added.append(f"{name}$leaving")
            module["cells"][added[-1]] = leaving
            output = inside
        if made.carry[place]:
            module["cells"][name] = _cell(cell, CARRY, pins[: len(CARRY_PINS)], output)
        else:
            rows = int(made.tables[place])
            module["cells"][name] = _cell(cell, TABLE, pins, output, rows)
    carries = tuple(found.names[place] for place in np.flatnonzero(made.carry).tolist())
    return Chains(carries, tuple(added), made.saved)


def _cell(
    old: Cell, kind: str, pins: list[int | str], output: int | str, rows: int | None = None
) -> dict[str, Any]:
    """A cell in place of an old one; a table with its rows."""
    names, made = (INPUTS, "O") if kind == TABLE else (CARRY_PINS, "CO")
    wired = dict(zip(names, pins, strict=True))
    return {
        "hide_name": old.get("hide_name", 0),
        "type": kind,
        "parameters": {} if rows is None else {"LUT_INIT": f"{rows:016b}"},
        "attributes": old.get("attributes", {}),
        "port_directions": {**dict.fromkeys(names, "input"), made: "output"},
        "connections": {**{pin: [bit] for pin, bit in wired.items()}, made: [output]},
    }


class _Tables:
    """The tables of a module that may change, in order, and the bits of their signals."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        cells = module["cells"]
        busy = {
            bit
            for cell in cells.values()
            if cell["type"] == CARRY
            for bits in cell["connections"].values()
            for bit in bits
        }
        free = {name: cell for name, cell in cells.items() if _free(cell, busy)}
        kept = {bit for port in module["ports"].values() for bit in port["bits"]}
        self.in_use = [bit for bit in kept if isinstance(bit, int)]
        self.in_use += [bit for cell in cells.values() for bit in _bits(cell)]
        for name, cell in cells.items():
            if name not in free:
                kept.update(bit for bits in cell["connections"].values() for bit in bits)
        reduced = {name: _reduced(cell) for name, cell in free.items()}
        driven = {cell["connections"]["O"][0]: name for name, cell in free.items()}
        read = dict.fromkeys(bit for _, bits in reduced.values() for bit in bits)
        sources = [bit for bit in read if bit not in driven]
        self.first = 2 + len(sources)
        self._arrange(reduced, driven, sources, kept)

    def _arrange(
        self,
        reduced: Mapping[str, tuple[int, list[int]]],
        driven: Mapping[int, str],
        sources: list[int],
        kept: set[int],
    ) -> None:
        """Puts the tables in order and numbers their signals."""
        number = {bit: 2 + at for at, bit in enumerate(sources)}
        number |= {bit: self.first + at for at, bit in enumerate(driven)}
        names = list(driven.values())
        sizes = [len(reduced[name][1]) for name in names]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        fanins = np.array([number[b] for name in names for b in reduced[name][1]], np.int32)
        order, stuck = topological(offsets, fanins, self.first)
        assert stuck < 0, "a loop of tables"
        self.names = [names[at] for at in order.tolist()]
        bits = list(driven)
        self._bits: list[int | str] = ["0", "1", *sources, *(bits[at] for at in order.tolist())]
        number = {bit: at for at, bit in enumerate(self._bits) if isinstance(bit, int)}
        pins = np.full((len(names), PINS), -1, np.int32)
        for at, name in enumerate(self.names):
            own = reduced[name][1]
            pins[at, : len(own)] = [number[bit] for bit in own]
        held = np.zeros(len(self._bits), np.bool_)
        held[: self.first] = True
        held[[number[bit] for bit in kept if bit in number]] = True
        rows = np.array([reduced[name][0] for name in self.names], np.int64)
        self.tables = Tables(rows, pins, self.first, held)

    def bit(self, signal: int) -> int | str:
        """The bit of a signal; an input that is not used is 0."""
        return self._bits[max(signal, 0)]


def _free(cell: Cell, busy: set[int | str]) -> bool:
    """Whether a cell is a table that may change."""
    return cell["type"] == TABLE and busy.isdisjoint(_bits(cell))


def _bits(cell: Cell) -> list[int]:
    """The bits that a cell reads and makes, but for constants."""
    return [bit for pins in cell["connections"].values() for bit in pins if isinstance(bit, int)]


def _reduced(cell: Cell) -> tuple[int, list[int]]:
    """The table of a cell over the bits that it depends on, once each."""
    rows = _rows(cell)
    given = [cell["connections"].get(pin) or ["0"] for pin in INPUTS]
    bits = [bits[0] for bits in given]
    leaves = list(dict.fromkeys(bit for bit in bits if isinstance(bit, int)))

    def value(pattern: int) -> int:
        known = {bit: pattern >> at & 1 for at, bit in enumerate(leaves)}
        row = sum((known[b] if isinstance(b, int) else b == "1") << j for j, b in enumerate(bits))
        return rows >> row & 1

    for leaf in tuple(leaves):
        at = leaves.index(leaf)
        if all(value(p) == value(p ^ 1 << at) for p in range(1 << len(leaves))):
            leaves = [one for one in leaves if one != leaf]
            bits = [b if b != leaf else "0" for b in bits]
    return sum(value(p) << p for p in range(1 << len(leaves))), leaves


def circuit_of(module: Mapping[str, Any], inputs: Sequence[str], outputs: Sequence[str]) -> Circuit:
    """What the tables and carries of a flat module compute; its ports in this order, all of a bit.

    FormatError where there are other cells.
    """
    number: dict[int | str, int] = {"0": 0, "1": 1, "x": 0}
    number |= {module["ports"][name]["bits"][0]: 2 + at for at, name in enumerate(inputs)}
    first = 2 + len(inputs)
    rows: list[int] = []
    pins: list[list[int | str]] = []
    for name, cell in module["cells"].items():
        if cell["type"] not in (TABLE, CARRY):
            raise FormatError(f"cell {name} is a {cell['type']}, which is no logic")
        number[cell["connections"]["O" if cell["type"] == TABLE else "CO"][0]] = first + len(rows)
        read = INPUTS if cell["type"] == TABLE else CARRY_PINS
        pins.append([(cell["connections"].get(pin) or ["0"])[0] for pin in read])
        rows.append(_rows(cell) if cell["type"] == TABLE else MAJORITY)
    offsets = np.cumsum([0, *map(len, pins)])
    fanins = np.array([number[bit] for own in pins for bit in own], np.int32)
    order, stuck = topological(offsets, fanins, first)
    assert stuck < 0, "a loop of tables"
    place = np.arange(first + len(rows), dtype=np.int32)
    place[first + order] = first + np.arange(len(rows), dtype=np.int32)
    sizes = np.diff(offsets)[order]
    return assemble(
        inputs,
        outputs,
        np.array(rows, np.int64)[order],
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        place[np.array([number[bit] for at in order.tolist() for bit in pins[at]], np.int32)],
        place[[number[module["ports"][name]["bits"][0]] for name in outputs]],
        "<cells>",
    )


def _rows(cell: Cell) -> int:
    """The table of a cell over its four inputs."""
    return int(str(cell["parameters"]["LUT_INIT"]).replace("x", "0"), 2)
