"""Matches, windows and votes: the short ways are the compositions that they stand for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor

from lithify.compiler import driver
from lithify.compiler.nets import GroupSum, Net, SoftBitLayerSpec, Thermometer, load, save
from lithify.compiler.nets.soft_bits import operators
from lithify.compiler.nets.soft_bits.build import soft_bit_net
from lithify.compiler.nets.soft_bits.fixed import Harden
from lithify.compiler.nets.soft_bits.match import MatchLayer
from lithify.compiler.nets.soft_bits.start import Start
from lithify.compiler.nets.soft_bits.votes import Votes
from lithify.compiler.nets.soft_bits.weighted import NotLayer
from lithify.compiler.nets.soft_bits.windows import Windows
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import accuracy, train
from lithify.compiler.training.method import RAdam
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

MIXED = Start(0.3, 0.3, 0.7, 0.5)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def bits(rows: int, batch: int, seed: int = 0) -> Tensor:
    noise = torch.Generator().manual_seed(seed)
    return (torch.rand((rows, batch), generator=noise) < 0.4).float()


@pytest.mark.parametrize("layer", MatchLayer.examples())
def test_hard_inputs_take_a_short_way_to_the_same(layer: MatchLayer) -> None:
    x = bits(layer.inputs, 300)
    groups = x.reshape(-1, layer.size, 300)
    patterns = layer.weights.view(-1, layer.width, layer.size)
    long = layer.soft(patterns[..., None], groups[:, None]).reshape(layer.outputs, -1)
    short = layer(x)
    torch.testing.assert_close(short, long)
    assert torch.equal(short > 0.5, long > 0.5)
    pull = torch.randn(short.shape, generator=torch.Generator().manual_seed(1))
    found = [torch.autograd.grad((one * pull).sum(), layer.weights)[0] for one in (short, long)]
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_a_match_is_a_layer_not_and_a_majority() -> None:
    layer = MatchLayer(15, 4, 5, start=MIXED, generator=rng())
    x = torch.rand((15, 40), generator=torch.Generator().manual_seed(2))
    found = layer(x).reshape(3, 4, 40)
    for group in range(3):
        rows = NotLayer(5, 4, generator=rng())
        with torch.no_grad():
            rows.weights.copy_(layer.weights.view(3, 4, 5)[group])
        kept = rows(x[5 * group : 5 * group + 5]).reshape(4, 5, 40)
        torch.testing.assert_close(found[group], operators.soft_majority(kept))


def test_a_match_is_one_threshold_a_pattern() -> None:
    layer = MatchLayer(4, 2, 4, generator=rng())
    with torch.no_grad():
        layer.weights.copy_(torch.tensor([[0.9, 0.1, 0.8, 0.5], [0.9, 0.9, 0.9, 0.9]]))
    builder = Builder()
    builder.output("y", layer.lower(builder, builder.input("x", count=4).ravel(), "layers.0"))
    circuit = builder.finish()
    assert circuit.num_gates == 2
    # Two kept and two inverted: 3 - 2; four kept: 3.
    assert circuit.bounds.tolist() == [1, 3]


def test_blocks_of_groups_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = MatchLayer(30, 3, 5, start=MIXED, generator=rng())
    x = torch.rand((30, 20), generator=torch.Generator().manual_seed(3))
    whole = layer(x)
    monkeypatch.setattr(operators, "MOST_KEPT", 2 * 3 * 5 * 20)
    parted = layer(x)
    assert torch.equal(parted, whole)
    found = [torch.autograd.grad(one.square().sum(), layer.weights)[0] for one in (whole, parted)]
    assert torch.equal(*found)


def test_windows_are_the_bits_of_each_place_in_turn() -> None:
    layer = Windows(Shape(1, 3, 3), 2)
    x = np.arange(9)[:, None] % 2 == 1
    assert layer.hard(x).ravel().reshape(4, 4).tolist() == [
        [x[i, 0] for i in row] for row in ([0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8])
    ]


def test_votes_are_hardened_bits_in_a_layer_not_hardened_and_counted() -> None:
    votes = Votes(7, 3, rows=4, temperature=2.5, start=MIXED, generator=rng())
    rows = NotLayer(7, 12, generator=rng())
    with torch.no_grad():
        rows.weights.copy_(votes.weights)
    x = torch.rand((7, 30), generator=torch.Generator().manual_seed(4)).requires_grad_()
    counted = GroupSum(84, 3, temperature=2.5)(Harden(84)(rows(Harden(7)(x))))
    found = votes(x)
    assert torch.equal(found, counted)
    pull = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    short = torch.autograd.grad((found * pull).sum(), (votes.weights, x))
    long = torch.autograd.grad((counted * pull).sum(), (rows.weights, x))
    for one, other in zip(short, long, strict=True):
        torch.testing.assert_close(one, other)
    hard = x.detach().numpy() > 0.5
    assert np.array_equal(votes.hard(hard), (found.detach() * 2.5).round().numpy())


def test_votes_are_scores_over_what_rows_agree_on() -> None:
    votes = Votes(3, 2, temperature=1.0, generator=rng())
    with torch.no_grad():
        votes.weights.copy_(torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1.0]]))
    one, other = votes.forms(np.array([2, 3, 4], np.int32))
    assert (one.signals.tolist(), one.weights.tolist(), one.bias) == ([2, 4], [2, -2], 3)
    assert (other.signals.tolist(), other.weights.tolist(), other.bias) == ([2, 3], [-2, 2], 3)
    builder = Builder()
    votes.lower(builder, builder.input("x", count=3).ravel(), ["a", "b"])
    every = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, -1).T
    found = simulate.run(builder.finish(readout="argmax"), every).scores
    assert np.array_equal(found, votes.hard(every.T == 1))


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Images of 8 x 8 pixels from 0 to 16."""
    bunch = load_digits()
    return bunch.images, bunch.target


