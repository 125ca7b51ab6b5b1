"""Simulation of a design as a component with AXI ports, with public models at these."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lithify.backends.toolchain import failure
from lithify.backends.verilog.axi import AxiDesign, emit_axi
from lithify.backends.verilog.axi_lite import LiteDesign, emit_axi_lite
from lithify.backends.verilog.description import EVERY, FILE
from lithify.backends.verilog.interface import only_tables
from lithify.backends.verilog.verilate import Progress, build_simulator
from lithify.ir.circuit import Circuit
from lithify.ir.files import make_folder
from lithify.ir.netlist import Netlist
from lithify.ir.simulate import run

TOP = "axi_top"
BENCH = "lithify.hw_tests.benches.axi"
LITE_BENCH = "lithify.hw_tests.benches.axi_lite"
TIMEOUT_S = 3600.0
PATTERNS = 50


def simulate_axi(
    design: Circuit | Netlist,
    codes: ArrayLike,
    expected: Mapping[str, ArrayLike] | None = None,
    *,
    folder: Path,
    width: int,
    last: bool = True,
    every: int = EVERY,
    seed: int = 1,
    patterns: int = PATTERNS,
    verilog: bytes | None = None,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """What the benches found: `compared`, `mismatches`, `complaints`, `cycles` and more.

    Samples at random pass with so many `patterns` of stalls, resets and frames of wrong length
    among them; then all of them in a row, in which latency and interval are asserted: ToolFailed
    where these are wrong. `expected` has the outputs by name, by default the interpreter's, and
    `verilog` is what is simulated, by default what `emit_axi` writes.
    """
    made = emit_axi(design, name=TOP, width=width, every=every, last=last)
    promised = {"latency": made.latency, "interval": made.interval}
    job = {"seed": seed, "stalls": 0, "width": width, "last": last, "patterns": patterns}
    found = _run(
        made, BENCH, design, codes, expected, {**job, **promised}, folder, verilog, progress
    )
    return {**found, **promised, "patterns": patterns}


def simulate_axi_lite(
    design: Circuit | Netlist,
    codes: ArrayLike,
    expected: Mapping[str, ArrayLike] | None = None,
    *,
    folder: Path,
    width: int = 32,
    every: int = EVERY,
    seed: int = 1,
    patterns: int = PATTERNS,
    verilog: bytes | None = None,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """What the benches found of the design as registers, as `simulate_axi` says it of streams.

    Samples at random are written in pieces, with so many `patterns` of stalls of all channels and
    resets among them, and without stalls the latency is asserted.
    """
    made = emit_axi_lite(design, name=TOP, width=width, every=every)
    job = {"seed": seed, "stalls": 0, "width": width, "patterns": patterns}
    places = {"latency": made.latency, "inputs_at": made.inputs_at, "outputs_at": made.outputs_at}
    found = _run(
        made, LITE_BENCH, design, codes, expected, {**job, **places}, folder, verilog, progress
    )
    return {**found, "latency": made.latency, "patterns": patterns}


def _run(
    made: AxiDesign | LiteDesign,
    bench: str,
    design: Circuit | Netlist,
    codes: ArrayLike,
    expected: Mapping[str, ArrayLike] | None,
    job: Mapping[str, Any],
    folder: Path,
    verilog: bytes | None,
    progress: Progress,
) -> dict[str, Any]:
    """What a bench leaves of a design in `folder`."""
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
    (folder / "job.json").write_text(json.dumps(job))
    progress("the benches run")
    done = simulator.run_bench(
        bench, environment={"LITHIFY_JOB": str(folder)}, timeout_s=TIMEOUT_S, seed=job["seed"]
    )
    report, found = folder / "results.xml", folder / "result.json"
    failed = not report.is_file() or "<failure" in report.read_text()
    if not done.ok or failed or not found.is_file():
        raise failure("the simulation", done, folder)
    result: dict[str, Any] = json.loads(found.read_text())
    return result
