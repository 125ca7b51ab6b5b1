"""The circuit as an Amaranth component: wide operators over vectors of gates, rows of registers."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from lithify.backends.verilog.cells import OUT, PIN, cell_module
from lithify.backends.verilog.interface import Interface
from lithify.backends.verilog.names import identifiers
from lithify.backends.verilog.schedule import GATES, INPUT, MODULES, TOP, Places, Vector, schedule
from lithify.backends.verilog.tables import name_of_table, recipe, wide
from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Netlist
from lithify.ir.origin import PARTS

TAKEN = ("clk", "rst", "en")


class Core(wiring.Component):
    """A circuit as hardware: one vector per input, one per output, registers every `every` levels.

    Element i of a port is at bits [i * width, (i + 1) * width). The outputs belong to the inputs of
    `latency` clock cycles ago; cycles in which `en` is low do not count. With `latency` 0 there is
    neither a clock nor an enable. Clocked by the domain "sync"; registers have no reset.

    With `cells` every gate stays a cell of its own: vectors of gates are instances of the modules
    that `lithify.backends.verilog.cells.cell_modules` writes.
    """

    def __init__(
        self,
        design: Circuit | Netlist,
        *,
        every: int = 0,
        register_inputs: bool = False,
        register_outputs: bool = True,
        cells: bool = False,
        retime: bool = False,
    ) -> None:
        """Plan the pipeline; nothing is elaborated yet."""
        self.cells = cells
        self.interface = Interface.of(design)
        self.schedule = schedule(
            self.interface.circuit,
            every=every,
            register_inputs=register_inputs,
            register_outputs=register_outputs,
            by_table=not cells,
            retime=retime,
        )
        members = {port.signal: In(port.bits) for port in self.interface.inputs}
        members |= {word.signal: Out(word.bits) for word in self.interface.outputs}
        super().__init__({**members, "en": In(1, init=1)})

    interval = 1
    """Clock cycles from inputs to the next inputs."""

    @property
    def latency(self) -> int:
        """Clock cycles from inputs to outputs."""
        return self.schedule.latency

    @property
    def registers(self) -> int:
        """How many flip-flops there are."""
        return self.schedule.registers.bits.size

    def gates_by_part(self) -> dict[str, int]:
        """How many gates each part of the circuit has; gates of no part are in the core."""
        circuit, gates = self.schedule.circuit, self.schedule.gates
        parts = np.bincount(circuit.part_of()[gates], minlength=len(PARTS)).tolist()
        counts = dict(zip(PARTS, parts, strict=True))
        counts["core"] += counts.pop("")
        return {part: count for part, count in counts.items() if count}

    def partly_read(self) -> list[str]:
        """The input ports of which a module reads some bits only, and helpers of mixed gates."""
        plan = self.schedule
        modules = np.zeros(len(plan.gates), np.int32)
        for vector in plan.vectors:
            if vector.kind == GATES:
                modules[vector.first : vector.last] = vector.module
        pairs = [
            (np.repeat(modules, plan.pins.vectors.shape[1]), plan.pins),
            (np.full(plan.registers.bits.size, TOP), plan.registers),
            (np.full(plan.outputs.bits.size, TOP), plan.outputs),
        ]
        reads = [np.stack((m, p.vectors.ravel(), p.bits.ravel())) for m, p in pairs]
        read = np.unique(np.concatenate(reads, axis=1), axis=1)
        partly = [
            f"{name}_{sign}{pin}"
            for vector, name in zip(plan.vectors, self.vector_names(), strict=True)
            for pin in range(vector.arity if vector.mixed else 0)
            for sign in "np"
        ]
        for number, port in enumerate(self.interface.inputs):
            modules_reading = read[0, read[1] == number]
            counts = np.bincount(modules_reading, minlength=len(MODULES))
            if ((counts > 0) & (counts < port.bits)).any() or not counts.any():
                partly.append(port.signal)
        return partly

    def vector_names(self) -> list[str]:
        """What the signal of each vector is called."""
        words = (word.signal for word in self.interface.outputs)
        return identifiers(map(self._name_of, self.schedule.vectors), taken=[*TAKEN, *words])

    def _name_of(self, vector: Vector) -> str:
        if vector.kind == INPUT:
            return "input"
        if vector.kind != GATES:
            return f"row{vector.stage}"
        circuit = self.schedule.circuit
        path = circuit.origins[vector.origin].path if vector.origin >= 0 else ""
        what = "tables" if vector.mixed else name_of_table(vector.table, vector.arity)
        return f"{path}.l{vector.level}.{what}" if path else f"l{vector.level}.{what}"

    def input_signals(self) -> list[Value]:
        """The input vectors in port order."""
        return [getattr(self, port.signal) for port in self.interface.inputs]

    def output_signals(self) -> list[Value]:
        """The output vectors in order."""
        return [getattr(self, word.signal) for word in self.interface.outputs]

    def elaborate(self, platform: object) -> Module:
        """The design: a submodule for each part that has gates."""
        return _Wiring(self).build()


class _Wiring:
    """Makes the signals of all vectors and connects them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.schedule = core.schedule
        present = {vector.module for vector in self.schedule.vectors} | {TOP}
        self.modules = {module: Module() for module in sorted(present)}
        names = core.vector_names()
        ports = iter(core.input_signals())
        self.signals = [
            next(ports) if vector.kind == INPUT else self.new_signal(vector, name)
            for vector, name in zip(self.schedule.vectors, names, strict=True)
        ]
        self.slices: dict[int, list[Value]] = {}

    def new_signal(self, vector: Vector, name: str) -> Signal:
        """The signal of a vector of gates or registers."""
        attrs = {}
        if vector.origin >= 0:
            attrs["origin"] = self.schedule.circuit.origins[vector.origin].path
        return Signal(vector.width, name=name, attrs=attrs, reset_less=True)

    def build(self) -> Module:
        """The top module with everything connected."""
        top = self.modules[TOP]
        for number, module in self.modules.items():
            if number != TOP:
                top.submodules[MODULES[number]] = module
        for index, vector in enumerate(self.schedule.vectors):
            if vector.kind == GATES:
                self.put_gates(vector, self.signals[index])
            elif vector.kind != INPUT:
                register = self.signals[index]
                value = self.gather(self.schedule.registers, vector.first, vector.last)
                held = Mux(self.core.en, value, register)
                self.modules[vector.module].d.sync += register.eq(held)
        first = 0
        for word in self.core.output_signals():
            value = self.gather(self.schedule.outputs, first, first + len(word))
            top.d.comb += word.eq(value)
            first += len(word)
        return top

    def put_gates(self, vector: Vector, signal: Signal) -> None:
        """Connect the gates of one vector."""
        module = self.modules[vector.module]
        pins = [
            self.gather(self.pin_places[pin], vector.first, vector.last)
            for pin in range(vector.arity)
        ]
        if self.core.cells and vector.mixed:
            ports = {f"i_{PIN}{number}": pin for number, pin in enumerate(pins)}
            kind = cell_module(vector, signal.name)
            module.submodules[signal.name] = Instance(kind, **ports, **{f"o_{OUT}": signal})
            return
        if not vector.mixed:
            made = wide(recipe(vector.table, vector.arity), pins, vector.width)
            module.d.comb += signal.eq(made)
            return
        tables = self.schedule.tables[vector.first : vector.last]
        module.d.comb += signal.eq(_mixed(module, signal.name, pins, tables))

    @cached_property
    def pin_places(self) -> list[Places]:
        """Where the gates' first, second, ... fan-ins are."""
        pins = self.schedule.pins
        return [
            Places(np.ascontiguousarray(vectors), np.ascontiguousarray(bits))
            for vectors, bits in zip(pins.vectors.T, pins.bits.T, strict=True)
        ]

    def gather(self, places: Places, first: int, last: int) -> Value:
        """The bits at these places as one value, whole runs of neighbours at once."""
        vectors, bits = places.vectors[first:last], places.bits[first:last]
        new = np.ones(len(bits), np.bool_)
        new[1:] = (vectors[1:] != vectors[:-1]) | (vectors[1:] < 0) | (bits[1:] != bits[:-1] + 1)
        starts = np.flatnonzero(new)
        sizes = np.diff(np.append(starts, len(bits)))
        columns = (vectors[starts].tolist(), bits[starts].tolist(), sizes.tolist())
        parts = [self.run(*row) for row in zip(*columns, strict=True)]
        return parts[0] if len(parts) == 1 else Cat(parts)

    def run(self, vector: int, bit: int, size: int) -> Value:
        """`size` neighbouring bits of a vector."""
        if vector < 0:
            return Const(bit, 1)
        signal = self.signals[vector]
        if size == len(signal):
            return signal
        if size > 1:
            return signal[bit : bit + size]
        if vector not in self.slices:
            self.slices[vector] = [signal[i] for i in range(len(signal))]
        return self.slices[vector][bit]


def _mixed(module: Module, name: str, pins: Sequence[Value], tables: NDArray[np.uint64]) -> Value:
    """Gates of different tables: constants chosen by the first fan-in, then a tree of choices."""
    arity, width = len(pins), len(tables)
    bits = (tables[:, None] >> np.arange(1 << arity, dtype=np.uint64) & np.uint64(1)).astype(bool)
    masks = np.packbits(bits.T, axis=1, bitorder="little")
    leaves: list[Value] = [Const(int.from_bytes(row.tobytes(), "little"), width) for row in masks]
    for number, pin in enumerate(pins):
        low = Signal(width, name=f"{name}_n{number}")
        high = Signal(width, name=f"{name}_p{number}")
        module.d.comb += [low.eq(~pin), high.eq(~low)]
        leaves = [(low & leaves[i]) | (high & leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]
