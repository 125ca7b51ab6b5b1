"""`lithify report`: what a design is made of, what was built, simulated and proved."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.cli import build, simulate
from lithify.cli.screen import Screen
from lithify.cli.verify import show_certificate
from lithify.ir.errors import FormatError

if TYPE_CHECKING:
    from lithify.compiler.design import Design
    from lithify.ir.circuit import Circuit

# What a report says of how the net was trained, where the design knows it.
KNOWN = (
    "data",
    "seed",
    "test_accuracy",
    "soft_test_accuracy",
    "validation_accuracy",
    "test_samples",
)
EXAMPLE = (
    "lithify report build",
    "lithify report digits.lith --cells --json",
    "lithify report build --xilinx xc7",
)
# Inputs of the tables that FPGAs have.
CELLS = (6, 4)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design."""
    parser.add_argument("design", type=Path, help="a .lith file, or a folder of `lithify compile`")
    parser.add_argument(
        "--cells",
        action="store_true",
        help="also map to tables of six and of four inputs, count them by part, and prove them",
    )
    parser.add_argument(
        "--xilinx",
        metavar="FAMILY",
        help="also count the cells that yosys makes of the Verilog for xc7, xcu or xcup",
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """Sizes by part and stage, layers, and the records found beside the design."""
    from lithify.compiler import report
    from lithify.compiler.design import Design

    design = Design.load(arguments.design)
    folder = build.home(arguments.design)
    result = report.data(design)
    screen.show(report.describe(design))
    for key in KNOWN:
        if key in design.provenance:
            screen.show(f"  {key.replace('_', ' ')}: {design.provenance[key]}")
    headings, *rows = report.table(design)
    screen.table(headings, rows)
    if layers := report.layers(design.circuit):
        screen.table(("layer", "gates left"), list(layers.items()))
    builds = []
    for path in sorted([*folder.glob(f"*/{build.RECORD}"), *folder.glob(build.RECORD)]):
        if record := own_record(path, design, "built", "build", screen):
            builds.append(record)
            build.show(record, screen)
    for path in sorted(folder.glob(simulate.RECORDS)):
        if record := own_record(path, design, "simulated", "simulate", screen):
            result[path.stem] = record
            simulate.show(record, screen)
    show_certificate(design.certificate, screen)
    if arguments.cells:
        result["cells"] = count_cells(design.circuit, screen)
    if arguments.xilinx:
        result["xilinx"] = count_xilinx(folder, arguments.xilinx, screen)
    return {**result, "builds": builds}


def count_xilinx(folder: Path, family: str, screen: Screen) -> Mapping[str, object]:
    """The cells of the Verilog in a folder for a family of Xilinx, shown and as data."""
    from lithify.backends.fpga.xilinx import luts, xilinx_cells
    from lithify.compiler.output import VERILOG

    screen.say(f"  synthesising the Verilog for {family}")
    cells = xilinx_cells(folder / VERILOG, family)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in cells.items())
    screen.show(f"yosys, {family}, not placed: {luts(cells):,} tables; {kinds}")
    return {"family": family, "luts": luts(cells), "cells": cells}


def count_cells(circuit: "Circuit", screen: Screen) -> list[dict[str, Any]]:
    """The tables of each part, of six and of four inputs, and whether they are proved."""
    from lithify.compiler.mapping import map_cells
    from lithify.compiler.proof.mapped import prove_cells
    from lithify.compiler.proof.verdict import Proved, explain

    rows: list[dict[str, Any]] = []
    with screen.progress("mapping") as bar:
        for done, inputs in enumerate(CELLS):
            bar(done, len(CELLS), f"tables of {inputs} inputs")
            cells = map_cells(circuit, inputs=inputs)
            verdict = prove_cells(circuit, cells)
            parts = cells.circuit.size_by_part()
            rows.append(
                {
                    "cells": f"LUT{inputs}",
                    **{part or "other": count for part, count in parts.items()},
                    "total": cells.circuit.num_gates,
                    "depth": cells.circuit.depth,
                    "proved": isinstance(verdict, Proved),
                    "verdict": explain(verdict, circuit),
                }
            )
        bar(len(CELLS), len(CELLS))
    screen.table(list(rows[0])[:-1], [list(row.values())[:-1] for row in rows])
    for row in rows:
        screen.show(f"{row['cells']}: {row['verdict']}")
    return rows


def own_record(
    path: Path, design: "Design", made: str, verb: str, screen: Screen
) -> dict[str, Any] | None:
    """The record of this very design; None, and a line that says so, where it is another's."""
    record = read_record(path)
    if build.is_of(record, design):
        return record
    screen.show(f"{path}: {made} from another design: run `lithify {verb}` again")
    return None


def read_record(path: Path) -> dict[str, Any]:
    """The JSON object in a file that a verb left."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: damaged ({error}); run the verb that made it again") from error
    if not isinstance(record, dict):
        raise FormatError(f"{path}: no record; run the verb that made it again")
    return record
