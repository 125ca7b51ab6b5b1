"""Convolutions of torchlogix and CompactLogic: the circuit gives the scores of the net."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from foreign_images import ConvLayer, LogicConv2d, OrPooling2d, compact_dense
from foreign_nets import GroupSum, LogicDense, dwn_group_sum
from torch import nn

import lithify
from lithify.compiler.importers import windows
from lithify.compiler.importers.hints import Hints
from lithify.compiler.source import load
from lithify.ir.errors import FormatError, HardenError

DATA = Path(__file__).parents[2] / "data" / "torchlogix"
SAMPLES = 10_000
X = np.random.default_rng(11).integers(0, 2, (SAMPLES, 64))
WIRING: dict[str, Any] = {
    "0.shape": np.array([1, 8, 8]),
    "0.geometry": np.array([1, 3, 1]),
    "1.pool": np.array([2, 2, 0]),
    "2.geometry": np.array([1, 2, 0]),
    "tau": 4.0,
    "beta": 0.5,
}


def wiring(tmp_path: Path, **changed: Any) -> Path:
    """A file of what the state dict leaves out."""
    arrays = {k: v for k, v in {**WIRING, **changed}.items() if v is not None}
    np.savez(tmp_path / "wiring.npz", **arrays)
    return tmp_path / "wiring.npz"


def test_a_saved_convolutional_net_of_torchlogix(tmp_path: Path) -> None:
    hints = Hints(classes=10, wiring=wiring(tmp_path), parametrisation="warp")
    design = load(DATA / "conv.pt", hints)
    assert np.array_equal(design.scores(X), np.load(DATA / "scores.npz")["conv"])
    notes = design.provenance["imported"]
    assert (notes["format"], notes["tau"], notes["beta"]) == ("torchlogix", 4.0, 0.5)


@pytest.mark.parametrize("name", ["built", "simplified"])
def test_a_circuit_of_torchlogix_before_and_after_it_was_simplified(name: str) -> None:
    design = lithify.load(DATA / f"{name}.json")
    assert np.array_equal(design.scores(X), np.load(DATA / "scores.npz")["dense"])
    biases = [score.bias for score in design.circuit.scores]
    assert any(biases) == (name == "simplified")


@pytest.mark.parametrize("kind", ["raw", "warp", "light"])
def test_a_live_convolutional_net_of_torchlogix(kind: str) -> None:
    generator = torch.Generator().manual_seed(3)
    wires = 2 if kind == "raw" else 4
    net = nn.Sequential(
        LogicConv2d((8, 8), 1, 5, 3, generator, depth=2, padding=1, stride=2, kind=kind),
        OrPooling2d(3, 1, 1),
        LogicConv2d((4, 4), 5, 6, 2, generator, depth=1, kind=kind, arity=wires),
        nn.Flatten(),
        LogicDense(54, 30, generator, kind=kind),
        GroupSum(3, tau=2.0),
    )
    with torch.no_grad():
        wanted = net(torch.tensor(X.reshape(-1, 1, 8, 8), dtype=torch.float32)).numpy() * 2
    assert np.array_equal(lithify.from_torch(net).scores(X), wanted)


def compact_net() -> nn.Sequential:
    """A net of CompactLogic."""
    generator = torch.Generator().manual_seed(5)
    return nn.Sequential(
        ConvLayer((1, 8, 8), 4, (2, 3, 1), generator),
        ConvLayer((4, 4, 4), 5, (1, 1, 0), generator),
        nn.Flatten(),
        compact_dense(80, 31, generator),
        dwn_group_sum(4, 2.0),
    )


def test_a_net_of_compactlogic(tmp_path: Path) -> None:
    net = compact_net()
    with torch.no_grad():
        wanted = net(torch.tensor(X.reshape(-1, 1, 8, 8), dtype=torch.float32)).numpy() * 2
    assert np.array_equal(lithify.from_torch(net).scores(X), wanted)
    more: dict[str, Any] = {
        "0.shape": [1, 8, 8],
        "0.geometry": [2, 3, 1],
        "1.geometry": [1, 1, 0],
        "tau": 2.0,
    }
    np.savez(tmp_path / "more.npz", **more)
    torch.save({"model_state": net.state_dict(), "step": 7}, tmp_path / "net.pt")
    design = load(tmp_path / "net.pt", Hints(classes=4, wiring=tmp_path / "more.npz"))
    assert np.array_equal(design.scores(X), wanted)
    assert design.provenance["imported"]["format"] == "compactlogic"


def test_a_checkpoint_of_compactlogic_and_its_description(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(6)
    net = nn.Sequential(
        nn.Flatten(),
        compact_dense(784, 400, generator),
        compact_dense(400, 95, generator),
        dwn_group_sum(10, 8.0),
    )
    torch.save({"model_state": net.state_dict()}, tmp_path / "net.pt")
    args = {"dataset": "mnist", "struct": "regular", "tau": 8.0}
    (tmp_path / "meta_data.json").write_text(json.dumps({"args": args}))
    design = load(tmp_path / "net.pt", Hints(wiring=tmp_path / "meta_data.json"))
    x = np.random.default_rng(2).integers(0, 2, (SAMPLES, 784))
    with torch.no_grad():
        wanted = net(torch.tensor(x, dtype=torch.float32)).numpy() * 8
    assert np.array_equal(design.scores(x), wanted)
    (tmp_path / "meta_data.json").write_text(json.dumps({"args": {**args, "struct": "odd"}}))
    with pytest.raises(FormatError) as caught:
        load(tmp_path / "net.pt", Hints(wiring=tmp_path / "meta_data.json"))
    assert str(caught.value) == (
        f"{tmp_path}/net.pt: {tmp_path}/meta_data.json: no description of a net of CompactLogic "
        "that is known here (KeyError('odd'))"
    )


def test_pooling_is_the_or_of_windows() -> None:
    for kernel, stride, padding in ((1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 1, 2)):
        layers, shape = windows.pool("p", (2, 5, 6), *((n, n) for n in (kernel, stride, padding)))
        x = np.random.default_rng(1).integers(0, 2, (50, 60))
        image = torch.tensor(x.reshape(-1, 2, 5, 6), dtype=torch.float32)
        wanted = nn.functional.max_pool2d(image, kernel, stride, padding)
        assert shape == tuple(wanted.shape[1:])
        bits = x
        for layer in layers:
            padded = np.concatenate([bits, np.zeros((50, 1), int)], axis=1)
            bits = padded[:, layer.wires].any(axis=2).astype(int)
        assert np.array_equal(bits, wanted.reshape(50, -1).numpy())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"0.shape": None},
            "layers.0: the shape of its image is missing, which a state dict leaves out. Hand the "
            "module to lithify.from_torch, or give a wiring file as docs/import.md says",
        ),
        (
            {"0.geometry": None},
            "layers.0: its geometry is missing, which a state dict leaves out. Hand the module to "
            "lithify.from_torch, or give a wiring file as docs/import.md says",
        ),
        (
            {"0.geometry": np.array([1, 1, 0])},
            "layers.0: its wires are none of windows of 1 every 1, with padding 0, on an image "
            "[1, 8, 8]; its shape or geometry is another, or a pooling is missing",
        ),
        (
            {"0.geometry": np.arange(2)},
            "layers.0.geometry is [0, 1]; 3 small numbers are needed",
        ),
        (
            {"0.shape": np.arange(2)},
            "layers.0: an image of shape [0, 1]; channels and 2 or 3 sizes",
        ),
        (
            {"1.pool": np.array([9, 1, 0])},
            "layers.1: windows [9, 9] every [1, 1] on [8, 8]",
        ),
        (
            {"1.pool": None},
            "layers.2: its wires are none of windows of 2 every 1, with padding 0, on an image "
            "[4, 8, 8]; its shape or geometry is another, or a pooling is missing",
        ),
        (
            {"3.pool": np.array([2, 1, 0])},
            "layers.4: it reads 54 bits of an image of 24; a pooling, which a state dict leaves "
            "out, may be missing: say it in the wiring file, or hand the module to "
            "lithify.from_torch",
        ),
    ],
)
def test_what_a_state_dict_leaves_out(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    hints = Hints(classes=10, wiring=wiring(tmp_path, **changed), parametrisation="warp")
    with pytest.raises(FormatError) as caught:
        load(DATA / "conv.pt", hints)
    assert str(caught.value) == f"{DATA}/conv.pt: {message}"


def test_pooling_without_an_image() -> None:
    with pytest.raises(HardenError) as caught:
        lithify.from_torch(nn.Sequential(OrPooling2d(2, 2, 0)))
    assert str(caught.value) == ("layers.0: it pools what no convolution gave, of unknown shape")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_inputs": 0}, "n_inputs is 0; a number from 1 is needed"),
        ({"outputs": []}, "its outputs are neither all sums nor all gates"),
        (
            {"gates": [{"gate_id": 70, "op": "AND", "in0": 1, "in1": 70}]},
            "gate 70 depends on itself",
        ),
        (
            {"gates": [{"gate_id": 70, "op": "NXOR", "in0": 1, "in1": 2}]},
            "gate 70: NXOR is no gate that is known here",
        ),
        (
            {"gates": [{"gate_id": 3, "op": "AND", "in0": 1, "in1": 2}]},
            "two of its gates and inputs have one number",
        ),
        ({"gates": []}, "it reads 249, which is neither an input nor a gate"),
    ],
)
def test_what_is_no_circuit_of_torchlogix(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    whole = json.loads((DATA / "built.json").read_text()) | change
    path = tmp_path / "net.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(FormatError) as caught:
        lithify.load(path)
    assert str(caught.value) == f"{path}: {message}"
