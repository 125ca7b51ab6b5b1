"""The benchmark of stages: equal on every test sample, and what is not equal is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.stages import faults, line, measure, models, samples_equal
from lithify.compiler.nets import save
from lithify.compiler.training import run_recipe

IRIS = """\
[data]
name = "iris"

[net]
kind = "binary"
thresholds = 2

[[net.layers]]
kind = "dense"
width = 8

[train]
epochs = 2
batch = 10
"""
ROW = {
    "net": "a",
    "samples": 30,
    "soft": 30,
    "equal": {"lowered": 30, "optimised": 30, "engine": 30},
    "exported": 2080,
    "stages": {"optimise": "proved", "verilog": "proved"},
}


def test_a_trained_net_is_the_same_in_every_stage(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(IRIS)
    trained = run_recipe(recipe, seed=1)
    model = save(trained.net, tmp_path / "small.safetensors", provenance=trained.provenance)
    row = measure(model, effort=1, time_limit=60.0)
    assert row["accuracy"] == trained.test_accuracy
    assert {key: row[key] for key in ("net", "samples", "soft", "equal", "exported")} == {
        **{key: ROW[key] for key in ("samples", "soft", "equal", "exported")},
        "net": "small",
    }
    assert row["stages"] == dict.fromkeys(("optimise", "expand", "verilog"), "proved")
    assert faults(row) == []
    assert line(row) == (
        "small                      30       30         30         30         30      2,080"
        "  proved: optimise, expand, verilog"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"equal": {"lowered": 30, "optimised": 29}}, ["optimised: 1 of 30 samples differ"]),
        ({"exported": 0}, ["exported C: run on 0 of 30 samples"]),
        ({"stages": {"verilog": "not proved"}}, ["verilog: not proved"]),
        ({"soft": 29}, []),
    ],
)
def test_what_differs_is_said(changed: dict[str, object], said: list[str]) -> None:
    assert faults(ROW | changed) == said


def test_samples_are_equal_where_all_their_scores_are() -> None:
    scores = np.array([[1, 2], [3, 4], [5, 6]])
    assert samples_equal(scores, [scores[:2], scores[2:]]) == 3
    assert samples_equal(scores, [scores[:2], scores[2:] + [[0, 1]]]) == 2


def test_models_are_those_named_or_all_whose_data_is_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert models([tmp_path]) == [tmp_path]
    monkeypatch.setenv("LITHIFY_DATA", str(tmp_path))
    assert {"digits", "iris"} <= {path.stem for path in models([])}
