"""A netlist of cells, as yosys writes it in JSON, read as logic: tables, carries, flip-flops, pins.

Gates of yosys' own library are read too, so that a design is read alike before synthesis and after.
"""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lithify.backends.fpga.cell_kinds import (
    CONSTANTS,
    IGNORED,
    PADS,
    Bit,
    Cell,
    Clocked,
    Pad,
    clocked,
    looks_clocked,
    makes_global_reset,
    table_of,
)
from lithify.backends.fpga.logic import Literal, Logic, Machine, resolve
from lithify.backends.fpga.top import CORE_MODULE
from lithify.ir.errors import FormatError

_GATES = {"SB_CARRY": "CO", "$_AND_": "Y", "$_NOT_": "Y"}
"""The outputs of gates that are no tables."""

_CONSTANTS: dict[Hashable, Literal] = {"0": 0, "1": 1, "x": 0, "z": 0}


@dataclass(frozen=True, slots=True)
class FlipFlop:
    """A flip-flop by the name of the bit that it holds."""

    name: str
    does: Clocked

    @property
    def q(self) -> Bit:
        """The bit that it holds."""
        return self.does.q

    def next_bit(self, logic: Logic, literal: Callable[[Bit], Literal]) -> Literal:
        """What it holds after the next edge."""
        does = self.does
        reset, enable, old = literal(does.reset), literal(does.enable), literal(does.q)
        if does.enable_first:
            return logic.choose(enable, logic.choose(reset, does.value, literal(does.d)), old)
        return logic.choose(reset, does.value, logic.choose(enable, literal(does.d), old))


