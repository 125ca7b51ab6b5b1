"""A bench that puts every sample through the design and compares every output."""

import random
from collections import deque
from itertools import count
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly, Timer

from lithify.hw_tests.benches.job import Job, Scoreboard
from lithify.hw_tests.benches.ports import Ports

REPORT_EVERY = 50


@cocotb.test()
async def every_sample(dut: Any) -> None:
    """All samples in order, in the way the design's interface asks for."""
    job = Job.load()
    board = Scoreboard(job)
    ports = Ports(dut, job)
    run = {"comb": settle, "pipeline": pipeline, "stream": stream}[job.design.interface]
    if job.design.latency == 0:
        run = settle
    await run(ports, job, board)
    board.write()


async def settle(ports: Ports, job: Job, board: Scoreboard) -> None:
    """Without a clock: set the inputs, wait, read the outputs."""
    for sample in range(job.samples):
        ports.drive(sample)
        await Timer(1, "ns")
        board.cycles += 1
        board.compare(sample, ports.read())
        report(board)


async def pipeline(ports: Ports, job: Job, board: Scoreboard) -> None:
    """A sample each cycle; answers are due after exactly `latency` cycles in which `en` is high.

    In the cycles in which `en` is low the inputs hold another sample, which must have no effect.
    """
    chance = random.Random(job.seed)
    await ports.start_clock()
    inside: deque[int | None] = deque([None] * job.design.latency)
    feed = iter(range(job.samples))
    while board.compared < job.samples:
        moves = chance.random() >= job.stalls
        ports.dut.en.value = int(moves)
        sample = next(feed, None) if moves else chance.randrange(job.samples)
        if sample is not None:
            ports.drive(sample)
        await ReadOnly()
        if moves:
            due = inside.popleft()
            if due is not None:
                board.compare(due, ports.read())
            inside.append(sample)
        await FallingEdge(ports.dut.clk)
        board.cycles += 1
        report(board)


async def stream(ports: Ports, job: Job, board: Scoreboard) -> None:
    """A sample whenever one is due, answers taken at once: `latency` cycles later, no sooner."""
    dut = ports.dut
    design = job.design
    await start_stream(ports)
    inside: deque[int | None] = deque([None] * design.latency)
    feed = iter(range(job.samples))
    dut.out_ready.value = 1
    for cycle in count():
        taken = cycle % design.interval == 0
        sample = next(feed, None) if taken else cycle % job.samples
        dut.in_valid.value = int(sample is not None)
        if sample is not None:
            ports.drive(sample)
        await ReadOnly()
        if int(dut.in_ready.value) != taken:
            board.complain(f"in_ready is {int(not taken)} although every answer is taken at once")
        due = inside.popleft()
        if int(dut.out_valid.value) != (due is not None):
            board.complain(f"out_valid is {int(dut.out_valid.value)} for sample {due}")
        if due is not None:
            board.compare(due, ports.read())
        inside.append(sample if taken else None)
        await FallingEdge(dut.clk)
        board.cycles += 1
        report(board)
        if board.compared == job.samples:
            return


async def start_stream(ports: Ports) -> None:
    """Start the clock and reset the design for two cycles."""
    dut = ports.dut
    dut.in_valid.value = 0
    dut.out_ready.value = 0
    dut.rst.value = 1
    await ports.start_clock()
    await FallingEdge(dut.clk)
    dut.rst.value = 0


def report(board: Scoreboard) -> None:
    """Say in the log how far the run is."""
    if board.compared and board.compared % REPORT_EVERY == 0:
        cocotb.log.info("compared %d", board.compared)
