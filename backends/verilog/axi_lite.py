"""A core as registers on an AXI4-Lite bus: write the inputs, start, read the outputs.

There are four regions of equally many words. Region 0 is control (see `CONTROL`), region 1 takes
the frame of all inputs and region 2 gives that of all outputs: port after port and element 0 first,
without gaps, so that bit i of a frame is bit i % width of word i // width. Any other access, and a
start while a sample is inside, is answered with an error and changes nothing.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Module,
    Mux,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lithify.backends.verilog.axi import axi_verilog, equals
from lithify.backends.verilog.core import Core
from lithify.backends.verilog.description import EVERY, Description
from lithify.backends.verilog.emit import VerilogOptions, describe, header
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist

WIDTHS = (32, 64)
"""Bits of a word; the standard knows no others."""

CONTROL = ("status", "latency", "input bits", "output bits")
"""The words of region 0. Of the status bit 0 is high where an answer waits and bit 1 while a sample
is inside; a 1 that is written to bit 0 starts. The others are read only."""

OKAY, SLVERR = 0, 2
INPUTS, OUTPUTS = 1, 2


def check_word(width: int) -> None:
    """Nothing; InputError where a word cannot have that width."""
    if width not in WIDTHS:
        raise InputError(f"words of {width} bits: AXI4-Lite has words of 32 or of 64 bits")


@dataclass(frozen=True, slots=True)
class LiteDesign:
    """Verilog of an AXI4-Lite component, its ports, and where its regions begin, in bytes.

    `latency` are the cycles from that in which the bus takes a start to the first of `done`.
    """

    verilog: bytes
    ports: tuple[str, ...]
    described: Description
    latency: int
    inputs_at: int
    outputs_at: int


def emit_axi_lite(
    design: Circuit | Netlist, *, name: str, width: int = 32, every: int = EVERY
) -> LiteDesign:
    """A design with registers every `every` levels as an `AxiLite` in Verilog.

    It has the ports `aclk` and `aresetn`, which is low to reset, besides.
    """
    check_word(width)
    core = Core(design, every=every)
    shell = AxiLite(core, width=width)
    described = describe(core, VerilogOptions(name=name, interface="stream", every=every))
    said = header(described)
    said[1:2] = [
        f"AXI4-Lite, words of {width} bits. At 0: bit 0 starts, and says that an answer waits;",
        f"bit 1 is high for {core.latency} cycles while a sample is inside. From {shell.inputs_at}"
        f" on {shell.words_in} words of",
        f"all inputs, in the order below and without gaps; from {shell.outputs_at} on "
        f"{shell.words_out} of all outputs.",
    ]
    text, ports = axi_verilog(shell, name, said)
    at = shell.inputs_at, shell.outputs_at
    return LiteDesign(text, ports, described, core.latency + 2, *at)


class AxiLite(wiring.Component):
    """A core behind registers; see the head of this file for their addresses.

    No output depends on an input within a cycle. `done` is high while an answer waits, until the
    next start. Inputs may be written as soon as their sample was started.
    """

    def __init__(self, core: Core, *, width: int = 32) -> None:
        """Wrap a core that has at least one row of registers."""
        check_word(width)
        assert core.latency
        self.core, self.width = core, width
        self._bits_in = sum(map(len, core.input_signals()))
        self._bits_out = sum(map(len, core.output_signals()))
        self.words_in, self.words_out = -(-self._bits_in // width), -(-self._bits_out // width)
        most = max(self.words_in, self.words_out, len(CONTROL))
        self._index = (most - 1).bit_length()
        self._within = (width // 8).bit_length() - 1
        address = 2 + self._index + self._within
        super().__init__(
            {
                **_channel("aw", In, awaddr=address),
                **_channel("w", In, wdata=width, wstrb=width // 8),
                **_channel("b", Out, bresp=2),
                **_channel("ar", In, araddr=address),
                **_channel("r", Out, rdata=width, rresp=2),
                "done": Out(1),
            }
        )

    @property
    def inputs_at(self) -> int:
        """The address of the first word of inputs."""
        return INPUTS << self._index + self._within

    @property
    def outputs_at(self) -> int:
        """The address of the first word of outputs."""
        return OUTPUTS << self._index + self._within

    def elaborate(self, platform: object) -> Module:
        """The inputs' registers, the core, the outputs' registers, and the channels."""
        m = Module()
        data = ClockDomain("data", reset_less=True, local=True)
        m.domains += data
        m.d.comb += data.clk.eq(ClockSignal())
        m.submodules.net = DomainRenamer("data")(self.core)
        start, inside = Signal(), Signal(self.core.latency)
        answer = Signal(self._bits_out, reset_less=True)
        frame = Signal(self._bits_in, reset_less=True)
        m.d.comb += [self.core.en.eq(1), Cat(*self.core.input_signals()).eq(frame)]
        m.d.sync += inside.eq(Cat(start, inside))
        with m.If(start):
            m.d.sync += self.done.eq(0)
        with m.If(inside[-1]):
            m.d.sync += [self.done.eq(1), answer.eq(Cat(*self.core.output_signals()))]
        self._write(m, frame, start, inside.any())
        self._read(m, answer, Cat(self.done, inside.any()))
        return m

    def _write(self, m: Module, frame: Value, start: Value, busy: Value) -> None:
        """Take an address and a word, in either order; do what they say; answer."""
        address, addressed = _held(m, self.s_axi_awaddr, self.s_axi_awvalid, self.s_axi_awready)
        both = Cat(self.s_axi_wdata, self.s_axi_wstrb)
        word, written = _held(m, both, self.s_axi_wvalid, self.s_axi_wready)
        value, lanes = word[: self.width], word[self.width :]
        region, index = address[-2:], address[self._within : -2]
        acts, good, starts = Signal(), Signal(), Signal()
        controls = ~Cat(region, index).any()
        places = [equals(region, INPUTS) & equals(index, place) for place in range(self.words_in)]
        m.d.comb += [
            acts.eq(addressed & written & (~self.s_axi_bvalid | self.s_axi_bready)),
            starts.eq(controls & lanes[0] & value[0]),
            good.eq(Mux(starts, ~busy, controls | Cat(*places).any())),
            start.eq(acts & good & starts),
        ]
        with m.If(acts):
            m.d.sync += [addressed.eq(0), written.eq(0)]
            m.d.sync += self.s_axi_bresp.eq(Mux(good, OKAY, SLVERR))
        m.d.sync += self.s_axi_bvalid.eq(acts | (self.s_axi_bvalid & ~self.s_axi_bready))
        for place, meant in enumerate(places):
            with m.If(acts & meant):
                for lane in range(self.width // 8):
                    at = place * self.width + 8 * lane
                    with m.If(lanes[lane]):
                        m.d.sync += frame[at : at + 8].eq(value[8 * lane : 8 * lane + 8])

    def _read(self, m: Module, answer: Value, status: Value) -> None:
        """Take an address; give what is there."""
        address, addressed = _held(m, self.s_axi_araddr, self.s_axi_arvalid, self.s_axi_arready)
        said = (self.core.latency, self._bits_in, self._bits_out)
        words = [status, *(Const(value, self.width) for value in said)]
        shown, good = Signal(self.width), Signal()
        places = dict(enumerate(words))
        for place in range(self.words_out):
            at = place * self.width
            places[OUTPUTS << self._index | place] = answer[at : at + self.width]
        meant = {place: equals(address[self._within :], place) for place in places}
        given = [Mux(meant[place], word, 0) for place, word in places.items()]
        m.d.comb += [shown.eq(reduce(or_, given)), good.eq(Cat(*meant.values()).any())]
        with m.If(self.s_axi_rready):
            m.d.sync += self.s_axi_rvalid.eq(0)
        with m.If(addressed & (~self.s_axi_rvalid | self.s_axi_rready)):
            m.d.sync += [
                addressed.eq(0),
                self.s_axi_rvalid.eq(1),
                self.s_axi_rdata.eq(shown),
                self.s_axi_rresp.eq(Mux(good, OKAY, SLVERR)),
            ]


def _channel(name: str, way: Any, **signals: int) -> dict[str, Any]:
    """The members of a channel whose payload goes that way."""
    payload = {f"s_axi_{signal}": way(bits) for signal, bits in signals.items()}
    ready = (Out if way is In else In)(1)
    return {**payload, f"s_axi_{name}valid": way(1), f"s_axi_{name}ready": ready}


def _held(m: Module, payload: Value, valid: Value, ready: Value) -> tuple[Value, Value]:
    """What a channel brought last, and whether that waits to be used; none is taken meanwhile."""
    kept, full = Signal(len(payload), reset_less=True), Signal()
    m.d.comb += ready.eq(~full)
    with m.If(valid & ready):
        m.d.sync += [kept.eq(payload), full.eq(1)]
    return kept, full
