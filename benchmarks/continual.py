"""Permuted MNIST, five tasks one after the other: what a net remembers with and without its prior.

Hard accuracy on the whole test set of every task after the last one, of a net 784-100-100-10 of
weights and activations of -1 and 1, one bit a pixel, by BayesBiNN (arXiv 2002.10778).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import torch

from lithify.compiler.nets import Thermometer
from lithify.compiler.nets.binary.build import BinaryLayerSpec, binary_net
from lithify.compiler.training import data
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.continual import (
    Remembered,
    Task,
    fit_samples,
    learn_in_turn,
    permuted,
)
from lithify.compiler.training.settings import Settings

LEAST_GAIN = 0.1
WIDTHS = (100, 100)


def tasks_of(count: int, samples: int | None, seed: int) -> list[Task]:
    """MNIST, and MNIST with its pixels in other orders."""
    digits = data.load("mnist")
    split = data.split(digits, seed=seed, validation=0.1)
    known = [*split.train, *split.validation][:samples]
    x, y = digits.x.reshape(len(digits.y), -1), digits.y
    first = Task(x[known], y[known], x[split.test], y[split.test])
    return permuted(first, tasks=count, seed=seed)


def run(
    tasks: list[Task], *, keep: bool, method: Bayes, settings: Settings, seed: int
) -> Remembered:
    """What one net remembers."""
    net = binary_net(
        layers=[BinaryLayerSpec("dense", width=width) for width in WIDTHS],
        classes=10,
        encoder=Thermometer.uniform(fit_samples(tasks), thresholds=1, low=0, high=255),
        affine=False,
        seed=seed,
    )

    def progress(number: int, found: tuple[float, ...]) -> None:
        cells = " ".join(f"{100 * one:6.2f}" for one in found)
        print(f"{'prior' if keep else 'plain':>6} seed {seed} after task {number}: {cells}")
        sys.stdout.flush()

    return learn_in_turn(
        net, tasks, method=method, settings=settings, keep=keep, seed=seed, progress=progress
    )


def main() -> int:
    """The exit code: 1 where --check finds the bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.continual", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 where the bar is missed")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0, 1, ... (default 1)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--tasks", type=int, default=5, help="tasks (default 5)")
    parser.add_argument("--epochs", type=int, default=5, help="epochs a task (default 5)")
    parser.add_argument("--samples", type=int, help="training samples (default all 60,000)")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate (default 0.01)")
    parser.add_argument("--weight", type=float, default=10.0, help="of a sample (default 10)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings(epochs=options.epochs, learning_rate=options.rate)
    started = time.perf_counter()
    rows: list[dict[str, object]] = []
    reached: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(options.first, options.first + options.seeds):
        tasks = tasks_of(options.tasks, options.samples, seed)
        method = Bayes(data_weight=options.weight * len(tasks[0].y))
        for keep in (True, False):
            found = run(tasks, keep=keep, method=method, settings=settings, seed=seed)
            rows.append({"seed": seed, "keep": keep, "accuracies": found.accuracies[-1]})
            reached[keep].append(found.mean)
    means = {keep: statistics.fmean(found) for keep, found in reached.items()}
    good = means[True] - means[False] >= LEAST_GAIN
    print(
        f"mean over tasks: {100 * means[True]:.2f} % with the prior, {100 * means[False]:.2f} % "
        f"without, in {time.perf_counter() - started:.0f} s; bar: {100 * LEAST_GAIN:.0f} points "
        f"more, {'met' if good else 'MISSED'}"
    )
    if options.json:
        told = {"rows": rows, "with": means[True], "without": means[False], "met": good}
        print(json.dumps(told, sort_keys=True))
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
