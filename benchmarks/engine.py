"""The C engine against straight-line C: `python -m benchmarks.engine [--json] [--check]`.

The yardstick is what other compilers of such nets write: one function with a 64-bit local for each
gate, built at -O0 because higher levels do not end in a reasonable time at this size. Every ratio
is of medians of CPU time, measured alternately in this process.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.engine import Engine
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

INPUTS, LAYERS, WIDTH, CLASSES = 784, 6, 8000, 10
SAMPLES = 4096
ROUNDS = 15
MOST_READY_SECONDS = 0.3
LEAST_RATIO = 16.0
TABLES = np.array([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], np.uint64)
EXPRESSIONS = {
    1: "~(a | b)", 2: "a & ~b", 4: "b & ~a", 6: "a ^ b", 7: "~(a & b)",
    8: "a & b", 9: "~(a ^ b)", 11: "a | ~b", 13: "b | ~a", 14: "a | b",
}  # fmt: skip
PERMUTATION = """
#include <stdint.h>
typedef uint64_t line __attribute__((vector_size(64)));
void touch(line *lines, const uint16_t *order, int64_t count, int64_t times) {
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i < count; i++)
            lines[order[i]] = ~lines[order[i]];
}
"""
READY = """
import json, sys, time
start = time.process_time()
import numpy as np
from benchmarks.engine import random_net
from lithify.backends.c.engine import Engine
imported = time.process_time()
circuit = random_net()
made = time.process_time()
engine = Engine(circuit)
engine.predict(np.zeros((1, circuit.elements), np.uint8))
ready = time.process_time()
again = Engine(circuit)
print(json.dumps([imported - start, ready - made, time.process_time() - ready]))
"""


def random_net() -> Circuit:
    """Six layers of 8000 gates of any true two-input operation, wired at random."""
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    previous = b.input("x", count=INPUTS).ravel()
    for _ in range(LAYERS):
        sources = np.resize(rng.permutation(previous), 2 * WIDTH)
        fanins = rng.permutation(sources).reshape(WIDTH, 2)
        previous = b.tables(TABLES[rng.integers(0, len(TABLES), WIDTH)], fanins)
    for i in range(CLASSES):
        b.score(f"class{i}", previous[i::CLASSES])
    return b.finish(readout="argmax")


def ready_seconds() -> tuple[float, float, float]:
    """CPU seconds in a fresh process: imports, circuit to first answer, a second engine."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    runs = []
    for _ in range(4):
        command = [sys.executable, "-c", READY]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        runs.append(json.loads(done.stdout))
    # The first process may have to compile what later ones find in their caches.
    imported, ready, again = (statistics.median(column) for column in zip(*runs[1:], strict=True))
    return imported, ready, again


def straight_line_source(circuit: Circuit) -> str:
    """One C function: a local for each gate, 64 samples a call, all last gates written out."""
    lines = ["#include <stdint.h>", "void net(const uint64_t *in, uint64_t *out) {"]
    first = circuit.first_gate
    pairs = circuit.fanins.reshape(-1, 2).tolist()
    for gate, (table, pair) in enumerate(zip(circuit.tables.tolist(), pairs, strict=True)):
        a, b = (f"in[{s - 2}]" if s < first else f"v{s}" for s in pair)
        text = EXPRESSIONS[table].replace("a", "@").replace("b", b).replace("@", a)
        lines.append(f"const uint64_t v{first + gate} = {text};")
    ends = np.concatenate([score.signals for score in circuit.scores]).tolist()
    lines += [f"out[{i}] = v{signal};" for i, signal in enumerate(ends)]
    return "\n".join([*lines, "}", ""])


