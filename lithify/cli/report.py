"""`lithify report`: what a design is made of, what was built, simulated and proved."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lithify.cli import build, simulate
from lithify.cli.screen import Screen
from lithify.cli.verify import show_certificate
from lithify.ir.errors import FormatError

# What a report says of how the net was trained, where the design knows it.
KNOWN = (
    "data",
    "seed",
    "test_accuracy",
    "soft_test_accuracy",
    "validation_accuracy",
    "test_samples",
)
EXAMPLE = ("lithify report build", "lithify report digits.lith --json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design."""
    parser.add_argument("design", type=Path, help="a .lith file, or a folder of `lithify compile`")


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
    digest = design.circuit.digest
    builds = []
    for path in sorted(folder.glob(f"*/{build.RECORD}")):
        if record := own_record(path, digest, "built", "build", screen):
            builds.append(record)
            build.show(record, screen)
    simulated = folder / simulate.RECORD
    if simulated.is_file() and (
        record := own_record(simulated, digest, "simulated", "simulate", screen)
    ):
        result["simulation"] = record
        simulate.show(record, screen)
    show_certificate(design.certificate, screen)
    return {**result, "builds": builds}


def own_record(
    path: Path, digest: str, made: str, verb: str, screen: Screen
) -> dict[str, Any] | None:
    """The record of this very circuit; None, and a line that says so, where it is another's."""
    record = read_record(path)
    if record.get("circuit") == digest:
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
