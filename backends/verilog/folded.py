"""The machine that runs a folded circuit: memories of tables and sources, and lanes that look up.

A table is looked up in four cycles, one step after another: the addresses of its sources are read,
then the words there, then the bits are chosen and kept, then the table is looked up and written.
"""

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
        """Clock cycles from an accepted input to its answer, and to the next input."""
        return self.program.cycles

    @property
    def registers(self) -> int:
        """How many flip-flops there are, beside those of the memories."""
        program = self.program
        control, chosen = 3 + 4 * program.address_bits, FANINS * program.lanes
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
        m.d.comb += [
            self.out_valid.eq(full),
            self.in_ready.eq(~running & (~full | self.out_ready)),
            taken.eq(self.in_ready & self.in_valid),
        ]
        m.d.sync += [
            running.eq(Mux(ResetSignal(), 0, taken | (running & ~last))),
            full.eq(Mux(ResetSignal(), 0, (running & last) | (full & ~self.out_ready))),
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
        """The rows of the program's memories as they come: addresses of words, places, tables.

        Each is read so many steps ahead of what is written.
        """
        program = self.program
        begin = -(program.input_words + LEAD)
        rows = []
        following: Value | None = None
        for ahead, (name, data, width) in enumerate(self._contents()):
            here = Signal(program.address_bits, name=f"at_{name}", reset_less=True)
            m.submodules[name] = memory = Memory(
                shape=data.shape[1] * width, depth=len(data), init=packed(data, width)
            )
            read = memory.read_port()
            after = here + 1 if following is None else following
            m.d.sync += here.eq(Mux(taken, begin + DELAY - ahead, after))
            m.d.comb += read.addr.eq(here)
            rows.append(read.data)
            following = here
        m.d.sync += written.eq(Mux(taken, begin, following))
        return rows

    def _contents(self) -> list[tuple[str, NDArray[Any], int]]:
        """Name, numbers[step, each] and their width of each memory, in the order of reading."""
        program = self.program
        wrapped = program.words & ((1 << program.address_bits) - 1)
        return [
            ("words", wrapped.reshape(program.steps, -1), program.address_bits),
            ("places", program.places.reshape(program.steps, -1), program.place_bits),
            ("tables", program.tables, 1 << FANINS),
        ]


def packed(numbers: NDArray[Any], width: int) -> list[int]:
    """Each row of numbers of so many bits as one, the first lowest.

    >>> packed(np.array([[1, 2], [3, 0]]), 2)
    [9, 3]
    """
    bits = numbers.astype(np.int64)[:, :, None] >> np.arange(width) & 1
    rows = np.packbits(bits.reshape(len(numbers), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]
