"""Written designs in Verilator: every sample, random stalls, resets, and faults that are found."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.simulate import SimulationResult, simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ToolFailed
from lithify.ir.simulate import random_codes, run

COMB = VerilogOptions(name="digits")
EVERY_LEVEL = VerilogOptions(interface="pipeline", every=1)
EVERY_OTHER = VerilogOptions(
    interface="pipeline", every=2, register_inputs=True, register_outputs=False
)
STREAM = VerilogOptions(interface="stream", every=3)
SAMPLES = 90


@cache
def net() -> Circuit:
    """Signed and unsigned inputs, an encoder, two layers, words, scores and their argmax."""
    rng = np.random.default_rng(7)
    builder = Builder()
    x = builder.input("wire", width=3, count=6, kind="int", low=-3, high=3)
    y = builder.input("y", width=2, count=3)
    with builder.origin("encoder", "encoder"):
        signals = np.concatenate(
            [
                *(builder.thresholds([t] * 6, x, [[1, 2, -4]] * 6) for t in (-2, 0, 2)),
                *(builder.thresholds([t] * 3, y, [[1, 2]] * 3) for t in (1, 2)),
            ]
        )
    for layer in range(2):
        with builder.origin(f"layers.{layer}", "core"):
            pins = signals[rng.integers(0, len(signals), (40, 2))]
            signals = builder.tables(rng.integers(1, 15, 40).astype(np.uint64), pins)
    builder.output("flags", signals[:5])
    builder.output("number", signals[5:9], kind="int")
    with builder.origin("head", "head"):
        for index in range(4):
            builder.score(f"class{index}", signals[index::4], bias=index - 2)
    return builder.finish(readout="argmax")


@cache
def codes() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return random_codes(net(), SAMPLES, np.random.default_rng(8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[VerilogOptions], Path]:
    """A folder for each design, so that its simulator is built once."""
    base = tmp_path_factory.mktemp("simulation")

    def named(options: VerilogOptions) -> Path:
        return base / f"{options.interface}_{options.every}"

    return named


def simulated(
    options: VerilogOptions, folder: Path, *, bench: str = "whole_set", seed: int = 1
) -> SimulationResult:
    answers = run(net(), codes())
    design = emit(net(), options)
    return simulate(design, codes(), answers, folder=folder, bench=bench, seed=seed)


def check(result: SimulationResult) -> None:
    assert result.ok and not result.first
    assert (result.samples, result.compared) == (SAMPLES, SAMPLES)
    assert result.input_bits[1] == 24 and result.input_bits[0] >= 23
    assert result.output_bits[0] > 20
    assert result.log.is_file()


@pytest.mark.parametrize("options", [COMB, EVERY_LEVEL, EVERY_OTHER, STREAM], ids=lambda o: o.name)
def test_every_sample(options: VerilogOptions, folder: Callable[[VerilogOptions], Path]) -> None:
    result = simulated(options, folder(options))
    check(result)
    assert (result.interface, result.latency > 0) == (options.interface, options is not COMB)
    if options is STREAM:
        assert result.cycles == SAMPLES + result.latency
    elif options is not COMB:
        assert result.cycles > SAMPLES + result.latency


def test_stalls_change_nothing_but_the_number_of_cycles(
    folder: Callable[[VerilogOptions], Path],
) -> None:
    answers = run(net(), codes())
    place = folder(EVERY_LEVEL)
    design = emit(net(), EVERY_LEVEL)
    results = [
        simulate(design, codes(), answers, folder=place, stalls=stalls, seed=3)
        for stalls in (0.0, 0.7)
    ]
    for result in results:
        check(result)
    assert results[0].cycles == SAMPLES + results[0].latency
    assert results[1].cycles > 2 * results[0].cycles


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stalls_and_resets(folder: Callable[[VerilogOptions], Path], seed: int) -> None:
    result = simulated(STREAM, folder(STREAM), bench="stream", seed=seed)
    assert result.ok and result.compared >= SAMPLES
    assert result.cycles > 2 * SAMPLES


def test_patterns_of_stalls_at_random(folder: Callable[[VerilogOptions], Path]) -> None:
    answers, design = run(net(), codes()), emit(net(), STREAM)
    result = simulate(design, codes(), answers, folder=folder(STREAM), bench="stream", patterns=100)
    assert result.ok and 400 < result.compared < 900 and result.cycles > 2 * result.compared


def corrupted(design: Artifacts, pattern: str, replacement: str) -> Artifacts:
    """The design with the first match of `pattern` replaced in its Verilog."""
    name = next(name for name in design if name.endswith(".v"))
    text, changes = re.subn(pattern, replacement, design[name].decode(), count=1)
    assert changes == 1
    return design | {name: text.encode()}


def test_a_corrupted_gate_is_reported_with_its_samples(tmp_path: Path) -> None:
    builder = Builder()
    x = builder.input("x", width=2, count=2)
    both = builder.table(0b1000, int(x[0, 0]), int(x[1, 1]))
    builder.output("both", [both])
    builder.output("sum", [int(x[0, 1]), both], kind="uint")
    circuit = builder.finish()
    samples = np.array([[0, 0], [1, 2], [1, 0], [3, 3], [0, 2], [2, 1]])
    design = corrupted(emit(circuit), r"= x\[0\] & x\[3\]", "= x[0] | x[3]")
    result = simulate(design, samples, run(circuit, samples), folder=tmp_path)
    assert (result.compared, result.mismatches, result.ok) == (6, 2, False)
    assert [str(one) for one in result.first] == [
        "sample 2: both is 1, expected 0, for input [1, 0]",
        "sample 2: sum is 2, expected 0, for input [1, 0]",
        "sample 4: both is 1, expected 0, for input [0, 2]",
        "sample 4: sum is 2, expected 0, for input [0, 2]",
    ]


def test_a_stream_that_loses_what_waits_is_found(tmp_path: Path) -> None:
    design = corrupted(emit(net(), STREAM), r"assign in_ready = [^;]*;", "assign in_ready = 1'b1;")
    answers = run(net(), codes())
    result = simulate(design, codes(), answers, folder=tmp_path, bench="stream")
    assert not result.ok and result.complaints
    assert re.match(r"cycle \d+: (an answer changed|\d+ samples are inside)", result.complaints[0])
    with pytest.raises(ToolFailed, match="back_to_back"):
        wrong = {**answers.words, "scores": answers.scores + 1, "class": answers.classes[:, None]}
        simulate(design, codes(), wrong, folder=tmp_path, bench="stream")


def test_a_pipeline_of_another_latency_is_found(
    folder: Callable[[VerilogOptions], Path],
) -> None:
    design = emit(net(), EVERY_LEVEL)
    described = design["design.json"].decode()
    latency = int(re.findall(r'"latency": (\d+)', described)[0])
    wrong = described.replace(f'"latency": {latency}', f'"latency": {latency - 1}')
    design = design | {"design.json": wrong.encode()}
    result = simulate(design, codes(), run(net(), codes()), folder=folder(EVERY_LEVEL))
    assert result.mismatches > SAMPLES // 2
