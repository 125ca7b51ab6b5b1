"""A core as an AXI4-Stream component: frames of inputs in, frames of outputs out, beat by beat.

A frame is all bits of the inputs (or outputs), port after port and element 0 first, without gaps:
bit i of it is bit i % width of beat i // width. What is left of the last beat is ignored, or 0.
Each frame gets one answer, in order. With `last` a frame ends where `s_axis_tlast` says; one
that is shorter or longer than the inputs gets an answer too, with `m_axis_tuser` high in every
beat, whose data mean nothing. Without it every so many beats are a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, ClockDomain, Fragment, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lithify.backends.verilog.core import Core
from lithify.backends.verilog.description import EVERY, Description
from lithify.backends.verilog.emit import VerilogOptions, describe, header
from lithify.backends.verilog.stream import Stream
from lithify.backends.verilog.text import verilog
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist

WIDTHS = range(8, 4097, 8)
"""Bits of a beat; the standard speaks of whole bytes."""


def check_width(width: int) -> None:
    """Nothing; InputError where a beat cannot have that width."""
    if width not in WIDTHS:
        raise InputError(
            f"beats of {width} bits: AXI4-Stream has whole bytes, 8 to {WIDTHS[-1]} bits"
        )


def equals(value: Value, number: int) -> Value:
    """Whether a value is that number, bit by bit: linters take no constant of another width."""
    bits = [bit if number >> place & 1 else ~bit for place, bit in enumerate(value)]
    return Cat(*bits).all()


@dataclass(frozen=True, slots=True)
class AxiDesign:
    """Verilog of an AXI4-Stream component, its ports, and what it is.

    `described` is the core as a stream of whole vectors; `latency` and `interval` are those of
    `AxiStream`.
    """

    verilog: bytes
    ports: tuple[str, ...]
    described: Description
    latency: int
    interval: int


def emit_axi(
    design: Circuit | Netlist, *, name: str, width: int, every: int = EVERY, last: bool = True
) -> AxiDesign:
    """A design with registers every `every` levels as an `AxiStream` in Verilog.

    It has the ports `aclk` and `aresetn`, which is low to reset, besides.
    """
    check_width(width)
    options = VerilogOptions(name=name, interface="stream", every=every)
    core = Core(design, every=every)
    shell = AxiStream(core, width=width, last=last)
    described = describe(core, options)
    said = header(described)
    said[1:2] = [
        f"AXI4-Stream: {shell.beats_in} beats of {width} bits make a frame of all inputs, in the "
        "order",
        f"below and without gaps, {shell.beats_out} the answer. A frame each {shell.interval} "
        "cycles; its answer",
        f"begins {shell.latency} cycles after its last beat.",
    ]
    text, ports = axi_verilog(shell, name, said)
    return AxiDesign(text, ports, described, shell.latency, shell.interval)


def axi_verilog(
    shell: wiring.Component, name: str, said: Sequence[str]
) -> tuple[bytes, tuple[str, ...]]:
    """A shell in Verilog with its clock `aclk` and reset `aresetn`, under a header; its ports."""
    domain, aresetn = ClockDomain("sync"), Signal(name="aresetn")
    domain.clk.name = "aclk"
    top = Module()
    top.domains += domain
    top.submodules.shell = shell
    top.d.comb += ResetSignal().eq(~aresetn)
    ports = ("aclk", "aresetn", *shell.signature.members)
    signals = [domain.clk, aresetn, *(getattr(shell, port) for port in ports[2:])]
    text = verilog(Fragment.get(top, None), name=name, ports=signals, header=said, partly_read=None)
    return text, ports


class AxiStream(wiring.Component):
    """A core between two AXI4-Stream ports; see the head of this file for frames.

    No output depends on an input within a cycle. Without stalls a frame is taken every
    `interval` cycles, and the first beat of its answer comes `latency` cycles after its last one.
    """

    def __init__(self, core: Core, *, width: int = 32, last: bool = True) -> None:
        """Wrap a core that has at least one row of registers."""
        check_width(width)
        self.width, self.last = width, last
        self.stream = Stream(core, tag=1 if last else 0)
        self.beats_in = -(-sum(map(len, core.input_signals())) // width)
        self.beats_out = -(-sum(map(len, core.output_signals())) // width)
        flags = {"s_axis_tlast": In(1), "m_axis_tuser": Out(1)} if last else {}
        super().__init__(
            {
                "s_axis_tdata": In(width),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(width),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                **flags,
            }
        )

    @property
    def latency(self) -> int:
        """Clock cycles from the last beat of a frame to the first of its answer."""
        return self.stream.latency + 2

    @property
    def interval(self) -> int:
        """Clock cycles from frame to frame where nothing waits."""
        return max(self.beats_in, self.beats_out)

    def elaborate(self, platform: object) -> Module:
        """A beat's room to wait in, the frame, the core and the answer, one after another."""
        m = Module()
        m.submodules.stream = stream = self.stream
        m.submodules.skid = skid = Skid(self.width + self.last)
        bits = sum(map(len, stream.input_signals()))
        m.submodules.gather = gather = Gather(bits, self.width, last=self.last)
        bits = sum(map(len, stream.output_signals()))
        m.submodules.scatter = scatter = Scatter(bits, self.width, marks=self.last)
        m.d.comb += [
            skid.offered.eq(Cat(self.s_axis_tdata, *([self.s_axis_tlast] if self.last else []))),
            skid.offered_valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(skid.offered_ready),
            gather.beat.eq(skid.taken[: self.width]),
            gather.beat_valid.eq(skid.taken_valid),
            skid.taken_ready.eq(gather.beat_ready),
            Cat(*stream.input_signals()).eq(gather.frame),
            stream.in_valid.eq(gather.frame_valid),
            gather.frame_ready.eq(stream.in_ready),
            scatter.frame.eq(Cat(*stream.output_signals())),
            scatter.frame_valid.eq(stream.out_valid),
            stream.out_ready.eq(scatter.frame_ready),
            self.m_axis_tdata.eq(scatter.beat),
            self.m_axis_tlast.eq(scatter.last),
            self.m_axis_tvalid.eq(scatter.beat_valid),
            scatter.beat_ready.eq(self.m_axis_tready),
        ]
        if self.last:
            m.d.comb += [
                gather.last.eq(skid.taken[-1]),
                stream.in_tag.eq(gather.wrong),
                scatter.mark.eq(stream.out_tag),
                self.m_axis_tuser.eq(scatter.marked),
            ]
        return m


