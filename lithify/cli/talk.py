"""`lithify talk`: send data to a programmed board and compare its answers."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.build import RECORD, find_record, home, is_of
from lithify.cli.screen import Screen
from lithify.ir.errors import InputError

EXAMPLE = ("lithify talk build --port /dev/ttyUSB1 --data test.npz --limit 100",)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which build, which port, which data."""
    parser.add_argument(
        "design", type=Path, help="the folder of `lithify compile` or of `lithify build`"
    )
    parser.add_argument("--board", help="which of several builds")
    parser.add_argument(
        "--port",
        required=True,
        help="the serial port, such as /dev/ttyUSB1; of designs built with --line spi the bus, "
        "such as /dev/spidev0.0",
    )
    parser.add_argument("--data", type=Path, required=True, help="an .npz file with x")
    parser.add_argument("--limit", type=int, help="only the first so many samples")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """How many answers of the board are those of the interpreter."""
    import numpy as np

    from lithify.backends.fpga.talk import talk
    from lithify.backends.verilog.frames import layout_of
    from lithify.cli.samples import read_samples
    from lithify.compiler.design import Design
    from lithify.ir import simulate

    design = Design.load(arguments.design)
    place, record = find_record(home(arguments.design), arguments.board)
    if not is_of(record, design):
        raise InputError(f"{place / RECORD}: built from another design: run `lithify build` again")
    x, _ = read_samples(arguments.data, limit=arguments.limit)
    codes = design.codes(x)
    circuit = design.netlist.circuit
    expected = simulate.run(circuit, codes).words
    with screen.progress("talking") as bar:
        line, rate = str(record["line"]), int(str(record["rate"]))
        layout = layout_of(circuit)
        seen = talk(arguments.port, layout, codes, line=line, rate=rate, progress=bar)
    agree = np.logical_and.reduce([(seen[n] == expected[n]).all(1) for n in expected])
    equal = int(agree.sum())
    screen.show(f"{equal} of {len(x)} answers of the board are equal, scores and class")
    return {"samples": len(x), "equal": equal, "ok": equal == len(x)}
