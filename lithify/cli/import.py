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
    "lithify import net.npz -o net.lith --classes 10",
    "lithify import tfc.onnx -o tfc.lith",
    "lithify import state.pt -o net.lith --classes cat,dog --wiring wires.npz",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """What to read, where to write."""
    parser.add_argument("file", type=Path, help="a file of any format that docs/import.md lists")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .lith file to write")
    parser.add_argument("--name", help="name of the design (that of the file)")
    parser.add_argument("--classes", help="how many classes a net has, or their names: a,b,c")
    parser.add_argument("--inputs", type=int, help="how many bits, or features, a net reads")
    parser.add_argument("--wiring", type=Path, help="an .npz file with the wires of a net")
    parser.add_argument("--parametrisation", help="raw, warp or light, for torchlogix")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was read; the design file holds it as it came, for `lithify compile`."""
    from lithify.compiler.importers.hints import Hints
    from lithify.compiler.report import describe
    from lithify.compiler.source import open_file

    require_file(arguments.output)
    hints = Hints(
        classes=classes_of(arguments.classes),
        inputs=arguments.inputs,
        wiring=arguments.wiring,
        parametrisation=arguments.parametrisation,
    )
    design = open_file(arguments.file, hints).design(arguments.name)
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


def classes_of(text: str | None) -> int | tuple[str, ...] | None:
    """A number of classes, or their names."""
    if text is None:
        return None
    return int(text) if text.isdecimal() else tuple(name.strip() for name in text.split(","))
