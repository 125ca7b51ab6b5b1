"""Binary nets from recipes: what their layers take, and convolutions up to the first dense."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lithify.compiler.lowering import lower
from lithify.compiler.nets import Net, Thermometer, load, save
from lithify.compiler.nets.binary.build import BinaryLayerSpec, binary_net
from lithify.compiler.nets.binary.conv import BinaryConv
from lithify.compiler.nets.binary.head import AgreementHead
from lithify.compiler.nets.binary.norm import SignNorm, refresh_norms
from lithify.compiler.nets.layer import features_first
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import read_recipe, run_recipe
from lithify.ir import simulate
from lithify.ir.errors import FormatError, HardenError, InputError

RECIPE = """
[data]
name = "digits"
test = 0.3

[net]
kind = "binary"
encoder = "uniform"
thresholds = 2

[[net.layers]]
kind = "conv"
width = 6
kernel = 3
padding = 1
pool = 2

[[net.layers]]
kind = "flip"
rate = 0.02

[[net.layers]]
kind = "conv"
width = 8
kernel = 2

[[net.layers]]
kind = "dense"
width = 30

[train]
epochs = 4
learning_rate = 0.02

[method]
kind = "ste"
"""
X = np.random.default_rng(0).integers(0, 17, (60, 64))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "digits.toml"
    path.write_text(RECIPE)
    return path


def small_net(**options: Any) -> Net:
    """An untrained net over images of 8 x 8, in evaluation, with norms that have seen them."""
    encoder = Thermometer.uniform(X, thresholds=2, low=0, high=16, image=Shape(1, 8, 8))
    layers = [
        BinaryLayerSpec("conv", width=5, kernel=3, stride=2),
        BinaryLayerSpec("dense", width=20),
    ]
    net = binary_net(layers=layers, classes=4, encoder=encoder, **options)
    refresh_norms(net, [features_first(encoder.hard(X).T)])
    return net


def test_a_recipe_with_convolutions_learns_and_becomes_a_circuit(recipe: Path) -> None:
    result = run_recipe(recipe)
    net = result.net
    assert [layer.kind for _, layer in net.steps()] == [
        "binary_conv",
        "flip",
        "binary_conv",
        "binary_dense",
    ]
    first = net.steps()[0][1]
    assert isinstance(first, BinaryConv)
    assert (str(first.image), str(first.out)) == ("2 x 8 x 8", "6 x 4 x 4")
    assert result.test_accuracy > 0.5
    x = result.dataset.x[:200]
    circuit = lower(net)
    answers = simulate.run(circuit, net.code.encode(x))
    assert np.array_equal(answers.scores, net.hard_scores(x))
    soft = net(torch.from_numpy(x)).detach().numpy()
    assert np.array_equal(soft.argmax(1), net.hard_predict(x))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"conv"', '"pool"', "net.layers.0.kind is 'pool'; it must be conv, dense or flip"),
        ("kernel = 3", "", "net.layers.0.kernel is missing; 'conv' needs it"),
        (
            "rate = 0.02",
            "rate = 0.02\nwidth = 3",
            "net.layers.1.width means nothing to 'flip', which takes rate",
        ),
        ("kernel = 3", "kernel = 3.5", "net.layers.0.kernel is 3.5; it must be an integer"),
        (
            "width = 30",
            "width = 30\npool = 2",
            "net.layers.3.pool means nothing to 'dense', which takes width",
        ),
    ],
)
def test_recipes_that_cannot_be(old: str, new: str, text: str, recipe: Path) -> None:
    recipe.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_recipe(recipe)
    assert str(caught.value) == f"{recipe}: {text}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layers": []}, "a net needs at least one layer; layers is empty"),
        (
            {"layers": [BinaryLayerSpec("dense", width=0)]},
            "layers.0: 0 units of 9 binary weights each; both are at least 1, the weights of a "
            "unit at most 16777215, their product at most 1073741823",
        ),
        (
            {"layers": [BinaryLayerSpec("conv", width=2, kernel=2)]},
            "layers.0: 'conv' reads an image; images come from the data, and stay images up to the "
            "first 'dense'",
        ),
        ({"spread": 0.0}, "layers.0: spread is 0.0; it must be above 0 and at most 1"),
        ({"temperature": -1.0}, "the temperature is -1.0; a positive number is needed"),
    ],
)
def test_nets_that_cannot_be(options: dict[str, Any], text: str) -> None:
    given = {"layers": [BinaryLayerSpec("dense", width=4)]} | options
    with pytest.raises(InputError) as caught:
        binary_net(classes=3, encoder=Thermometer.boolean(9), **given)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"pool": 0}, "pool is 0; it must be at least 1"),
        (
            {"pool": 4},
            "a window of kernel 4 and padding 0 does not fit into an image of 5 x 3 x 3",
        ),
        (
            {"kernel": 9},
            "a window of kernel 9 and padding 0 does not fit into an image of 2 x 8 x 8",
        ),
    ],
)
def test_convolutions_that_cannot_be(change: dict[str, int], text: str) -> None:
    encoder = Thermometer.uniform(X, thresholds=2, low=0, high=16, image=Shape(1, 8, 8))
    given = {"kernel": 3, "stride": 2} | change
    with pytest.raises(InputError) as caught:
        layers = [BinaryLayerSpec("conv", width=5, **given)]
        binary_net(layers=layers, classes=4, encoder=encoder)
    assert str(caught.value) == f"layers.0: {text}"


@pytest.mark.parametrize("affine", [True, False])
def test_a_net_is_read_back_as_it_was_written(affine: bool, tmp_path: Path) -> None:
    net = small_net(affine=affine)
    again = load(save(net, tmp_path / "net.safetensors")).net
    hard = load(save(net, tmp_path / "hard.safetensors", hard=True)).net
    assert sum(1 for _ in again.parameters()) == (8 if affine else 3)
    for other in (again, hard):
        assert np.array_equal(other.hard_scores(X), net.hard_scores(X))
        assert torch.equal(other(torch.from_numpy(X)), net(torch.from_numpy(X)))
    assert lower(hard) == lower(net)


def test_scores_are_the_logits_in_whole_numbers() -> None:
    net = small_net(temperature=3.0)
    assert isinstance(net.head, AgreementHead)
    with torch.no_grad():
        net.head.offset.copy_(torch.tensor([0.0, 5.1, -9.4, 0.2]))
    assert net.head.bonus().tolist() == [0, 8, -14, 0]
    logits = net(torch.from_numpy(X)).detach().numpy() * 3
    assert np.allclose(logits, 2 * net.hard_scores(X) - net.head.inputs, atol=1e-4)
    answers = simulate.run(lower(net), net.code.encode(X))
    assert np.array_equal(answers.scores, net.hard_scores(X))


def test_a_head_without_a_hard_form() -> None:
    net = small_net()
    assert isinstance(net.head, AgreementHead)
    with torch.no_grad():
        net.head.offset[2] = float("nan")
    with pytest.raises(HardenError) as caught:
        net.hard_scores(X)
    assert str(caught.value) == (
        "head: the offsets of unit 2 are not finite numbers (1 of 4 units are so); train again "
        "with a smaller learning rate"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"affine": 1}, "layers.0: affine is 1; true or false is needed"),
        ({"padding": 0.5}, "layers.0: padding is 0.5; an integer is needed"),
        (
            {"padding": 3},
            "layers.0: a window of kernel 3, stride 2 and padding 3; kernel and stride are at "
            "least 1, padding is 0 to kernel - 1",
        ),
        ({"image": [1, 8]}, "layers.0: image is [1, 8]; [channels, height, width] are needed"),
    ],
)
def test_descriptions_that_cannot_be(change: dict[str, Any], text: str) -> None:
    layer = small_net().steps()[0][1]
    with pytest.raises(FormatError) as caught:
        BinaryConv.restore(layer.describe() | change, dict(layer.state_dict()), "layers.0")
    assert str(caught.value) == text


def test_statistics_taken_anew_are_those_of_the_hard_net() -> None:
    net = small_net()
    dense = net.steps()[1][1]
    bits = net.steps()[0][1].hard(net.encoder.hard(X)).astype(np.float32) * 2 - 1
    norm, weights = dense.get_submodule("norm"), dense.get_submodule("weights")
    assert isinstance(norm, SignNorm)
    sums = torch.sign(next(weights.parameters()).detach()) @ torch.from_numpy(bits)
    torch.testing.assert_close(norm.mean, sums.mean(1))
    torch.testing.assert_close(norm.variance, sums.var(1))
    assert not norm.training
