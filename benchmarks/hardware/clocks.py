"""Routed clocks of kept nets on boards, one record for every run of place and route.

A row is a net on a board with registers after so many levels of tables (0: none inside, so that
the net stands between its input and its output registers), or folded. The net alone is laid out for
each of some placement seeds; the whole, with its serial shell, is built and proved for the first of
them.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median

from lithify.backends.fpga.alone import lay_out
from lithify.backends.fpga.build import build
from lithify.backends.fpga.synthesis import Cells
from lithify.backends.fpga.targets import board
from lithify.backends.toolchain import find_tool
from lithify.compiler.board_cells import BoardCells, board_cells
from lithify.compiler.driver import compile as compile_design
from lithify.compiler.proof.board import certify_build
from lithify.ir.errors import LithifyError

MODELS = Path(__file__).parents[2] / "examples" / "models"
SEEDS = (1, 2, 3, 4, 5)
ALONE, WHOLE = "alone", "whole"
LEAST_GAIN = 2.0
"""How much faster than the plain net the fastest pipeline has to be."""


@dataclass(frozen=True, slots=True)
class Row:
    """A net on a board, its registers, and the placement seeds of the net alone.

    With `cycles` it is folded to take at most so many for a sample. Inputs are compared with
    their thresholds in the shell, as they arrive, or with `encoder` by tables of the net alone.
    """

    net: str
    board: str
    every: int = 0
    cycles: int = 0
    seeds: Sequence[int] = SEEDS
    whole: bool = True
    encoder: bool = False

    @property
    def runs(self) -> list[tuple[str, int]]:
        """The runs of place and route that it needs."""
        return [(ALONE, seed) for seed in self.seeds] + [(WHOLE, 1)] * self.whole

    @property
    def clocked(self) -> str:
        """How, in words."""
        how = f"folded to {self.cycles} cycles" if self.cycles else f"every {self.every}"
        return how + ", encoder included" * self.encoder

    def encodes(self, part: str) -> bool:
        """Whether the encoder is among the cells of that part."""
        return self.encoder and part == ALONE


ROWS = (
    Row("mnist_hx8k", "ulx3s-25f", 1),
    Row("mnist_hx8k", "ulx3s-25f", 3, seeds=(1, 2), whole=False),
    Row("mnist_hx8k", "ulx3s-25f", 0, seeds=(1, 2), whole=False),
    Row("mnist_hx8k", "hx8k-evn", 3),
    Row("digits", "tang_nano_9k", 3),
    Row("mnist_ecp5", "ulx3s-45f", 1, encoder=True),
    Row("mnist_learned", "ulx3s-25f", cycles=6000),
)
"""Where few registers stand the router takes up to twenty minutes for a seed: fewer are tried."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of place and route and what came of it; without a clock `said` says why."""

    net: str
    circuit: str
    board: str
    every: int
    part: str
    seed: int
    mhz: float | None = None
    cells: int = 0
    latency: int = 0
    interval: int = 1
    cycles: int = 0
    block_rams: int = 0
    encoder: bool = False
    seconds: float = 0.0
    said: str = ""
    proof: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """A line for people."""
        how = f"folded to {self.cycles} cycles" if self.cycles else f"every {self.every} levels"
        what = f"{self.net} on {self.board}, {how}, {self.part}" + " with encoder" * self.encoder
        if self.mhz is None:
            return f"{what}, seed {self.seed}: not routed in {self.seconds:.0f} s; {self.said}"
        proved = ", ".join(f"{name} {verdict}" for name, verdict in self.proof.items())
        return (
            f"{what}, seed {self.seed}: {self.mhz:.2f} MHz, {self.cells} cells, latency "
            f"{self.latency}, {self.seconds:.0f} s" + (f"; {proved}" if proved else "")
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """What the runs of a row say together."""

    row: Row
    median_mhz: float
    best_mhz: float
    cells: int
    latency: int
    interval: int
    block_rams: int
    whole: Run | None

    def __str__(self) -> str:
        """A line for people."""
        row = self.row
        text = (
            f"{row.net:13} {row.board:12} {row.clocked}: net alone {self.median_mhz:6.1f} MHz "
            f"(best {self.best_mhz:.1f}) of {len(row.seeds)} seeds, {self.cells} cells, latency "
            f"{self.latency} cycles, {1000 * self.latency / self.median_mhz:.0f} ns, "
            f"{1e6 * self.median_mhz / self.interval:,.0f} samples a second"
        )
        text += f", {self.block_rams} block RAMs" if self.block_rams else ""
        if self.whole and self.whole.mhz:
            text += f"; with its shell {self.whole.mhz:.1f} MHz, {self.whole.cells} cells"
        return text


@cache
def _cells(net: str, folded: bool, encoder: bool) -> BoardCells:
    circuit = compile_design(MODELS / f"{net}.safetensors").circuit
    return board_cells(circuit, folded=folded, encoder=encoder)


def cells_of(row: Row, part: str) -> BoardCells:
    """The table cells that a row is about, alone or with the shell."""
    return _cells(row.net, bool(row.cycles), row.encodes(part))


def digest_of(row: Row, part: str) -> str:
    """What names the cells of a row in records."""
    return cells_of(row, part).cells.circuit.digest[:16]


def read(path: Path) -> list[Run]:
    """The runs in a file, one JSON object a line."""
    if not path.is_file():
        return []
    return [Run(**json.loads(line)) for line in path.read_text("utf-8").splitlines() if line]


def find(runs: Iterable[Run], row: Row, part: str, seed: int) -> Run | None:
    """The last run of that kind."""
    wanted = (row.net, row.board, row.every, row.cycles, row.encodes(part), part, seed)
    found = [
        r for r in runs if (r.net, r.board, r.every, r.cycles, r.encoder, r.part, r.seed) == wanted
    ]
    return found[-1] if found else None


def measure(
    row: Row, part: str, seed: int, *, limit_s: int | None, progress: Callable[[str], None]
) -> Run:
    """A run of place and route, made now."""
    made, target = cells_of(row, part), board(row.board)
    start = time.monotonic()
    kept = Run(row.net, digest_of(row, part), row.board, row.every, part, seed)
    kept = replace(kept, cycles=row.cycles, encoder=row.encodes(part))
    tools = [tool for name in ("yosys", target.family.nextpnr) if (tool := find_tool(name))]
    found: dict[str, object] = {"versions": {tool.name: tool.version for tool in tools}}
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder = Path(name)
        try:
            if part == ALONE:
                found |= _alone(made, row, seed, folder, limit_s, progress)
            else:
                found |= _whole(made, row, seed, folder, limit_s, progress)
        except LithifyError as error:
            found["said"] = str(error).replace(name, "FOLDER")
    found["seconds"] = round(time.monotonic() - start, 1)
    return Run(**{**asdict(kept), **found})


def _alone(
    made: BoardCells,
    row: Row,
    seed: int,
    folder: Path,
    limit_s: int | None,
    progress: Callable[[str], None],
) -> dict[str, object]:
    """The clock of the net alone."""
    net = lay_out(
        made.cells.circuit,
        board(row.board),
        folder,
        every=row.every,
        seeds=(seed,),
        cells=True,
        cycles=row.cycles,
        limit_s=limit_s,
        progress=progress,
    )
    if net is None:
        return {"said": "no way of placing and routing came to an end"}
    return {
        "mhz": round(net.fmax_mhz, 2),
        "cells": net.runs[0].cells_used,
        "latency": net.latency,
        "interval": net.interval,
        "block_rams": net.block_rams,
    }


def _whole(
    made: BoardCells,
    row: Row,
    seed: int,
    folder: Path,
    limit_s: int | None,
    progress: Callable[[str], None],
) -> dict[str, object]:
    """The clock of the whole, and what is proved of its bitstream."""
    netlist = made.cells.circuit
    built = build(
        netlist,
        row.board,
        folder,
        seeds=(seed,),
        every=row.every,
        cells=True,
        cycles=row.cycles,
        arriving=made.arriving,
        limit_s=limit_s,
        progress=progress,
    )
    proof = certify_build(netlist, built.core, folder, built.board, before=made, progress=progress)
    return {
        "mhz": round(built.fmax_mhz, 2),
        "cells": built.best.cells_used,
        "latency": built.latency,
        "interval": built.core.interval,
        "block_rams": sum(built.parts.values(), Cells()).block_rams,
        "proof": {stage.name: stage.verdict for stage in proof.stages},
    }


def summary(row: Row, runs: Sequence[Run]) -> Summary | None:
    """What is known of a row; None where a clock of the net alone is missing."""
    alone = [find(runs, row, ALONE, seed) for seed in row.seeds]
    clocks = [one.mhz for one in alone if one and one.mhz is not None]
    if len(clocks) < len(row.seeds) or alone[0] is None:
        return None
    return Summary(
        row,
        median(clocks),
        max(clocks),
        alone[0].cells,
        alone[0].latency,
        alone[0].interval,
        alone[0].block_rams,
        find(runs, row, WHOLE, 1) if row.whole else None,
    )


def gains(summaries: Iterable[Summary]) -> dict[str, float]:
    """For each net and board that has a plain row: how much faster its fastest pipeline is."""
    clocks: dict[str, dict[int, float]] = {}
    for one in summaries:
        clocks.setdefault(f"{one.row.net} on {one.row.board}", {})[one.row.every] = one.median_mhz
    return {name: max(c.values()) / c[0] for name, c in clocks.items() if 0 in c and len(c) > 1}
