"""Place and route by nextpnr, with another way tried where one gets stuck.

Whether it does is read from what the router counts, never from a clock: the same design and seed
go the same way on any machine, or are refused.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lithify.backends.fpga.families import ALONE_MHZ, FAMILIES
from lithify.backends.fpga.synthesis import Cells
from lithify.backends.fpga.targets import Board
from lithify.backends.fpga.top import part_of
from lithify.backends.toolchain import Completed, failure, run
from lithify.ir.errors import MappingError

WAYS: tuple[tuple[str, ...], ...] = ((), ("--router", "router2"), ("--no-tmdriv",))
"""The options tried in turn. Deep logic is all critical, so that the placer heaps it up where
the wires run out; the second router or placement that ignores timing then often still succeeds."""

MOST_NAMED = 4
"""How many larger boards are named to who needs one."""

STUCK_ROWS, LEAST_FALL = 20, 0.1
"""A router is stuck where, in so many rows of its log, the connections left to route have fallen
by less than this share. Of 29 runs that were looked at, the 23 that came to an end fell by 22 % and
more in any 20 rows; two that never came near it by 4 % and 9 % in some."""

WALL = 8
"""How many times the CPU time a run may last, where others use the machine."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed design: its seed, the options it took, and what nextpnr reported."""

    seed: int
    options: tuple[str, ...]
    fmax_mhz: float
    cells_used: int
    critical_path: str
    seconds: float
    output: Path
    log: Path
    placed: Path


@dataclass(slots=True)
class StuckWatch:
    """Reads a router's progress from its log, row by row, and says when it is stuck.

    How the log comes in pieces makes no difference; once it was stuck it stays so.
    """

    _least: list[int] = field(default_factory=list)
    _rest: str = ""
    _reason: str | None = None

    def __call__(self, text: str) -> str | None:
        """A reason to stop, or None."""
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            match = _REMAINING.search(line)
            if match and not self._reason:
                left = int(match[1] or match[2])
                self._least.append(min([left, *self._least[-1:]]))
                self._look()
        return self._reason

    def _look(self) -> None:
        """Judge the last rows."""
        if len(self._least) <= STUCK_ROWS:
            return
        before, now = self._least[-1 - STUCK_ROWS], self._least[-1]
        if before - now < LEAST_FALL * before:
            self._reason = (
                f"still had {now} connections to route, and {before} of them {STUCK_ROWS} rows "
                "of its log before"
            )


# The table of router1, its remaining arcs in the column before the times, or router2's lines.
_REMAINING = re.compile(r"Info:\s+\d+ \|[\d\s]*\|[\d\s-]*\|\s*(\d+)\||iter=\d+ .*overused=(\d+)")
_GAVE_UP = re.compile(r"ERROR:.*(rout|placement)", re.IGNORECASE)
_USED = re.compile(
    rf"\b(?:{'|'.join(family.cell for family in FAMILIES.values())}):\s*(\d+)/\s*(\d+)"
)

_FLIP_FLOPS = re.compile(r"\bDFF:\s*(\d+)/\s*(\d+)")
"""Counted by themselves where a chip has fewer flip-flops than tables."""


def cpu_limit(board: Board) -> int:
    """Seconds of CPU time that a run of place and route gets where nobody says how many."""
    return 600 + board.device.cells // 10


def place_and_route(
    folder: Path, board: Board, *, seed: int, limit_s: int, progress: Progress
) -> Routed:
    """The routed design of top.json in `folder`; MappingError where no way leads there.

    A run that needs more than `limit_s` seconds of CPU time ends it all: another way after that
    would make the result depend on the machine.
    """
    start = time.monotonic()
    for number, options in enumerate(WAYS):
        name = f"seed{seed}" if not number else f"seed{seed}-{number + 1}"
        progress(f"placing and routing, seed {seed}" + (f", {shown(options)}" if number else ""))
        done = _nextpnr(folder, board, name, seed, options, limit_s)
        check_fits(done.output, board)
        if StuckWatch()(done.output):
            continue
        if done.ok:
            seconds = time.monotonic() - start
            return _read(folder, board, name, seed, options, seconds)
        if done.stopped:
            raise _too_slow(board, options, done, limit_s)
        if not _GAVE_UP.search(done.output):
            raise failure(board.family.nextpnr, done, folder)
    raise MappingError(
        f"the design could not be placed and routed on the {board.device.title}, tried "
        f"{', '.join(map(shown, WAYS))}.{_share(done)} Fewer gates, more local connections or a "
        f"larger board would help. Logs: {folder}/nextpnr-seed{seed}*.log"
    )


def _share(done: Completed) -> str:
    used = _USED.search(done.output)
    return f" It fills {used[1]} of {used[2]} logic cells." if used else ""


def _too_slow(board: Board, options: Sequence[str], done: Completed, limit_s: int) -> MappingError:
    """What is said of a run that was ended by its limit."""
    return MappingError(
        f"placing and routing on the {board.device.title}, {shown(options)}, was stopped: it "
        f"{done.stopped}.{_share(done)} No other way is tried after that, since it would depend on "
        f"the machine which bitstream comes out. Allow more with --limit {4 * limit_s}, or use "
        f"fewer gates or a larger board. Log: {done.log}"
    )


