"""Lowering is exact: the circuit's scores are those of the hard net, for every sample."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from tiny_nets import blobs, tiny_net
from torch import nn

from lithify.compiler.lowering import lower, score_names
from lithify.compiler.nets import Net, Thermometer, logic
from lithify.ir import simulate
from lithify.ir.check import check
from lithify.ir.errors import HardenError


def digits_net(encoder: Thermometer) -> Net:
    return logic(encoder=encoder, layers=[120, 90, 60], classes=10, residual=0.1, seed=3)


@pytest.mark.parametrize("parametrisation", ["softmax16", "table4"])
def test_scores_are_equal_on_ranked_floats(parametrisation: str) -> None:
    net = tiny_net(parametrisation=parametrisation)
    x, _ = blobs(500, seed=9)
    circuit = lower(net)
    check(circuit)
    answers = simulate.run(circuit, net.code.encode(x))
    assert np.array_equal(answers.scores, net.hard_scores(x))
    assert np.array_equal(answers.classes, net.hard_predict(x))
    assert circuit.readout == "argmax"


@pytest.mark.parametrize("fit", [Thermometer.uniform, Thermometer.quantile])
def test_scores_are_equal_on_whole_numbers(fit) -> None:  # type: ignore[no-untyped-def]
    x = load_digits().data
    net = digits_net(fit(x[:500], thresholds=3, low=0, high=16))
    circuit = lower(net)
    answers = simulate.run(circuit, net.code.encode(x))
    assert np.array_equal(answers.scores, net.hard_scores(x))
    (port,) = circuit.inputs
    assert (port.name, port.count, port.width, port.bounds) == ("x", 64, 5, (0, 16))


def test_the_soft_net_at_its_corner_has_the_hard_scores() -> None:
    net = tiny_net()
    x, _ = blobs(300, seed=4)
    hard = net.hard_scores(x)
    net.harden_()
    soft = net(torch.from_numpy(x)).detach().numpy()
    assert np.array_equal(soft * net.head.temperature, hard)
    assert np.array_equal(net.hard_scores(x), hard)


def test_every_gate_knows_where_it_comes_from() -> None:
    circuit = lower(digits_net(Thermometer.uniform(load_digits().data, thresholds=2)))
    assert [(one.path, one.part) for one in circuit.origins] == [
        ("encoder", "encoder"),
        ("layers.0", "core"),
        ("layers.1", "core"),
        ("layers.2", "core"),
    ]
    assert (circuit.origin_of >= 0).all()
    sizes = circuit.size_by_part()
    assert sizes["encoder"] > 50
    assert sizes["core"] > 100


def test_scores_carry_the_class_names() -> None:
    net = logic(inputs=6, layers=[9], classes=3, class_names=["setosa", "7", "no way"])
    assert [score.name for score in lower(net).scores] == ["setosa", "class_7", "no_way"]


@pytest.mark.parametrize("names", [("a b", "a_b"), ("x", "y"), ("class", "b"), ("scores", "b")])
def test_names_that_would_clash_become_numbers(names: tuple[str, ...]) -> None:
    assert score_names(names) == ["class0", "class1"]


def test_a_layer_without_a_hard_form_is_named() -> None:
    net = tiny_net()
    net.layers[1] = nn.Linear(40, 30)
    for action in (lambda: lower(net), lambda: net.hard_scores(blobs()[0])):
        with pytest.raises(HardenError) as caught:
            action()
        assert str(caught.value) == (
            "layers.1: a Linear has no hard form; use layers of lithify.nets"
        )


def test_a_head_without_a_hard_form_is_named() -> None:
    net = tiny_net()
    net.head = nn.Flatten()  # type: ignore[assignment]
    with pytest.raises(HardenError) as caught:
        lower(net)
    assert str(caught.value) == "head: a Flatten has no hard form; use one of lithify.nets"


def test_weights_that_are_no_numbers_are_named() -> None:
    net = tiny_net()
    with torch.no_grad():
        net.get_parameter("layers.1.weights")[3, 0] = float("inf")
    with pytest.raises(HardenError) as caught:
        lower(net)
    assert str(caught.value) == (
        "layers.1: the weights of unit 3 are not finite numbers (1 of 30 units are so); "
        "train again with a smaller learning rate"
    )
