"""Benches of a shell: requests go in over its line, answers are read off it.

LITHIFY_SHELL names a folder with `shell.json` (the kind of line, the ports, clock cycles a bit,
cycles that the design takes to start, a seed) and `samples.npz` (`codes`, and `expected_0`,
`expected_1`, … in the order of the outputs).
"""

import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from lithify.backends.verilog.frames import (
    END,
    Answer,
    Integers,
    Layout,
    Status,
    Unframer,
    frame,
    requests,
    status_of,
)
from lithify.hw_tests.benches.lines import LINES, Bus, Serial
from lithify.ir.ports import Port

PERIOD_NS = 2


@dataclass(slots=True)
class Shell:
    """A shell that has been reset, with the samples it is asked."""

    line: Serial | Bus
    codes: Integers
    expected: tuple[Integers, ...]
    chance: random.Random
    model: Unframer = field(default_factory=Unframer)

    @classmethod
    async def start(cls, dut: Any) -> "Shell":
        """Read the job, start clock and listener, reset the design."""
        folder = Path(os.environ["LITHIFY_SHELL"])
        job = json.loads((folder / "shell.json").read_text())
        layout = Layout(
            tuple(Port(**port) for port in job["inputs"]),
            tuple(Port(**port) for port in job["outputs"]),
        )
        with np.load(folder / "samples.npz", allow_pickle=False) as arrays:
            expected = tuple(arrays[f"expected_{i}"] for i in range(len(layout.outputs)))
            codes = arrays["codes"]
        line = LINES[job["line"]](dut, layout, PERIOD_NS * job["cycles"])
        line.idle()
        Clock(dut.clk, PERIOD_NS, "ns").start(start_high=False)
        await reset(dut)
        await ClockCycles(dut.clk, 1 + job["warm_up"])
        line.listen()
        return cls(line, codes, expected, random.Random(job["seed"]))

    def request(self, sample: int, tag: int) -> bytes:
        """The frame that asks for a sample."""
        return requests(self.line.layout, self.codes[sample : sample + 1], first_tag=tag)[0]

    async def ask(self, sample: int, tag: int) -> None:
        """Send a request and compare its answer, class and scores alike."""
        await self.exchange(self.request(sample, tag), [(sample, tag)])

    async def exchange(self, data: bytes, good: Sequence[tuple[int, int]] = ()) -> None:
        """Send bytes and compare all answers; of the frames that end in them `good` are requests.

        Each of those is a sample and its tag.
        """
        layout, left = self.line.layout, list(good)
        statuses = [status_of(layout, body) for body in self.model.feed(data)]
        await self.line.send(data)
        for status in statuses:
            answer = await self.line.answer()
            assert answer.status is status, f"{answer}, expected {status!r}, to {data.hex(' ')}"
            if status is Status.OK:
                self.check(answer, *left.pop(0))
        assert not left

    def check(self, answer: Answer, sample: int, tag: int) -> None:
        """Compare an answer with what the sample must give."""
        assert answer.tag == tag, f"sample {sample}: {answer}, expected the tag {tag}"
        for port, wanted in zip(self.line.layout.outputs, self.expected, strict=True):
            seen = answer.outputs[port.name].tolist()
            assert seen == wanted[sample].tolist(), (
                f"sample {sample}: {port.name} is {seen}, expected {wanted[sample].tolist()}"
            )


async def reset(dut: Any) -> None:
    """Hold the reset for two cycles."""
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 1)


@cocotb.test()
async def every_sample(dut: Any) -> None:
    """Requests one by one and, where the answers are much shorter, at once."""
    shell = await Shell.start(dut)
    layout = shell.line.layout
    for sample in range(len(shell.codes)):
        await shell.ask(sample, sample % 256)
        await ClockCycles(dut.clk, shell.chance.randrange(60))
    if 2 * layout.answer_bytes + 8 < layout.request_bytes:
        burst = [(sample, 100 + sample) for sample in range(min(4, len(shell.codes)))]
        await shell.exchange(b"".join(shell.request(*one) for one in burst), burst)
    cocotb.log.info("compared %d samples", len(shell.codes))


@cocotb.test()
async def garbage(dut: Any) -> None:
    """Noise, END bytes, and a disturbed line: the next request is answered."""
    shell = await Shell.start(dut)
    noise = bytes(shell.chance.randrange(256) for _ in range(40)).replace(bytes([END]), b"")
    await shell.exchange(noise)
    await shell.ask(0, 5)
    await shell.exchange(bytes([END, END, END]))
    await shell.ask(0, 6)
    await shell.exchange(noise)
    await shell.ask(0, 7)
    await shell.line.disturb()
    await shell.line.send(bytes([END]))
    corrupt = await shell.line.answer()
    assert corrupt.status is Status.CORRUPT
    await shell.ask(0, 8)


@cocotb.test()
async def damaged_frames(dut: Any) -> None:
    """A changed bit, a missing byte, one too many, a value out of range: each has its status."""
    shell = await Shell.start(dut)
    good, size = shell.request(0, 9), shell.line.layout.request_bytes
    changed = bytes([good[1] ^ 2])
    (body,) = Unframer().feed(good)
    assert body is not None
    for data in (
        good[:1] + changed + good[2:],
        frame(body[:-1]),
        frame(body + b"\x00"),
        frame(body[:1]),
        frame(body * 3),
        good[: len(good) // 2] + bytes([END]),
        frame(body[:1] + b"\x7f" * size),
    ):
        if status_of(shell.line.layout, next(iter(Unframer().feed(data)))) is not Status.OK:
            await shell.exchange(data)
        await shell.ask(shell.chance.randrange(len(shell.codes)), shell.chance.randrange(256))


@cocotb.test()
async def reset_in_the_middle(dut: Any) -> None:
    """A reset drops the request that is coming in and the answer that is going out."""
    shell = await Shell.start(dut)
    request = shell.request(0, 1)
    await shell.line.send(request[: len(request) // 2])
    await reset(dut)
    await shell.line.send(request[len(request) // 2 :])
    shell.model = Unframer()
    assert not list(shell.model.feed(request[len(request) // 2 :]))
    await shell.ask(len(shell.codes) - 1, 2)
    await shell.line.send(request)
    await shell.line.wait(1)
    await reset(dut)
    await shell.line.wait(2)
    shell.line.unframer, shell.model = Unframer(), Unframer()
    await shell.ask(0, 3)
