"""The serial receiver and transmitter, and which rates they can meet."""

from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator
from uart_lines import levels, received

from lithify.backends.verilog.serial import Receiver, Transmitter, cycles_per_bit
from lithify.ir.errors import InputError

DATA = bytes([0x00, 0xFF, 0x55, 0xC3, 0x80, 0x01])


def simulate(design: Any, bench: Any) -> None:
    top = Module()
    top.submodules.design = design
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("cycles", [4, 5, 13])
@pytest.mark.parametrize("gap", [0, 1, 7])
def test_bytes_are_received(cycles: int, gap: int) -> None:
    receiver, seen = Receiver(cycles), bytearray()

    async def bench(ctx: Any) -> None:
        for level in levels(DATA, cycles, gap=gap) + [1] * 2 * cycles:
            ctx.set(receiver.rx, level)
            await ctx.tick()
            if ctx.get(receiver.strobe):
                assert not ctx.get(receiver.bad)
                seen.append(ctx.get(receiver.data))

    simulate(receiver, bench)
    assert bytes(seen) == DATA


@pytest.mark.parametrize("scale", [0.97, 1.03])
def test_a_sender_three_percent_off_is_understood(scale: float) -> None:
    receiver, seen = Receiver(100), bytearray()
    exact = levels(DATA, 100)
    line = [exact[int(i * scale)] for i in range(int((len(exact) - 1) / scale))] + [1] * 200

    async def bench(ctx: Any) -> None:
        for level in line:
            ctx.set(receiver.rx, level)
            await ctx.tick()
            if ctx.get(receiver.strobe):
                seen.append(ctx.get(receiver.data))

    simulate(receiver, bench)
    assert bytes(seen) == DATA


@pytest.mark.parametrize("cycles", [4, 9])
def test_bytes_are_sent(cycles: int) -> None:
    transmitter, line = Transmitter(cycles), list[int]()

    async def bench(ctx: Any) -> None:
        for byte in DATA:
            ctx.set(transmitter.data, byte)
            ctx.set(transmitter.valid, 1)
            while not ctx.get(transmitter.ready):
                await ctx.tick()
                line.append(ctx.get(transmitter.tx))
            await ctx.tick()
            line.append(ctx.get(transmitter.tx))
        ctx.set(transmitter.valid, 0)
        for _ in range(12 * cycles):
            await ctx.tick()
            line.append(ctx.get(transmitter.tx))

    simulate(transmitter, bench)
    assert received(line, cycles) == DATA
    assert line[-1] == 1


def test_the_rate_is_rounded_to_whole_cycles() -> None:
    assert cycles_per_bit(12e6, 115200) == 104
    assert cycles_per_bit(12e6, 3_000_000) == 4


@pytest.mark.parametrize("baud", [4_000_000, 2_580_000, 0, -9600])
def test_a_rate_that_cannot_be_met_is_refused(baud: int) -> None:
    with pytest.raises(InputError) as caught:
        cycles_per_bit(12e6, baud)
    assert str(caught.value) == (
        f"a clock of 12 MHz cannot give {baud} baud: a bit takes at least 4 cycles, and the rate "
        "must be met to within 2%; choose another rate, such as 115200"
    )