def shown(options: Sequence[str]) -> str:
    """Options for people."""
    return " ".join(options) or "by default"


def _nextpnr(
    folder: Path, board: Board, name: str, seed: int, options: Sequence[str], limit_s: int
) -> Completed:
    """The finished run; all names are relative because the packaged nextpnr has its own /tmp."""
    family = board.family
    option, suffix = family.routed
    args = [*board.filled(family.chip), "--json", "top.json"]
    if folder.joinpath(f"top.{family.pins}").is_file():
        args += family.constrained
    else:
        args += ["--freq", ALONE_MHZ]
    args += [option, f"{name}.{suffix}", "--report", f"{name}.json"]
    args += ["--write", f"{name}.placed"] if family.read_back else []
    args += ["--seed", str(seed), "--timing-allow-fail", *options]
    log = folder / f"nextpnr-{name}.log"
    return run(
        family.nextpnr,
        args,
        cwd=folder,
        log=log,
        timeout_s=WALL * limit_s,
        cpu_s=limit_s,
        check=False,
        watch=StuckWatch(),
    )


def check_fits(output: str, board: Board) -> None:
    """Nothing; MappingError where nextpnr counted more logic cells than there are."""
    if used := _USED.search(output):
        _refuse(int(used[1]), board, packed=True)
    if (count := _FLIP_FLOPS.search(output)) and int(count[1]) > int(count[2]):
        raise MappingError(
            f"the design needs {count[1]} flip-flops and the {board.device.title} of the board "
            f"{board.name} has {count[2]}: allow more levels between registers with --every, or "
            "make the net smaller"
        )


def refuse_too_large(needed: Cells, board: Board) -> None:
    """Nothing; MappingError where a design needs more than the board's chip has, as far as known.

    Until it is packed it is only known what it needs at least.
    """
    _refuse(needed.at_least, board)
    _refuse(needed.block_rams, board, what="block_rams")


_ADVICE = {
    "cells": "Or make the net smaller, by fewer gates, fewer inputs or narrower ones; or fold it, "
    "with `lithify compile --cycles`.",
    "block_rams": "Or allow more cycles with `lithify compile --cycles`, so that fewer tables are "
    "looked up at once; or make the net smaller.",
}


def _refuse(needed: int, board: Board, *, what: str = "cells", packed: bool = False) -> None:
    """MappingError where a chip has fewer of `what`, a field of `Device`, than are needed."""
    from lithify.backends.fpga.targets import boards

    title = {"cells": "logic cells", "block_rams": "block RAMs"}[what]
    there = getattr(board.device, what)
    if needed <= there:
        return
    larger = [(getattr(b.device, what), b.name) for b in boards().values()]
    larger = sorted(one for one in larger if one[0] >= needed)
    names = ", ".join(f"{name} ({count})" for count, name in larger[:MOST_NAMED])
    more = ", and larger ones" if len(larger) > MOST_NAMED else ""
    others = f"Boards with enough: {names}{more}." if larger else "No known board has as many."
    over = f" ({(needed - there) / there:.0%} over)" if there else ""
    raise MappingError(
        f"the design needs {'' if packed else 'at least '}{needed} {title} and the "
        f"{board.device.title} of the board {board.name} has {there}: {needed - there} too many"
        f"{over}. {others} {_ADVICE[what]}"
    )


def _read(
    folder: Path, board: Board, name: str, seed: int, options: tuple[str, ...], seconds: float
) -> Routed:
    """What the report says."""
    report = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
    return Routed(
        seed=seed,
        options=options,
        fmax_mhz=min(float(clock["achieved"]) for clock in report["fmax"].values()),
        cells_used=int(report["utilization"][board.family.cell]["used"]),
        critical_path=describe_path(report["critical_paths"]),
        seconds=seconds,
        output=folder / f"{name}.{board.family.routed[1]}",
        log=folder / f"nextpnr-{name}.log",
        placed=folder / f"{name}.placed",
    )


def describe_path(paths: Sequence[Mapping[str, Any]]) -> str:
    """The slowest path from register to register in words.

    >>> describe_path([])
    'there is no path from register to register'
    """
    inner = [p for p in paths if "async" not in p["from"] + p["to"]]
    if not inner:
        return "there is no path from register to register"
    steps = max((p["path"] for p in inner), key=lambda path: sum(s["delay"] for s in path))
    total = sum(step["delay"] for step in steps)
    wires = sum(step["delay"] for step in steps if step["type"] == "routing")
    cells = sum(step["type"] == "logic" for step in steps)
    first, last = part_of(steps[0]["from"]["cell"]), part_of(steps[-1]["to"]["cell"])
    where = f"inside the {first}" if first == last else f"from the {first} to the {last}"
    return f"{total:.1f} ns {where}, through {cells} cells, {wires / total:.0%} of it in wires"
