"""A clocked design with memories, as yosys writes it in JSON, as arrays: one cycle is one walk.

Literals are those of AIGER: 2 * variable + inverted. Variable 0 is the constant, then come the
input bits, the registers, and what memories and gates make, in an order in which each can be
computed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import MismatchError

Int64 = NDArray[np.int64]
Bit = int | str
Cell = Mapping[str, Any]

SCRIPT = """\
proc
flatten -noscopeinfo
opt_clean
memory_collect
memory_nordff
opt_clean
dffunmap
techmap t:$shr t:$shift t:$shiftx
simplemap
opt_clean
aigmap
opt_clean
write_json design.json
"""
"""Memories stay whole, and what they read waits for no clock: registers behind them do."""

UNDEFINED = -1
"""The literal of a bit that may be anything."""
READ, REST, CHOOSE = -2, -3, -4
"""In place of a step's first literal: a read port's first bit is made, or one of the others, or a
choice."""
CHOICE = "lithify_choice"
"""A kind of cell: `Y` is `B` where `S` is 1, else `A`."""
STILL = ("0", "1")
"""What no clock is: registers that have it stay as they are."""
WRITTEN = ("ADDR", "EN", "DATA")
CLOCKED = (
    "the Verilog read back has a memory or a register that something else than the rising edge of "
    "clk changes"
)


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A design: port bits by name, next literals of registers, memories, and what is computed.

    Row i of `steps` makes variable `first_step` + i: the AND of two literals, or (READ, port) all
    bits of the read port of that number, which (REST, port) follow, or (CHOOSE, n) the literal n or
    n + 1 of `literals`, as n + 2 says. `contents` has all memories bit
    by bit, UNDEFINED where they are written; a port is where its memory begins there, its words and
    width, its address bits, and where its literals begin in `literals`: the address, and of a port
    for writing the enables and the data.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    registers: Int64
    starts: Int64
    contents: Int64
    reads: Int64
    writes: Int64
    literals: Int64
    steps: Int64

    @property
    def first_step(self) -> int:
        """The first variable that is computed."""
        return 1 + len(self.inputs) + len(self.registers)


def read_machine(text: bytes, top: str, clock: str) -> Machine:
    """The machine in yosys' JSON; MismatchError where it is clocked otherwise."""
    return _Reader(json.loads(text)["modules"][top], clock).read()


