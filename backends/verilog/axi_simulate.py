"""Simulation of a design as an AXI4-Stream component, with public models at its ports."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lithify.backends.toolchain import failure
from lithify.backends.verilog.axi import emit_axi
from lithify.backends.verilog.description import FILE
from lithify.backends.verilog.interface import only_tables
from lithify.backends.verilog.verilate import Progress, build_simulator
from lithify.ir.circuit import Circuit
from lithify.ir.files import make_folder
from lithify.ir.netlist import Netlist
from lithify.ir.simulate import run

TOP = "axi_top"
BENCH = "lithify.hw_tests.benches.axi"
PATTERNS = 50


def simulate_axi(
    design: Circuit | Netlist,
    codes: ArrayLike,
    expected: Mapping[str, ArrayLike] | None = None,
    *,
    folder: Path,
    width: int,
    last: bool = True,
    every: int = 3,
    seed: int = 1,
    patterns: int = PATTERNS,
    verilog: bytes | None = None,
    timeout_s: float = 3600.0,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """What the benches found: `compared`, `mismatches`, `complaints`, `cycles` and more.

    Samples at random pass with so many `patterns` of stalls, resets and frames of wrong length
    among them; then all of them in a row, in which latency and interval are asserted: ToolFailed
    where these are wrong. `expected` has the outputs by name, by default the interpreter's, and
    `verilog` is what is simulated, by default what `emit_axi` writes.
    """
    made = emit_axi(design, name=TOP, width=width, every=every, last=last)
    described = made.described
    if expected is None:
        expected = run(only_tables(design), codes).words
    folder = make_folder(folder).resolve()
    sources = {f"{TOP}.v": verilog or made.verilog}
    simulator = build_simulator(
        sources, top=TOP, folder=folder, ports=made.ports, progress=progress
    )
    (folder / "result.json").unlink(missing_ok=True)
    (folder / FILE).write_bytes(described.to_json())
    named: dict[str, Any] = {
        f"expected_{i}": np.asarray(expected[bus.name], np.int64)
        for i, bus in enumerate(described.outputs)
    }
    np.savez(folder / "samples.npz", codes=np.asarray(codes, np.int64), **named)
    job = {"seed": seed, "stalls": 0, "width": width, "last": last, "patterns": patterns}
    promised = {"latency": made.latency, "interval": made.interval}
    (folder / "job.json").write_text(json.dumps({**job, **promised}))
    progress("the benches run")
    done = simulator.run_bench(
        BENCH, environment={"LITHIFY_JOB": str(folder)}, timeout_s=timeout_s, seed=seed
    )
    report, found = folder / "results.xml", folder / "result.json"
    failed = not report.is_file() or "<failure" in report.read_text()
    if not done.ok or failed or not found.is_file():
        raise failure("the simulation", done, folder)
    result: dict[str, Any] = json.loads(found.read_text())
    return {**result, **promised, "patterns": patterns}
