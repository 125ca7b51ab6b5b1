"""Relaxations: what the forward computes, what noise and sharpness do, and that runs resume."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_nets import blobs
from torch import Tensor

from lithify.compiler.nets import Thermometer, load, logic, save
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.relax import Choice, Relaxation, relaxation_of
from lithify.compiler.nets.net import Net
from lithify.compiler.training import Progress, accuracy, read_recipe, train
from lithify.compiler.training.gap import soft_accuracy
from lithify.ir.errors import FormatError, InputError

STRAIGHT = Relaxation(estimator="straight_through")
NOISY = Relaxation(gumbel=1.0)


def layer_of(relaxation: Relaxation, parametrisation: str) -> LogicLayer:
    return LogicLayer(
        6,
        30,
        parametrisation=parametrisation,
        relaxation=relaxation,
        generator=np.random.default_rng(3),
    )


def bits_of(seed: int = 0) -> Tensor:
    return (torch.rand((6, 50), generator=torch.Generator().manual_seed(seed)) < 0.5).float()


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_straight_through_computes_the_hard_net(parametrisation: str) -> None:
    layer, bits = layer_of(STRAIGHT, parametrisation), bits_of()
    for mode in (True, False):
        layer.train(mode)
        assert np.array_equal(layer(bits).detach().numpy(), layer.hard(bits.numpy() == 1))


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_straight_through_takes_the_gradients_of_the_soft_gates(parametrisation: str) -> None:
    found = []
    for relaxation in (STRAIGHT, Relaxation()):
        layer = layer_of(relaxation, parametrisation)
        x = bits_of().requires_grad_()
        layer(x).mul(torch.linspace(-1, 1, 50)).sum().backward()
        assert x.grad is not None
        assert layer.weights.grad is not None
        found.append((x.grad, layer.weights.grad))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_noise_is_drawn_from_the_stream_of_the_epoch_while_training(parametrisation: str) -> None:
    layer, bits = layer_of(NOISY, parametrisation), bits_of()
    layer.begin_(torch.Generator().manual_seed(1))
    first, second = layer(bits), layer(bits)
    layer.begin_(torch.Generator().manual_seed(1))
    assert torch.equal(layer(bits), first)
    assert not torch.equal(first, second)
    layer.eval()
    assert torch.equal(layer(bits), layer_of(Relaxation(), parametrisation)(bits))


def test_noise_samples_the_soft_choice() -> None:
    """With Gumbel noise the likeliest choice is each one as often as its probability."""
    weights = torch.tensor([[0.0, 1.0, -1.0, 0.5]]).repeat(40000, 1)
    choice = Choice(NOISY)
    choice.noise = torch.Generator().manual_seed(2)
    counts = torch.bincount(choice.logits(weights).argmax(1), minlength=4) / len(weights)
    torch.testing.assert_close(counts, torch.softmax(weights[0], 0), atol=0.01, rtol=0)
    lone = Choice(NOISY, lone=True)
    lone.noise = torch.Generator().manual_seed(2)
    high = (lone.logits(weights) > 0).float().mean(0)
    torch.testing.assert_close(high, torch.sigmoid(weights[0]), atol=0.01, rtol=0)


def test_sharpness_rises_by_the_same_factor_every_epoch() -> None:
    choice = Choice(Relaxation(sharpness=16.0))
    weights = torch.tensor([[1.0, 0.5]])
    found = [choice.logits(weights)[0, 0].item()]
    for epoch in range(4):
        choice.settle_((epoch + 1) / 4)
        found.append(choice.logits(weights)[0, 0].item())
    assert found == [1, 2, 4, 8, 16]


def run(net: Net, **options: Any) -> Any:
    return train(net, *blobs(), epochs=6, batch=20, learning_rate=0.1, **options)


def net_of(relaxation: Relaxation, parametrisation: str = "softmax16", candidates: int = 1) -> Net:
    return logic(
        encoder=Thermometer.quantile(blobs()[0], thresholds=3),
        layers=[60, 30],
        classes=3,
        temperature=2.0,
        residual=0.3,
        parametrisation=parametrisation,
        relaxation=relaxation,
        candidates=candidates,
    )


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
@pytest.mark.parametrize(
    "relaxation",
    [
        Relaxation(estimator="straight_through", gumbel=0.5, sharpness=2.0),
        Relaxation(gumbel=1.0, sharpness=8.0),
        Relaxation(freeze=0.4, sharpness=2.0),
    ],
)
def test_a_relaxed_run_learns_and_resumes_bit_for_bit(
    relaxation: Relaxation, parametrisation: str, tmp_path: Path
) -> None:
    class Stop(Exception):
        """Ends a run in its middle."""

    def stop(progress: Progress) -> None:
        if progress.epoch.number == 2:
            raise Stop

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Stop):
        run(net_of(relaxation, parametrisation), checkpoint=checkpoint, progress=stop)
    resumed, whole = (net_of(relaxation, parametrisation) for _ in range(2))
    history = run(resumed, checkpoint=checkpoint, resume=True)
    assert history == run(whole)
    assert history.best.accuracy > 0.8
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_layers_freeze_in_turn_and_the_last_chooses() -> None:
    stages = [Relaxation(freeze=0.4).of_layer(index, 4) for index in range(4)]
    assert [one.freeze for one in stages] == pytest.approx([0.4, 0.6, 0.8, 1.0])
    assert [one.choose for one in stages] == pytest.approx([1.0, 1.0, 1.0, 0.8])
    alone = Relaxation(freeze=0.4).of_layer(0, 1)
    assert (alone.freeze, alone.choose) == (1.0, 0.4)
    assert [Relaxation().of_layer(index, 3) for index in range(3)] == [Relaxation()] * 3
    with pytest.raises(InputError) as caught:
        Relaxation(choose=-0.5)
    assert str(caught.value) == "choose is -0.5; a share of training, 0 to 1, is needed"


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
@pytest.mark.parametrize("candidates", [1, 4])
def test_a_frozen_layer_learns_no_more_and_leaves_no_gap(
    parametrisation: str, candidates: int
) -> None:
    x, y = blobs()
    net = net_of(Relaxation(freeze=0.5), parametrisation, candidates)
    seen: list[list[Tensor]] = []

    def keep(_: Progress) -> None:
        seen.append([one.detach().clone() for one in net.layers[0].parameters()])

    history = run(net, validation=None, progress=keep)
    moved = [
        not all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        for before, after in itertools.pairwise(seen)
    ]
    assert moved == [True, True, False, False, False]
    assert soft_accuracy(net, x, y) == accuracy(net, x, y) > 0.8
    losses = [epoch.loss for epoch in history.epochs]
    assert losses[-1] < losses[2]
    (_, first), *_ = net.steps()
    bits = bits_of().repeat(2, 1)[: first.inputs]
    found = first(bits.requires_grad_())
    assert not found.requires_grad
    assert np.array_equal(found.numpy(), first.hard(bits.detach().numpy() == 1))


def test_a_straight_through_net_has_no_gap() -> None:
    net = net_of(STRAIGHT)
    x, y = blobs()
    assert soft_accuracy(net, x, y) == accuracy(net, x, y)


def test_the_soft_accuracy_is_that_of_the_soft_net() -> None:
    net = net_of(Relaxation())
    x, y = blobs()
    logits = net(torch.from_numpy(x)).detach().numpy()
    assert soft_accuracy(net, x, y) == (logits.argmax(1) == y).mean() != accuracy(net, x, y)
    assert net.training


def test_sharpness_is_kept_in_model_files(tmp_path: Path) -> None:
    net = net_of(Relaxation(sharpness=8.0))
    run(net)
    again = load(save(net, tmp_path / "net.safetensors")).net
    x = torch.from_numpy(blobs()[0])
    assert torch.equal(again(x), net(x))
    kept = [value.item() for name, value in again.state_dict().items() if "sharpness" in name]
    assert kept == [8.0, 8.0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"estimator": "hard"}, "estimator is 'hard'; it must be soft or straight_through"),
        ({"gumbel": -1.0}, "gumbel is -1.0; a number of at least 0 is needed"),
        ({"sharpness": 0.5}, "sharpness is 0.5; a number of at least 1 is needed"),
        ({"freeze": 1.5}, "freeze is 1.5; a share of training, 0 to 1, is needed"),
    ],
)
def test_a_relaxation_that_cannot_be(options: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Relaxation(**options)
    assert str(caught.value) == text
    (line,) = (f"{name} = {value!r}" for name, value in options.items())
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[data]\nname = "iris"\n[net]\nlayers = [9]\n{line}\n')
    with pytest.raises(InputError) as caught:
        read_recipe(recipe)
    assert str(caught.value) == f"{recipe}: net.{text}"


@pytest.mark.parametrize("plain", [{"sharpness": 0.5}, {"temperature": 1}, 3])
def test_a_description_with_a_relaxation_that_cannot_be(plain: object) -> None:
    with pytest.raises(FormatError) as caught:
        relaxation_of({"relaxation": plain}, "layers.1")
    assert str(caught.value) == f"layers.1: relaxation is {plain!r}, which is none"