def compiled(text: str, folder: Path, name: str, *flags: str) -> tuple[ctypes.CDLL, float]:
    """The library made of C text, and the CPU seconds that took."""
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text)
    before = os.times()
    command = ["cc", *flags, "-fPIC", "-shared", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    after = os.times()
    spent = after.children_user + after.children_system
    return ctypes.CDLL(str(library)), spent - before.children_user - before.children_system


def medians(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The median CPU seconds of each call, measured in turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.thread_time()
            call()
            times[name].append(time.thread_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def check_yardstick(circuit: Circuit, net: Any, codes: NDArray[np.uint8], engine: Engine) -> None:
    """Stop where the yardstick and the engine do not compute the same."""
    planes = np.ascontiguousarray(simulate.pack(circuit, codes[:64]).T)
    out = np.empty(WIDTH, np.uint64)
    net(planes.ctypes.data, out.ctypes.data)
    bits = simulate.unpack_bits(out[:, None], 64).reshape(CLASSES, -1, 64)
    if not np.array_equal(bits.sum(1).T, engine.scores(codes[:64])):
        raise SystemExit("the yardstick computes other scores than the engine")


def measure(folder: Path) -> dict[str, float]:
    """All figures: seconds and ratios."""
    circuit = random_net()
    imported, ready, again = ready_seconds()
    engine = Engine(circuit)
    codes = np.random.default_rng(1).integers(0, 2, (SAMPLES, INPUTS), dtype=np.uint8)
    yard, yard_build = compiled(straight_line_source(circuit), folder, "yardstick", "-O0")
    yard.net.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    check_yardstick(circuit, yard.net, codes, engine)
    planes, out = np.zeros(INPUTS, np.uint64), np.empty(WIDTH, np.uint64)
    lines = touched_lines(engine, folder)
    calls: dict[str, Callable[[], Any]] = {
        f"gates{width}": gates_only(Engine(engine.program, vector=width), 64)
        for width in engine._kernel.vectors
    }
    calls["yardstick"] = lambda: [yard.net(planes.ctypes.data, out.ctypes.data) for _ in range(8)]
    calls["lines"] = lines
    calls["whole"] = lambda: engine.predict(codes)
    spent = medians(calls)
    rates = {  # gate evaluations a CPU second, for one sample
        name: circuit.num_gates * 64 * width / spent[f"gates{width}"]
        for width in engine._kernel.vectors
        for name in [f"gates_per_s_{width}"]
    }
    widest = rates[f"gates_per_s_{engine.vector}"]
    yard_rate = circuit.num_gates * 64 * 8 / spent["yardstick"]
    return {
        "gates": circuit.num_gates,
        "import_cpu_s": imported,
        "ready_cpu_s": ready,
        "ready_again_cpu_s": again,
        "yardstick_build_cpu_s": yard_build,
        **rates,
        "yardstick_gates_per_s": yard_rate,
        "ratio": widest / yard_rate,
        "permutation_share": spent["lines"] / 64 / spent[f"gates{engine.vector}"] * 64,
        "whole_samples_per_s": SAMPLES / spent["whole"],
    }


def gates_only(engine: Engine, times: int) -> Callable[[], Any]:
    """A call that runs the gates `times` over, without packing and scores."""
    workspace = engine._new_workspace()
    workspace[:] = 0
    net, words = ctypes.byref(engine._net), engine.vector // 64
    return lambda: (workspace, engine._kernel.gates(net, workspace.ctypes.data, words, times))


def touched_lines(engine: Engine, folder: Path) -> Callable[[], Any]:
    """A call that reads and writes one random line for every gate, in a state of the same size."""
    library, _ = compiled(PERMUTATION, folder, "permutation", "-O3", "-march=native")
    rng = np.random.default_rng(2)
    state = np.zeros((engine.program.slots + 1) * 8, np.uint64)
    start = -state.ctypes.data % 64
    order = np.resize(rng.permutation(engine.program.slots), engine.program.num_gates)
    order = order.astype(np.uint16)
    pointers = ctypes.c_void_p(state.ctypes.data + start), ctypes.c_void_p(order.ctypes.data)
    count = ctypes.c_int64(len(order))
    keep = (state, order)
    return lambda: (keep, library.touch(*pointers, count, ctypes.c_int64(64)))


def table(figures: dict[str, float]) -> str:
    """The figures for people."""
    lines = [f"random net of {figures['gates']:.0f} gates, {LAYERS} x {WIDTH}, one core", ""]
    for name, value in figures.items():
        unit = f"{value / 1e9:10.1f} G" if "gates_per_s" in name else f"{value:10.4g}"
        lines.append(f"  {name:24} {unit}")
    bars = f"bars: ready_cpu_s <= {MOST_READY_SECONDS}, ratio >= {LEAST_RATIO:g}"
    return "\n".join([*lines, "", bars])


def main() -> int:
    """0, or 1 where a bar is missed and `--check` was given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    print(table(figures))
    missed = [
        name
        for name, right in (
            ("ready_cpu_s", figures["ready_cpu_s"] <= MOST_READY_SECONDS),
            ("ratio", figures["ratio"] >= LEAST_RATIO),
        )
        if not right
    ]
    if missed:
        print(f"missed: {', '.join(missed)}")
    if options.json:
        print(json.dumps(figures))
    return int(bool(missed) and options.check)


if __name__ == "__main__":
    sys.exit(main())
