"""Ensembles drawn from a posterior: what is drawn, the margin, following a recipe, bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from binary_nets import binary_tiny_net
from tiny_nets import blobs, tiny_net

from lithify.compiler.lowering import lower
from lithify.compiler.nets import Net, load, rejected, save, uncertainty
from lithify.compiler.nets.binary.latent import latents
from lithify.compiler.nets.model_file import Model
from lithify.compiler.nets.side_by_side import JointHead
from lithify.compiler.training import accuracy, run_recipe, train
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.posterior import draw_nets, follow, posterior_ensemble
from lithify.ir.errors import InputError

X, Y = blobs(300)
RECIPE = """
[data]
name = "clouds.npz"
test = 0.3

[net]
kind = "binary"
thresholds = 3
affine = false

[[net.layers]]
kind = "dense"
width = 16

[train]
epochs = 8
batch = 20
learning_rate = 0.05

[method]
kind = "bayes"
data_weight = 3e3
"""


@pytest.fixture(scope="module")
def trained() -> Net:
    net = binary_tiny_net()
    train(net, X, Y, epochs=10, batch=20, learning_rate=0.05, method=Bayes(data_weight=3e3))
    return net


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    np.savez(tmp_path / "clouds.npz", x=X, y=Y)
    path = tmp_path / "clouds.toml"
    path.write_text(RECIPE)
    return path


def signs(net: Net) -> torch.Tensor:
    return torch.cat([one.real.detach().flatten() for one in latents(net)])


def test_weights_are_drawn_as_often_as_their_natural_parameters_say(trained: Net) -> None:
    natural = signs(trained)
    before = natural.clone()
    drawn = torch.stack([signs(net) for net in draw_nets(trained, X, members=300)])
    assert set(drawn.flatten().tolist()) == {-1.0, 1.0}
    assert float((drawn.mean(0) - torch.tanh(natural)).abs().max()) < 0.25
    assert float((drawn.mean(0) - torch.tanh(natural)).abs().mean()) < 0.05
    assert torch.equal(signs(trained), before)


def test_drawn_nets_have_norms_of_their_own(trained: Net) -> None:
    one, other = draw_nets(trained, X, members=2)
    norms = [net.state_dict()["layers.0.norm.mean"] for net in (trained, one, other)]
    assert not torch.equal(norms[1], norms[2])
    assert not torch.equal(norms[0], norms[1])
    for net in (one, other):
        soft = net(torch.from_numpy(X)).argmax(1).numpy()
        assert np.array_equal(soft, net.hard_predict(X))


def test_a_seed_decides_what_is_drawn(trained: Net) -> None:
    found = [
        lower(posterior_ensemble(trained, X, members=3, seed=seed)).digest for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]


def test_more_members_begin_with_the_same_ones(trained: Net) -> None:
    few, many = (draw_nets(trained, X, members=count) for count in (2, 4))
    for one, other in zip(few, many, strict=False):
        assert torch.equal(signs(one), signs(other))


def test_an_ensemble_of_a_posterior_knows_what_it_knows(trained: Net) -> None:
    joint = posterior_ensemble(trained, X, members=8)
    assert accuracy(joint, X, Y) > 0.9
    found = uncertainty(joint, X)
    wrong = joint.hard_predict(X) != Y
    assert wrong.any()
    for measure in (-found.lead, found.disagreement, found.entropy):
        assert measure[wrong].mean() > measure[~wrong].mean()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_the_margin_is_chosen_on_held_samples(trained: Net, share: float) -> None:
    held, _ = blobs(400, seed=0)
    joint = posterior_ensemble(trained, X, members=4, reject=share, held=held)
    assert isinstance(joint.head, JointHead)
    assert joint.head.margin >= 1
    leads = uncertainty(joint, held).lead
    assert rejected(joint, held).any() == (joint.head.margin > leads.min())
    assert rejected(joint, held).mean() <= max(share, (leads == 0).mean())


def test_following_a_recipe(recipe: Path, tmp_path: Path) -> None:
    result = run_recipe(recipe, seed=5)
    model = load(save(result.net, tmp_path / "m.safetensors", provenance=result.provenance))
    found = follow(recipe, model, members=4, reject=0.1)
    x, y = X[result.split.test], Y[result.split.test]
    kept = ~rejected(found.net, x)
    assert found.mode_accuracy == result.test_accuracy
    assert found.accuracy == accuracy(found.net, x, y)
    assert found.rejected == pytest.approx(1 - kept.mean())
    assert found.accuracy_of_accepted == (found.net.hard_predict(x) == y)[kept].mean()
    assert found.provenance["seed"] == 5
    assert found.provenance["members"] == 4
    assert found.provenance["test_accuracy"] == found.accuracy


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: draw_nets(binary_tiny_net(), X, members=0),
            "0 members; 1 to 1024 can be drawn",
        ),
        (
            lambda: draw_nets(binary_tiny_net(), X, members=2, seed=-1),
            "the seed is -1; it must be 0 or more",
        ),
        (
            lambda: draw_nets(tiny_net(), X, members=2),
            "method 'bayes' trains binary weights, and this net has none; use a net of kind "
            "'binary', or another method",
        ),
        (
            lambda: draw_nets(binary_tiny_net().hardened(), X, members=2),
            "this net was hardened, so nothing is left of its posterior; draw from the model that "
            "`lithify train` wrote",
        ),
        (
            lambda: posterior_ensemble(binary_tiny_net(), X, reject=0.1),
            "a share of 0.1 to reject, but no samples to choose the margin by; give `held`",
        ),
        (
            lambda: posterior_ensemble(binary_tiny_net(), X, reject=1.5, held=X),
            "a share of 1.5 to reject; it must be from 0 to below 1",
        ),
    ],
)
def test_what_cannot_be_drawn(call: Any, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == text


def test_recipes_that_are_not_those_of_the_model(recipe: Path) -> None:
    model = Model(binary_tiny_net(), {"seed": 1, "data_digest": "other"})
    with pytest.raises(InputError) as caught:
        follow(recipe, model)
    assert str(caught.value) == (
        f"{recipe}: the model was trained on other data than this recipe names; use the recipe "
        "that it was trained by"
    )
    recipe.write_text(RECIPE.partition("[method]")[0])
    with pytest.raises(InputError) as caught:
        follow(recipe, model)
    assert str(caught.value) == (
        f"{recipe}: method 'adam' leaves no posterior to draw from; train with the method 'bayes'"
    )
