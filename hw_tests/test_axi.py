"""AXI4-Stream components in Verilator, driven by public models: stalls, resets, wrong frames."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lithify.backends.verilog.axi import emit_axi
from lithify.backends.verilog.axi_simulate import TOP, simulate_axi
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ToolFailed
from lithify.ir.simulate import random_codes, run

SAMPLES = 60


@cache
def net() -> Circuit:
    """Inputs of 26 bits, words and scores of 32, neither of which fills its last beat of 24."""
    b, rng = Builder(), np.random.default_rng(5)
    x = b.input("x", width=3, count=6, kind="int", low=-3, high=3)
    y = b.input("y", width=8)
    signals = np.concatenate([x.reshape(-1), y.reshape(-1)])
    for _ in range(3):
        fanins = rng.choice(signals, (60, 2)).astype(np.int32)
        signals = b.tables(rng.integers(1, 15, 60).astype(np.uint64), fanins)
    b.output("flags", signals[:9])
    b.output("number", signals[9:14], kind="int")
    for index in range(3):
        b.score(f"class {index}", signals[20 + index :: 3], bias=index - 1)
    return b.finish(readout="argmax")


def simulated(folder: Path, **options: Any) -> dict[str, Any]:
    codes = random_codes(net(), SAMPLES, np.random.default_rng(6))
    answers = run(net(), codes)
    expected = {**answers.words, "scores": answers.scores, "class": answers.classes[:, None]}
    return simulate_axi(net(), codes, expected, folder=folder, every=2, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("axi")


@pytest.mark.parametrize(
    ("width", "last", "interval"),
    [(8, True, 4), (64, True, 1), (24, False, 2)],
    ids=["bytes", "one beat", "counted"],
)
def test_stalls_resets_and_wrong_frames(
    folder: Path, width: int, last: bool, interval: int
) -> None:
    place = folder / f"{width}_{last}"
    found = simulated(place, width=width, last=last, patterns=60)
    assert (found["mismatches"], found["complaints"]) == (0, [])
    assert found["compared"] > 80 and found["cycles"] > 5 * found["compared"]
    assert found["interval"] == interval
    other = simulated(place, width=width, last=last, patterns=5, seed=2)
    assert other["mismatches"] == 0 and other["compared"] != found["compared"]


def test_a_broken_handshake_is_found(tmp_path: Path) -> None:
    text = emit_axi(net(), name=TOP, width=8, every=2).verilog.decode()
    wrong, changes = re.subn(r"assign offered_ready = ~ full;", "assign offered_ready = 1;", text)
    assert changes == 1
    try:
        found = simulated(tmp_path, width=8, verilog=wrong.encode(), patterns=30)
    except ToolFailed:
        return
    assert found["mismatches"] or found["complaints"]


def test_the_promised_cycles_are_asserted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lithify.backends.verilog import axi_simulate

    def slower(*args: Any, **options: Any) -> Any:
        from dataclasses import replace

        made = emit_axi(*args, **options)
        return replace(made, latency=made.latency + 1)

    monkeypatch.setattr(axi_simulate, "emit_axi", slower)
    with pytest.raises(ToolFailed, match="back_to_back"):
        simulated(folder / "8_True", width=8, patterns=1)
