"""Streams and registers under random patterns of stalls, in Verilator, against the C engine.

The ports are those of whole vectors, pipelined and folded, and AXI4-Stream in beats of 8, 32 and
256 bits, with and without TLAST, and registers on AXI4-Lite, driven by the public models of
cocotbext-axi. With TLAST frames of a wrong length are among the others; every tenth pattern ends in
a reset. Then samples pass in a row without stalls, and latency and interval have to be those that
are promised. Without a design a random net of the demo's shape is simulated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.fallback import engine_for
from lithify.backends.verilog.axi_simulate import simulate_axi, simulate_axi_lite
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.folding import FANINS
from lithify.backends.verilog.simulate import simulate
from lithify.compiler.design import Design
from lithify.compiler.mapping import map_cells
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import random_codes

SAMPLES = 300
CYCLES = 250
AXI = ((8, True), (8, False), (32, True), (32, False), (256, True))


def _design(path: str | None) -> Circuit:
    from benchmarks.mutants import demo_like
    from lithify.compiler.driver import compile as compile_design

    return (Design.load(path) if path else compile_design(demo_like())).circuit


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--design", help="a .lith file, or a folder that `lithify compile` made")
    parser.add_argument("--patterns", type=int, default=1000, help="of stalls, at each kind (1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="fail where anything was wrong")
    options = parser.parse_args(arguments)
    circuit = _design(options.design)
    codes = random_codes(circuit, SAMPLES, np.random.default_rng(options.seed))
    engine = engine_for(circuit)
    scores = np.asarray(engine.scores(codes), np.int64)
    expected = {"scores": scores, "class": engine.predict(codes)[:, None], **engine.words(codes)}
    wrong = 0
    chosen = {"seed": options.seed, "patterns": options.patterns}
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        for cycles in (0, CYCLES):
            folder = Path(name, f"vectors-{cycles}")
            wrong += _vectors(circuit, codes, expected, folder, cycles, chosen)
        for width, last in AXI:
            start = time.perf_counter()
            place = Path(name, f"{width}-{last}")
            axi = simulate_axi(
                circuit, codes, expected, folder=place, width=width, last=last, **chosen
            )
            wrong += axi["mismatches"] + len(axi["complaints"])
            print(
                f"AXI4-Stream of {width} bits {'with' if last else 'without'} TLAST: "
                f"{options.patterns} patterns, {axi['compared']} answers in {axi['cycles']} "
                f"cycles, {axi['mismatches']} wrong, {len(axi['complaints'])} rules broken; "
                f"latency {axi['latency']}, a frame each {axi['interval']} cycles; "
                f"{time.perf_counter() - start:.0f} s",
                flush=True,
            )
        wrong += _registers(circuit, codes, expected, Path(name, "registers"), chosen)
    return 1 if options.check and wrong else 0


def _vectors(
    circuit: Circuit,
    codes: NDArray[np.int64],
    expected: Mapping[str, NDArray[np.int64]],
    folder: Path,
    cycles: int,
    chosen: Mapping[str, Any],
) -> int:
    """How much was wrong of the stream of whole vectors; with `cycles` of the folded one."""
    start = time.perf_counter()
    circuit = map_cells(circuit, inputs=FANINS).circuit if cycles else circuit
    made = emit(circuit, VerilogOptions(interface="stream", every=3, cycles=cycles))
    found = simulate(made, codes, expected, bench="stream", folder=folder, **chosen)
    every = f"{found.latency} cycles" if cycles else "cycle"
    print(
        f"whole vectors{', folded' if cycles else ''}: {chosen['patterns']} patterns, "
        f"{found.compared} answers in {found.cycles} cycles, {found.mismatches} wrong, "
        f"{len(found.complaints)} rules broken; latency {found.latency}, a sample each {every}; "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return found.mismatches + len(found.complaints)


def _registers(
    circuit: Circuit,
    codes: NDArray[np.int64],
    expected: Mapping[str, NDArray[np.int64]],
    folder: Path,
    chosen: Mapping[str, Any],
) -> int:
    """How much was wrong of the net as registers on a bus."""
    start = time.perf_counter()
    lite = simulate_axi_lite(circuit, codes, expected, folder=folder, **chosen)
    print(
        f"AXI4-Lite of 32 bits: {chosen['patterns']} patterns, {lite['compared']} answers, "
        f"{lite['mismatches']} wrong, {len(lite['complaints'])} rules broken; latency "
        f"{lite['latency']}; {time.perf_counter() - start:.0f} s"
    )
    return int(lite["mismatches"]) + len(lite["complaints"])


if __name__ == "__main__":
    sys.exit(main())
