"""The figures: ratios measured in turns in this process, of CPU time, and for threads of time."""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.nets import random_net
from benchmarks.engine.yardstick import Yardstick, compiled
from lithify.backends.c.engine import Engine
from lithify.backends.c.library import aligned_bytes, load
from lithify.backends.c.running import GateRunner
from lithify.compiler.design import Design
from lithify.ir import simulate
from lithify.ir.circuit import Circuit

SAMPLES = 16384
ROUNDS = 15
KEPT = Path(__file__).parents[2] / "examples" / "models"
PERMUTATION = """
#include <stdint.h>
typedef uint64_t line __attribute__((vector_size(64)));
void touch(line *lines, const uint32_t *order, int64_t count, int64_t times) {
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i < count; i++)
            lines[order[i]] = ~lines[order[i]];
}
"""
READY = """
import sys, time
import numpy as np
from benchmarks.engine.nets import random_net
from lithify.backends.c.engine import Engine
circuit = random_net(sys.argv[1])
made = time.process_time()
Engine(circuit).predict(np.zeros((1, circuit.elements), np.uint8))
print(time.process_time() - made)
"""
Figures = dict[str, float]


def medians(
    calls: Mapping[str, Callable[[], Any]], clock: Callable[[], float] = time.process_time
) -> Figures:
    """The median seconds of each call, measured in turns: of the CPU, or by another clock."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def ready_seconds(size: str) -> float:
    """CPU seconds in a fresh process from the circuit to the first answer."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", READY, size]
    for _ in range(2):  # the first may have to compile what the second finds in its cache
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(json.loads(done.stdout))


def gates_only(engine: Engine, samples: int) -> Callable[[], Any]:
    """A call that runs the gates on so many samples, without packing and scores."""
    runner = gate_runner(engine)
    workspace = aligned_bytes(runner.workspace_bytes)
    workspace[:] = 0
    net, gates = ctypes.byref(runner.net), runner.kernel.gates
    return lambda: (workspace, gates(net, workspace.ctypes.data, runner.words, samples))


def gate_runner(engine: Engine) -> GateRunner:
    """What runs the gates of an engine."""
    assert isinstance(engine.runner, GateRunner)
    return engine.runner


def touched_lines(engine: Engine, folder: Path) -> Callable[[], Any]:
    """A call that reads and writes one random line for every gate, in a state of the same size."""
    library, _ = compiled({"permutation": (PERMUTATION, "-O3")}, folder, "-march=native")
    rng = np.random.default_rng(2)
    state = aligned_bytes(gate_runner(engine).workspace_bytes)
    program = gate_runner(engine).program
    order = np.resize(rng.permutation(program.slots), program.num_gates)
    order = order.astype(np.uint32)
    pointers = ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(order.ctypes.data)
    count, times = ctypes.c_int64(len(order)), ctypes.c_int64(SAMPLES // 512)
    return lambda: (state, order, library.touch(*pointers, count, times))


def of_size(size: str, folder: Path) -> Figures:
    """Everything about a random net of this size."""
    circuit = random_net(size)
    yard, engine = Yardstick(circuit, folder, f"net{size}"), Engine(circuit)
    codes = np.random.default_rng(1).integers(0, 2, (SAMPLES, circuit.elements), dtype=np.uint8)
    if not np.array_equal(yard.predict(codes), engine.predict(codes)):
        raise SystemExit("the yardstick answers otherwise than the engine")
    calls: dict[str, Callable[[], Any]] = {
        "yardstick": yard.gates(SAMPLES),
        "gates": gates_only(engine, SAMPLES),
        "yardstick whole": lambda: yard.predict(codes),
        "whole": lambda: engine.predict(codes),
    }
    if engine.vector == 512:
        calls["lines"] = touched_lines(engine, folder)
    if size == "48k":
        calls |= {
            f"{width} bits": gates_only(Engine(engine.program, vector=width), SAMPLES)
            for width in load().vectors[:-1]
        }
    spent = medians(calls)
    figures = {
        "ready, CPU s": ready_seconds(size),
        "yardstick's build, s": yard.build_seconds,
        "G gates/s": gate_runner(engine).program.num_gates * SAMPLES / spent["gates"] / 1e9,
        "yardstick's G gates/s": circuit.num_gates * SAMPLES / spent["yardstick"] / 1e9,
        "gates only, x": spent["yardstick"] / spent["gates"],
        "whole path, x": spent["yardstick whole"] / spent["whole"],
        "whole path, samples/s": SAMPLES / spent["whole"],
    }
    if "lines" in calls:
        figures["share of the permutation bound"] = spent["lines"] / spent["gates"]
    for width in load().vectors[:-1] if size == "48k" else ():
        figures[f"{width} bits, of {engine.vector}"] = spent["gates"] / spent[f"{width} bits"]
    if size == "48k":
        figures["64 bits, x"] = spent["yardstick"] / spent["64 bits"]
        figures |= one_sample(yard, engine, codes) | two_threads(engine, codes)
    return figures


def one_sample(yard: Yardstick, engine: Engine, codes: Any) -> Figures:
    """Microseconds from one sample's codes to its class."""
    one = codes[:1].copy()
    spent = medians(
        {
            "mine": lambda: [engine.predict(one) for _ in range(50)],
            "yardstick": lambda: [yard.predict(one) for _ in range(50)],
        }
    )
    return {
        "one sample, us": spent["mine"] / 50 * 1e6,
        "one sample, yardstick's us": spent["yardstick"] / 50 * 1e6,
    }


def two_threads(engine: Engine, codes: Any) -> Figures:
    """How much sooner two threads are done, by the clock: it needs two cores with nothing to do."""
    many = np.concatenate([codes] * 2)
    engines = {"one": engine, "two": Engine(engine.program, threads=2)}
    calls = {name: partial(one.predict, many) for name, one in engines.items()}
    spent = medians(calls, clock=time.perf_counter)
    return {"two threads, x": spent["one"] / spent["two"]}


def of_kept(name: str, folder: Path) -> Figures:
    """The whole path of a kept net, as compiled by effort 1."""
    from lithify.compiler.driver import compile

    design: Design = compile(KEPT / f"{name}.safetensors", effort=1)
    circuit: Circuit = design.circuit
    engine, yard = Engine(circuit), Yardstick(circuit, folder, name)
    codes = simulate.random_codes(circuit, SAMPLES, np.random.default_rng(0)).astype(np.uint8)
    if not np.array_equal(yard.predict(codes), engine.predict(codes)):
        raise SystemExit(f"{name}: the yardstick answers otherwise than the engine")
    spent = medians({"yard": lambda: yard.predict(codes), "mine": lambda: engine.predict(codes)})
    return {
        "gates": float(yard.num_gates),
        "samples/s": SAMPLES / spent["mine"],
        "whole path, x": spent["yard"] / spent["mine"],
    }
