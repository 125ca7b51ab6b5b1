"""Elements are compared with levels where they arrive, and only what that says is kept."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from lithify.backends.verilog.frames import Layout, to_bytes
from lithify.backends.verilog.levels import Level
from lithify.backends.verilog.shell import Loader
from lithify.ir.ports import Port

PORTS = (Port("a", 8, 37), Port("b", 3, 5, "uint", 0, 6))
LEVELS = (
    Level(0, 86, np.arange(37)),
    Level(0, 171, np.array([0, 3, 4, 30, 36])),
    Level(1, 5, np.array([1, 4])),
)


@pytest.mark.parametrize("seed", range(3))
def test_a_loader_keeps_what_levels_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.integers(0, 256, (2, 37)), rng.integers(0, 7, (2, 5))], axis=1)
    values[0, :4] = 85, 86, 170, 171
    loader = Loader(Layout(PORTS, ()), LEVELS)
    seen: list[list[int]] = []
    good: list[int] = []

    async def bench(context: Any) -> None:
        for payload in to_bytes(PORTS, values):
            context.set(loader.clear, 1)
            await context.tick()
            context.set(loader.clear, 0)
            for byte in bytes([7]) + payload + bytes([0]):
                context.set(loader.byte, byte)
                context.set(loader.strobe, 1)
                await context.tick()
                context.set(loader.strobe, 0)
                await context.tick()
            seen.append([context.get(vector) for vector in loader.vectors])
            good.append(context.get(loader.length_ok) & context.get(loader.range_ok))

    simulator = Simulator(loader)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    starts = (0, 37)
    for row, vectors in zip(values, seen, strict=True):
        for level, vector in zip(LEVELS, vectors, strict=True):
            high = row[starts[level.port] + level.elements] >= level.bound
            assert [vector >> i & 1 for i in range(high.size)] == high.tolist()
    assert good == [1, 1]
