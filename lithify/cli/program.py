"""`lithify program`: load a bitstream into a board."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.build import find_record
from lithify.cli.screen import Screen

EXAMPLE = ("lithify program build", "lithify program build --board icebreaker")


def configure(parser: argparse.ArgumentParser) -> None:
    """Which build."""
    parser.add_argument(
        "folder", type=Path, help="the folder of `lithify compile` or of `lithify build`"
    )
    parser.add_argument("--board", help="which of several builds")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was loaded into which board."""
    from lithify.backends.fpga.program import program

    folder, record = find_record(arguments.folder, arguments.board)
    bitstream = folder / str(record["bitstream"])
    program(
        bitstream,
        str(record["board"]),
        progress=lambda text: screen.say(f"  {text}"),
        log=folder / "program.log",
    )
    screen.show(f"programmed: {bitstream} into {record['board']}")
    return {"board": record["board"], "bitstream": str(bitstream)}
