"""What the efforts and proofs cost on large nets: `python -m benchmarks.effort [--check]`.

A million random gates (16 x 64,000 over 3,072 inputs) through effort 1, or through --effort; then
the proofs that 6 x 8,000 and 4 x 64,000 gates with their sums, and a net of weights of 1 and -1
(784-256-256-10), are what effort 1 made of them. Each net has a process of its own. Seconds are of
CPU, engines included, after a small run that loads compiled kernels; memory is the peak of the
process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.scale import cpu_seconds
from lithify.compiler.pipeline import run_effort
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved, explain
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_layered, random_sums
from lithify.ir.ports import Port

MILLION = (3072, (64_000,) * 16)
PROOFS = {"48k": (784, (8000,) * 6), "256k": (3072, (64_000,) * 4)}
MOST_SECONDS = {0: 30.0, 1: 30.0, 2: 300.0, 3: float("inf")}
BINARY = "binary"
MOST_PROOF_SECONDS = {"48k": 20.0, "256k": 120.0, BINARY: 120.0}
MOST_MEGABYTES = 2000
PROOF_LIMIT = 600.0


def net(inputs: int, layers: Sequence[int]) -> Circuit:
    """A random net of two-input gates with ten sums."""
    return random_layered(np.random.default_rng(0), inputs=inputs, layers=layers, classes=10)


def sums() -> Circuit:
    """A net of random weights of 1 and -1."""
    rng, port = np.random.default_rng(0), Port("x", width=1, count=784)
    return random_sums(rng, [port], widths=(256, 256), classes=10)


def measure(size: str, effort: int) -> dict[str, float | str]:
    """The figures of one net, in this process."""
    small = net(100, (200, 200))
    prove_equal(small, run_effort(effort, small).circuit)
    before = sums() if size == BINARY else net(*({"1M": MILLION} | PROOFS)[size])
    start, wall = cpu_seconds(), time.perf_counter()
    after = run_effort(effort, before).circuit
    figures: dict[str, float | str] = {
        "net": size,
        "effort": effort,
        "gates": before.num_gates,
        "left": after.num_gates,
        "seconds": round(cpu_seconds() - start, 2),
        "wall": round(time.perf_counter() - wall, 2),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
    }
    if size in MOST_PROOF_SECONDS:
        start = cpu_seconds()
        verdict = prove_equal(before, after, time_limit=PROOF_LIMIT)
        figures["proof"] = round(cpu_seconds() - start, 2)
        figures["verdict"] = "proved" if isinstance(verdict, Proved) else explain(verdict, after)
    return figures


def missed(figures: dict[str, float | str]) -> list[str]:
    """The bars that a net misses."""
    size, found = str(figures["net"]), []
    if size in MOST_PROOF_SECONDS:
        if figures["verdict"] != "proved":
            found.append(f"{size}: {figures['verdict']}")
        if float(figures["proof"]) > MOST_PROOF_SECONDS[size]:
            found.append(f"{size}: proved in {figures['proof']} s of {MOST_PROOF_SECONDS[size]:g}")
        return found
    most = MOST_SECONDS[int(figures["effort"])]
    if float(figures["seconds"]) > most:
        found.append(f"{size}: {figures['seconds']} s of {most:g}")
    if float(figures["megabytes"]) > MOST_MEGABYTES:
        found.append(f"{size}: {figures['megabytes']} MB of {MOST_MEGABYTES}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.effort", description=__doc__)
    parser.add_argument("sizes", nargs="*", help=f"1M, {', '.join(MOST_PROOF_SECONDS)} (all)")
    parser.add_argument("--effort", type=int, default=1, help="of the million gates (1)")
    parser.add_argument("--here", action="store_true", help="measure one size in this process")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args(arguments)
    if options.here:
        print(json.dumps(measure(options.sizes[0], options.effort)))
        return 0
    wrong = []
    for size in options.sizes or ["1M", *MOST_PROOF_SECONDS]:
        effort = options.effort if size == "1M" else 1
        command = [sys.executable, "-m", "benchmarks.effort", size, "--here", "--effort"]
        done = subprocess.run([*command, str(effort)], capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(figures), flush=True)
        wrong += missed(figures)
    print("\n".join(["MISSED:", *wrong] if wrong else ["every bar is kept"]))
    return 1 if options.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
