"""Routed clocks of kept nets on boards; or proofs of `bitstreams`, or simulation of a `whole-set`.

Of clocks every run of place and route leaves a line of JSON in `benchmarks/results/hardware.jsonl`,
and is made only where there is none of the same circuit; the summary is made of these lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.hardware import bitstreams, clocks, whole_set
from benchmarks.hardware.clocks import LEAST_GAIN, ROWS, Row, Run

RECORDS = Path(__file__).parents[1] / "results" / "hardware.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and a row is missing or slow."""
    words = sys.argv[1:] if arguments is None else arguments
    others = {"bitstreams": bitstreams.main, "whole-set": whole_set.main}
    if words[:1] and words[0] in others:
        return others[words[0]](words[1:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="?", choices=("clocks", *others), default="clocks")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="rows of these nets or boards"
    )
    parser.add_argument("--show", action="store_true", help="measure nothing")
    parser.add_argument("--limit", type=int, metavar="S", help="CPU seconds for each run")
    parser.add_argument("--records", type=Path, default=RECORDS, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--check", action="store_true", help="fail where a row is missing or slow")
    options = parser.parse_args(words)
    rows = [row for row in ROWS if {*options.only} <= {row.net, row.board}]
    if not options.show:
        for row in rows:
            complete(row, options.records, options.limit)
    runs = clocks.read(options.records)
    found = [one for row in rows if (one := clocks.summary(row, runs))]
    for one in found:
        print(one)
    for row in rows:
        if lacking := ", ".join(f"{part} seed {seed}" for part, seed in _missing(row, runs)):
            print(f"{row.net:13} {row.board:12} {row.clocked}: not measured: {lacking}")
    gains = clocks.gains(found)
    for name, gain in gains.items():
        print(f"{name}, the net alone: pipelined {gain:.1f} times as fast as plain")
    if options.json:
        plain = [{**asdict(one), "row": asdict(one.row)} for one in found]
        print(json.dumps({"rows": plain, "gains": gains}))
    good = len(found) == len(rows) and all(gain >= LEAST_GAIN for gain in gains.values())
    return 1 if options.check and not good else 0


def complete(row: Row, records: Path, limit_s: int | None) -> None:
    """Make the runs of a row that are missing, one line of the records each."""
    runs = [run for run in clocks.read(records) if run.circuit == clocks.digest_of(row, run.part)]
    for part, seed in _missing(row, runs):
        run = clocks.measure(row, part, seed, limit_s=limit_s, progress=lambda text: None)
        print(run, flush=True)
        records.parent.mkdir(parents=True, exist_ok=True)
        with records.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(run), sort_keys=True) + "\n")


def _missing(row: Row, runs: Sequence[Run]) -> list[tuple[str, int]]:
    return [(part, seed) for part, seed in row.runs if not clocks.find(runs, row, part, seed)]


if __name__ == "__main__":
    sys.exit(main())