class _Reader:
    """Gives every bit of a module its literal."""

    def __init__(self, module: Mapping[str, Any], clock: str) -> None:
        self.ports: Mapping[str, Any] = module["ports"]
        self.names: Mapping[str, Any] = module["netnames"]
        self.literals: dict[Bit, int] = {"0": 0, "1": 1, "x": UNDEFINED, "z": UNDEFINED}
        self.clock = self.ports[clock]["bits"][0] if clock in self.ports else None
        cells = list(module["cells"].values())
        self.memories = [cell for cell in cells if cell["type"] == "$mem_v2"]
        self.flip_flops = [cell for cell in cells if cell["type"] == "$_DFF_P_"]
        if any(cell["connections"]["C"][0] not in (self.clock, *STILL) for cell in self.flip_flops):
            raise MismatchError(CLOCKED)
        self.gates = {
            cell["connections"]["Y"][0]: cell
            for cell in cells
            if cell["type"] in ("$_AND_", "$_NOT_", CHOICE)
        }
        if len(self.memories) + len(self.flip_flops) + len(self.gates) < len(cells):
            raise MismatchError(CLOCKED)
        self.reads: dict[Bit, tuple[int, list[Bit], list[Bit]]] = {}
        self.num_reads = 0
        for cell in self.memories:
            self._add_reads(cell)
        self.steps: list[tuple[int, int]] = []
        self.operands: list[int] = []
        self.first_step = 0

    def _add_reads(self, cell: Cell) -> None:
        """Note which bits come from which read port."""
        parameters, writes = cell["parameters"], _number(cell, "WR_PORTS")
        modes = parameters["WR_CLK_ENABLE"][:writes] + parameters["WR_CLK_POLARITY"][:writes]
        clocks = {*cell["connections"]["WR_CLK"][:writes]}
        clocks -= {self.clock, *(() if _written(cell) else STILL)}
        if "1" in parameters["RD_CLK_ENABLE"] or "0" in modes or clocks:
            raise MismatchError(CLOCKED)
        for address, data in _ports(cell, "RD", ("ADDR", "DATA")):
            self.reads.update(dict.fromkeys(data, (self.num_reads, address, data)))
            self.num_reads += 1

    def read(self) -> Machine:
        """The machine, every gate that anything needs in its steps."""
        inputs, starts = self._sources()
        self.first_step = 1 + len(inputs) + len(self.flip_flops)
        contents = [_contents(cell) for cell in self.memories]
        bases = np.cumsum([0, *(part.size for part in contents)]).tolist()
        reads: list[tuple[int, ...]] = []
        writes: list[tuple[int, ...]] = []
        for base, cell in zip(bases, self.memories, strict=False):
            for side, names, ports in (("RD", ("ADDR",), reads), ("WR", WRITTEN, writes)):
                for bits in _ports(cell, side, names):
                    found = [self._literal(bit) for row in bits for bit in row]
                    ports.append((base, *_shape(cell), len(bits[0]), len(self.operands)))
                    self.operands += found
        outputs = {
            name: self._literal(bit)
            for port, bits in self.ports.items()
            if bits["direction"] == "output"
            for name, bit in _named(port, bits["bits"])
        }
        pins = ((cell["connections"], cell["connections"]["C"][0]) for cell in self.flip_flops)
        nexts = [self._literal(one["Q" if clock in STILL else "D"][0]) for one, clock in pins]
        return Machine(
            inputs,
            outputs,
            np.array(nexts, np.int64),
            starts,
            np.concatenate([np.empty(0, np.int64), *contents]),
            np.array(reads, np.int64).reshape(-1, 5),
            np.array(writes, np.int64).reshape(-1, 5),
            np.array(self.operands, np.int64),
            np.array(self.steps, np.int64).reshape(-1, 2),
        )

    def _sources(self) -> tuple[dict[str, int], Int64]:
        """The variables of the inputs by name; what registers start with."""
        inputs: dict[str, int] = {}
        for port, bits in self.ports.items():
            if bits["direction"] != "output":
                for name, bit in _named(port, bits["bits"]):
                    inputs[name] = 1 + len(inputs)
                    self.literals[bit] = 2 * inputs[name]
        values: dict[Bit, int] = {}
        for net in self.names.values():
            init = str(net.get("attributes", {}).get("init", ""))
            digits = zip(net["bits"], reversed(init), strict=False)
            values.update({bit: int(digit) for bit, digit in digits if digit in "01"})
        starts = np.full(len(self.flip_flops), UNDEFINED, np.int64)
        for number, cell in enumerate(self.flip_flops):
            bit = cell["connections"]["Q"][0]
            self.literals[bit] = 2 * (1 + len(inputs) + number)
            starts[number] = values.get(bit, UNDEFINED)
        return inputs, starts

    def _literal(self, wanted: Bit) -> int:
        """The literal of a bit, after a step for everything before it."""
        waiting = [wanted]
        while waiting:
            bit = waiting[-1]
            if bit in self.literals:
                waiting.pop()
                continue
            missing = [one for one in self._before(bit) if one not in self.literals]
            waiting += missing
            if not missing:
                self._make(bit)
        return self.literals[wanted]

    def _before(self, bit: Bit) -> list[Bit]:
        """The bits that one is made of."""
        if bit in self.reads:
            return self.reads[bit][1]
        if bit not in self.gates:
            raise MismatchError("the Verilog read back has a bit that nothing drives")
        pins = self.gates[bit]["connections"]
        return [pins[pin][0] for pin in "ABS" if pin in pins]

    def _make(self, bit: Bit) -> None:
        """A step for a bit, or for all bits of a read port."""
        made = 2 * (self.first_step + len(self.steps))
        if bit in self.reads:
            port, _, data = self.reads[bit]
            self.steps += [(READ, port)] + [(REST, port)] * (len(data) - 1)
            self.literals.update({one: made + 2 * at for at, one in enumerate(data)})
            return
        pins = [self.literals[one] for one in self._before(bit)]
        if len(pins) == 1:
            self.literals[bit] = pins[0] ^ 1 if pins[0] >= 0 else UNDEFINED
            return
        if self.gates[bit]["type"] == CHOICE:
            self.steps.append((CHOOSE, len(self.operands)))
            self.operands += pins
        else:
            self.steps.append((max(pins), min(pins)))
        self.literals[bit] = made


def _number(cell: Cell, name: str) -> int:
    return int(cell["parameters"][name], 2)


def _written(cell: Cell) -> bool:
    """Whether anything is ever written to a memory."""
    return bool({*cell["connections"]["WR_EN"]} - {"0"})


def _shape(cell: Cell) -> tuple[int, int]:
    """The words of a memory and their width."""
    return _number(cell, "SIZE"), _number(cell, "WIDTH")


def _contents(cell: Cell) -> Int64:
    """What a memory starts with, word by word; one that is written may start with anything."""
    size, width = _shape(cell)
    start = np.full(size * width, UNDEFINED, np.int64)
    if not _written(cell):
        text = cell["parameters"]["INIT"][::-1][: size * width].encode()
        digits = np.frombuffer(text, np.uint8).astype(np.int64) - ord("0")
        start[: digits.size] = np.where(digits < 2, digits, UNDEFINED)
    return start


def _ports(cell: Cell, side: str, names: Sequence[str]) -> list[list[list[Bit]]]:
    """For each port of one side the bits of these pins."""
    count = _number(cell, f"{side}_PORTS")
    pins = [cell["connections"][f"{side}_{name}"] for name in names]
    sizes = [len(bits) // max(1, count) for bits in pins]
    return [
        [list(bits[at * size : (at + 1) * size]) for bits, size in zip(pins, sizes, strict=True)]
        for at in range(count)
    ]


def _named(port: str, bits: Sequence[Bit]) -> list[tuple[str, Bit]]:
    """The bits of a port by their names."""
    if len(bits) == 1:
        return [(port, bits[0])]
    return [(f"{port}[{at}]", bit) for at, bit in enumerate(bits)]
