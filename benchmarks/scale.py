"""A large random net through the whole compiler: `python -m benchmarks.scale [--json] [--check]`.

From a circuit of 6 x 8000 two-input gates with its class sums to the optimised circuit, a
pipelined Verilog stream and a loaded C engine; then `benchmarks.ir_scale`, a million gates through
the IR, in a process of its own. Seconds are of CPU, children included, after one small run that
loads compiled kernels. The proofs are timed as well; no bar is on them.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from lithify.backends.c.engine import Engine
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.compiler import pipeline
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir import simulate
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_layered

LAYERS = (8000,) * 6
INPUTS = 784
MOST_SECONDS = 10.0
COUNTED = ("optimise", "arithmetic", "Verilog", "C engine, loaded", "first answers of C")
SAMPLES = 100
T = TypeVar("T")


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(layers: tuple[int, ...]) -> tuple[Circuit, Circuit, dict[str, float]]:
    """The circuit before and after, and the seconds of every step."""
    figures: dict[str, float] = {}

    def step(name: str, work: Callable[[], T]) -> T:
        start = cpu_seconds()
        result = work()
        figures[name] = cpu_seconds() - start
        return result

    rng = np.random.default_rng(0)
    start = step("build", lambda: random_layered(rng, inputs=INPUTS, layers=layers, classes=10))
    passes = pipeline.parse(pipeline.EFFORTS[-1])
    done = step("optimise", lambda: pipeline.run(passes, start).circuit)
    netlist = step("arithmetic", lambda: expand(done))
    options = VerilogOptions(interface="stream", every=3)
    files = step("Verilog", lambda: emit(netlist, options))
    step("Verilog, unoptimised", lambda: emit(start, options))
    engine = step("C engine, loaded", lambda: Engine(done))
    codes = simulate.random_codes(start, SAMPLES, rng)
    scores = step("first answers of C", lambda: engine.scores(codes))
    if not np.array_equal(scores, simulate.run(start, codes).scores):
        raise SystemExit("the C engine and the interpreter of the circuit disagree")
    verdict = step("proof of the optimiser", lambda: prove_equal(start, done))
    if not isinstance(verdict, Proved):
        raise SystemExit(f"the optimised circuit was not proved equal: {verdict}")
    figures["Verilog MB"] = len(files["net.v"]) / 1e6
    figures["netlist gates"] = netlist.circuit.num_gates
    return start, done, figures


def million() -> tuple[dict[str, float], bool]:
    """The figures of a million gates through the IR, and whether its bars were kept."""
    command = [sys.executable, "-m", "benchmarks.ir_scale", "--json", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    *table, last = done.stdout.splitlines() or [done.stderr]
    print("\n".join(table))
    return (json.loads(last) if last.startswith("{") else {}), done.returncode == 0


def main() -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    measure((100, 100))
    start, done, figures = measure(LAYERS)
    print(f"{start.num_gates:,} gates, {done.num_gates:,} after optimisation, ", end="")
    print(
        f"{figures['netlist gates']:,.0f} with the head; {figures['Verilog MB']:.1f} MB Verilog\n"
    )
    for name, value in figures.items():
        if name not in ("Verilog MB", "netlist gates"):
            print(f"  {name:<24}{value:8.2f} s")
    total = sum(figures[name] for name in COUNTED)
    good = total <= MOST_SECONDS
    print(
        f"\n  {'circuit to Verilog and C':<24}{total:8.2f} s of at most {MOST_SECONDS:g} s  ",
        end="",
    )
    print("kept\n" if good else "MISSED\n")
    figures["total"] = total
    ir_figures, ir_good = million()
    if options.json:
        rounded = {name: round(value, 4) for name, value in figures.items()}
        print(json.dumps({"flow": rounded, "ir": ir_figures, "met": good and ir_good}))
    return 1 if options.check and not (good and ir_good) else 0


if __name__ == "__main__":
    sys.exit(main())
