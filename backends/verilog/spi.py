"""An SPI peripheral in Amaranth: mode 0, bytes with the most significant bit first.

The design's clock looks at the lines, so that the bus is no clock of its own. Where there is
nothing to send, the END of frames goes out: that makes empty frames, which mean nothing.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from lithify.backends.verilog.frames import END

FEWEST_CYCLES = 8
"""Clock cycles that a cycle of the bus takes at least: what goes out follows an edge by three."""


class Edges(wiring.Component):
    """The lines of the bus as the design's clock sees them; `rise` and `fall` are the clock's."""

    def __init__(self) -> None:
        """No parameters."""
        lines = {"cs_n": In(1, init=1), "sck": In(1)}
        super().__init__({**lines, "selected": Out(1), "rise": Out(1), "fall": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Two flip-flops a line, and one more to see edges."""
        m = Module()
        level, before = Signal(), Signal()
        # Inverted: flip-flops of some chips start with 0 alone, and nobody is selected at first.
        m.submodules.select_synchroniser = FFSynchronizer(~self.cs_n, self.selected)
        m.submodules.clock_synchroniser = FFSynchronizer(self.sck, level)
        m.d.sync += before.eq(level)
        m.d.comb += [
            self.rise.eq(self.selected & level & ~before),
            self.fall.eq(self.selected & ~level & before),
        ]
        return m


class Receiver(wiring.Component):
    """Turns the line `copi` into bytes: `data` is one in the cycle in which `strobe` is high.

    A byte of which bits are missing when the selection ends is dropped; none is ever `bad`.
    """

    def __init__(self) -> None:
        """No parameters."""
        lines = {"cs_n": In(1, init=1), "sck": In(1), "copi": In(1)}
        super().__init__({**lines, "data": Out(8), "strobe": Out(1), "bad": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """A bit at each rising edge."""
        m = Module()
        m.submodules.edges = edges = Edges()
        line, count = Signal(), Signal(3)
        m.submodules.synchroniser = FFSynchronizer(self.copi, line)
        m.d.comb += [edges.cs_n.eq(self.cs_n), edges.sck.eq(self.sck)]
        m.d.sync += self.strobe.eq(edges.rise & (count == 7))
        with m.If(~edges.selected):
            m.d.sync += count.eq(0)
        with m.Elif(edges.rise):
            m.d.sync += [count.eq(count + 1), self.data.eq(Cat(line, self.data[:-1]))]
        return m


class Transmitter(wiring.Component):
    """Sends `data` over the line `cipo`; a byte is taken when `valid` and `ready` are both high.

    That is when its first bit is, so that one which the other side never asks for is not lost.
    """

    def __init__(self) -> None:
        """No parameters."""
        lines = {"cs_n": In(1, init=1), "sck": In(1), "cipo": Out(1)}
        super().__init__({**lines, "data": In(8), "valid": In(1), "ready": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """A shift register: filled between bytes, moved on at each falling edge."""
        m = Module()
        m.submodules.edges = edges = Edges()
        bits, count, ours = Signal(8), Signal(3), Signal()
        m.d.comb += [
            edges.cs_n.eq(self.cs_n),
            edges.sck.eq(self.sck),
            self.cipo.eq(bits[-1]),
            self.ready.eq(edges.rise & (count == 0) & ours),
        ]
        with m.If(~edges.selected | (edges.fall & (count == 0))):
            m.d.sync += [bits.eq(Mux(self.valid, self.data, END)), ours.eq(self.valid)]
        with m.Elif(edges.fall):
            m.d.sync += bits.eq(bits << 1)
        with m.If(~edges.selected):
            m.d.sync += count.eq(0)
        with m.Elif(edges.rise):
            m.d.sync += count.eq(count + 1)
        return m
