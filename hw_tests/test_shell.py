"""The shells on Verilator: samples, garbage, damaged frames, resets."""

import re
from pathlib import Path

import numpy as np
import pytest

from lithify.backends.verilog.cores import core_of
from lithify.backends.verilog.folding import FANINS
from lithify.backends.verilog.lines import line_of
from lithify.backends.verilog.shell_simulate import emit_shell, simulate_shell
from lithify.compiler.mapping import map_cells
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ToolFailed
from lithify.ir.simulate import random_codes, run


def mixed_ports() -> Circuit:
    """Ports and words of every kind, elements of one to three bytes."""
    b, rng = Builder(), np.random.default_rng(3)
    x = b.input("x", width=5, count=9, low=0, high=16)
    y = b.input("y", width=12, count=2, kind="int", low=-2000, high=1999)
    z = b.input("z", width=17)
    f = b.input("f", kind="bit")
    signals = np.concatenate([part.reshape(-1) for part in (x, y, z, f)])
    for _ in range(4):
        fanins = rng.choice(signals, (90, 2)).astype(np.int32)
        signals = b.tables(rng.integers(1, 15, 90).astype(np.uint64), fanins)
    b.output("a", signals[:27].reshape(3, 9), kind="int")
    b.output("b", signals[27:45].reshape(1, 18), kind="uint")
    b.output("c", signals[45:48], kind="bit")
    return b.finish(readout="bits")


def classifier() -> Circuit:
    """Encoder, core and head: sixteen integers, three classes."""
    b, rng = Builder(), np.random.default_rng(4)
    x = b.input("x", width=5, count=16, low=0, high=16)
    with b.origin("encoder", "encoder"):
        weights = [1, 2, 4, 8, 16]
        bits = [b.threshold(bound, row, weights) for row in x for bound in (5, 11)]
    signals = np.array(bits, np.int32)
    with b.origin("layers.0", "core"):
        fanins = rng.permutation(np.resize(signals, 120)).reshape(60, 2).astype(np.int32)
        signals = b.tables(rng.choice(np.array([6, 8, 14, 7], np.uint64), 60), fanins)
    with b.origin("head", "head"):
        for i in range(3):
            b.score(f"class {i}", signals[20 * i : 20 * i + 20], bias=i - 1)
    return b.finish(readout="argmax")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uart")


@pytest.mark.parametrize("line", ["uart", "spi"])
def test_class_and_scores_come_back_over_the_line(line: str, folder: Path) -> None:
    circuit = classifier()
    codes = random_codes(circuit, 12, np.random.default_rng(7))
    answers = run(circuit, codes)
    expected = {"scores": answers.scores, "class": answers.classes[:, None]}
    steps: list[str] = []
    core = core_of(circuit, every=3)
    place = folder / f"classes-{line}"
    done = simulate_shell(core, codes, expected, folder=place, line=line, progress=steps.append)
    assert done.samples == 12 and steps[-1] == "the benches run"
    assert "compared 12 samples" in done.log.read_text()


@pytest.mark.parametrize("line", ["uart", "spi"])
def test_ports_of_every_kind_and_an_answer_longer_than_the_request(line: str, folder: Path) -> None:
    circuit = mixed_ports()
    codes = random_codes(circuit, 8, np.random.default_rng(8))
    core = core_of(circuit, every=1)
    done = simulate_shell(core, codes, folder=folder / f"mixed-{line}", line=line, seed=2)
    assert done.samples == 8


@pytest.mark.parametrize("line", ["uart", "spi"])
def test_a_folded_core_is_begun_and_read_by_the_shell(line: str, folder: Path) -> None:
    circuit = map_cells(classifier(), inputs=FANINS).circuit
    codes = random_codes(circuit, 8, np.random.default_rng(9))
    core = core_of(circuit, cycles=90)
    done = simulate_shell(core, codes, folder=folder / f"folded-{line}", line=line, seed=3)
    assert done.samples == 8


def test_a_wrong_answer_fails_the_bench(folder: Path) -> None:
    circuit = mixed_ports()
    codes = random_codes(circuit, 8, np.random.default_rng(8))
    expected = run(circuit, codes).words
    expected["b"][5, 0] ^= 1 << 9
    with pytest.raises(ToolFailed) as caught:
        core = core_of(circuit, every=1)
        simulate_shell(core, codes, expected, folder=folder / "mixed-uart", seed=2)
    log = folder / "mixed-uart" / "simulate.log"
    assert str(caught.value).endswith(f"The whole log: {log}")
    assert f"sample 5: b is [{expected['b'][5, 0] ^ 1 << 9}]" in log.read_text()


@pytest.mark.parametrize(
    ("line", "pins"), [("uart", {b"rx", b"tx"}), ("spi", {b"cs_n", b"sck", b"copi", b"cipo"})]
)
def test_the_shell_has_a_clock_a_reset_and_the_pins_of_its_line(
    line: str, pins: set[bytes]
) -> None:
    text, layout = emit_shell(core_of(mixed_ports(), every=2), line_of(line, 8))
    (head,) = re.findall(rb"module shell\((.*)\);", text)
    assert {*head.split(b", ")} == {b"clk", b"rst"} | pins
    assert (layout.request_bytes, layout.answer_bytes) == (9 + 4 + 3 + 1, 6 + 3 + 3)
