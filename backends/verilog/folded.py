"""The machine that runs a folded circuit: a memory of tables and sources, and lanes that look up.

A table is looked up in four cycles, one step after another: the addresses of its sources are read,
then the words there, then the bits are chosen and kept, then the table is looked up and written.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from lithify.backends.verilog.folding import DELAY, FANINS, LEAD, Program
from lithify.backends.verilog.interface import Interface


class Folded(wiring.Component):
    """A program as hardware: inputs are taken when `in_valid` and `in_ready` are high.

    The answer comes `latency` cycles later and stays until `out_ready` is high; the outputs then
    stay as they are while the next inputs are not taken. `in_ready` depends on `out_ready` in the
    same cycle. A reset forgets what is inside. Ports are those of a `Core`.
    """

    def __init__(self, interface: Interface, program: Program) -> None:
        """`program` is one of the interface's circuit."""
        self.interface, self.program = interface, program
        members = {port.signal: In(port.bits) for port in interface.inputs}
        members |= {word.signal: Out(word.bits) for word in interface.outputs}
        handshake = {
            "in_valid": In(1),
            "in_ready": Out(1),
            "out_valid": Out(1),
            "out_ready": In(1),
        }
        super().__init__({**members, **handshake})

    @property
    def latency(self) -> int:
        """Clock cycles from an accepted input to its answer."""
        return self.program.cycles

    @property
    def interval(self) -> int:
        """Clock cycles from an accepted input to the next one."""
        return self.program.cycles

    @property
    def registers(self) -> int:
        """How many flip-flops there are, beside those of the memories."""
        program = self.program
        control, chosen = 3 + 2 * program.address_bits, FANINS * program.lanes
        control += program.row_bits
        return control + chosen + program.lanes * (program.input_words + program.output_words)

    def gates_by_part(self) -> dict[str, int]:
        """How many gates each part of the circuit has; gates of no part are in the core."""
        counts = dict(self.interface.circuit.size_by_part())
        counts["core"] = counts.get("core", 0) + counts.pop("", 0)
        return {part: count for part, count in sorted(counts.items()) if count}

    @property
    def said(self) -> str:
        """What it is made of, for people."""
        program = self.program
        return (
            f"Folded: {program.lanes} tables at once, {program.steps} times; a program of "
            f"{program.program_bits} bits, {program.copies} memories of {program.word_bits} bits."
        )

    def input_signals(self) -> list[Value]:
        """The input vectors in port order."""
        return [getattr(self, port.signal) for port in self.interface.inputs]

    def output_signals(self) -> list[Value]:
        """The output vectors in order."""
        return [getattr(self, word.signal) for word in self.interface.outputs]

    def elaborate(self, platform: object) -> Module:
        """Control is reset, and nothing else."""
        m = Module()
        program = self.program
        running, full = Signal(reset_less=True), Signal(reset_less=True)
        taken = Signal()
        written = Signal(program.address_bits, reset_less=True)
        last = written == program.steps - 1
        reset = ResetSignal(allow_reset_less=True)
        m.d.comb += [
            self.out_valid.eq(full),
            self.in_ready.eq(~running & (~full | self.out_ready)),
            taken.eq(self.in_ready & self.in_valid),
        ]
        m.d.sync += [
            running.eq(Mux(reset, 0, taken | (running & ~last))),
            full.eq(Mux(reset, 0, (running & last) | (full & ~self.out_ready))),
        ]
        made = self._lanes(m, written, taken, running)
        leaving = Signal(program.output_words * program.lanes, reset_less=True)
        m.d.sync += leaving.eq(Mux(running, Cat(leaving, made)[program.lanes :], leaving))
        circuit = self.interface.circuit
        for word, signal in zip(circuit.words, self.output_signals(), strict=True):
            bits = np.searchsorted(circuit.output_signals, word.signals.ravel())
            m.d.comb += signal.eq(Cat(leaving[bit] for bit in bits.tolist()))
        return m

    def _lanes(self, m: Module, written: Signal, taken: Signal, running: Signal) -> Value:
        """The word that is written at the address `written`: inputs, or what the lanes found."""
        program, lanes = self.program, self.program.lanes
        words, places, tables = self._program(m, written, taken)
        made = Signal(lanes)
        found = []
        for lane in range(lanes):
            chosen = Signal(FANINS, name=f"chosen_{lane}", reset_less=True)
            for pin in range(FANINS):
                which = FANINS * lane + pin
                bits = Memory(shape=lanes, depth=1 << program.address_bits, init=[])
                m.submodules[f"bits_{lane}_{pin}"] = bits
                write, read = bits.write_port(), bits.read_port()
                m.d.comb += [
                    *(write.addr.eq(written), write.data.eq(made), write.en.eq(running)),
                    read.addr.eq(words.word_select(which, program.address_bits)),
                ]
                place = places.word_select(which, program.place_bits)
                m.d.sync += chosen[pin].eq(read.data.bit_select(place, 1))
            found.append(tables.word_select(lane, 1 << FANINS).bit_select(chosen, 1))
        entering = Signal(program.input_words * lanes, reset_less=True)
        loading = Signal(reset_less=True)
        final = (1 << program.address_bits) - LEAD - 1
        m.d.sync += [
            entering.eq(Mux(taken, Cat(*self.input_signals()), entering[lanes:])),
            loading.eq(taken | (loading & (written != final))),
        ]
        m.d.comb += made.eq(Mux(loading, entering[:lanes], Cat(*found)))
        return made

    def _program(self, m: Module, written: Signal, taken: Signal) -> list[Value]:
        """What the lanes need now: addresses of words, places, tables."""
        program = self.program
        ahead = Signal(program.address_bits, reset_less=True)
        begin = -(program.input_words + LEAD)
        m.d.sync += [
            written.eq(Mux(taken, begin, written + 1)),
            ahead.eq(Mux(taken, begin + DELAY + 1, ahead + 1)),
        ]
        fields = self._fields()
        widths = [width * numbers.shape[1] for numbers, width in fields]
        rows = [packed(numbers, width) for numbers, width in fields]
        m.submodules.steps = memory = Memory(
            shape=sum(widths), depth=len(rows[0]), init=joined(rows, widths)
        )
        read, row = memory.read_port(), Signal(sum(widths), reset_less=True)
        m.d.comb += read.addr.eq(ahead)
        m.d.sync += row.eq(read.data)
        ends = np.cumsum([0, *widths]).tolist()
        return [row[start:end] for start, end in pairwise(ends)]

    def _fields(self) -> list[tuple[NDArray[Any], int]]:
        """Numbers[row, each] and their width, in the order in which the lanes need them.

        A row has the words that one step reads, the places of the step before, and the tables of
        the step before that.
        """
        program = self.program
        wrapped = program.words & ((1 << program.address_bits) - 1)
        fields = (
            (wrapped.reshape(program.steps, -1), program.address_bits),
            (program.places.reshape(program.steps, -1), program.place_bits),
            (program.tables, 1 << FANINS),
        )
        last = len(fields) - 1
        return [
            (np.pad(numbers, ((late, last - late), (0, 0))), width)
            for late, (numbers, width) in enumerate(fields)
        ]


def joined(rows: Sequence[Sequence[int]], widths: Sequence[int]) -> list[int]:
    """Numbers of several lists side by side, of so many bits each, the first list's lowest.

    >>> joined([[1, 2], [3, 0]], [2, 2])
    [13, 2]
    """
    shifts = [sum(widths[:at]) for at in range(len(widths))]
    return [
        sum(number << shift for number, shift in zip(row, shifts, strict=True))
        for row in zip(*rows, strict=True)
    ]


def packed(numbers: NDArray[Any], width: int) -> list[int]:
    """Each row of numbers of so many bits as one, the first lowest.

    >>> packed(np.array([[1, 2], [3, 0]]), 2)
    [9, 3]
    """
    bits = numbers.astype(np.int64)[:, :, None] >> np.arange(width) & 1
    rows = np.packbits(bits.reshape(len(numbers), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]
