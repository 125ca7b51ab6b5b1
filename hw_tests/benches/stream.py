"""A bench for designs with valid/ready handshakes: stalls on both sides, resets, a scoreboard."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from lithify.hw_tests.benches.job import Job, Scoreboard
from lithify.hw_tests.benches.ports import Ports
from lithify.hw_tests.benches.whole_set import start_stream

STALLS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.7), (0.9, 0.1), (0.1, 0.9), (0.5, 0.5))
"""How likely the sender and the receiver stand still in a cycle, phase by phase."""
MOST_ANSWERS = 8
"""How many answers are taken in a pattern of stalls at random, at most."""


@dataclass(slots=True)
class Run:
    """The state of one run: what is inside the design, and what is offered to it."""

    ports: Ports
    job: Job
    board: Scoreboard
    chance: random.Random
    inside: deque[int] = field(default_factory=deque)
    offered: int | None = None
    waiting: list[int | None] | None = None

    async def cycle(self, sender: float, receiver: float, *, reset: bool = False) -> bool:
        """One clock cycle, begun at a falling edge; whether an answer was taken."""
        dut, chance = self.ports.dut, self.chance
        if self.offered is None and chance.random() >= sender:
            self.offered = chance.randrange(self.job.samples)
        self.ports.drive(
            chance.randrange(self.job.samples) if self.offered is None else self.offered
        )
        dut.in_valid.value = int(self.offered is not None)
        dut.out_ready.value = int(chance.random() >= receiver)
        dut.rst.value = int(reset)
        await ReadOnly()
        taken = False if reset else self._look()
        if reset:
            self.inside.clear()
            self.offered = self.waiting = None
        await FallingEdge(dut.clk)
        self.board.cycles += 1
        return taken

    def _look(self) -> bool:
        """Judge the handshakes of this cycle."""
        dut = self.ports.dut
        valid, ready = int(dut.out_valid.value), int(dut.out_ready.value)
        if self.waiting is not None and not valid:
            self.board.complain("out_valid fell before the answer was taken")
        answer = self.ports.read() if valid else None
        if self.waiting is not None and answer != self.waiting:
            self.board.complain("an answer changed while it waited")
        taken = bool(valid and ready)
        self.waiting = answer if valid and not ready else None
        if taken and answer is not None:
            if self.inside:
                self.board.compare(self.inside.popleft(), answer)
            else:
                self.board.complain("an answer came to which there was no question")
        if self.offered is not None and int(dut.in_ready.value):
            self.inside.append(self.offered)
            self.offered = None
        if len(self.inside) > self.job.design.latency // self.job.design.interval:
            self.board.complain(f"{len(self.inside)} samples are inside; there is no room for them")
        return taken

    async def drain(self) -> None:
        """Take every answer that is still inside; each takes a bounded time."""
        limit = 2 * self.job.design.latency + 2
        while (self.inside or self.offered is not None) and limit:
            await self.cycle(1.0, 0.0)
            limit -= 1
        if self.inside:
            self.board.complain(f"{len(self.inside)} answers never came")
            self.inside.clear()


@cocotb.test()
async def stalls_and_resets(dut: Any) -> None:
    """Every phase of stalls, each followed by a reset in the middle or by draining."""
    job = Job.load()
    board = Scoreboard(job)
    ports = Ports(dut, job)
    await start_stream(ports)
    run = Run(ports, job, board, random.Random(job.seed))
    each = max(1, job.samples // len(STALLS))
    for number, (sender, receiver) in enumerate(STALLS * 2):
        taken, limit = 0, 40 * each * job.design.interval + 10 * job.design.latency
        while taken < each and limit:
            taken += await run.cycle(sender, receiver)
            limit -= 1
        if not limit:
            board.complain(f"only {taken} of {each} answers came")
        if number % 2:
            await run.drain()
        else:
            for _ in range(run.chance.randrange(1, 4)):
                await run.cycle(sender, receiver, reset=True)
    await run.drain()
    if job.patterns:
        assert board.wrong == 0 and not board.complaints
    else:
        board.write()


@cocotb.test()
async def stall_patterns(dut: Any) -> None:
    """As many patterns of stalls as are asked for; after every tenth a reset in the middle."""
    job = Job.load()
    board = Scoreboard(job)
    ports = Ports(dut, job)
    await start_stream(ports)
    run = Run(ports, job, board, random.Random(job.seed))
    for number in range(job.patterns):
        sender, receiver = (run.chance.choice((0.0, run.chance.random() * 0.95)) for _ in range(2))
        taken, wanted = 0, run.chance.randrange(1, MOST_ANSWERS + 1)
        limit = 400 * wanted * job.design.interval + 100 * job.design.latency
        while taken < wanted and limit:
            taken += await run.cycle(sender, receiver)
            limit -= 1
        if not limit:
            board.complain(f"only {taken} of {wanted} answers came")
        if number % 10 == 9:
            await run.cycle(sender, receiver, reset=True)
        elif number % 3 == 0:
            await run.drain()
    await run.drain()
    if job.patterns:
        board.write()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Without stalls answers are taken as often as they can be once the pipeline is full."""
    job = Job.load()
    board = Scoreboard(job)
    ports = Ports(dut, job)
    await start_stream(ports)
    run = Run(ports, job, board, random.Random(job.seed))
    latency, interval = job.design.latency, job.design.interval
    times = range(latency + job.samples * interval)
    taken = [await run.cycle(0.0, 0.0) for _ in times]
    assert taken == [at >= latency and (at - latency) % interval == 0 for at in times]
    assert board.wrong == 0 and not board.complaints
