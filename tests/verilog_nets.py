"""Circuits and checks for the tests of the Verilog back end."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithify.backends.toolchain import require_tool
from lithify.backends.verilog.registers import Graph
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def parted_net(rng: np.random.Generator, *, width: int = 24, classes: int = 3) -> Circuit:
    """A net with an encoder, two layers and scores, whose inputs are numbers."""
    builder = Builder()
    x = builder.input("x", width=3, count=8, kind="uint", low=0, high=6)
    with builder.origin("encoder", "encoder"):
        parts = [builder.thresholds([t] * 8, x, [[1, 2, 4]] * 8) for t in (1, 3, 6)]
        signals = np.concatenate(parts)
    for layer in range(2):
        with builder.origin(f"layers.{layer}", "core"):
            pins = signals[rng.integers(0, len(signals), (width, 2))]
            signals = builder.tables(rng.integers(1, 15, width).astype(np.uint64), pins)
    with builder.origin("head", "head"):
        for index in range(classes):
            builder.score(f"class{index}", signals[index::classes])
    return builder.finish(readout="argmax")


def wide_tables(rng: np.random.Generator, *, gates: int = 60, arity: int = 6) -> Circuit:
    """A level of gates with as many different tables, and one below it."""
    builder = Builder()
    x = builder.input("x", count=9, kind="bit").ravel()
    tables = rng.integers(0, 2**63, (2, gates), dtype=np.uint64)
    first = builder.tables(tables[0], [rng.permutation(x)[:arity] for _ in range(gates)])
    second = builder.tables(tables[1], [rng.permutation(first)[:arity] for _ in range(gates)])
    builder.output("y", second)
    return builder.finish()


def evaluate(graph: Graph, planes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output planes of a graph without registers, gate by gate."""
    full = np.uint64(2**64 - 1)
    values = np.zeros((graph.num_variables, planes.shape[1]), np.uint64)
    values[1 : 1 + len(planes)] = planes
    for gate, (a, b) in enumerate(graph.gates.tolist(), 1 + len(planes)):
        left = values[a >> 1] ^ (full if a & 1 else np.uint64(0))
        right = values[b >> 1] ^ (full if b & 1 else np.uint64(0))
        values[gate] = left & right
    inverted = (graph.output_literals & 1).astype(bool)
    result: NDArray[np.uint64] = values[graph.output_literals >> 1]
    result[inverted] ^= full
    return result


def lint(verilog: bytes, top: str, folder: Path) -> str:
    """What Verilator complains of, with every warning on; nothing for clean Verilog."""
    (folder / f"{top}.v").write_bytes(verilog)
    tool = require_tool("verilator")
    binary = tool.path.with_name("verilator_bin")
    done = subprocess.run(
        [str(binary), "--lint-only", "-Wall", "--top-module", top, f"{top}.v"],
        cwd=folder,
        env={**os.environ, **dict(tool.environment)},
        capture_output=True,
        text=True,
    )
    return done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


def longest_line_in_tokens(verilog: bytes) -> int:
    """How many tokens the line with the most of them has."""
    return max(len(re.findall(rb"\w+|[^\w\s]", line)) for line in verilog.split(b"\n"))
