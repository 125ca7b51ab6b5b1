"""Runs that no recipe makes alone: ensembles drawn from a trained model, and other benchmarks."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from benchmarks.methods.rows import ROOT, Row, choose, read_rows
from benchmarks.methods.runs import Folder, Plain, Say, record
from lithify.compiler.nets import load, save
from lithify.compiler.training import posterior
from lithify.ir.errors import InputError


def draw(row: Row, seed: int, folder: Folder, say: Say) -> Plain:
    """The run of an ensemble drawn from the model that the row before it left."""
    (source,) = choose(read_rows(), [row.drawn_from])
    model = folder.unfinished(source, seed, ".safetensors")
    if not model.is_file():
        raise InputError(
            f"there is no model of {source.name} with seed {seed} to draw from; make it with "
            f"`python -m benchmarks.methods --only {source.name}`"
        )
    say(f"{row.name} seed {seed}: drawing {row.members} nets")
    started = time.perf_counter()
    found = posterior.follow(row.path, load(model), members=row.members, reject=row.reject)
    seconds = time.perf_counter() - started
    place = folder.unfinished(row, seed, ".safetensors")
    save(found.net, place, hard=True, provenance=found.provenance)
    run = record(row, found.net, found.provenance, seconds)
    folder.add(run)
    return run


def elsewhere(row: Row, seed: int, folder: Folder, say: Say) -> Plain:
    """The run of another benchmark that ends with rows of JSON, with and without what it shows."""
    words = [sys.executable, "-m", row.module, "--json", "--first", str(seed)]
    say(f"{row.name} seed {seed}: {' '.join(words[1:])}")
    started = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise InputError(f"`{' '.join(words[1:])}` ended with code {done.returncode}")
    rows = json.loads(done.stdout.splitlines()[-1])["rows"]
    means = {
        keep: statistics.fmean(a for r in rows if r["keep"] is keep for a in r["accuracies"])
        for keep in (True, False)
    }
    run = {
        "row": row.name,
        "recipe": row.digest,
        "seed": seed,
        "test": means[True],
        "without": means[False],
        "seconds": round(time.perf_counter() - started, 1),
    }
    folder.add(run)
    return run
