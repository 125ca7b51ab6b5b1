"""What stands in the folder of a build besides the tools' files: a page about it, and exchanges.

The page says what each file is, and by which commands the bitstream is made again without Lithify.
The exchanges are requests and the answers due to them, as bytes on the line.
"""

import json
import shlex
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithify.backends.fpga.build import BuildResult
from lithify.backends.verilog.frames import Status, frame, layout_of, requests, to_bytes
from lithify.backends.verilog.interface import only_tables
from lithify.ir.circuit import Circuit
from lithify.ir.files import write_atomically
from lithify.ir.netlist import Netlist
from lithify.ir.simulate import random_codes, run

PAGE, EXCHANGES = "README.md", "exchanges.json"
SAMPLES = 8

_FILES = (
    ("top.il", "the design, in the language of yosys"),
    ("top.pcf", "its pins and its clock"),
    ("top.lpf", "its pins and its clock"),
    ("top.cst", "its pins"),
    ("synthesis.ys", "the script of yosys"),
    ("*_tables.v", "how the script makes tables"),
    ("cells.json", "the cells of each module"),
    ("top.json", "all cells, for place and route"),
    ("seed*.asc", "what was routed"),
    ("seed*.config", "what was routed"),
    ("seed*.routed", "what was routed"),
    ("seed*.json", "cells, clock and critical paths, with that placement seed"),
    ("sites.json", "where the flip-flops are, for the proof"),
    ("design.lith", "what was built, for `lithify talk` and the other verbs"),
    ("design.*", "the bitstream"),
    ("build.json", "cells by part, clocks, latency, and what is proved"),
    ("certificate.json", "what is proved of which file, and what is not"),
    (EXCHANGES, "requests and the answers due to them, in hexadecimal: docs/shell.md"),
    (PAGE, "this page"),
    ("alone", "the net alone between registers, laid out for its clock"),
    ("*.log", "all that a tool said"),
)


def write_page(folder: Path, result: BuildResult) -> Path:
    """The page of a finished build."""
    board, best = result.board, result.best
    names = sorted({path.name for path in folder.iterdir()} | {PAGE})
    rows = [f"| `{name}` | {_said(name)} |" for name in names]
    family = board.family
    placing = best.log.read_text("utf-8").split("\n", 1)[0].removeprefix("$ ")
    packing = board.filled(family.packing, routed=best.output.name, packed=family.bitstream)
    lines = [
        f"# {board.title}",
        "",
        f"Written by Lithify: a design for the {board.device.title} of this board, behind",
        f"{_line(result)}.",
        "What goes over it is written in docs/shell.md of Lithify.",
        "",
        "| file | what it is |",
        "| --- | --- |",
        *rows,
        "",
        "Without Lithify the same versions of the tools make the same bitstream of `top.il`:",
        "",
        "    yosys -s synthesis.ys",
        f"    {placing}",
        f"    {shlex.join([family.packer, *packing])}",
        f"    {shlex.join(['openFPGALoader', '--board', board.loader, *board.loader_options])} "
        f"{family.bitstream}",
        "",
    ]
    return write_atomically(folder / PAGE, "\n".join(lines).encode())


def write_exchanges(folder: Path, circuit: Circuit | Netlist, line: str, rate: int) -> Path:
    """Random requests to a design and the answers that are due."""
    tables = only_tables(circuit)
    layout = layout_of(tables)
    codes: NDArray[np.int64] = random_codes(tables, SAMPLES, np.random.default_rng(0))
    words = run(tables, codes).words
    values = np.concatenate([words[port.name] for port in layout.outputs], axis=1)
    answers = [
        frame(bytes([tag, Status.OK]) + body)
        for tag, body in enumerate(to_bytes(layout.outputs, values))
    ]
    pairs = zip(requests(layout, codes), answers, strict=True)
    data = {
        "line": line,
        "rate": rate,
        "exchanges": [{"send": a.hex(), "receive": b.hex()} for a, b in pairs],
    }
    return write_atomically(folder / EXCHANGES, (json.dumps(data, indent=1) + "\n").encode())


def _line(result: BuildResult) -> str:
    """The line by which the board is asked."""
    if result.line == "uart":
        return f"its serial port ({result.rate} baud)"
    pins = ", ".join(f"{name} on {pin}" for name, pin in result.board.spi_pins.items())
    return f"an SPI bus (mode 0, at most {result.rate / 1e6:g} MHz; {pins})"


def _said(name: str) -> str:
    """What a file is."""
    return next((text for pattern, text in _FILES if fnmatch(name, pattern)), "left by a tool")
