"""A page about a build: what was found, what each file is, and what can be done without Lithify."""

import shlex
from fnmatch import fnmatch
from pathlib import Path

from lithify.backends.fpga.build import BuildResult
from lithify.backends.fpga.testbench import ANSWERS, BENCH, EXCHANGES, PADS, REQUESTS
from lithify.ir.files import write_atomically

PAGE = "README.md"

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
    ("top.v", "the design in Verilog"),
    (BENCH, "asks top.v in a simulator, and compares its answers"),
    (PADS, "what pads and oscillators of the chip do, for the simulator"),
    (REQUESTS, "what the testbench sends, byte by byte"),
    (ANSWERS, "what it must hear"),
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
        f"It takes {best.cells_used} of {board.device.cells} logic cells. Routed it bears "
        f"{result.fmax_mhz:.1f} MHz; its clock has",
        f"{result.clock_mhz:g} MHz. From the inputs to the outputs of the net are "
        f"{result.latency} cycles.",
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
        f"`{BENCH}` says how Verilator or Icarus Verilog run it, on the files of this folder.",
        "",
    ]
    return write_atomically(folder / PAGE, "\n".join(lines).encode())


def _line(result: BuildResult) -> str:
    """The line by which the board is asked."""
    if result.line == "uart":
        return f"its serial port ({result.rate} baud)"
    pins = ", ".join(f"{name} on {pin}" for name, pin in result.board.spi_pins.items())
    return f"an SPI bus (mode 0, at most {result.rate / 1e6:g} MHz; {pins})"


def _said(name: str) -> str:
    """What a file is."""
    return next((text for pattern, text in _FILES if fnmatch(name, pattern)), "left by a tool")