@pytest.fixture(scope="module")
def trained(digits: tuple[NDArray[np.float64], NDArray[np.int64]]) -> Net:
    x, y = digits
    net = soft_bit_net(
        layers=(
            SoftBitLayerSpec("windows", size=3),
            SoftBitLayerSpec("match", width=10, size=9, start=0.5, spread=0.3),
        ),
        classes=10,
        encoder=Thermometer.uniform(x, low=0, high=16, image=Shape(1, 8, 8)),
        votes=2,
        temperature=15,
    )
    train(net, x[:1400], y[:1400], epochs=6, batch=25, learning_rate=0.015, method=RAdam())
    return net


def test_matches_in_windows_learn_digits(
    trained: Net, digits: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> None:
    assert accuracy(trained, digits[0][1400:], digits[1][1400:]) > 0.8


def test_soft_hard_and_circuit_agree_on_every_sample(
    trained: Net, digits: tuple[NDArray[np.float64], NDArray[np.int64]], tmp_path: Path
) -> None:
    x, _ = digits
    hard = trained.hard_scores(x)
    soft = trained(torch.from_numpy(x)).detach()
    assert np.array_equal((soft * 15).round().numpy(), hard)
    for small in (False, True):
        again = load(save(trained, tmp_path / "net.safetensors", hard=small)).net
        assert np.array_equal(again.hard_scores(x), hard)
        design = driver.compile(again)
        assert np.array_equal(design.scores(x), hard)


def test_parts_that_cannot_be() -> None:
    windows, match = SoftBitLayerSpec("windows", size=9), SoftBitLayerSpec("match", width=1, size=5)
    flat, image = (
        Thermometer.boolean(36),
        Thermometer.uniform(np.arange(72).reshape(2, 6, 6), image=Shape(1, 6, 6)),
    )
    for layers, encoder, text in [
        (
            (windows,),
            flat,
            "layers.0: windows are over an image, so they are the first layer over one",
        ),
        (
            (windows,),
            image,
            "layers.0: a window of kernel 9 and padding 0 does not fit into an image of 1 x 6 x 6",
        ),
        (
            (match,),
            flat,
            "layers.0: 36 bits do not divide into groups of 5 to match; a group has 1 to 127 bits",
        ),
    ]:
        with pytest.raises(InputError) as caught:
            soft_bit_net(layers=layers, classes=3, encoder=encoder)
        assert str(caught.value) == text
    for rows, temperature, text in [
        (
            2**20,
            1.0,
            "1048576 rows of votes a class over 36 inputs for 3 classes; all are at least 1, and a "
            "class counts fewer than 2**24 votes",
        ),
        (2, 0.0, "the temperature is 0.0; a positive number is needed"),
    ]:
        with pytest.raises(InputError) as caught:
            Votes(36, 3, rows=rows, temperature=temperature, generator=rng())
        assert str(caught.value) == text


def test_descriptions_that_cannot_be() -> None:
    votes = Votes(2, 2, rows=1, temperature=1.0, generator=rng())
    outside = {"weights": torch.tensor([[0.5, 2], [0, 1]])}
    cases: list[tuple[Callable[[], object], str]] = [
        (
            lambda: Votes.restore(votes.describe(), outside, "head"),
            "head: 1 weights are not from 0 to 1; the file is damaged",
        ),
        (
            lambda: Votes.restore(votes.describe() | {"temperature": -1}, outside, "head"),
            "head: the temperature is -1.0; a positive number is needed",
        ),
        (
            lambda: MatchLayer.shapes({"inputs": 6, "width": 1, "size": 4}, "layers.1"),
            "layers.1: 6 bits do not divide into groups of 4 to match; a group has 1 to 127 bits",
        ),
        (
            lambda: Windows.restore({"image": [1, 2, 2], "size": 3, "stride": 1}, {}, "layers.0"),
            "layers.0: a window of kernel 3 and padding 0 does not fit into an image of 1 x 2 x 2",
        ),
    ]
    for restore, text in cases:
        with pytest.raises(FormatError) as caught:
            restore()
        assert str(caught.value) == text
