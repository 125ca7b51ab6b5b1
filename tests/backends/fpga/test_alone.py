"""The net alone: its harness passes bits through, and a net that does not fit is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from lithify.backends.fpga.alone import Harness, lay_out
from lithify.backends.fpga.targets import board
from lithify.backends.verilog.core import Core
from lithify.backends.verilog.cores import core_of
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def parity(width: int) -> Circuit:
    """The inputs, and the parity of them."""
    b = Builder()
    x, y = b.input("x", width=1, count=width)[:, 0], b.input("y", width=1, count=1)[0]
    b.output("same", [*x, *y])
    odd = x[0]
    for bit in [*x[1:], *y]:
        odd = b.xor(odd, bit)
    b.output("odd", [odd])
    return b.finish(readout="bits")


@pytest.mark.parametrize("seed", range(3))
def test_bits_go_through_the_net_and_out_again(seed: int) -> None:
    core = Core(parity(4), every=2)
    harness = Harness(core)
    given = np.random.default_rng(seed).integers(0, 2, 40).tolist()
    asked, entered, left = 20, [], []

    async def bench(context: Any) -> None:
        for cycle, bit in enumerate(given):
            context.set(harness.shift_in, bit)
            context.set(harness.take, cycle == asked)
            entered.append([context.get(one) for one in core.input_signals()])
            left.append(context.get(harness.shift_out))
            await context.tick()

    simulator = Simulator(harness)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    # The newest bit is the lowest; `take` and what it takes pass one register each.
    newest = [given[cycle - 1] for cycle in range(10, 30)]
    assert [x & 1 for x, _ in entered[10:30]] == newest
    x, y = entered[asked + 1 - core.latency]
    bits = [*(x >> i & 1 for i in range(4)), y]
    assert left[asked + 3 : asked + 9] == [*bits, sum(bits) % 2]


def test_a_folded_net_takes_what_was_shifted_in() -> None:
    core = core_of(parity(4), cycles=60)
    harness = Harness(core)
    # The first bits go on to the end of the shift register: ready, valid, y and then x.
    given, seen = [0, 1, 0, 1, 0, 1, 1], []

    async def bench(context: Any) -> None:
        for cycle in range(len(given) + core.latency + 1):
            context.set(harness.shift_in, given[cycle] if cycle < len(given) else 0)
            await context.tick()
            seen.append([context.get(one) for one in core.output_signals()])

    simulator = Simulator(harness)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen[-1] == [0b01011, 1]


def test_nothing_is_laid_out_without_seeds_or_room(tmp_path: Path) -> None:
    circuit = parity(4)
    assert lay_out(circuit, board("icestick"), tmp_path / "a", every=0, seeds=()) is None
    assert not (tmp_path / "a").exists()
    wide = parity(1500)
    assert lay_out(wide, board("icestick"), tmp_path / "b", every=0, seeds=(1,)) is None
    assert not list((tmp_path / "b" / "alone").glob("nextpnr*"))
