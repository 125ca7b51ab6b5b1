"""Files that other tools wrote: the circuit gives their scores, and is proved after optimisation.

How each file was made is said beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch
from foreign_nets import GroupSum, LogicLayer
from torch import nn

import lithify
from lithify.compiler.design import Design
from lithify.compiler.importers.lookup import Array

DATA = Path(__file__).parents[2] / "data"
SAMPLES = 10_000


def bits(inputs: int) -> Array:
    """The inputs of nets of bits."""
    return np.random.default_rng(11).integers(0, 2, (SAMPLES, inputs))


def difflogic() -> tuple[Design, Array, Array]:
    folder = DATA / "difflogic"
    design = lithify.load(folder / "net.pt", wiring=folder / "wiring.npz")
    return design, bits(64), np.load(folder / "scores.npz")["scores"]


def difflogic_archive() -> tuple[Design, Array, Array]:
    """The same net as archives of gates and wires have it."""
    folder, path = DATA / "difflogic", Path(mkdtemp(), "gates.npz")
    state = torch.load(folder / "net.pt", weights_only=True)
    wiring = np.load(folder / "wiring.npz")
    arrays: dict[str, Array] = {"inputs": np.array(64), "classes": wiring["classes"]}
    for layer, name in enumerate(("1", "2")):
        arrays[f"gate{layer}"] = state[f"{name}.weights"].argmax(1).numpy().astype(np.uint8)
        arrays[f"a{layer}"], arrays[f"b{layer}"] = wiring[f"{name}.indices"].astype(np.uint8)
    np.savez(path, allow_pickle=False, **arrays)
    return lithify.load(path), bits(64), np.load(folder / "scores.npz")["scores"]


def difflogic_module() -> tuple[Design, Array, Array]:
    """The same net as a live module, of stand-ins that hold its weights and wires."""
    folder, generator = DATA / "difflogic", torch.Generator()
    wiring = np.load(folder / "wiring.npz")
    layers = [LogicLayer(64, 120, generator), LogicLayer(120, 120, generator)]
    net = nn.Sequential(nn.Flatten(), *layers, GroupSum(4, tau=10.0))
    net.load_state_dict(torch.load(folder / "net.pt", weights_only=True))
    for name, layer in zip(("1", "2"), layers, strict=True):
        one, other = torch.tensor(wiring[f"{name}.indices"])
        layer.indices = (one, other)
    return lithify.from_torch(net), bits(64), np.load(folder / "scores.npz")["scores"]


def compactlogic_dense() -> tuple[Design, Array, Array]:
    folder = DATA / "compactlogic"
    design = lithify.load(folder / "dense.pt", wiring=folder / "meta_data.json")
    return design, bits(187), np.load(folder / "scores.npz")["dense"]


def compactlogic_conv() -> tuple[Design, Array, Array]:
    folder = DATA / "compactlogic"
    design = lithify.load(folder / "conv.pt", wiring=folder / "wiring.npz")
    return design, bits(64), np.load(folder / "scores.npz")["conv"]


def torch_dwn() -> tuple[Design, Array, Array]:
    folder = DATA / "torch_dwn"
    design = lithify.load(folder / "net.pt", wiring=folder / "thresholds.npz")
    x = np.random.default_rng(11).normal(size=(SAMPLES, 8)).astype(np.float32)
    x[:3] = np.load(folder / "thresholds.npz")["thresholds"].T
    return design, x, np.load(folder / "scores.npz")["scores"]


def torchlogix() -> tuple[Design, Array, Array]:
    design = lithify.load(DATA / "torchlogix" / "simplified.json")
    return design, bits(64), np.load(DATA / "torchlogix" / "scores.npz")["dense"]


def torchlogix_conv() -> tuple[Design, Array, Array]:
    folder = DATA / "torchlogix"
    design = lithify.load(folder / "conv.pt", wiring=folder / "wiring.npz", parametrisation="warp")
    return design, bits(64), np.load(folder / "scores.npz")["conv"]


NETS = [
    difflogic,
    difflogic_archive,
    difflogic_module,
    compactlogic_dense,
    compactlogic_conv,
    torch_dwn,
    torchlogix,
    torchlogix_conv,
]


@pytest.mark.parametrize("opened", NETS)
def test_a_saved_net_gives_the_same_scores(
    opened: Callable[[], tuple[Design, Array, Array]],
) -> None:
    design, x, scores = opened()
    assert np.array_equal(design.scores(x), scores)
    made = lithify.compile(design, effort=1, interface="comb")
    assert np.array_equal(made.scores(x), scores) and scores.std() > 0
    proved = made.verify()
    assert proved.certificate is not None and proved.certificate.ok


@pytest.mark.parametrize("name", ["tfc_1w1a", "tfc_1w2a", "tfc_2w2a"])
def test_a_net_that_brevitas_exported(name: str) -> None:
    design = lithify.load(DATA / "qonnx" / f"{name}.onnx")
    x = np.random.default_rng(3).random((SAMPLES, 49), np.float32)
    theirs = np.load(DATA / "qonnx" / "scores.npz")[name]
    notes = design.provenance["imported"]
    whole = (theirs.astype(np.float64) - notes["offset"]) / notes["unit"]
    assert np.array_equal(design.scores(x), np.round(whole))
    assert np.abs(whole - np.round(whole)).max() < 1e-5
    made = lithify.compile(design, effort=1, interface="comb")
    assert np.array_equal(made.scores(x), np.round(whole))
    proved = made.verify()
    assert proved.certificate is not None and proved.certificate.ok


@pytest.mark.parametrize("name", ["torch_script", "torch_dynamo"])
def test_a_net_that_torch_exported(name: str) -> None:
    import onnxruntime

    path = DATA / "onnx" / f"{name}.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(3).normal(size=(SAMPLES, 1, 7, 7)).astype(np.float32)
    (theirs,) = session.run(None, {"x": x})
    design = lithify.load(path)
    made = lithify.compile(design, effort=1, interface="comb")
    notes = design.provenance["imported"]
    for one in (design, made):
        scores = one.scores(x.reshape(SAMPLES, -1)) * notes["unit"] + notes["offset"]
        assert np.array_equal(scores, theirs) and theirs.std() > 0
    proved = made.verify()
    assert proved.certificate is not None and proved.certificate.ok
