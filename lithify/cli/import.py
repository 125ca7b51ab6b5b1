"""`lithify import`: from a net or circuit of another tool to a design file."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.screen import Screen
from lithify.ir.files import require_file
from lithify.ir.wording import counted

EXAMPLE = (
    "lithify import adder.blif -o adder.lith",
    "lithify import multiplier.aig -o multiplier.lith --name multiplier",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """What to read, where to write."""
    parser.add_argument("file", type=Path, help="a file of any format that docs/import.md lists")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .lith file to write")
    parser.add_argument("--name", help="name of the design (that of the file)")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was read; the design file holds it as it came, for `lithify compile`."""
    from lithify.compiler.report import describe
    from lithify.compiler.source import open_file

    require_file(arguments.output)
    design = open_file(arguments.file).design(arguments.name)
    design.save(arguments.output)
    origin = design.provenance.get("imported", {})
    screen.show(f"{describe(design)}; {counted(design.circuit.num_gates, 'gate')}")
    screen.show(f"written: {arguments.output}")
    return {
        "name": design.name,
        "format": origin.get("format", "lithify"),
        "input_bits": design.circuit.num_input_bits,
        "gates": design.circuit.num_gates,
        "readout": design.circuit.readout,
        "file": str(arguments.output),
    }
