"""A board design's testbench in Verilog: requests go in over its line, answers are compared.

The requests and the answers that are due to them are kept as bytes on the line.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithify.backends.fpga.build import BuildResult
from lithify.backends.fpga.targets import Board
from lithify.backends.templates import filled
from lithify.backends.verilog.frames import END, Status, frame, layout_of, requests, to_bytes
from lithify.backends.verilog.interface import only_tables
from lithify.ir.circuit import Circuit
from lithify.ir.files import write_atomically
from lithify.ir.netlist import Netlist
from lithify.ir.simulate import random_codes, run

BENCH, PADS, EXCHANGES = "testbench.v", "pads.v", "exchanges.json"
REQUESTS, ANSWERS = "requests.hex", "answers.hex"
SAMPLES = 8

_HERE = Path(__file__).parent
_SAID = {"uart": "its serial port", "spi": "its SPI bus"}
_WAITING = {"uart": ("1", "#(BIT)"), "spi": ("8", "send(END)")}


def write_testbench(folder: Path, circuit: Circuit | Netlist, result: BuildResult) -> None:
    """The testbench of a build and random exchanges with its design, for people and for Verilog."""
    sent, due = exchanges(circuit)
    said = {
        "line": result.line,
        "rate": result.rate,
        "exchanges": [
            {"send": a.hex(), "receive": b.hex()} for a, b in zip(sent, due, strict=True)
        ],
    }
    write_atomically(folder / EXCHANGES, (json.dumps(said, indent=1) + "\n").encode())
    # An answer may follow any number of ENDs, so the testbench compares from its tag on.
    bare = [answer.removeprefix(bytes([END])) for answer in due]
    write_atomically(folder / REQUESTS, _hex(sent))
    write_atomically(folder / ANSWERS, _hex(bare))
    write_atomically(folder / PADS, (_HERE / PADS).read_bytes())
    text = filled(_HERE / "testbench.v.in", _values(result, sent, bare))
    write_atomically(folder / BENCH, text.encode())


def exchanges(circuit: Circuit | Netlist) -> tuple[list[bytes], list[bytes]]:
    """Random requests to a design and the answers that are due, as frames."""
    tables = only_tables(circuit)
    layout = layout_of(tables)
    codes: NDArray[np.int64] = random_codes(tables, SAMPLES, np.random.default_rng(0))
    words = run(tables, codes).words
    values = np.concatenate([words[port.name] for port in layout.outputs], axis=1)
    bodies = enumerate(to_bytes(layout.outputs, values))
    answers = [frame(bytes([tag, Status.OK]) + body) for tag, body in bodies]
    return list(requests(layout, codes)), answers


def clock_pin(board: Board) -> str | None:
    """The port of the board's clock; None where the chip makes its own."""
    platform = board.new_platform()
    named = (platform.default_clk, 0) in platform.resources
    return f"{platform.default_clk}_0__io" if named else None


def _values(result: BuildResult, sent: Sequence[bytes], due: Sequence[bytes]) -> dict[str, str]:
    """What the testbench has to be told of a design."""
    clock = clock_pin(result.board)
    cycles = round(result.clock_mhz * 1e6 / result.rate)
    longest = 10 * (max(map(len, sent)) + max(map(len, due)) + 10)
    step, wait = _WAITING[result.line]
    numbers = {
        "EXCHANGES": len(sent),
        "PATIENCE": longest + result.latency // cycles,
        "HALF": f"{500 / result.clock_mhz:.3f}",
        "CYCLES": cycles,
        "LAST_REQUEST": sum(map(len, sent)) - 1,
        "LAST_ANSWER": sum(map(len, due)) - 1,
        "STEP": step,
    }
    line = filled(
        _HERE / f"testbench_{result.line}.v.in",
        {"CLOCK": f", .{clock}(clk_pin)" if clock else ""},
    )
    texts = {"SAID": _SAID[result.line], "WAIT": wait, "LINE": line.rstrip()}
    return texts | {name: str(value) for name, value in numbers.items()}


def _hex(frames: Sequence[bytes]) -> bytes:
    """One frame a paragraph; the first digit of its last byte is 1."""
    lines = []
    for data in frames:
        words = [f"{byte:03x}" for byte in data]
        words[-1] = f"1{words[-1][1:]}"
        lines += [" ".join(words[i : i + 24]) for i in range(0, len(words), 24)]
        lines.append("")
    return "\n".join(lines).encode()
