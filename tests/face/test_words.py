"""Circuits without scores: their words are shown in place of classes."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify

from lithify.compiler.design import Design
from lithify.compiler.driver import compile
from lithify.ir.builder import Builder
from lithify.ir.text import dump


def test_predict_shows_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder()
    a, b = builder.input("x", kind="bit", count=2).ravel()
    builder.output("both", [int(builder.and_(int(a), int(b)))])
    path = tmp_path / "pair.circuit"
    path.write_text(dump(builder.finish(readout="bits")))
    design = compile(path).save(tmp_path / "pair.lith")
    x = np.array([[0, 1], [1, 1]])
    np.savez(tmp_path / "x.npz", x=x)
    words = ["predict", design, "--data", tmp_path / "x.npz"]
    assert lithify(capsys, [*words, "--json"]).result == {"words": {"both": [[0], [1]]}}
    assert "both" in lithify(capsys, words).out
    assert Design.load(design).words(x)["both"].tolist() == [[0], [1]]


def test_the_report_of_an_own_circuit_shows_its_gates_and_no_empty_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builder = Builder()
    bits = builder.input("x", kind="bit", count=3).ravel()
    builder.output("y", [int(builder.and_(*map(int, bits)))])
    circuit = builder.finish(readout="bits")
    (tmp_path / "own.circuit").write_text(dump(circuit))
    ran = lithify(
        capsys, ["compile", tmp_path / "own.circuit", "-o", tmp_path / "build", "--no-proof"]
    )
    out = lithify(capsys, ["report", tmp_path / "build"]).out
    assert out.startswith("own: 3 bits, 1 word, readout bits\n")
    assert "other gates" in out and "layer" not in out
    row = next(line.split() for line in ran.out.splitlines() if line.startswith(" lowered"))
    assert row == ["lowered", "0", "0", "0", str(circuit.num_gates), "0", str(circuit.depth)]
