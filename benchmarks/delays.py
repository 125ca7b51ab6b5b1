"""The clock that is expected of a net before it is routed, against that of its routed layout.

Nets are laid out alone between registers on one board, with a row of registers after so many
levels, one placement seed each. The expectation is that of `lithify.backends.fpga.delay`. With
--fit the four figures of the device are fitted anew to what was found. With --keep layouts that
are in that file already are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from lithify.backends.fpga.alone import lay_out
from lithify.backends.fpga.delay import LEAST, predicted_ns
from lithify.backends.fpga.targets import board
from lithify.compiler.board_cells import board_cells
from lithify.compiler.design import Design
from lithify.compiler.driver import compile as compile_design
from lithify.ir.circuit import Circuit
from lithify.ir.files import write_atomically

NETS = ("iris", "digits")
EVERY = (0, 1, 2, 3, 5, 8)
BAR = 0.15
MODELS = Path(__file__).parents[1] / "examples" / "models"


@dataclass(frozen=True, slots=True)
class Layout:
    """One routed net: its tables, the most levels between two rows, and its clock."""

    net: str
    board: str
    every: int
    tables: int
    levels: int
    mhz: float

    @property
    def error(self) -> float:
        """How far the expected period is off, as a share of the routed one."""
        device = board(self.board).device
        return predicted_ns(device, tables=self.tables, levels=self.levels) * self.mhz / 1000 - 1


def _cells(net: str) -> Circuit:
    path = Path(net)
    model = MODELS / f"{net}.safetensors"
    design = Design.load(path) if path.exists() else compile_design(model)
    return board_cells(design.circuit).cells.circuit


def _measure(net: str, cells: Circuit, target: str, every: int) -> Layout | None:
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        found = lay_out(cells, board(target), Path(name), every=every, seeds=(1,), cells=True)
    if found is None:
        return None
    levels = min(every or cells.depth, cells.depth)
    return Layout(Path(net).name, target, every, cells.num_gates, levels, found.fmax_mhz)


def fit(layouts: Sequence[Layout]) -> list[int]:
    """The four figures, in picoseconds, with the least sum of squares of relative errors."""
    from scipy.optimize import lsq_linear

    rows = []
    for one in layouts:
        doublings = math.log2(max(one.tables, LEAST))
        row = [1, doublings, one.levels, one.levels * doublings]
        rows.append([value * one.mhz / 1000 for value in row])
    bounds = [-np.inf, 0, 0, 0], [np.inf] * 4
    found = lsq_linear(np.array(rows), np.ones(len(rows)), bounds=bounds).x
    return [round(1000 * value) for value in found.tolist()]


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and the median error is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--board", default="hx8k-evn")
    parser.add_argument("--nets", nargs="+", default=NETS, help="kept nets, or designs")
    parser.add_argument("--every", type=int, nargs="+", default=EVERY)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="JSON of the layouts made so far")
    parser.add_argument("--fit", action="store_true", help="fit the figures of the device anew")
    parser.add_argument("--check", action="store_true", help="fail beyond 15 %% of error, median")
    options = parser.parse_args(arguments)
    keep: Path | None = options.keep
    kept = json.loads(keep.read_text("utf-8")) if keep and keep.is_file() else {}
    layouts = []
    for net in options.nets:
        cells = None
        for every in options.every:
            key = f"{Path(net).name} {options.board} {every}"
            if key not in kept:
                cells = cells or _cells(net)
                made = _measure(net, cells, options.board, every)
                if made is None:
                    print(f"{key}: not routed")
                    continue
                kept[key] = [made.tables, made.levels, made.mhz]
                if keep:
                    write_atomically(keep, json.dumps(kept, indent=1).encode())
            one = Layout(Path(net).name, options.board, every, *kept[key])
            layouts.append(one)
            print(
                f"{one.net:12} registers every {every} levels: {one.tables} tables, {one.mhz:.1f} "
                f"MHz routed; the expected period is off by {one.error:+.1%}",
                flush=True,
            )
    errors = [abs(one.error) for one in layouts]
    print(
        f"{options.board}: {len(layouts)} layouts, period off by {median(errors):.1%} (median), "
        f"{max(errors):.1%} (most)"
    )
    if options.fit:
        print(f"delay_ps = {fit(layouts)}")
    return 1 if options.check and median(errors) > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
