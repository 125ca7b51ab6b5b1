"""What wiring in a neighbourhood costs in accuracy, and what it buys in place and route.

Nets of three layers of logic gates learn the digits that ship with scikit-learn, their gates wired
from anywhere or from squares in a layout of side 1. Accuracy is that of the hard nets on the
held-back fifth, mean and deviation over seeds. The net of seed 0 is laid out alone, between
registers, and its clock is the median over placement seeds; wires are the placer's estimate of
their length. What is in `benchmarks/results/wiring.jsonl` is not measured again, and stands on
docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch

from lithify.backends.fpga import targets
from lithify.backends.fpga.alone import FOLDER, lay_out
from lithify.compiler.board_cells import board_cells
from lithify.compiler.driver import compile
from lithify.compiler.training.recipe import Result, run_recipe
from lithify.ir.errors import MappingError
from lithify.ir.files import write_atomically

RECORDS = Path(__file__).parent / "results" / "wiring.jsonl"
RECIPE = """
[data]
name = "digits"
test = 0.2
validation = 0.1

[net]
encoder = "uniform"
thresholds = 3
layers = [{width}, {width}, {last}]
temperature = 2.0
residual = 0
{wiring}

[train]
epochs = {epochs}
batch = 100
learning_rate = 0.05
flip = 0.03
"""
WIRES = re.compile(r"wirelen = (\d+)")
HEADINGS = ("width", "sources from", "hard %", "sd", "logic cells", "MHz", "wires")


def learn(width: int, locality: float, seed: int, epochs: int) -> Result:
    """The net of one width, wiring and seed; a side of 1 is anywhere."""
    last = width * 3 // 100 * 10
    wiring = "candidates = 1" + (f"\nlocality = {locality}" if locality < 1 else "")
    with tempfile.TemporaryDirectory(prefix="lithify-") as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text(
            RECIPE.format(width=width, last=last, wiring=wiring, epochs=epochs), "utf-8"
        )
        return run_recipe(path, seed=seed, device="cpu")


def routed(result: Result, options: argparse.Namespace) -> dict[str, Any]:
    """The logic cells, clock and wires of a net alone."""
    cells = board_cells(compile(result.net).circuit).cells.circuit
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder, board = Path(name), targets.board(options.board)
        found = lay_out(
            cells, board, folder, every=options.every, seeds=options.placements, cells=True
        )
        if found is None:
            raise MappingError(f"the net does not fit on {board.device.title}; make it smaller")
        logs = [path.read_text("utf-8") for path in (folder / FOLDER).glob("nextpnr-*.log")]
    wires = [int(WIRES.findall(log)[-1]) for log in logs]
    return {
        "cells": found.runs[0].cells_used,
        "mhz": round(found.fmax_mhz, 1),
        "wires": round(statistics.median(wires)),
    }


def measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One row for each wiring, from the records or made now."""
    shared = {key: getattr(options, key) for key in ("board", "every", "epochs", "seeds")}
    shared["placements"] = list(options.placements)
    kept = read_records(options.out)
    for width, locality in product(options.widths, options.localities):
        wanted = {"width": width, "locality": locality, **shared}
        row = next((one for one in kept if wanted.items() <= one.items()), None)
        if row is None:
            results = [
                learn(width, locality, seed, options.epochs) for seed in range(options.seeds)
            ]
            hard = [100 * one.test_accuracy for one in results]
            spread = statistics.stdev(hard) if len(hard) > 1 else 0.0
            row = wanted | {"hard": round(statistics.fmean(hard), 2), "sd": round(spread, 2)}
            row |= routed(results[0], options)
            kept.append(row)
            lines = "".join(json.dumps(one, sort_keys=True) + "\n" for one in kept)
            write_atomically(options.out, lines.encode())
        yield row


def read_records(path: Path = RECORDS) -> list[dict[str, Any]]:
    """The rows in a file, none where there is none."""
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def shown(row: Mapping[str, Any]) -> str:
    """The row as a line of a Markdown table."""
    where = "anywhere" if row["locality"] >= 1 else f"squares of side {row['locality']:g}"
    learned = (f"{row['width']:,}", where, f"{row['hard']:.2f}", f"{row['sd']:.2f}")
    laid_out = (f"{row['cells']:,}", str(row["mhz"]), f"{row['wires']:,}")
    return f"| {' | '.join((*learned, *laid_out))} |"


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows as a Markdown table."""
    return [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|", *map(shown, rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wiring", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ... (3)")
    parser.add_argument("--epochs", type=int, default=40, help="of each net (40)")
    parser.add_argument(
        "--localities", type=float, nargs="+", default=[1, 0.25], help="sides of squares (1 0.25)"
    )
    parser.add_argument(
        "--widths", type=int, nargs="+", default=[2000, 6000], help="of the layers (2000 6000)"
    )
    parser.add_argument("--board", default="ulx3s-25f", help="whose chip (ulx3s-25f)")
    parser.add_argument("--every", type=int, default=1, help="levels between registers (1)")
    parser.add_argument(
        "--placements", type=int, nargs="+", default=[1, 2, 3], help="placement seeds (1 2 3)"
    )
    parser.add_argument("--out", type=Path, default=RECORDS, help="the records")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print("\n".join(table([])))
    rows = []
    for row in measured(options):
        rows.append(row)
        print(shown(row), flush=True)
    if options.json:
        print(json.dumps(rows, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
