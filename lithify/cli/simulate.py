"""`lithify simulate`: a whole data set through the Verilog, every score compared."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.build import home
from lithify.cli.screen import Screen

EXAMPLE = (
    "lithify simulate build --data test.npz",
    "lithify simulate build --data test.npz --bench stream --stalls 0.5",
)
RECORD = "simulation.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design, which data, which bench."""
    parser.add_argument("design", type=Path, help="the folder that `lithify compile` made")
    parser.add_argument("--data", type=Path, required=True, help="an .npz file with x, and maybe y")
    parser.add_argument("--limit", type=int, help="only the first so many samples")
    parser.add_argument(
        "--bench",
        choices=("whole_set", "stream"),
        default="whole_set",
        help="whole_set: every sample once; stream: stalls and resets at random, with a scoreboard",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the stalls (1)")
    parser.add_argument("--stalls", type=float, default=0.1, help="share of stalled cycles (0.1)")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was compared and what differed."""
    from lithify.backends.verilog.simulate import simulate
    from lithify.cli.samples import read_samples
    from lithify.compiler.design import Design
    from lithify.compiler.output import VERILOG
    from lithify.ir.files import write_atomically

    design = Design.load(arguments.design)
    folder = home(arguments.design)
    x, y = read_samples(arguments.data, limit=arguments.limit)
    codes = design.codes(x)
    expected = design.interpret(x)
    result = simulate(
        folder / VERILOG,
        codes,
        expected,
        bench=arguments.bench,
        folder=folder / "simulation",
        seed=arguments.seed,
        stalls=arguments.stalls,
        progress=lambda text: screen.say(f"  {text}"),
    )
    record: dict[str, object] = {
        "ok": result.ok,
        "bench": arguments.bench,
        "samples": result.samples,
        "compared": result.compared,
        "mismatches": result.mismatches,
        "first": [str(mismatch) for mismatch in result.first],
        "complaints": list(result.complaints),
        "interface": result.interface,
        "latency": result.latency,
        "cycles": result.cycles,
        "input bits toggled": list(result.input_bits),
        "output bits toggled": list(result.output_bits),
    }
    if y is not None and not result.mismatches:
        record["accuracy"] = float((expected.classes == y).mean())
    write_atomically(folder / RECORD, json.dumps(record, indent=1, sort_keys=True).encode())
    show(record, screen)
    return record


def show(record: Mapping[str, object], screen: Screen) -> None:
    """The result in words."""
    screen.show(
        f"Verilator: {record['compared']} answers compared, {record['mismatches']} wrong; "
        f"{record['interface']}, latency {record['latency']}, {record['cycles']} cycles"
    )
    for part in ("first", "complaints"):
        said = record[part]
        assert isinstance(said, list)
        for line in said[:5]:
            screen.show(f"  {line}")
    accuracy = record.get("accuracy")
    if isinstance(accuracy, float):
        screen.show(f"accuracy of the simulated Verilog: {100 * accuracy:.2f} %")
