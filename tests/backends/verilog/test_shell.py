"""The shell around a small made-up core, in Amaranth's own simulator."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from uart_lines import levels, received

from lithify.backends.verilog.frames import (
    END,
    ESC,
    Answer,
    Layout,
    Status,
    Unframer,
    decode_answer,
    frame,
    requests,
)
from lithify.backends.verilog.lines import line_of
from lithify.backends.verilog.shell import Shell, Wires
from lithify.ir.ports import Port

CYCLES = 4
LAYOUT = Layout(
    (
        Port("a", 5, 3, "uint", 0, 16),
        Port("b", 12, 2, "int", -2000, 2000),
        Port("c", 1, 1, "bit"),
        Port("d", 8, 1),
    ),
    (Port("sum", 14, 1, "int"), Port("copy", 8, 2), Port("low", 3, 1)),
)
ROWS = np.array(
    [
        [0, 1, 2, 3, 4, 1, 5],
        [16, 16, 16, 2000, 2000, 1, 255],
        [0, 0, 0, -2000, -2000, 0, 0],
        [9, 8, 7, -192, 219, 1, END],
        [1, 1, 1, -1, 0xDB, 0, ESC],
    ]
)


class Sums(wiring.Component):
    """Adds all inputs and copies one, through three rows of registers."""

    latency = 3

    def __init__(self) -> None:
        inputs = {port.name: In(port.bits) for port in LAYOUT.inputs}
        super().__init__({**inputs, **{port.name: Out(port.bits) for port in LAYOUT.outputs}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        terms = [self.a.word_select(i, 5) for i in range(3)] + [self.c, self.d]
        terms += [self.b.word_select(i, 12).as_signed() for i in range(2)]
        value = Cat(sum(terms[1:], terms[0])[:14], self.d, ~self.d, self.d[:3])
        for i in range(self.latency):
            row = Signal(len(value), name=f"row_{i}")
            m.d.sync += row.eq(value)
            value = row
        m.d.comb += Cat(self.sum, self.copy, self.low).eq(value)
        return m


def expected(row: np.ndarray) -> dict[str, list[int]]:
    d = int(row[6])
    return {"sum": [int(row.sum())], "copy": [d, 255 - d], "low": [d % 8]}


@dataclass
class Run:
    """What came back, and whether the shell was ever busy."""

    answers: list[Answer]
    busy: bool
    failed: bool


def exchange(line: list[int], *, reset_at: int = -1) -> Run:
    """The answers of the shell to a line's levels, then to an idle line."""
    core = Sums()
    wires = Wires(
        core,
        tuple(getattr(core, port.name) for port in LAYOUT.inputs),
        tuple(getattr(core, port.name) for port in LAYOUT.outputs),
        core.latency,
    )
    shell = Shell(wires, LAYOUT, line=line_of("uart", CYCLES))
    top, reset = Module(), Signal()
    top.submodules.shell = ResetInserter(reset)(shell)
    state = Cat(shell.tx, shell.busy, shell.failed)
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for i, level in enumerate(line + [1] * (CYCLES * 10 * 14)):
            ctx.set(shell.rx, level)
            if i == reset_at or i == reset_at + 1:
                ctx.set(reset, i == reset_at)
            await ctx.tick()
            seen.append(ctx.get(state))

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    bodies = list(Unframer().feed(received((now & 1 for now in seen), CYCLES)))
    assert None not in bodies
    answers = [decode_answer(LAYOUT, body) for body in bodies if body]
    return Run(answers, any(now & 2 for now in seen), any(now & 4 for now in seen))


def send(*parts: bytes, gap: int = 0) -> Run:
    return exchange(levels(b"".join(parts), CYCLES, gap=gap))


def outputs(answer: Answer) -> dict[str, list[int]]:
    assert answer.status is Status.OK
    return {name: values.tolist() for name, values in answer.outputs.items()}


def test_every_row_is_answered_in_turn() -> None:
    frames = requests(LAYOUT, ROWS, first_tag=190)
    idle = [1] * (CYCLES * 10 * 8)
    line = [level for one in frames for level in levels(one, CYCLES) + idle]
    run = exchange(line)
    assert [answer.tag for answer in run.answers] == [190, 191, 192, 193, 194]
    assert [outputs(answer) for answer in run.answers] == [expected(row) for row in ROWS]
    assert run.busy and not run.failed


