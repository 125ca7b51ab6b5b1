"""Layers that learn what to read: mixtures, gradients, choices, and whole runs."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_nets import blobs
from torch import Tensor

from lithify.compiler.lowering import lower
from lithify.compiler.nets import Thermometer, load, logic, save
from lithify.compiler.nets.gates import mix
from lithify.compiler.nets.gates.build import Wiring, features_at
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.learned import LearnedLayer
from lithify.compiler.nets.gates.mix import SoftSources
from lithify.compiler.nets.gates.relax import Relaxation
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.wiring import grid, readers
from lithify.compiler.training import Progress, read_recipe, train
from lithify.ir import simulate
from lithify.ir.errors import FormatError, HardenError, InputError

STRAIGHT = Relaxation(estimator="straight_through", gumbel=0.3)


def plain(x: Tensor, shares: Tensor, candidates: Tensor) -> Tensor:
    """The definition, left to autograd."""
    return (x[candidates.long()] * shares[:, :, None]).sum(1)


def soft(x: Tensor, shares: Tensor, candidates: Tensor, chosen: Tensor | None = None) -> Tensor:
    places, first = map(torch.from_numpy, readers(candidates.numpy(), x.shape[0]))
    mixed: Tensor = SoftSources.apply(x, shares, candidates, places, first, chosen)  # type: ignore[no-untyped-call]
    return mixed


@pytest.mark.parametrize(("inputs", "operands", "k", "batch"), [(5, 12, 3, 4), (9, 4, 1, 2)])
@pytest.mark.parametrize("block", [3, 4096])
def test_gradients_are_those_of_autograd(
    inputs: int, operands: int, k: int, batch: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "BLOCK", block)
    candidates = torch.from_numpy(
        np.random.default_rng(1).integers(0, inputs, (operands, k), np.int32)
    )
    values = torch.rand((inputs, batch), dtype=torch.float64)
    shares = torch.rand((operands, k), dtype=torch.float64)
    upstream = torch.randn((operands, batch), dtype=torch.float64)
    chosen = candidates[:, 0].contiguous()
    found = []
    for evaluate in (plain, soft, partial(soft, chosen=chosen)):
        x, w = values.clone().requires_grad_(), shares.clone().requires_grad_()
        y = evaluate(x, w, candidates)
        found.append((y.detach(), *torch.autograd.grad(y, (x, w), upstream)))
    for ours, theirs in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(found[2][0], values[chosen.long()])
    for ours, theirs in zip(found[2][1:], found[0][1:], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_one_candidate_is_fixed_wiring() -> None:
    rng = np.random.default_rng(4)
    fixed = LogicLayer(9, 20, generator=rng)
    wires = fixed.sources()
    layer = LearnedLayer(9, 20, wires[:, :, None].copy(), generator=rng)
    with torch.no_grad():
        layer.weights.copy_(fixed.weights)
    x = torch.rand(9, 30)
    torch.testing.assert_close(layer(x), fixed(x))
    assert np.array_equal(layer.sources(), wires)


def test_the_likeliest_candidate_is_read_and_the_first_of_equals() -> None:
    candidates = np.array([[[3, 1, 2]], [[0, 1, 4]]], np.int32)
    layer = LearnedLayer(5, 1, candidates, generator=np.random.default_rng(0))
    with torch.no_grad():
        layer.picks.copy_(torch.tensor([[[0.0, 2, 1]], [[1, 1, 1]]]))
    assert layer.sources().tolist() == [[1], [0]]
    hardened = layer.hardened()
    assert hardened.candidates.tolist() == [[[1]], [[0]]]
    assert hardened.tables().tolist() == layer.tables().tolist()


def test_straight_through_reads_what_the_hard_layer_reads() -> None:
    (layer,) = (one for one in LearnedLayer.examples()[2:3])
    assert isinstance(layer, LearnedLayer)
    bits = (torch.rand(6, 40) < 0.5).float()
    layer.eval()
    assert np.array_equal(layer(bits).detach().numpy(), layer.hard(bits.numpy() == 1))


def net_of(relaxation: Relaxation, **options: Any) -> Net:
    return logic(
        encoder=Thermometer.quantile(blobs()[0], thresholds=3),
        layers=[60, 30],
        classes=3,
        temperature=2.0,
        residual=0.3,
        relaxation=relaxation,
        **{"candidates": 4, **options},
    )


def run(net: Net, **options: Any) -> Any:
    return train(net, *blobs(), epochs=8, batch=20, learning_rate=0.1, **options)


@pytest.mark.parametrize("relaxation", [STRAIGHT, Relaxation(sharpness=8.0)])
def test_learned_wiring_learns_and_resumes_bit_for_bit(
    relaxation: Relaxation, tmp_path: Path
) -> None:
    class Stop(Exception):
        """Ends a run in its middle."""

    def stop(progress: Progress) -> None:
        if progress.epoch.number == 3:
            raise Stop

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Stop):
        run(net_of(relaxation), checkpoint=checkpoint, progress=stop)
    resumed, whole, start = (net_of(relaxation) for _ in range(3))
    assert run(resumed, checkpoint=checkpoint, resume=True) == run(whole)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)
    layers = [(a, b) for (_, a), (_, b) in zip(whole.steps(), start.steps(), strict=True)]
    assert any(
        isinstance(a, LearnedLayer)
        and isinstance(b, LearnedLayer)
        and not np.array_equal(a.sources(), b.sources())
        for a, b in layers
    )


def test_a_net_of_learned_wiring_becomes_a_circuit(tmp_path: Path) -> None:
    net = net_of(STRAIGHT)
    history = run(net)
    assert history.best.accuracy > 0.8
    x = blobs()[0]
    scores = net.hard_scores(x)
    for one in (net, load(save(net, tmp_path / "net.safetensors")).net, net.hardened()):
        assert np.array_equal(simulate.run(lower(one), one.code.encode(x)).scores, scores)


def test_locality_keeps_learned_and_fixed_wiring_near() -> None:
    for candidates in (1, 5):
        near, far = (
            Wiring(candidates=candidates, locality=locality).layer(
                grid(900), grid(900), generator=np.random.default_rng(0)
            )
            for locality in (0.1, None)
        )
        spans = []
        for layer in (near, far):
            assert isinstance(layer, LearnedLayer | LogicLayer)
            points = grid(900)
            spans.append(np.abs(points[:, layer.sources()] - points[:, None, :]).max(0).mean())
        assert spans[0] < 0.08 < 0.4 < spans[1]


def test_bits_stand_where_their_feature_stands() -> None:
    x = np.arange(90.0).reshape(10, 9) % 7
    encoder = Thermometer.quantile(x, thresholds=2)
    points = features_at(encoder)
    assert points.shape == (2, encoder.outputs)
    assert np.array_equal(points, grid(9)[:, encoder.feature.numpy()])


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("candidates = 0", "candidates is 0; it must be 1 to 256"),
        ("candidates = 300", "candidates is 300; it must be 1 to 256"),
        (
            "locality = 0",
            "locality is 0.0; it must be above 0, and at most 1 for the whole layout",
        ),
        (
            "locality = 1.5",
            "locality is 1.5; it must be above 0, and at most 1 for the whole layout",
        ),
    ],
)
def test_wiring_that_cannot_be(line: str, text: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[data]\nname = "iris"\n[net]\nlayers = [9]\n{line}\n')
    with pytest.raises(InputError) as caught:
        read_recipe(recipe)
    assert str(caught.value) == f"{recipe}: net.{text}"


def test_candidates_of_another_shape() -> None:
    with pytest.raises(InputError) as caught:
        LearnedLayer(4, 3, np.zeros((2, 4, 5), np.int32), generator=np.random.default_rng(0))
    assert str(caught.value) == "candidates of shape [2, 4, 5]; [2, 3, k] is needed"
    with pytest.raises(InputError) as caught:
        LogicLayer(4, 3, wires=np.zeros((2, 4), np.int32), generator=np.random.default_rng(0))
    assert str(caught.value) == "wires of shape [2, 4]; [2, 3] is needed"


def test_candidates_out_of_range_and_choices_that_are_no_numbers() -> None:
    candidates = np.array([[[0, 1], [2, 3]], [[1, 2], [3, 0]]], np.int32)
    layer = LearnedLayer(4, 2, candidates, generator=np.random.default_rng(0))
    state = dict(layer.state_dict())
    state["candidates"] = torch.from_numpy(np.where(candidates == 3, 4, candidates))
    with pytest.raises(FormatError) as caught:
        LearnedLayer.restore(layer.describe(), state, "layers.1")
    assert str(caught.value) == (
        "layers.1: gate 1 reads inputs 2, 4, 4 and 0, but the layer has inputs 0 to 3; "
        "the file is damaged"
    )
    with torch.no_grad():
        layer.picks[1, 1, 0] = float("inf")
    with pytest.raises(HardenError) as harden:
        layer.check("layers.1")
    assert str(harden.value) == (
        "layers.1: the choices of sources of unit 1 are not finite numbers (1 of 2 units are so); "
        "train again with a smaller learning rate"
    )
