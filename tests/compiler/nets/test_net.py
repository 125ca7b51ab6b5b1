"""Nets as wholes: sizes that follow each other, raw features in, scores out."""

import numpy as np
import pytest
import torch
from tiny_nets import blobs, tiny_net

from lithify.compiler.nets import GroupSum, LogicLayer, Net, Thermometer, logic
from lithify.ir.errors import InputError


def test_logits_scores_and_example_have_their_shapes() -> None:
    net = tiny_net()
    x, _ = blobs(50)
    assert net(torch.from_numpy(x)).shape == (50, 3)
    assert net.hard_scores(x).shape == (50, 3)
    assert net.hard_predict(x).shape == (50,)
    assert net.features == 4
    assert net.classes == ("0", "1", "2")
    assert net.hard_scores(net.example()).shape == (1, 3)


def test_images_are_flattened() -> None:
    net = logic(inputs=12, layers=[20], classes=2)
    x = np.random.default_rng(0).integers(0, 2, size=(5, 3, 4))
    assert np.array_equal(net.hard_scores(x), net.hard_scores(x.reshape(5, 12)))
    assert net(torch.from_numpy(x)).shape == (5, 2)


def test_a_large_batch_is_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    net, (x, _) = tiny_net(), blobs(50)
    whole = net.hard_scores(x)
    monkeypatch.setattr("lithify.compiler.nets.net.HARD_BATCH", 7)
    assert np.array_equal(net.hard_scores(x), whole)


def test_a_draw_goes_to_the_lowest_class() -> None:
    net = logic(inputs=4, layers=[6], classes=3, residual=0, noise=0)
    assert net.hard_predict(np.ones((2, 4))).tolist() == [0, 0]


def test_a_net_follows_from_its_seed() -> None:
    one, same, other = (logic(inputs=9, layers=[8], classes=2, seed=s) for s in (1, 1, 2))
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
    assert not torch.equal(
        one.state_dict()["layers.0.weights"], other.state_dict()["layers.0.weights"]
    )


def test_the_default_temperature_bounds_the_logits() -> None:
    assert logic(inputs=9, layers=[8000], classes=10).head.temperature == 40
    assert logic(inputs=9, layers=[20], classes=10).head.temperature == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "a net needs an encoder, or the number of its 0/1 inputs"),
        ({"inputs": 4, "layers": []}, "a net needs at least one layer; layers is empty"),
        (
            {"inputs": 5, "encoder": Thermometer.boolean(4)},
            "5 inputs, but the encoder takes 4 features",
        ),
        (
            {"inputs": 4, "layers": [7]},
            "7 outputs of the last layer do not divide into 2 classes; make the last layer a "
            "multiple of 2",
        ),
        (
            {"inputs": 4, "class_names": ["a", "a"]},
            "class names a, a for 2 classes; one each, all different",
        ),
    ],
)
def test_nets_that_cannot_be(options: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        logic(**({"layers": [8], "classes": 2} | options))  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_parts_whose_sizes_do_not_follow() -> None:
    rng = np.random.default_rng(0)
    layers = [LogicLayer(4, 6, generator=rng), LogicLayer(5, 6, generator=rng)]
    head = GroupSum(8, 2, temperature=1)
    for parts, text in [
        (layers, "layers.1 takes 5 bits, but layers.0 gives 6"),
        (layers[:1], "head takes 8 bits, but layers.0 gives 6"),
        (layers[1:], "layers.0 takes 5 bits, but the encoder gives 4"),
    ]:
        with pytest.raises(InputError) as caught:
            Net(Thermometer.boolean(4), parts, head)
        assert str(caught.value) == text
