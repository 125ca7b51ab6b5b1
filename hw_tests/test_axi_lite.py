"""AXI4-Lite components in Verilator, driven by a public model: stalls, resets, wrong accesses."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lithify.backends.verilog.axi_lite import emit_axi_lite
from lithify.backends.verilog.axi_simulate import TOP, simulate_axi_lite
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ToolFailed
from lithify.ir.simulate import random_codes, run


@cache
def net() -> Circuit:
    """Inputs of 100 bits and outputs of 56, which fill no last word of 32 or of 64."""
    b, rng = Builder(), np.random.default_rng(5)
    x = b.input("x", width=5, count=18, kind="int", low=-9, high=12)
    y = b.input("y", width=10)
    signals = np.concatenate([x.reshape(-1), y.reshape(-1)])
    for _ in range(3):
        fanins = rng.choice(signals, (90, 2)).astype(np.int32)
        signals = b.tables(rng.integers(1, 15, 90).astype(np.uint64), fanins)
    b.output("flags", signals[:39])
    for index in range(3):
        b.score(f"class {index}", signals[40 + index : 80 : 3], bias=index - 1)
    return b.finish(readout="argmax")


def simulated(folder: Path, **options: Any) -> dict[str, Any]:
    codes = random_codes(net(), 40, np.random.default_rng(6))
    answers = run(net(), codes)
    expected = {**answers.words, "scores": answers.scores, "class": answers.classes[:, None]}
    return simulate_axi_lite(net(), codes, expected, folder=folder, every=2, **options)


@pytest.mark.parametrize("width", [32, 64])
def test_stalls_resets_and_wrong_accesses(width: int, tmp_path: Path) -> None:
    found = simulated(tmp_path, width=width, patterns=60)
    assert (found["mismatches"], found["complaints"]) == (0, [])
    assert found["compared"] == 54
    made = emit_axi_lite(net(), name=TOP, width=width, every=2)
    assert found["latency"] == made.latency == made.described.latency + 2


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"assign s_axi_awready = ~ .*;", "assign s_axi_awready = 1;"),
        (r"assign (\S+ ) = \| \\inside ;", r"assign \1 = 0;"),
        (r"\? \S+ \[15:8\] : frame\[47:40\];", "? 8'h0 : frame[47:40];"),
    ],
)
def test_a_broken_component_is_found(pattern: str, replacement: str, tmp_path: Path) -> None:
    text = emit_axi_lite(net(), name=TOP, every=2).verilog.decode()
    wrong, changes = re.subn(pattern, replacement, text)
    assert changes
    try:
        found = simulated(tmp_path, verilog=wrong.encode(), patterns=30)
    except ToolFailed:
        return
    assert found["mismatches"] or found["complaints"]
