"""Finished runs, one JSON line each, and how a run is made: resumable, its learning curve kept."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.methods.rows import Row
from lithify.compiler.driver import compile
from lithify.compiler.lowering import lower
from lithify.compiler.nets import Net, load, save
from lithify.compiler.training import data, run_recipe
from lithify.compiler.training.run import Progress
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

PARTS = ("encoder", "core", "head")
ENSEMBLE = ("members", "mode_accuracy", "rejected", "accuracy_of_accepted")
SOFT_BATCH = 500
CURVES = 3  # seeds of a row whose learning curves are kept
Say = Callable[[str], None]
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where records, learning curves and unfinished runs are."""

    path: Path

    @property
    def runs(self) -> Path:
        """One JSON line a finished run."""
        return self.path / "runs.jsonl"

    def curve(self, row: Row, seed: int) -> Path:
        """One JSON line an epoch."""
        return self.path / "curves" / f"{row.name}-{seed}.jsonl"

    def unfinished(self, row: Row, seed: int, suffix: str) -> Path:
        """What a run leaves until it is finished, and the model that it ends with."""
        return self.path / "unfinished" / f"{row.name}-{seed}{suffix}"

    def read(self) -> list[Plain]:
        """All finished runs; a line that was cut short is none."""
        return read_lines(self.runs)

    def add(self, run: Plain) -> None:
        """Append a run, in one write, on a line of its own."""
        self.path.mkdir(parents=True, exist_ok=True)
        cut = self.runs.is_file() and not self.runs.read_bytes().endswith(b"\n")
        with self.runs.open("a") as file:
            file.write(("\n" if cut else "") + json.dumps(run, sort_keys=True) + "\n")


def read_lines(path: Path) -> list[Plain]:
    """The JSON objects of a file of lines."""
    found = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def finished(row: Row, runs: Iterable[Plain]) -> list[Plain]:
    """The runs of the row by its present recipe, the last of each seed, seeds in order."""
    last = {
        run["seed"]: run
        for run in runs
        if run["row"] == row.name and run["recipe"] == row.digest and run["seed"] < row.seeds
    }
    return [last[seed] for seed in sorted(last)]


def follow(row: Row, seed: int, folder: Folder, say: Say) -> Plain:
    """The run of the row's recipe with this seed, from its checkpoint where it has one."""
    checkpoint = folder.unfinished(row, seed, ".checkpoint")
    times = folder.unfinished(row, seed, ".times")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    resume = checkpoint.is_file()
    if not resume:
        times.unlink(missing_ok=True)

    def progress(now: Progress) -> None:
        with times.open("a") as file:
            file.write(json.dumps({"epoch": now.epoch.number, "seconds": now.seconds}) + "\n")
        if (now.epoch.number + 1) % max(1, now.epochs // 10):
            return
        say(
            f"{row.name} seed {seed}: epoch {now.epoch.number + 1} of {now.epochs}, "
            f"loss {now.epoch.loss:.4f}, validation {100 * now.epoch.accuracy:.2f} % "
            f"(best {100 * now.best.accuracy:.2f} %)"
        )

    result = run_recipe(
        row.path, seed=seed, progress=progress, checkpoint=checkpoint, resume=resume
    )
    spent = {line["epoch"]: line["seconds"] for line in read_lines(times)}
    if seed < CURVES:
        lines = [
            json.dumps({"epoch": e.number, "loss": round(e.loss, 5), "accuracy": e.accuracy})
            for e in result.history.epochs
        ]
        path = folder.curve(row, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    save(result.net, folder.unfinished(row, seed, ".safetensors"), provenance=result.provenance)
    run = record(row, result.net, result.provenance, sum(spent.values()))
    folder.add(run)
    for path in (checkpoint, times):
        path.unlink(missing_ok=True)
    return run


def adopt(row: Row, model: Path, folder: Folder) -> Plain:
    """The run that made this model; InputError where it is none of the row's recipe."""
    found = load(model)
    recipe = found.provenance["recipe"]
    for key, value in leaves(row.tables or {}):
        made = dict(leaves(recipe)).get(key)
        if made != value:
            raise InputError(f"{model}: made with {key} = {made!r}; {row.path.name} says {value!r}")
    run = record(row, found.net, found.provenance, None)
    place = folder.unfinished(row, run["seed"], ".safetensors")
    if found.net.trainable and model != place:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model, place)
    return run


def leaves(plain: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested tables by their dotted names."""
    if isinstance(plain, dict | list | tuple):
        pairs = plain.items() if isinstance(plain, dict) else enumerate(plain)
        for key, value in pairs:
            yield from leaves(value, f"{prefix}.{key}".lstrip("."))
    else:
        yield prefix, plain


def record(row: Row, net: Net, provenance: Plain, seconds: float | None) -> Plain:
    """The line of a finished run, its net measured on the test samples once more."""
    x, y = test_samples(provenance)
    hard = net.hard_predict(x)
    if float((hard == y).mean()) != provenance["test_accuracy"]:
        raise InputError(
            f"{row.name}: the net is right for {100 * (hard == y).mean():.2f} % of the test "
            f"samples, but its provenance says {100 * provenance['test_accuracy']:.2f} %"
        )
    soft = soft_predict(net, x) if net.trainable else None
    return {
        "row": row.name,
        "recipe": row.digest,
        "seed": provenance["seed"],
        "test": provenance["test_accuracy"],
        "test_samples": provenance["test_samples"],
        "validation": provenance["validation_accuracy"],
        "soft": None if soft is None else float((soft == y).mean()),
        "agreement": None if soft is None else float((soft == hard).mean()),
        "best_epoch": provenance["best_epoch"],
        "data_digest": provenance["data_digest"],
        "versions": provenance["versions"],
        "gates": count_gates(net),
        **{key: provenance[key] for key in ENSEMBLE if key in provenance},
        "seconds": None if seconds is None else round(seconds, 1),
    }


def test_samples(provenance: Plain) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Features and labels of the test samples; InputError where the data is not there, or other."""
    said = provenance["recipe"]["data"]
    dataset = data.load(said["name"])
    if dataset.digest != provenance["data_digest"]:
        raise InputError(f"the data set {said['name']!r} here is other data than the net's")
    seed, test, validation = provenance["seed"], said["test"], said["validation"]
    chosen = data.split(dataset, seed=seed, test=test, validation=validation).test
    return dataset.x[chosen], dataset.y[chosen]


def soft_predict(net: Net, x: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each sample by the soft net."""
    net.eval()
    classes = []
    with torch.no_grad():
        for start in range(0, len(x), SOFT_BATCH):
            logits = net(torch.from_numpy(x[start : start + SOFT_BATCH].astype(np.float64)))
            classes.append(logits.argmax(1).numpy())
    return np.concatenate(classes)


def count_gates(net: Net) -> dict[str, dict[str, int]]:
    """Tables of encoder, core and head: of the net as built, and of the optimised circuit.

    Thresholds, sums and the argmax count as the tables that they are written in.
    """
    built = lower(net, builder=Builder(fold=False, hash=False))
    return {"built": in_parts(built), "optimised": in_parts(compile(net).circuit)}


def in_parts(circuit: Circuit) -> dict[str, int]:
    """The tables of each part of a circuit."""
    sizes = expand(circuit).circuit.size_by_part()
    return {part: sizes[part] for part in PARTS}


def mean_and_deviation(runs: list[Plain]) -> tuple[float, float]:
    """Of the test accuracies, in per cent; the deviation is that of the runs."""
    found = [100 * run["test"] for run in runs]
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else 0.0
