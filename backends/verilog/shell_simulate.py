"""Simulation of a shell: a design's own samples and bad frames, over its line."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Fragment
from numpy.typing import ArrayLike

from lithify.backends.toolchain import failure
from lithify.backends.verilog.core import Core
from lithify.backends.verilog.folded import Folded
from lithify.backends.verilog.frames import Layout
from lithify.backends.verilog.lines import FEWEST_CYCLES, Line, line_of
from lithify.backends.verilog.shell import shell_of
from lithify.backends.verilog.text import verilog
from lithify.backends.verilog.verilate import build_simulator
from lithify.ir.files import make_folder
from lithify.ir.simulate import run

TOP = "shell"
BENCH = "lithify.hw_tests.benches.shell"


@dataclass(frozen=True, slots=True)
class ShellResult:
    """A simulation in which every answer was right: how many samples, how long it took."""

    samples: int
    build_seconds: float
    seconds: float
    log: Path


def emit_shell(core: Core | Folded, line: Line) -> tuple[bytes, Layout]:
    """The Verilog of a shell with the ports clk, rst and its line's, and what its frames hold."""
    shell, layout = shell_of(core, line=line)
    fragment = Fragment.get(shell, None)
    domain = ClockDomain("sync")
    fragment.add_domains(domain)
    pins = ", ".join(line.pins)
    header = [f"{TOP}: written by Lithify; on {pins} a bit takes {line.cycles} clock cycles."]
    ports = [domain.clk, domain.rst, *shell.pins.values()]
    unread = None if core.interval > 1 else ()
    return verilog(fragment, name=TOP, ports=ports, header=header, partly_read=unread), layout


def simulate_shell(
    core: Core | Folded,
    codes: ArrayLike,
    expected: Mapping[str, ArrayLike] | None = None,
    *,
    folder: Path,
    line: str = "uart",
    seed: int = 1,
    timeout_s: float = 3600.0,
    progress: Callable[[str], None] = lambda text: None,
) -> ShellResult:
    """What became of the benches; ToolFailed has their words where an answer was wrong.

    All samples of `codes` are asked for, then come garbage, damaged frames and resets. The
    answers are compared with `expected`, the outputs by name, by default the interpreter's.
    """
    made = line_of(line, FEWEST_CYCLES[line])
    text, layout = emit_shell(core, made)
    if expected is None:
        expected = run(core.interface.circuit, codes).words
    folder = make_folder(folder).resolve()
    start = time.monotonic()
    ports = ["clk", "rst", *made.pins]
    simulator = build_simulator(
        {f"{TOP}.v": text}, top=TOP, folder=folder, ports=ports, progress=progress
    )
    built = time.monotonic()
    arrays = [np.asarray(expected[port.name], np.int64) for port in layout.outputs]
    named: dict[str, Any] = {f"expected_{i}": array for i, array in enumerate(arrays)}
    np.savez(folder / "samples.npz", codes=np.asarray(codes, np.int64), **named)
    job = {
        "line": line,
        "cycles": made.cycles,
        "warm_up": 0,
        "seed": seed,
        "inputs": [asdict(port) for port in layout.inputs],
        "outputs": [asdict(port) for port in layout.outputs],
    }
    folder.joinpath("shell.json").write_text(json.dumps(job))
    progress("the benches run")
    done = simulator.run_bench(
        BENCH, environment={"LITHIFY_SHELL": str(folder)}, timeout_s=timeout_s, seed=seed
    )
    report = folder / "results.xml"
    if not done.ok or not report.is_file() or "<failure" in report.read_text():
        raise failure("the simulation", done, folder)
    return ShellResult(
        len(np.asarray(codes)), built - start, time.monotonic() - built, folder / "simulate.log"
    )
