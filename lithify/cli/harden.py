"""`lithify harden`: the hard net of a trained model, in a small file."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.screen import Screen

EXAMPLE = ("lithify harden digits.safetensors -o digits-hard.safetensors",)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which model, and where to."""
    parser.add_argument("model", type=Path, help="a model that `lithify train` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model file to write")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The sizes; the file compiles to the same circuit, and cannot be trained further."""
    from lithify.compiler.nets import load, save

    model = load(arguments.model)
    save(model.net, arguments.output, hard=True, provenance=model.provenance)
    before, after = (path.stat().st_size for path in (arguments.model, arguments.output))
    screen.show(f"{before:,} bytes became {after:,}; written: {arguments.output}")
    return {"model": str(arguments.output), "bytes": after, "bytes_before": before}
