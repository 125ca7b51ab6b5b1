"""A bench for designs with AXI4-Lite ports, driven by the public model of cocotbext-axi.

Beside what every bench is told, `job.json` has the `width` of a word, where inputs and outputs are
(`inputs_at`, `outputs_at`), the `latency` that is promised, and how many random `patterns` of
stalls are tried.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from lithify.hw_tests.benches.job import Job, Scoreboard

PATIENCE_NS = 400_000
"""How long an access may take with the worst of stalls; a clock cycle has 2 ns."""
WAITS, INSIDE = 1, 2


@dataclass(slots=True)
class Run:
    """A design under test and the model at its port."""

    dut: Any
    job: Job
    board: Scoreboard
    chance: random.Random
    options: dict[str, Any]
    bus: Any = None

    @classmethod
    async def start(cls, dut: Any) -> "Run":
        """A design that was reset, with its model."""
        job = Job.load()
        options = json.loads((job.folder / "job.json").read_text())
        run = cls(dut, job, Scoreboard(job), random.Random(job.seed), options)
        dut.aresetn.value = 1
        Clock(dut.aclk, 2, "ns").start(start_high=False)
        ports = AxiLiteBus.from_prefix(dut, "s_axi")
        run.bus = AxiLiteMaster(ports, dut.aclk, dut.aresetn, reset_active_level=False)
        for part in (run.bus.write_if, run.bus.read_if):
            part.log.setLevel("ERROR")
        await run.reset(2)
        return run

    async def reset(self, cycles: int) -> None:
        """Hold the reset for some cycles; whatever is inside or under way is lost."""
        await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 0
        for _ in range(cycles):
            await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        await FallingEdge(self.dut.aclk)

    async def write(self, address: int, data: bytes) -> bool:
        """Whether a write was answered without an error."""
        done = await with_timeout(self.bus.write(address, data), PATIENCE_NS, "ns")
        return bool(done.resp == AxiResp.OKAY)

    async def read(self, address: int, size: int) -> int | None:
        """What is there, None where the answer is an error."""
        done = await with_timeout(self.bus.read(address, size), PATIENCE_NS, "ns")
        return int.from_bytes(done.data, "little") if done.resp == AxiResp.OKAY else None

    def stall(self) -> None:
        """Another pattern of stalls on every channel."""
        write, read = self.bus.write_if, self.bus.read_if
        for channel in (write.aw_channel, write.w_channel, write.b_channel):
            channel.set_pause_generator(self.stalls())
        for channel in (read.ar_channel, read.r_channel):
            channel.set_pause_generator(self.stalls())

    def stalls(self) -> Iterator[bool]:
        """A pattern of stalls at random."""
        share, seeded = self.chance.choice((0.0, 0.3, 0.9)), random.Random(self.chance.random())
        while True:
            yield seeded.random() < share

    def frame(self, sample: int) -> bytes:
        """The inputs of a sample; what is left of the last word may be anything."""
        word = shift = 0
        for words, bus in zip(self.job.inputs, self.job.design.inputs, strict=True):
            word |= words[sample] << shift
            shift += bus.bits
        width = int(self.options["width"])
        size = -(-shift // width) * width
        word |= self.chance.getrandbits(size - shift) << shift if size > shift else 0
        return word.to_bytes(size // 8, "little")

    async def load(self, sample: int) -> None:
        """Write a frame in pieces of any size, in any order."""
        data, at = self.frame(sample), 0
        pieces = []
        while at < len(data):
            size = self.chance.randrange(1, len(data) + 1)
            pieces.append((at, data[at : at + size]))
            at += size
        self.chance.shuffle(pieces)
        for at, piece in pieces:
            if not await self.write(self.options["inputs_at"] + at, piece):
                self.board.complain("inputs were answered with an error")

    async def finish(self) -> None:
        """Wait until an answer is there."""
        for _ in range(1000):
            if await self.read(0, 4) == WAITS:
                return
        self.board.complain("no answer came")

    async def compare(self, sample: int) -> None:
        """Read all outputs, and compare them with what is due."""
        bits = sum(bus.bits for bus in self.job.design.outputs)
        width = int(self.options["width"])
        word = await self.read(self.options["outputs_at"], -(-bits // width) * width // 8)
        if word is None or word >> bits:
            self.board.complain(f"the outputs are {word}")
            return
        seen = []
        for bus in self.job.design.outputs:
            seen.append(word & (1 << bus.bits) - 1)
            word >>= bus.bits
        self.board.compare(sample, seen)

    async def answer(self, sample: int) -> None:
        """Take a sample through the design; a second start while it is inside is refused."""
        await self.load(sample)
        if not await self.write(0, b"\x01"):
            self.board.complain("a start was answered with an error")
        if self.chance.random() < 0.5:
            await self.write(0, b"\x01")
        await self.finish()
        await self.compare(sample)


@cocotb.test()
async def stall_patterns(dut: Any) -> None:
    """A sample with each pattern of stalls; every tenth is lost in a reset."""
    run = await Run.start(dut)
    for number in range(int(run.options["patterns"])):
        run.stall()
        sample = run.chance.randrange(run.job.samples)
        if number % 10 == 9:
            task = cocotb.start_soon(run.answer(sample))
            for _ in range(run.chance.randrange(60)):
                await FallingEdge(dut.aclk)
            task.cancel()
            await run.reset(run.chance.randrange(1, 4))
            if await run.read(0, 4) != 0:
                run.board.complain("a reset did not forget what was inside")
        else:
            await run.answer(sample)
        run.board.cycles = number
    run.board.write()


@cocotb.test()
async def wrong_accesses(dut: Any) -> None:
    """What is not there, or read only, is answered with an error and changes nothing."""
    run = await Run.start(dut)
    step, at, out = (
        int(run.options["width"]) // 8,
        run.options["inputs_at"],
        run.options["outputs_at"],
    )
    await run.answer(0)
    inside = [await run.read(step * word, 4) for word in (1, 2, 3)]
    bits = [
        sum(bus.bits for bus in buses) for buses in (run.job.design.inputs, run.job.design.outputs)
    ]
    assert inside == [run.job.design.latency, *bits], inside
    for address in (step, 3 * step, at + len(run.frame(0)), out, out + at):
        assert not await run.write(address, b"\xff"), address
    for address in (at, out - step, out + at):
        assert await run.read(address, 4) is None, address
    assert await run.write(0, b"\x02") and await run.read(0, 4) == WAITS
    await run.compare(0)
    assert run.board.wrong == 0 and not run.board.complaints, run.board.complaints


@cocotb.test()
async def promised_cycles(dut: Any) -> None:
    """An answer comes as soon as is promised, and a start meanwhile is refused."""
    run = await Run.start(dut)
    await run.load(0)
    cocotb.start_soon(run.write(0, b"\x01"))
    again = cocotb.start_soon(run.write(0, b"\x01"))
    taken = {"aw": False, "w": False}
    while not all(taken.values()):
        await FallingEdge(dut.aclk)
        for name in taken:
            valid, ready = (getattr(dut, f"s_axi_{name}{what}") for what in ("valid", "ready"))
            taken[name] |= bool(int(valid.value) and int(ready.value))
    cycles = 0
    while not int(dut.done.value):
        await FallingEdge(dut.aclk)
        cycles += 1
    assert cycles == run.options["latency"], cycles
    # The second write comes three cycles after the first, when the sample is still inside.
    assert run.job.design.latency < 4 or not await again
    await run.compare(0)
    assert run.board.wrong == 0 and not run.board.complaints, run.board.complaints
