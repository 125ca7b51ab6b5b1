"""The SPI peripheral in Amaranth's own simulator, and the pins and rates of lines."""

from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from lithify.backends.verilog.frames import END
from lithify.backends.verilog.lines import Line, line_of, rate_of
from lithify.backends.verilog.spi import FEWEST_CYCLES
from lithify.ir.errors import InputError

HALF = FEWEST_CYCLES // 2


class Bench:
    """Both ends on a bus: what the receiver strobes, and what comes back for what is sent."""

    def __init__(self, sends: Sequence[int]) -> None:
        self.sends, self.taken, self.strobed = list(sends), list[int](), list[int]()
        self.back = list[int]()

    def run(self, host: Any) -> None:
        line = line_of("spi", FEWEST_CYCLES)
        top, pins = Module(), {name: Signal(init=name == "cs_n") for name in line.pins}
        top.submodules.receiver, top.submodules.transmitter = line.receiver, line.transmitter
        for end in (line.receiver, line.transmitter):
            for name in ("cs_n", "sck", "copi"):
                if name in end.signature.members:
                    top.d.comb += getattr(end, name).eq(pins[name])
        top.d.comb += pins["cipo"].eq(line.transmitter.cipo)
        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_process(self._ends(line))

        async def bench(ctx: Any) -> None:
            await host(Host(ctx, pins, self.back))

        simulator.add_testbench(bench)
        simulator.run()

    def _ends(self, line: Line) -> Any:
        async def process(ctx: Any) -> None:
            receiver, transmitter = line.receiver, line.transmitter
            ends = (receiver.strobe, receiver.data, receiver.bad, transmitter.ready)
            async for _, _, strobe, data, bad, ready in ctx.tick().sample(*ends):
                assert not bad
                if strobe:
                    self.strobed.append(data)
                if ready:
                    self.taken.append(self.sends.pop(0))
                ctx.set(transmitter.valid, bool(self.sends))
                ctx.set(transmitter.data, self.sends[0] if self.sends else 0)

        return process


class Host:
    """The controller of the bus, which keeps what comes back."""

    def __init__(self, ctx: Any, pins: dict[str, Signal], back: list[int]) -> None:
        self.ctx, self.pins, self.back = ctx, pins, back

    async def select(self, selected: bool = True) -> None:
        self.ctx.set(self.pins["cs_n"], not selected)
        await self.ctx.tick().repeat(FEWEST_CYCLES)

    async def bits(self, byte: int, count: int = 8) -> None:
        value = 0
        for i in range(count):
            self.ctx.set(self.pins["copi"], byte >> (7 - i) & 1)
            await self.ctx.tick().repeat(HALF)
            value = value << 1 | self.ctx.get(self.pins["cipo"])
            self.ctx.set(self.pins["sck"], 1)
            await self.ctx.tick().repeat(HALF)
            self.ctx.set(self.pins["sck"], 0)
        self.back.append(value)


def test_bytes_go_both_ways_at_the_highest_rate() -> None:
    bench = Bench([0x00, 0x81, 0xFE])

    async def host(bus: Host) -> None:
        await bus.select()
        for byte in (0xA5, 0x01, 0x80, 0x7F, 0x3C):
            await bus.bits(byte)
        await bus.select(False)

    bench.run(host)
    assert bench.strobed == [0xA5, 0x01, 0x80, 0x7F, 0x3C]
    assert bench.back == [0x00, 0x81, 0xFE, END, END] and bench.taken == [0x00, 0x81, 0xFE]


def test_a_byte_that_is_not_asked_for_is_kept() -> None:
    bench = Bench([1, 2, 3])

    async def host(bus: Host) -> None:
        for _ in range(3):
            await bus.select()
            await bus.bits(END)
            await bus.select(False)

    bench.run(host)
    assert bench.back == [1, 2, 3]


def test_half_a_byte_and_what_others_are_told_are_dropped() -> None:
    bench = Bench([])

    async def host(bus: Host) -> None:
        await bus.bits(0x55)
        await bus.select()
        await bus.bits(0xFF, 5)
        await bus.select(False)
        await bus.bits(0x33)
        await bus.select()
        await bus.bits(0x12)

    bench.run(host)
    assert bench.strobed == [0x12]


def test_what_is_ready_late_goes_out_with_the_next_byte() -> None:
    bench = Bench([])

    async def host(bus: Host) -> None:
        await bus.select()
        await bus.bits(0, 4)
        bench.sends.append(0x77)
        await bus.bits(0, 4)
        await bus.bits(0)

    bench.run(host)
    assert bench.back == [END >> 4, END & 15, 0x77]


def test_rates() -> None:
    assert rate_of("uart", 48e6, 9600) == 9600 and rate_of("spi", 48e6, None) == 6_000_000
    for kind, baud, said in (
        ("spi", 9600, "9600 baud: an SPI bus gets its clock from the other side"),
        ("i2c", None, "'i2c' is no line of a shell; there are uart, spi"),
    ):
        with pytest.raises(InputError) as caught:
            rate_of(kind, 12e6, baud)
        assert str(caught.value) == said
