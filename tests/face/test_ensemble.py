"""From a trained posterior to an ensemble that rejects: train, ensemble, compile, predict."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify
from tiny_nets import blobs

from lithify.cli.samples import write_samples
from lithify.compiler.nets import load, rejected

Capture = pytest.CaptureFixture[str]
RECIPE = """
[data]
name = "clouds.npz"

[net]
kind = "binary"
thresholds = 3
affine = false

[[net.layers]]
kind = "dense"
width = 12

[train]
epochs = 4
batch = 20
learning_rate = 0.05

[method]
kind = "bayes"
data_weight = 1e3
"""


def test_the_whole_way(tmp_path: Path, capsys: Capture) -> None:
    x, y = blobs(300)
    np.savez(tmp_path / "clouds.npz", x=x, y=y)
    recipe, model, joint = (tmp_path / n for n in ("r.toml", "m.safetensors", "e.safetensors"))
    recipe.write_text(RECIPE)
    assert lithify(capsys, ["train", recipe, "-o", model, "--quiet"]).code == 0
    words = ["ensemble", recipe, model, "-o", joint, "--members", 3, "--reject", 0.2]
    made = lithify(capsys, [*words, "--json"]).result
    assert made["members"] == 3
    assert 0 <= made["rejected"] < 1
    assert lithify(capsys, words).out.splitlines()[:2] == [
        f"hard accuracy on the test samples: {100 * made['test_accuracy']:.2f} %, the mode alone "
        f"{100 * made['mode_accuracy']:.2f} %",
        f"rejected: {100 * made['rejected']:.2f} %; accuracy of the rest "
        f"{100 * made['accuracy_of_accepted']:.2f} %",
    ]
    assert lithify(capsys, ["compile", joint, "-o", tmp_path / "build", "--quiet"]).code == 0
    write_samples(tmp_path / "samples.npz", x, y)
    words = ["predict", tmp_path / "build", "--data", tmp_path / "samples.npz"]
    told = lithify(capsys, [*words, "--json"]).result
    net = load(joint).net
    refused = rejected(net, x)
    right = net.hard_predict(x) == y
    assert [row[0] for row in told["words"]["reject"]] == refused.astype(int).tolist()
    assert told["scores"] == net.hard_scores(x).tolist()
    assert told["rejected"] == pytest.approx(refused.mean())
    assert told["accuracy_of_accepted"] == pytest.approx(right[~refused].mean())
    shown = lithify(capsys, words).out
    assert f"rejected: {100 * refused.mean():.2f} %; accuracy of the rest" in shown
    (heading,) = (line for line in shown.splitlines() if "sample" in line and "class" in line)
    assert heading.split()[:3] == ["sample", "class", "reject"]


def test_without_labels_or_reject_output(tmp_path: Path, capsys: Capture) -> None:
    x, y = blobs(300)
    np.savez(tmp_path / "clouds.npz", x=x, y=y)
    recipe, model, joint = (tmp_path / n for n in ("r.toml", "m.safetensors", "e.safetensors"))
    recipe.write_text(RECIPE)
    lithify(capsys, ["train", recipe, "-o", model, "--quiet"])
    said = lithify(capsys, ["ensemble", recipe, model, "-o", joint, "--members", 2]).out
    assert "rejected" not in said
    lithify(capsys, ["ensemble", recipe, model, "-o", joint, "--reject", 0.3, "--quiet"])
    lithify(capsys, ["compile", joint, "-o", tmp_path / "build", "--quiet", "--no-proof"])
    np.savez(tmp_path / "x.npz", x=x)
    out = lithify(capsys, ["predict", tmp_path / "build", "--data", tmp_path / "x.npz"]).out
    assert out.splitlines()[-1].startswith("rejected: ")
    assert "accuracy" not in out


def test_a_model_without_a_posterior(tmp_path: Path, capsys: Capture) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.replace('kind = "bayes"\ndata_weight = 1e3', 'kind = "ste"'))
    x, y = blobs(100)
    np.savez(tmp_path / "clouds.npz", x=x, y=y)
    model = tmp_path / "m.safetensors"
    lithify(capsys, ["train", recipe, "-o", model, "--quiet"])
    ran = lithify(capsys, ["ensemble", recipe, model, "-o", tmp_path / "e.safetensors"])
    assert ran.code != 0
    assert ran.err.strip() == (
        f"lithify ensemble: {recipe}: method 'ste' leaves no posterior to draw from; train with "
        "the method 'bayes'"
    )
