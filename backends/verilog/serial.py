"""A serial receiver and transmitter in Amaranth: 8 data bits, no parity, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from lithify.ir.errors import InputError

FEWEST_CYCLES = 4
"""Clock cycles that a bit takes at least: the receiver samples in the middle of a bit."""
WORST_ERROR = 0.02
"""How far a rate may be off: both sides together must stay within half a bit in ten."""


def cycles_per_bit(clock_hz: float, baud: int) -> int:
    """Clock cycles a bit; InputError where the rate cannot be met.

    >>> cycles_per_bit(12e6, 115200)
    104
    """
    cycles = round(clock_hz / baud) if baud > 0 else 0
    if cycles < FEWEST_CYCLES or abs(clock_hz / cycles / baud - 1) > WORST_ERROR:
        raise InputError(
            f"a clock of {clock_hz / 1e6:g} MHz cannot give {baud} baud: a bit takes at least "
            f"{FEWEST_CYCLES} cycles, and the rate must be met to within {WORST_ERROR:.0%}; "
            "choose another rate, such as 115200"
        )
    return cycles


class Receiver(wiring.Component):
    """Turns the line `rx` into bytes: `data` is one in the cycle in which `strobe` is high.

    `bad` says that its stop bit was missing.
    """

    def __init__(self, cycles: int) -> None:
        """`cycles` clock cycles make a bit."""
        self._cycles = cycles
        ports = {"rx": In(1, init=1), "data": Out(8), "strobe": Out(1), "bad": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """The start bit is looked at again in its middle; nine samples follow, a bit apart."""
        m = Module()
        # Inverted: flip-flops of some chips start with 0 alone, and an idle line is 1.
        pulled, line = Signal(), Signal()
        m.submodules.synchroniser = FFSynchronizer(~self.rx, pulled)
        m.d.comb += line.eq(~pulled)
        timer = Signal(range(self._cycles))
        left = Signal(range(11))
        m.d.sync += self.strobe.eq(0)
        with m.If(left == 0):
            m.d.sync += timer.eq(self._cycles // 2)
            with m.If(~line):
                m.d.sync += left.eq(10)
        with m.Elif(timer != self._cycles - 1):
            m.d.sync += timer.eq(timer + 1)
        with m.Else():
            m.d.sync += [timer.eq(0), left.eq(left - 1)]
            with m.If((left == 10) & line):
                m.d.sync += left.eq(0)
            with m.If(left == 1):
                m.d.sync += [self.strobe.eq(1), self.bad.eq(~line)]
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], line))
        return m


class Transmitter(wiring.Component):
    """Sends `data` over the line `tx`; a byte is taken when `valid` and `ready` are both high."""

    def __init__(self, cycles: int) -> None:
        """`cycles` clock cycles make a bit."""
        self._cycles = cycles
        ports = {"tx": Out(1, init=1), "data": In(8), "valid": In(1), "ready": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """A shift register of start bit and data, inverted; the stop bit is shifted in behind."""
        m = Module()
        timer = Signal(range(self._cycles))
        pulled = Signal(9)
        left = Signal(range(11))
        m.d.comb += [self.ready.eq(left == 0), self.tx.eq(~pulled[0])]
        with m.If(left == 0):
            with m.If(self.valid):
                m.d.sync += [pulled.eq(Cat(Const(1, 1), ~self.data)), left.eq(10), timer.eq(0)]
        with m.Elif(timer != self._cycles - 1):
            m.d.sync += timer.eq(timer + 1)
        with m.Else():
            m.d.sync += [timer.eq(0), left.eq(left - 1), pulled.eq(pulled[1:])]
        return m
