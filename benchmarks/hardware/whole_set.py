"""All MNIST test digits through the Verilog of a kept net, in Verilator, against the interpreter.

Where the data are is said by LITHIFY_DATA, or they come from OpenML.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.hardware.clocks import MODELS
from lithify.backends.fpga.families import FAMILIES
from lithify.backends.fpga.in_cells import in_cells
from lithify.backends.verilog.simulate import simulate
from lithify.compiler.driver import compile as compile_design
from lithify.compiler.training import data
from lithify.ir.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and any answer was wrong."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.hardware whole-set",
        description=__doc__.splitlines()[0] if __doc__ else None,
    )
    parser.add_argument("--net", default="mnist_learned", help="a kept net (mnist_learned)")
    parser.add_argument("--data", default="mnist", help="a data set with a published split (mnist)")
    parser.add_argument(
        "--cycles", type=int, default=0, metavar="N", help="fold it to at most so many a sample"
    )
    parser.add_argument(
        "--cells",
        choices=[*FAMILIES],
        help="simulate the cells that yosys makes of the Verilog for a family of chips",
    )
    parser.add_argument("--check", action="store_true", help="fail where an answer is wrong")
    options = parser.parse_args(arguments)
    found = data.load(options.data)
    if found.standard is None:
        raise InputError(f"{options.data}: has no test samples that its authors publish")
    x, y = found.x[found.standard[1]], found.y[found.standard[1]]
    design = compile_design(MODELS / f"{options.net}.safetensors", cycles=options.cycles)
    expected = design.interpret(x)
    start = time.monotonic()
    made = design.verilog
    emitted = time.monotonic() - start
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        place, what = Path(name), "Verilog"
        if options.cells:
            made.write(place / "verilog")
            made, count = in_cells(place / "verilog", options.cells, place / "cells")
            what = f"{count:,} cells of {options.cells}"
        result = simulate(made, design.codes(x), expected, folder=place)
    right = float((expected.classes == y).mean())
    netlist = design.cells.circuit if options.cycles else design.netlist.circuit
    print(
        f"{options.net}: {netlist.num_gates:,} gates with encoder and head, latency "
        f"{result.latency}; Verilog written in {emitted:.1f} s; {what} simulated: simulator built "
        f"in {result.build_seconds:.1f} s; "
        f"{result.compared:,} of {len(x):,} samples compared in {result.seconds:.1f} s by the "
        f"clock, {result.mismatches} wrong; accuracy {right:.2%}"
    )
    return 1 if options.check and (not result.ok or result.compared < len(x)) else 0
