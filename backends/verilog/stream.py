"""A core between two valid/ready handshakes."""

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lithify.backends.verilog.core import Core


class Stream(wiring.Component):
    """A core that takes its inputs when `in_valid` and `in_ready` are high, and answers in order.

    An answer stays until `out_ready` is high; while one waits the whole pipeline stands still, so
    `in_ready` depends on `out_ready` in the same cycle. A reset forgets what is inside. With a
    `tag` so many bits `in_tag` go along with each input and come out as `out_tag`.
    """

    def __init__(self, core: Core, *, tag: int = 0) -> None:
        """Wrap a core that has at least one row of registers."""
        assert core.latency
        self.core, self._tag = core, tag
        interface = core.interface
        members = {port.signal: In(port.bits) for port in interface.inputs}
        members |= {word.signal: Out(word.bits) for word in interface.outputs}
        tags = {"in_tag": In(tag), "out_tag": Out(tag)} if tag else {}
        super().__init__(
            {
                **members,
                **tags,
                "in_valid": In(1),
                "in_ready": Out(1),
                "out_valid": Out(1),
                "out_ready": In(1),
            }
        )

    @property
    def latency(self) -> int:
        """Clock cycles from an accepted input to its answer when nothing waits."""
        return self.core.latency

    def input_signals(self) -> list[Value]:
        """The input vectors in port order."""
        return [getattr(self, port.signal) for port in self.core.interface.inputs]

    def output_signals(self) -> list[Value]:
        """The output vectors in order."""
        return [getattr(self, word.signal) for word in self.core.interface.outputs]

    def elaborate(self, platform: object) -> Module:
        """The core, and a bit for each stage that says whether something is in it."""
        m = Module()
        core = self.core
        data = ClockDomain("data", reset_less=True, local=True)
        m.domains += data
        m.d.comb += data.clk.eq(ClockSignal())
        m.submodules.net = DomainRenamer("data")(core)
        for outer, inner in zip(self.input_signals(), core.input_signals(), strict=True):
            m.d.comb += inner.eq(outer)
        for outer, inner in zip(self.output_signals(), core.output_signals(), strict=True):
            m.d.comb += outer.eq(inner)
        full = Signal(core.latency, reset_less=True)
        moves = Signal()
        moved = Cat(self.in_valid, full)[: core.latency]
        m.d.comb += [
            moves.eq(~full[-1] | self.out_ready),
            core.en.eq(moves),
            self.in_ready.eq(moves),
            self.out_valid.eq(full[-1]),
        ]
        m.d.sync += full.eq(Mux(ResetSignal(), 0, Mux(moves, moved, full)))
        if self._tag:
            tags = Signal(core.latency * self._tag, reset_less=True)
            m.d.comb += self.out_tag.eq(tags[-self._tag :])
            with m.If(moves):
                m.d.sync += tags.eq(Cat(self.in_tag, tags))
        return m
