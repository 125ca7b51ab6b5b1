"""A bench for designs with AXI4-Stream ports, driven by the public models of cocotbext-axi.

Beside what every bench is told, `job.json` has the `width` of a beat, whether frames end where
tlast says (`last`), the `latency` and `interval` that are promised, and how many random `patterns`
of stalls are tried.
"""

import json
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from lithify.hw_tests.benches.job import Job, Scoreboard

MOST_FRAMES = 4
"""How many frames a pattern of stalls has at most."""
PATIENCE_NS = 40_000
"""How long an answer may take with the worst of stalls; a clock cycle has 2 ns."""
WRONG = 0.15
"""The share of frames that are too short or too long."""


@dataclass(slots=True)
class Run:
    """A design under test: the models at its ports, and the frames that wait for their answers."""

    dut: Any
    job: Job
    board: Scoreboard
    chance: random.Random
    options: dict[str, Any]
    source: Any = None
    sink: Any = None
    waiting: deque[int | None] = field(default_factory=deque)
    ended: list[int] = field(default_factory=list)
    began: list[int] = field(default_factory=list)

    @classmethod
    async def start(cls, dut: Any) -> "Run":
        """A design that was reset, with its models."""
        job = Job.load()
        options = json.loads((job.folder / "job.json").read_text())
        run = cls(dut, job, Scoreboard(job), random.Random(job.seed), options)
        dut.aresetn.value = 1
        Clock(dut.aclk, 2, "ns").start(start_high=False)
        ports = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False}
        ports["byte_lanes"] = 1
        run.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **ports)
        run.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **ports)
        for model in (run.source, run.sink):
            model.log.setLevel("ERROR")
        await run.reset(2)
        cocotb.start_soon(run.watch())
        return run

    async def reset(self, cycles: int) -> None:
        """Hold the reset for some cycles; whatever is inside or under way is lost."""
        await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 0
        self.source.clear()
        for _ in range(cycles):
            await FallingEdge(self.dut.aclk)
        self.sink.clear()
        self.waiting.clear()
        self.dut.aresetn.value = 1

    async def watch(self) -> None:
        """In every cycle: what is offered stays until it is taken; note when frames end and begin.

        Both ports are looked at just before the rising edge.
        """
        dut, held, first = self.dut, None, True
        has_last = self.options["last"]
        count = 0
        while True:
            await FallingEdge(dut.aclk)
            await ReadOnly()
            self.board.cycles += 1
            if not int(dut.aresetn.value):
                held, first, count = None, True, 0
                continue
            if int(dut.s_axis_tvalid.value) and int(dut.s_axis_tready.value):
                count += 1
                if int(dut.s_axis_tlast.value) if has_last else count == self.beats_in:
                    self.ended.append(self.board.cycles)
                    count = 0
            valid, ready = int(dut.m_axis_tvalid.value), int(dut.m_axis_tready.value)
            shown = (int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value)) if valid else None
            if held is not None and shown != held:
                self.board.complain("what m_axis offers changed before it was taken")
            held = shown if valid and not ready else None
            if valid and ready:
                if first:
                    self.began.append(self.board.cycles)
                first = bool(int(dut.m_axis_tlast.value))

    @property
    def beats_in(self) -> int:
        """Beats of a whole frame."""
        return -(-sum(bus.bits for bus in self.job.design.inputs) // int(self.options["width"]))

    def send(self, sample: int, beats: int | None = None) -> None:
        """Offer the frame of a sample, or one of another length."""
        word = shift = 0
        for words, bus in zip(self.job.inputs, self.job.design.inputs, strict=True):
            word |= words[sample] << shift
            shift += bus.bits
        width = int(self.options["width"])
        # What is left of the last beat may be anything.
        word |= self.chance.getrandbits(width) << shift
        data = [word >> width * i & (1 << width) - 1 for i in range(beats or self.beats_in)]
        self.source.send_nowait(AxiStreamFrame(data))
        self.waiting.append(sample if beats in (None, self.beats_in) else None)

    async def receive(self) -> None:
        """Compare the next answer with what is due; SimTimeoutError where none comes."""
        frame = await with_timeout(self.sink.recv(compact=False), PATIENCE_NS, "ns")
        sample = self.waiting.popleft()
        wrong = {bool(flag) for flag in frame.tuser} if self.options["last"] else {False}
        if wrong != {sample is None}:
            self.board.complain(f"tuser is {frame.tuser} for sample {sample}")
        word = sum(beat << int(self.options["width"]) * i for i, beat in enumerate(frame.tdata))
        seen = []
        for bus in self.job.design.outputs:
            seen.append(word & (1 << bus.bits) - 1)
            word >>= bus.bits
        beats = -(-sum(b.bits for b in self.job.design.outputs) // int(self.options["width"]))
        if len(frame.tdata) != beats:
            self.board.complain(f"an answer has {len(frame.tdata)} beats")
        if sample is not None:
            self.board.compare(sample, seen)

    def length(self) -> int | None:
        """A wrong number of beats now and then, where frames say their end."""
        if not self.options["last"] or self.chance.random() >= WRONG:
            return None
        return self.chance.randrange(1, 2 * self.beats_in + 2)

    def stalls(self) -> Iterator[bool]:
        """A pattern of stalls: at random so often, or in bursts."""
        share, burst = self.chance.choice((0.0, 0.2, 0.5, 0.8, 0.95)), self.chance.randrange(1, 9)
        seeded = random.Random(self.chance.random())
        while True:
            stands = seeded.random() < share
            for _ in range(seeded.randrange(1, burst + 1)):
                yield stands


@cocotb.test()
async def stall_patterns(dut: Any) -> None:
    """Some frames with each pattern of stalls; after every tenth a reset in the middle."""
    run = await Run.start(dut)
    for number in range(int(run.options["patterns"])):
        run.source.set_pause_generator(run.stalls())
        run.sink.set_pause_generator(run.stalls())
        for _ in range(run.chance.randrange(1, MOST_FRAMES + 1)):
            run.send(run.chance.randrange(run.job.samples), run.length())
        if number % 10 == 9:
            for _ in range(run.chance.randrange(3 * run.beats_in + 20)):
                await FallingEdge(dut.aclk)
            await run.reset(run.chance.randrange(1, 4))
        while run.waiting:
            await run.receive()
    run.board.write()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Every sample without stalls: answers are due in the cycle that is promised."""
    run = await Run.start(dut)
    for sample in range(run.job.samples):
        run.send(sample)
    while run.waiting:
        await run.receive()
    assert run.board.wrong == 0 and not run.board.complaints, run.board.complaints
    assert run.began[0] - run.ended[0] == run.options["latency"], (run.began[0], run.ended[0])
    gaps = {b - a for a, b in zip(run.began[:-1], run.began[1:], strict=True)}
    assert gaps == {run.options["interval"]}, gaps