def test_requests_may_follow_each_other_at_once() -> None:
    run = send(*requests(LAYOUT, ROWS))
    assert [outputs(answer) for answer in run.answers] == [expected(row) for row in ROWS]


def bad_row(column: int, value: int) -> bytes:
    row = ROWS[:1].copy()
    row[0, column] = value
    return requests(LAYOUT, row)[0]


@pytest.mark.parametrize(
    ("column", "value"), [(0, 17), (2, 255), (3, 2001), (4, -2001), (3, -32768), (5, 2)]
)
def test_a_value_out_of_range_is_refused(column: int, value: int) -> None:
    run = send(bad_row(column, value), requests(LAYOUT, ROWS[1:2], first_tag=7)[0], gap=60)
    assert run.failed
    refused, answered = run.answers
    assert (refused.tag, refused.status) == (0, Status.RANGE)
    assert (answered.tag, outputs(answered)) == (7, expected(ROWS[1]))


BODY = bytes([5, 1, 2, 3, 4, 0, 5, 0, 1, 6])
GOOD = requests(LAYOUT, ROWS[3:4], first_tag=77)[0]


@pytest.mark.parametrize(
    ("garbage", "statuses"),
    [
        (b"", []),
        (bytes([0x55, 0xAA, ESC, 0x00]), []),
        (bytes([END, END, END]), []),
        (frame(BODY)[:4], [Status.CORRUPT]),
        (frame(BODY)[:-2] + bytes([0x99, END]), [Status.CORRUPT]),
        (bytes([END, 1, ESC, 2, 3, END]), [Status.CORRUPT]),
        (bytes([END, 1, ESC, END]), [Status.CORRUPT]),
        (bytes([END, 0, END]), [Status.LENGTH]),
        (frame(BODY[:-1]), [Status.LENGTH]),
        (frame(BODY + b"\x00"), [Status.LENGTH]),
        (frame(BODY * 4), [Status.LENGTH]),
        (frame(BODY[:5]) + frame(BODY * 2), [Status.LENGTH, Status.LENGTH]),
    ],
)
def test_a_good_frame_is_answered_whatever_stood_before(
    garbage: bytes, statuses: list[Status]
) -> None:
    run = send(garbage, GOOD, gap=80)
    assert [answer.status for answer in run.answers] == [*statuses, Status.OK]
    assert run.answers[-1].tag == 77
    assert outputs(run.answers[-1]) == expected(ROWS[3])


def test_a_missing_stop_bit_corrupts_a_frame() -> None:
    line = levels(frame(BODY), CYCLES)
    stop = CYCLES * (10 * 4 + 9)
    assert line[stop : stop + CYCLES] == [1] * CYCLES
    line[stop : stop + CYCLES] = [0] * CYCLES
    run = exchange(line + [1] * 400 + levels(GOOD, CYCLES))
    assert [answer.status for answer in run.answers] == [Status.CORRUPT, Status.OK]


def test_a_glitch_is_not_a_start_bit() -> None:
    run = exchange([1, 0, 1, 1, 1, 1, 1, 1] + levels(GOOD, CYCLES))
    assert [answer.status for answer in run.answers] == [Status.OK]


def test_what_comes_before_the_answer_has_begun_is_dropped() -> None:
    long = [frame(bytes([tag])) for tag in range(1, 6)]
    run = send(*long, GOOD, gap=0)
    tags = [answer.tag for answer in run.answers]
    assert tags[0] == 1 and len(tags) < 6
    assert all(answer.status is Status.LENGTH for answer in run.answers if answer.tag != 77)


def test_a_reset_in_the_middle_drops_the_request() -> None:
    half = levels(requests(LAYOUT, ROWS[:1])[0], CYCLES)
    line = half + [1] * (10 * CYCLES) + levels(GOOD, CYCLES)
    run = exchange(line, reset_at=len(half) // 2)
    assert [answer.tag for answer in run.answers] == [77]
    assert outputs(run.answers[0]) == expected(ROWS[3])