class Skid(wiring.Component):
    """Room for one beat, so that `offered_ready` does not depend on `taken_ready` in a cycle."""

    def __init__(self, width: int) -> None:
        """Beats of `width` bits."""
        self._width = width
        sides = {"offered": In(width), "offered_valid": In(1), "offered_ready": Out(1)}
        super().__init__(
            {**sides, "taken": Out(width), "taken_valid": Out(1), "taken_ready": In(1)}
        )

    def elaborate(self, platform: object) -> Module:
        """A beat waits where one comes and the other side is not ready."""
        m = Module()
        kept = Signal(self._width, reset_less=True)
        full = Signal()
        m.d.comb += [
            self.offered_ready.eq(~full),
            self.taken.eq(Mux(full, kept, self.offered)),
            self.taken_valid.eq(full | self.offered_valid),
        ]
        with m.If(~full):
            m.d.sync += kept.eq(self.offered)
        m.d.sync += full.eq(self.taken_valid & ~self.taken_ready)
        return m


class Gather(wiring.Component):
    """Makes frames of beats: `wrong` beside one that `last` ended too early or too late."""

    def __init__(self, bits: int, width: int, *, last: bool) -> None:
        """Frames of `bits` bits; without `last` every so many beats are one."""
        self._bits, self._width, self._last = bits, width, last
        self._beats = -(-bits // width)
        beats = {"beat": In(width), "beat_valid": In(1), "beat_ready": Out(1)}
        frames = {"frame": Out(bits), "frame_valid": Out(1), "frame_ready": In(1)}
        super().__init__({**beats, **frames, **({"last": In(1), "wrong": Out(1)} if last else {})})

    def elaborate(self, platform: object) -> Module:
        """A shift register, which takes the next frame's first beat as it gives a frame away."""
        m = Module()
        held = Signal(self._beats * self._width if self._beats > 1 else self._bits, reset_less=True)
        full = Signal()
        takes = Signal()
        ends = Signal()
        m.d.comb += [
            self.frame.eq(held),
            self.frame_valid.eq(full),
            self.beat_ready.eq(~full | self.frame_ready),
            takes.eq(self.beat_valid & self.beat_ready),
        ]
        with m.If(takes):
            m.d.sync += held.eq(
                Cat(held, self.beat)[self._width :] if self._beats > 1 else self.beat
            )
        self._count(m, takes, ends)
        m.d.sync += full.eq(Mux(takes, ends, full & ~self.frame_ready))
        return m

    def _count(self, m: Module, takes: Value, ends: Value) -> None:
        """Where a frame ends, and whether it should."""
        count = Signal(range(self._beats + 1))
        right = Signal()
        m.d.comb += right.eq(equals(count, self._beats - 1))
        if self._last:
            m.d.comb += ends.eq(self.last)
            more = Mux(equals(count, self._beats), count, count + 1)
            with m.If(takes):
                m.d.sync += self.wrong.eq(~right)
        else:
            m.d.comb += ends.eq(right)
            more = count + 1
        with m.If(takes):
            m.d.sync += count.eq(Mux(ends, 0, more))


class Scatter(wiring.Component):
    """Makes beats of frames; `marked` says in each beat what `mark` said of its frame."""

    def __init__(self, bits: int, width: int, *, marks: bool) -> None:
        """Frames of `bits` bits in beats of `width`, with `marks` if so."""
        self._beats, self._width, self._marks = -(-bits // width), width, marks
        frames = {"frame": In(bits), "frame_valid": In(1), "frame_ready": Out(1)}
        beats = {"beat": Out(width), "last": Out(1), "beat_valid": Out(1), "beat_ready": In(1)}
        super().__init__(
            {**frames, **beats, **({"mark": In(1), "marked": Out(1)} if marks else {})}
        )

    def elaborate(self, platform: object) -> Module:
        """A shift register, which takes the next frame as its last beat leaves."""
        m = Module()
        held = Signal(self._beats * self._width, reset_less=True)
        left = Signal(range(self._beats + 1))
        leaves = Signal()
        m.d.comb += [
            self.beat.eq(held[: self._width]),
            self.last.eq(left[0] & ~left[1:].any()),
            self.beat_valid.eq(left != 0),
            leaves.eq(self.beat_valid & self.beat_ready),
            self.frame_ready.eq(~self.beat_valid | (self.last & self.beat_ready)),
        ]
        with m.If(self.frame_ready):
            m.d.sync += held.eq(self.frame)
            if self._marks:
                m.d.sync += self.marked.eq(self.mark)
            m.d.sync += left.eq(Mux(self.frame_valid, self._beats, 0))
        with m.Elif(leaves):
            m.d.sync += [held.eq(held >> self._width), left.eq(left - 1)]
        return m
