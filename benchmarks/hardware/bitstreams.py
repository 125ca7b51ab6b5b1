"""Builds of one design for a board, read back: what is proved of each, and what of damaged ones.

Three pipelines (no registers inside, some, one after every level) go to a bitstream, which is
proved equal to the design; then single bits of its used logic cells are flipped. Every flip has to
be refuted, or proved to change nothing. The net alone is laid out between registers besides, for
its clock. Without a design a random net of the demo's shape is built. Builds of large nets take
long: with --keep a build that is in that file already is not made again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lithify.backends.fpga import targets
from lithify.backends.fpga.build import build
from lithify.backends.fpga.cell_netlist import read_netlist
from lithify.backends.fpga.chip_database import find_database, open_database
from lithify.backends.fpga.flips import flips
from lithify.backends.fpga.sites import pin_sites, read_sites
from lithify.backends.fpga.targets import Board
from lithify.backends.fpga.unpacked import Unpacked, read_tiles
from lithify.compiler.board_cells import BoardCells, board_cells
from lithify.compiler.proof.bitstream import prove_unpacked
from lithify.compiler.proof.board import certify_build, unpack
from lithify.compiler.proof.verdict import Proved
from lithify.ir.circuit import Circuit
from lithify.ir.errors import LithifyError, MismatchError
from lithify.ir.files import write_atomically

EVERY = (0, 3, 1)
LEAST_GAIN = 2.0
"""How much faster than the plain net the fastest pipeline has to be."""


@dataclass(frozen=True, slots=True)
class Result:
    """A build: cells, clock, what is proved, and what became of its flips."""

    every: int
    cells: int
    fmax_mhz: float
    alone_mhz: float
    latency: int
    stages: dict[str, str]
    equalities: dict[str, int]
    refuted: int
    without_effect: int
    undecided: int
    build_seconds: float
    proof_seconds: float

    @property
    def ok(self) -> bool:
        """Whether every stage is proved and every flip was decided."""
        return set(self.stages.values()) <= {"proved"} and not self.undecided


def measure(
    made: BoardCells, board: str, every: int, folder: Path, *, count: int, seeds: int
) -> Result:
    """One build with its proof, and `count` flips of single bits."""
    start = time.perf_counter()
    netlist = made.cells.circuit
    built = build(
        netlist,
        board,
        folder,
        every=every,
        alone=range(1, seeds + 1),
        cells=True,
        arriving=made.arriving,
    )
    build_seconds, start = time.perf_counter() - start, time.perf_counter()
    proved = certify_build(netlist, built.core, folder, built.board, before=made)
    proof_seconds = time.perf_counter() - start
    refuted, without_effect, undecided = (
        flip(built.board, built.bitstream, folder, count)
        if built.board.family.read_back
        else (0, 0, 0)
    )
    return Result(
        every,
        built.best.cells_used,
        round(built.fmax_mhz, 2),
        round(built.alone.fmax_mhz, 2) if built.alone else 0.0,
        built.latency,
        {
            stage.name: stage.verdict
            for stage in proved.stages
            if built.board.family.read_back or stage.name != "bitstream"
        },
        {stage.name: stage.pairs for stage in proved.stages},
        refuted,
        without_effect,
        undecided,
        round(build_seconds, 1),
        round(proof_seconds, 1),
    )


def flip(target: Board, bitstream: Path, folder: Path, count: int) -> tuple[int, int, int]:
    """How many flips were refuted, proved to change nothing, and not decided."""
    file = find_database(target.device.database)
    assert file is not None
    chip = open_database(file)
    cells, tiles = read_netlist(folder / "top.json"), read_tiles(unpack(bitstream), chip)
    pins = pin_sites((folder / "top.pcf").read_text(), target.package, chip)
    names = {site: pin for pin, site in pins.items()}
    sites = read_sites(folder / "sites.json")
    whole = Unpacked(chip, tiles, names)
    refuted = without_effect = undecided = 0
    rng = np.random.default_rng(0)
    for _, (_, _, changed) in zip(range(count), flips(chip, tiles, whole, rng), strict=False):
        try:
            verdict = prove_unpacked(cells, Unpacked(chip, changed, names), sites, pins)
        except MismatchError:
            refuted += 1
        else:
            without_effect += isinstance(verdict, Proved)
            undecided += not isinstance(verdict, Proved)
    return refuted, without_effect, undecided


def design_of(path: str | None) -> Circuit:
    """The circuit of a design, or a random one of the demo's shape."""
    from benchmarks.mutants import demo_like
    from lithify.compiler.design import Design
    from lithify.compiler.driver import compile as compile_design

    design = Design.load(path) if path else compile_design(demo_like())
    return design.circuit


def _kept(file: Path | None) -> dict[str, dict[str, Any]]:
    """The builds in a file, by what they are of."""
    return json.loads(file.read_text("utf-8")) if file and file.is_file() else {}


def _show(one: Result) -> None:
    print(
        f"registers every {one.every} levels: {one.cells} cells, {one.fmax_mhz} MHz, net alone "
        f"{one.alone_mhz} MHz, latency {one.latency}; built in {one.build_seconds} s, proved in "
        f"{one.proof_seconds} s",
        flush=True,
    )
    for stage, verdict in one.stages.items():
        print(f"  {stage:10} {verdict}, {one.equalities[stage]} equalities")
    print(
        f"  flipped bits: {one.refuted} refuted, {one.without_effect} proved to change nothing, "
        f"{one.undecided} undecided",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and anything was not proved, or is slow."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.hardware bitstreams",
        description=__doc__.splitlines()[0] if __doc__ else None,
    )
    parser.add_argument("--design", help="a .lith file, or a folder that `lithify compile` made")
    parser.add_argument("--board", default="icebreaker")
    parser.add_argument("--count", type=int, default=20, help="flips of each bitstream")
    parser.add_argument("--seeds", type=int, default=3, help="placement seeds of the net alone")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--check", action="store_true", help="fail unless all is proved")
    parser.add_argument(
        "--every", type=int, nargs="+", default=EVERY, help="levels between registers (0 3 1)"
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="JSON of the builds made so far")
    options = parser.parse_args(arguments)
    circuit, results, kept = design_of(options.design), [], _kept(options.keep)
    chains = targets.board(options.board).family.chains
    for every in options.every:
        key = f"{circuit.digest} {options.board} {every} {options.count} {options.seeds}"
        if key in kept:
            results.append(Result(**kept[key]))
            _show(results[-1])
            continue
        with tempfile.TemporaryDirectory(prefix="lithify-") as name:
            try:
                one = measure(
                    board_cells(circuit, chains=chains and not every),
                    options.board,
                    every,
                    Path(name),
                    count=options.count,
                    seeds=options.seeds,
                )
            except LithifyError as error:
                print(f"registers every {every} levels: {error}")
                continue
        results.append(one)
        _show(one)
        if options.keep:
            kept[key] = asdict(one)
            write_atomically(options.keep, json.dumps(kept, indent=1).encode())
    clocks = {one.every: one.alone_mhz for one in results}
    gain = max(clocks.values(), default=0) / clocks[0] if clocks.get(0) else 0.0
    print(f"the net alone, pipelined against plain: {gain:.1f} times the clock")
    good = (
        len(results) == len(options.every) and all(one.ok for one in results) and gain >= LEAST_GAIN
    )
    if options.json:
        print(json.dumps({"board": options.board, "builds": [asdict(r) for r in results]}))
    return 1 if options.check and not good else 0
