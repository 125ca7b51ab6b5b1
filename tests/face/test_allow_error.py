"""`--allow-error`: off by default, priced on held-back data, and no equality is claimed for it."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify as command

import lithify
from lithify.compiler.design import Design
from lithify.compiler.proof.certificate import Certificate
from lithify.compiler.source import of_design
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.simulate import run

Capture = pytest.CaptureFixture[str]


def net() -> Circuit:
    """A random net of two layers over 12 bits, with three classes."""
    rng = np.random.default_rng(0)
    b = Builder()
    signals = b.input("x", count=12, kind="bit").ravel()
    for size in (45, 45):
        pins = signals[rng.integers(0, signals.size, (size, 2))]
        signals = b.tables(rng.integers(1, 15, size).astype(np.uint64), pins)
    for label in range(3):
        b.score(f"class{label}", signals[15 * label : 15 * label + 15])
    return b.finish(readout="argmax")


def data(folder: Path) -> Path:
    """Samples of the net with its own answers as labels."""
    rng = np.random.default_rng(1)
    x = (np.cumsum(rng.random((300, 12)) < 0.2, axis=1) % 2).astype(np.int64)
    np.savez(folder / "data.npz", x=x, y=run(net(), x).classes)
    return folder / "data.npz"


def test_the_report_says_the_price_and_the_certificate_claims_no_equality(
    tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "net.circuit").write_text(str(net()))
    words = ["compile", tmp_path / "net.circuit", "-o", tmp_path / "build", "--interface", "comb"]
    ran = command(capsys, [*words, "--allow-error", 0.1, "--data", data(tmp_path)])
    assert ran.code == 0, ran.err
    design = Design.load(tmp_path / "build")
    price = design.provenance["approximation"]
    assert 0 < price["changed"] <= 15 and price["held"] == 150
    assert price["accuracy_before"] == 1.0
    assert price["accuracy_after"] == pytest.approx(1 - price["changed"] / 150)
    assert f"approximated: {design.price}" in ran.out
    assert f"proof: lowered and approximated: not claimed to be equal ({design.price})" in ran.out
    assert "proof: approximated = optimised: proved by" in ran.out
    stored = Certificate.from_bytes((tmp_path / "build" / "certificate.json").read_bytes())
    assert [stage.verdict for stage in stored.stages][:2] == ["not claimed", "proved"]
    assert design.approximated is not None
    assert design.circuit.num_gates < lithify.compile(net()).circuit.num_gates
    again = command(capsys, ["verify", tmp_path / "build", "--json"])
    assert again.code == 0, again.err
    assert again.result["stages"]["approximate"] == "not claimed"


def test_without_it_nothing_is_approximated_and_what_was_is_not_taken_over() -> None:
    exact = lithify.compile(net())
    assert exact.approximated is None and exact.price == ""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, (100, 12))
    loose = lithify.compile(net(), allow_error=0.3, data=(x, None))
    assert loose.price and loose.provenance["approximation"]["accuracy_before"] is None
    assert "approximation" not in of_design(loose).provenance
    assert lithify.compile(loose).circuit == exact.circuit


def test_the_error_needs_data_and_data_the_error(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "net.circuit").write_text(str(net()))
    words = ["compile", tmp_path / "net.circuit", "-o", tmp_path / "build"]
    for more in (["--allow-error", 0.1], ["--data", data(tmp_path)]):
        ran = command(capsys, [*words, *more])
        assert (ran.code, ran.err) == (
            2,
            "lithify compile: --allow-error and --data are given together: the one is judged on "
            "the other\n",
        )
    with pytest.raises(InputError) as caught:
        lithify.compile(net(), allow_error=0.1)
    assert str(caught.value) == "an allowed error needs data to be judged on; none was given"
