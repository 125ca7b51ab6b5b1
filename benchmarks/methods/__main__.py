"""Every method of learning on its data: hard accuracy, gates and time beside what is published.

Trains what has no finished run yet: a run that was killed goes on from its checkpoint, a finished
one is a line in OUT/runs.jsonl and is not repeated until its recipe changes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks.methods.kept import all_kept, check
from benchmarks.methods.others import draw, elsewhere
from benchmarks.methods.page import failure, judge, page, table
from benchmarks.methods.rows import ROOT, Row, choose, read_rows
from benchmarks.methods.runs import Folder, Plain, adopt, finished, follow
from benchmarks.wiring import read_records
from lithify.ir.errors import InputError, LithifyError
from lithify.ir.files import write_atomically

RESULTS = ROOT / "benchmarks" / "results"


def say(line: str) -> None:
    """What happens now, on stderr."""
    print(line, file=sys.stderr, flush=True)


def train_missing(row: Row, folder: Folder, most: int | None) -> int:
    """How many runs of the row were made now, at most so many."""
    if row.tables is None:
        return 0
    done = {run["seed"] for run in finished(row, folder.read())}
    todo = [seed for seed in range(row.seeds) if seed not in done][:most]
    for seed in todo:
        how = elsewhere if row.module else draw if row.drawn_from else follow
        run = how(row, seed, folder, say)
        say(f"{row.name} seed {seed}: {100 * run['test']:.2f} %")
    return len(todo)


def train_all(rows: tuple[Row, ...], folder: Folder, most: int | None) -> bool:
    """Train what is missing of every row; whether all of it could be."""
    good = True
    for row in rows:
        try:
            train_missing(row, folder, most)
        except LithifyError as error:
            say(f"{row.name}: {failure(error)}")
            good = False
    return good


def check_all(names: list[str] | None) -> list[Plain]:
    """Every kept model, or those of these rows, measured and compared."""
    rows = {row.name: row for row in read_rows()}
    choose(tuple(rows.values()), names)
    chosen = [one for one in all_kept() if not names or one.card()["row"] in names]
    if not chosen:
        raise InputError("there is no kept model to check; see examples/models")
    found = []
    for one in chosen:
        result = check(one, rows)
        found.append(result)
        right = "not measured" if result["test"] is None else f"{100 * result['test']:.2f} %"
        bar = "" if result["bar"] is None else f", bar {result['bar']:g} %"
        said = "; ".join(result["faults"]) or "as its card says"
        print(f"{one.name}: {right}{bar}: {said}", flush=True)
    return found


def options() -> argparse.Namespace:
    """The command line."""
    about, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.methods", description=about, epilog=rest
    )
    parser.add_argument("--only", action="append", metavar="ROW", help="this row (repeatable)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--out", type=Path, default=RESULTS, help="records (benchmarks/results)")
    parser.add_argument("--runs", type=int, help="make at most so many runs a row now")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    parser.add_argument(
        "--adopt", type=Path, nargs="+", metavar="MODEL", help="record trained models of one row"
    )
    parser.add_argument(
        "--check", action="store_true", help="train nothing: check the kept models, 1 for a fault"
    )
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="train nothing: write the results page"
    )
    return parser.parse_args()


def main() -> int:
    """The exit code: 1 where a check fails or a row could not be trained."""
    given = options()
    torch.set_num_threads(given.threads)
    if given.check:
        checked = check_all(given.only)
        if given.json:
            print(json.dumps({"kept": checked}, sort_keys=True))
        return 0 if all(one["ok"] for one in checked) else 1
    rows, folder = choose(read_rows(), given.only), Folder(given.out)
    good = True
    if given.adopt:
        for model in given.adopt:
            (row,) = rows
            folder.add(adopt(row, model, folder))
    elif given.write:
        text = page(rows, folder.read(), all_kept(), read_records())
        write_atomically(given.write, text.encode())
    else:
        good = train_all(rows, folder, given.runs)
    print(table(rows, folder.read()))
    if given.json:
        print(json.dumps({"rows": judge(rows, folder.read())}, sort_keys=True))
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LithifyError as error:
        sys.exit(f"benchmarks.methods: {error}")
