"""Hard test accuracy of the digits recipe over seeds, with the time and gates that it takes.

A seed decides the held-back test fifth, the wiring, the start and the order of the samples.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from lithify.compiler.lowering import lower
from lithify.compiler.passes.prune import Prune
from lithify.compiler.training import run_recipe

RECIPE = Path(__file__).parents[1] / "examples" / "recipes" / "digits.toml"
LEAST_ACCURACY, MOST_SECONDS = 0.95, 25.0
COLUMNS = ("seed", "test", "validation", "epoch", "cpu_s", "encoder", "core", "scored")


def measure(recipe: Path, seed: int) -> dict[str, float]:
    """Accuracies, CPU seconds and gate counts for one seed."""
    started = time.process_time()
    result = run_recipe(recipe, seed=seed, device="cpu")
    seconds = time.process_time() - started
    circuit = Prune()(lower(result.net))
    parts = circuit.size_by_part()
    scored = np.unique(np.concatenate([score.signals for score in circuit.scores]))
    return {
        "seed": seed,
        "test": result.test_accuracy,
        "validation": result.history.best.accuracy,
        "epoch": result.history.best.number,
        "cpu_s": seconds,
        "encoder": parts["encoder"],
        "core": parts["core"],
        "scored": int((scored > 1).sum()),
    }


def shown(row: dict[str, float]) -> str:
    """One line of the table."""
    cells = [f"{row['seed']:>5}"]
    cells += [f"{100 * row[key]:11.2f}" for key in ("test", "validation")]
    cells += [f"{row[key]:9.1f}" for key in COLUMNS[3:]]
    return "".join(cells)


def main() -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0, 1, ... (default 5)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="another recipe")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'seed':>5}{'test %':>11}{'valid. %':>11}" + "".join(f"{c:>9}" for c in COLUMNS[3:]))
    rows = []
    for seed in range(options.first, options.first + options.seeds):
        rows.append(measure(options.recipe, seed))
        print(shown(rows[-1]), flush=True)
    mean = {key: statistics.fmean(row[key] for row in rows) for key in COLUMNS[1:]}
    good = mean["test"] >= LEAST_ACCURACY and mean["cpu_s"] <= MOST_SECONDS
    print(shown({"seed": "mean", **mean}))  # type: ignore[dict-item]
    print(
        f"bar: test at least {100 * LEAST_ACCURACY:.0f} %, at most {MOST_SECONDS:.0f} CPU seconds: "
        f"{'met' if good else 'MISSED'}"
    )
    if options.json:
        print(json.dumps({"seeds": rows, "mean": mean, "met": good}, sort_keys=True))
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
