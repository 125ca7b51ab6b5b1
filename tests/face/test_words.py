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
