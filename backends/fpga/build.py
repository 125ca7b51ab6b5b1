"""From a circuit to a bitstream: Amaranth top, yosys, nextpnr, packer, and what they found."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lithify.backends.fpga import targets
from lithify.backends.fpga.alone import Alone, lay_out
from lithify.backends.fpga.cell_netlist import read_netlist
from lithify.backends.fpga.delay import predicted_ns
from lithify.backends.fpga.placement import Routed, cpu_limit, place_and_route, refuse_too_large
from lithify.backends.fpga.sites import FILE as SITES
from lithify.backends.fpga.sites import flip_flop_sites
from lithify.backends.fpga.synthesis import Cells, synthesise
from lithify.backends.fpga.targets import Board
from lithify.backends.fpga.top import sources
from lithify.backends.toolchain import run
from lithify.backends.verilog.description import EVERY, Description
from lithify.backends.verilog.frames import Layout
from lithify.backends.verilog.interface import only_tables
from lithify.backends.verilog.levels import Arriving
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.files import make_folder, write_atomically
from lithify.ir.netlist import Netlist

CELLS, DESIGN = "top.json", "top.il"


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A packed bitstream and what is known about it. Times are wall seconds by step.

    The predicted clock is that of the net alone, where the design is one of table cells.
    """

    board: Board
    bitstream: Path
    core: Description
    layout: Layout
    line: str
    rate: int
    latency: int
    clock_mhz: float
    predicted_mhz: float | None
    parts: Mapping[str, Cells]
    best: Routed
    runs: tuple[Routed, ...]
    alone: Alone | None
    seconds: Mapping[str, float]

    @property
    def fmax_mhz(self) -> float:
        """The highest clock frequency that the best routing would bear."""
        return self.best.fmax_mhz

    @property
    def meets_clock(self) -> bool:
        """Whether the design is fast enough for the board's clock."""
        return self.fmax_mhz >= self.clock_mhz

    @property
    def utilisation(self) -> float:
        """The share of the chip's logic cells that is used."""
        return self.best.cells_used / self.board.device.cells

    def as_dict(self) -> dict[str, object]:
        """Everything but the times as plain values, for JSON: the same for the same build."""
        return {
            "board": self.board.name,
            "device": self.board.device.name,
            "bitstream": self.bitstream.name,
            "cells_used": self.best.cells_used,
            "cells_available": self.board.device.cells,
            "parts": {
                part: {
                    "luts": cells.luts,
                    "flip_flops": cells.flip_flops,
                    "carries": cells.carries,
                    "block_rams": cells.block_rams,
                }
                for part, cells in self.parts.items()
            },
            "fmax_mhz": round(self.fmax_mhz, 2),
            "clock_mhz": self.clock_mhz,
            "latency": self.latency,
            "interval": self.core.interval,
            "line": self.line,
            "pins": self.board.spi_pins if self.line == "spi" else {},
            "rate": self.rate,
            "critical_path": self.best.critical_path,
            "seeds": {str(one.seed): round(one.fmax_mhz, 2) for one in self.runs},
            "seed": self.best.seed,
            "options": list(self.best.options),
            "predicted_mhz": round(self.predicted_mhz, 2) if self.predicted_mhz else None,
            "alone": self.alone.as_dict() if self.alone else None,
        }


