"""A circuit of a million gates through the IR: `python -m benchmarks.ir_scale [--json] [--check]`.

Times are of CPU, after one small run that loads the compiled kernels; memory is the peak of the
whole process, interpreter and libraries included.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import networkx as nx
import numpy as np

from lithify.ir import binary, simulate, text
from lithify.ir.check import check
from lithify.ir.generate import random_layered

LAYERS = (100_000,) * 10
SAMPLES = 64
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """What a sum of steps may cost at most."""

    name: str
    steps: tuple[str, ...]
    most: float
    unit: str = "s"


BARS = (
    Bar("bulk build", ("build",), 2),
    Bar("text print and parse", ("print", "parse"), 30),
    Bar("binary save and load", ("save", "load"), 2),
    Bar("check", ("check",), 1),
    Bar("peak memory", ("peak",), 1500, "MB"),
)


def measure(layers: tuple[int, ...] = LAYERS) -> dict[str, float]:
    """CPU seconds of every step and the peak memory in MB, for a random net of these layers."""
    figures: dict[str, float] = {}

    def step(name: str, work: Callable[[], T]) -> T:
        start = time.process_time()
        result = work()
        figures[name] = time.process_time() - start
        return result

    rng = np.random.default_rng(0)
    circuit = step("build", lambda: random_layered(rng, layers=layers))
    figures["gates"] = circuit.num_gates
    step("check", lambda: check(circuit))
    source = step("print", lambda: text.dump(circuit))
    figures["text"] = len(source) / 1e6
    if step("parse", partial(text.parse, source)) != circuit:
        raise SystemExit("the text form did not come back equal")
    del source
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.circuit"
        step("save", lambda: binary.save(circuit, path))
        figures["file"] = path.stat().st_size / 1e6
        if step("load", lambda: binary.load(path)) != circuit:
            raise SystemExit("the binary form did not come back equal")
    step("digest", lambda: circuit.digest)
    codes = simulate.random_codes(circuit, SAMPLES, rng)
    step("simulate", lambda: simulate.run(circuit, codes))
    graph = step("graph", lambda: circuit.graph)
    step("topological sort", lambda: sum(1 for _ in nx.topological_sort(graph)))
    step("ancestors", lambda: nx.ancestors(graph, circuit.num_signals - 1))
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def verdicts(figures: dict[str, float]) -> dict[str, tuple[float, bool]]:
    """For every bar what was needed, and whether it is kept."""
    sums = {bar.name: sum(figures[one] for one in bar.steps) for bar in BARS}
    return {bar.name: (sums[bar.name], sums[bar.name] <= bar.most) for bar in BARS}


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 where a bar is missed and `--check` is given."""
    parser = argparse.ArgumentParser(prog="benchmarks.ir_scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    options = parser.parse_args(arguments)
    measure((100, 100))
    figures = measure()
    print(f"{figures['gates']:.0f} gates, {figures['text']:.1f} MB of text, "
          f"{figures['file']:.1f} MB of archive\n")  # fmt: skip
    for name, value in figures.items():
        if name not in ("gates", "text", "file", "peak"):
            print(f"  {name:<22}{value:8.2f} s")
    results = verdicts(figures)
    print()
    for bar in BARS:
        value, kept = results[bar.name]
        shown = f"{value:8.2f} {bar.unit:<2} of at most {bar.most:g} {bar.unit}"
        print(f"  {bar.name:<22}{shown:<32}{'kept' if kept else 'MISSED'}")
    if options.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 1 if options.check and not all(kept for _, kept in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