class CellNetlist:
    """The flat top module of a JSON netlist."""

    def __init__(self, module: Mapping[str, Any], where: str) -> None:
        """Sort the cells by what they drive; FormatError names a cell that is not known."""
        self.where = where
        self._module = module
        self._drivers: dict[Bit, tuple[Cell, str]] = {}
        self._constants: dict[Bit, Bit] = {}
        self.flip_flops: list[FlipFlop] = []
        self.input_pins: dict[str, Bit] = {}
        self.output_pins: dict[str, Bit] = {}
        ports = {bit: name for name, port in module["ports"].items() for bit in port["bits"]}
        for name, cell in module["cells"].items():
            self._add(name, cell, ports)

    def _add(self, name: str, cell: Cell, ports: Mapping[Bit, str]) -> None:
        kind, pins = cell["type"], {k: v[0] for k, v in cell["connections"].items() if v}
        if kind in IGNORED or makes_global_reset(cell):
            return
        if kind == CORE_MODULE:
            self._add_core(cell)
            return
        output = _GATES.get(kind) or ((table := table_of(cell)) and table.output)
        if output:
            self._drivers[pins[output]] = cell, output
        elif kind in CONSTANTS:
            pin, self._constants[pins[pin]] = CONSTANTS[kind]
        elif looks_clocked(kind):
            does = clocked(cell)
            if does is None:
                raise FormatError(
                    f"{self.where}: a flip-flop of the kind {kind}, clocked by the falling edge or "
                    "reset without the clock, is not read as logic"
                )
            self.flip_flops.append(FlipFlop(self.names_of(does.q)[0], does))
        elif kind in PADS:
            self._add_pad(PADS[kind], pins, ports)
        else:
            raise FormatError(f"{self.where}: cell {name} is a {kind}, which is not read as logic")

    def _add_core(self, cell: Cell) -> None:
        """What goes into a core that is left out goes out of the netlist, and the other way."""
        for port, bits in cell["connections"].items():
            inward = cell["port_directions"][port] == "input"
            pins = self.output_pins if inward else self.input_pins
            pins.update({f"{port}[{at}] of the core": bit for at, bit in enumerate(bits)})

    def _add_pad(self, pad: Pad, pins: Mapping[str, Bit], ports: Mapping[Bit, str]) -> None:
        port = ports[pins[pad.pin]]
        if pad.inward in pins:
            self.input_pins[port] = pins[pad.inward]
        if pad.outward in pins:
            self.output_pins[port] = pins[pad.outward]
            if pad.off:
                self.output_pins[f"{port} off"] = pins.get(pad.off, "0")

    @cached_property
    def _names(self) -> Mapping[Bit, Sequence[str]]:
        found: dict[Bit, list[str]] = {}
        for name, net in self._module["netnames"].items():
            if net.get("hide_name"):
                continue
            bits, first = net["bits"], net.get("offset", 0)
            for at, bit in enumerate(bits):
                text = f"{name}[{first + at}]" if len(bits) > 1 else name
                found.setdefault(bit, []).append(text)
        return found

    @cached_property
    def bits(self) -> Mapping[str, Bit]:
        """The bit of every name."""
        return {name: bit for bit, names in self._names.items() for name in names}

    @cached_property
    def starts(self) -> Mapping[str, int]:
        """The bits that names have to start with, where anything is said of that."""
        found = {}
        for name, net in self._module["netnames"].items():
            value = str(net.get("attributes", {}).get("init", ""))
            for at, digit in enumerate(reversed(value[-len(net["bits"]) :])):
                if digit in "01":
                    whole = len(net["bits"]) > 1
                    found[f"{name}[{net.get('offset', 0) + at}]" if whole else name] = int(digit)
        return found

    def names_of(self, bit: Bit) -> Sequence[str]:
        """All names of a bit; one made up where it has none."""
        return self._names.get(bit, (f"bit {bit}",))

    def values(self, logic: Logic, held: Mapping[Bit, Literal]) -> "Callable[[Bit], Literal]":
        """The literal of any bit, where `held` says those of flip-flops and input pins."""
        done = dict(_CONSTANTS)
        done.update({bit: _CONSTANTS[value] for bit, value in self._constants.items()})
        done.update(held.items())

        def sources(bit: Hashable) -> Sequence[Hashable]:
            assert isinstance(bit, int | str)
            if bit not in self._drivers:
                raise FormatError(f"{self.where}: nothing drives {self.names_of(bit)[0]}")
            return list(_pins(*self._drivers[bit]).values())

        def make(bit: Hashable) -> Literal:
            assert isinstance(bit, int | str)
            cell, output = self._drivers[bit]
            pins = {pin: done[one] for pin, one in _pins(cell, output).items()}
            return _gate(logic, cell, pins)

        return lambda bit: resolve(bit, done, sources, make)

    def machine(self, logic: Logic, held: Mapping[Bit, Literal]) -> Machine:
        """Outputs and next bits as literals; flip-flops are named by the bit that they hold."""
        literal = self.values(logic, held)
        return Machine(
            outputs={pin: literal(bit) for pin, bit in sorted(self.output_pins.items())},
            nexts={one.name: one.next_bit(logic, literal) for one in self.flip_flops},
            clocks={one.name: one.does.clock for one in self.flip_flops},
        )


def _pins(cell: Cell, output: str) -> dict[str, Bit]:
    """The bits at a cell's inputs."""
    return {pin: bits[0] for pin, bits in cell["connections"].items() if bits and pin != output}


def _gate(logic: Logic, cell: Cell, pins: Mapping[str, Literal]) -> Literal:
    match cell["type"]:
        case "$_AND_":
            return logic.both(pins["A"], pins["B"])
        case "$_NOT_":
            return pins["A"] ^ 1
        case "SB_CARRY":
            return logic.majority(pins.get("I0", 0), pins.get("I1", 0), pins.get("CI", 0))
        case _:
            kind = table_of(cell)
            assert kind is not None
            bits = int(cell["parameters"][kind.parameter].replace("x", "0"), 2)
            return logic.table(bits, [pins.get(pin, 0) for pin in kind.inputs])


def read_netlist(path: Path, top: str = "top") -> CellNetlist:
    """The netlist in a JSON file of yosys."""
    modules = json.loads(path.read_text("utf-8"))["modules"]
    if top not in modules:
        raise FormatError(f"{path} has no module {top}")
    return CellNetlist(modules[top], path.name)