class _Clock:
    """Takes the time of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start


def build(
    design: Circuit | Netlist,
    board: Board | str,
    folder: Path | str,
    *,
    seeds: Sequence[int] = (1,),
    every: int = EVERY,
    line: str = "uart",
    baud: int | None = None,
    alone: Sequence[int] = (),
    cells: bool = False,
    arriving: Arriving | None = None,
    retime: bool = False,
    cycles: int = 0,
    limit_s: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """The bitstream of a design for a board, made in `folder`, of the seed with the best clock.

    The same design and seeds give the same bytes. Every tool's log stays in the folder. `alone`
    has the placement seeds of a second layout, of the net alone, for its clock. With `cells` the
    design is one of tables of at most four inputs, which synthesis keeps one by one, but for those
    that become carries of an iCE40 where no registers are inside; one over levels is told what is
    `arriving`. With `retime` registers are fewest. With `cycles` such a design is folded: it has no
    rows of registers, and takes at most so many for a sample. Its `line` is a serial one ("uart")
    or an SPI bus ("spi"). `limit_s` are the seconds of CPU time that each run of place and route
    may take.
    """
    _check_options(seeds, every, limit_s)
    target = targets.board(board) if isinstance(board, str) else board
    limit_s = limit_s or cpu_limit(target)
    folder = make_folder(folder)
    clock = _Clock()
    pipeline: dict[str, Any]
    pipeline = {"every": every, "cells": cells, "retime": retime, "cycles": cycles}
    with clock.step("elaborate"):
        progress("writing the design for yosys")
        source = sources(design, target, line=line, baud=baud, arriving=arriving, **pipeline)
        write_atomically(folder / DESIGN, source.rtlil.encode())
        write_atomically(folder / f"top.{target.family.pins}", source.constraints.encode())
    with clock.step("synthesise"):
        progress(f"synthesising for the {target.device.title}")
        parts = synthesise(folder, target.family, chains=not (every or cycles))
        total = sum(parts.values(), Cells())
        refuse_too_large(total, target)
    with clock.step("place and route"):
        runs = tuple(
            place_and_route(folder, target, seed=seed, limit_s=limit_s, progress=progress)
            for seed in seeds
        )
    best = max(runs, key=lambda one: one.fmax_mhz)
    with clock.step("pack"):
        progress("packing the bitstream")
        bitstream = pack(folder, best, target)
        if target.family.read_back and not total.block_rams:
            keep_sites(folder, best)
        for one in runs:
            one.placed.unlink(missing_ok=True)
    with clock.step("net alone"):
        net = lay_out(
            design, target, folder, seeds=alone, limit_s=limit_s, progress=progress, **pipeline
        )
    return BuildResult(
        board=target,
        bitstream=bitstream,
        core=source.core,
        layout=source.layout,
        line=line,
        rate=source.rate,
        latency=source.latency,
        clock_mhz=source.clock_hz / 1e6,
        predicted_mhz=_predicted(design, target, every) if cells and not cycles else None,
        parts=parts,
        best=best,
        runs=runs,
        alone=net,
        seconds=clock.seconds,
    )


def _check_options(seeds: Sequence[int], every: int, limit_s: int | None) -> None:
    if not seeds or min(seeds) < 0:
        raise InputError(
            f"seeds {list(seeds)}: place and route takes at least one, and none below 0, such as 1"
        )
    if every < 0:
        raise InputError(f"every={every}: a row of registers each so many levels; 0 for none")
    if limit_s is not None and limit_s < 1:
        raise InputError(f"limit of {limit_s} s: place and route takes CPU time, 1 s at least")


def _predicted(design: Circuit | Netlist, board: Board, every: int) -> float:
    """The clock of the net alone that is expected of its tables, in MHz."""
    circuit = only_tables(design)
    levels = min(every or circuit.depth, circuit.depth)
    return 1000 / predicted_ns(board.device, tables=circuit.num_gates, levels=levels)


def keep_sites(folder: Path, best: Routed) -> None:
    """Write where the flip-flops are."""
    sites = flip_flop_sites(best.placed, read_netlist(folder / CELLS))
    write_atomically(folder / SITES, (json.dumps(sites, indent=0) + "\n").encode())


def pack(folder: Path, best: Routed, board: Board) -> Path:
    """The bitstream; it takes its name only when it is whole."""
    family = board.family
    part = folder / f"{best.output.stem}.part"
    args = board.filled(family.packing, routed=best.output.name, packed=part.name)
    run(family.packer, args, cwd=folder, log=folder / f"{family.packer}.log", timeout_s=300)
    written = write_atomically(folder / family.bitstream, part.read_bytes())
    part.unlink()
    return written
