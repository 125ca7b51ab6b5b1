"""Live modules of other tools: the circuit gives their scores."""

import numpy as np
import pytest
import torch
from foreign_nets import (
    GroupSum,
    LogicDense,
    LogicLayer,
    LUTLayer,
    Thermometer,
    dwn_group_sum,
)
from torch import nn

import lithify
from lithify.compiler.design import Design
from lithify.ir.errors import HardenError, InputError

SAMPLES = 10_000


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_same_scores(design: Design, net: nn.Module, bits: torch.Tensor, x: torch.Tensor) -> None:
    """The module's answers are the scores plus beta, over tau."""
    notes = design.provenance["imported"]
    with torch.no_grad():
        theirs = net.eval()(bits).numpy()
    ours = design.scores(x.numpy())
    np.testing.assert_allclose((ours + notes["beta"]) / notes["tau"], theirs, rtol=1e-6)
    assert len({*map(tuple, ours.tolist())}) > 1


def bits_of(inputs: int, seed: int = 5) -> torch.Tensor:
    return torch.randint(2, (SAMPLES, inputs), generator=generator(seed)).float()


def test_difflogic_layers_and_class_sums() -> None:
    g = generator()
    net = nn.Sequential(
        nn.Flatten(), LogicLayer(40, 120, g), nn.Dropout(0.1), LogicLayer(120, 90, g),
        GroupSum(3, tau=10.0),
    )  # fmt: skip
    design = lithify.from_torch(net, classes=("cat", "dog", "emu"), name="My zoo")
    x = bits_of(40)
    assert_same_scores(design, net, x, x.int())
    assert (design.name, design.classes) == ("my_zoo", ("cat", "dog", "emu"))
    assert design.provenance["imported"] == {"format": "difflogic", "tau": 10.0, "beta": 0.0}
    assert [o.path for o in design.circuit.origins][:2] == ["layers.1", "layers.3"]
    proved = lithify.compile(design).verify()
    assert proved.certificate is not None and proved.certificate.ok


@pytest.mark.parametrize("kind", ["raw", "warp", "light"])
@pytest.mark.parametrize("candidates", [0, 4])
def test_torchlogix_layers(kind: str, candidates: int) -> None:
    g = generator(2)
    net = nn.Sequential(
        LogicDense(30, 60, g, kind=kind, candidates=candidates),
        nn.Sequential(LogicDense(60, 80, g, kind=kind), GroupSum(4, tau=2.0, beta=1.5)),
    )
    x = bits_of(30)
    assert_same_scores(lithify.from_torch(net), net, x, x.int())


@pytest.mark.parametrize("kind", ["warp", "light"])
@pytest.mark.parametrize("arity", [1, 4, 6])
def test_torchlogix_gates_of_many_inputs(kind: str, arity: int) -> None:
    g = generator(3)
    net = nn.Sequential(
        LogicDense(30, 40, g, kind=kind, arity=arity),
        LogicDense(40, 20, g, kind=kind, arity=arity),
        GroupSum(2),
    )
    x = bits_of(30)
    assert_same_scores(lithify.from_torch(net), net, x, x.int())


@pytest.mark.parametrize(
    ("n", "learned"), [(1, False), (2, True), (6, True), (6, False), (8, True)]
)
def test_dwn_with_its_thermometer(n: int, learned: bool) -> None:
    g = generator(4)
    thresholds = torch.sort(torch.randn(12, 5, generator=g), dim=1)[0]
    thresholds[3] = thresholds[3, 0]  # equal ones, as data with few values gives
    encoder = Thermometer(thresholds)
    net = nn.Sequential(
        LUTLayer(60, 50, n, g, learned=learned), LUTLayer(50, 23, n, g), dwn_group_sum(5, 1 / 0.3)
    )
    x = torch.randn(SAMPLES, 12, generator=g)
    x[: len(thresholds.T)] = thresholds.T  # on the thresholds themselves
    bits = encoder.binarize(x).flatten(1)
    design = lithify.from_torch(net, thresholds=encoder)
    assert_same_scores(design, net, bits, x)
    again = lithify.from_torch(net, thresholds=thresholds)
    assert again.circuit == design.circuit
    assert design.circuit.size_by_part()["encoder"] > 0


def test_dwn_sums_in_another_order() -> None:
    g = generator(6)
    order = torch.randperm(20, generator=g)
    net = nn.Sequential(LUTLayer(10, 20, 3, g), dwn_group_sum(3, 1.0, order))
    x = bits_of(10)
    assert_same_scores(lithify.from_torch(net), net, x, x.int())


def test_without_class_sums_the_bits_come_out() -> None:
    layer = LogicLayer(9, 30, generator(7))
    x = bits_of(9)[:500]
    with torch.no_grad():
        expected = layer(x).numpy().astype(np.int64)
    assert np.array_equal(lithify.from_torch(layer).words(x.int().numpy())["y"], expected)


def test_what_has_no_exact_form_is_refused() -> None:
    g = generator(8)
    layer, lut = LogicLayer(6, 8, g), LUTLayer(6, 8, 2, g)
    cases: list[tuple[nn.Module, str]] = [
        (
            nn.Sequential(layer, nn.Linear(8, 2)),
            "layers.1: a Linear has no exact form here; a torch.nn.Sequential of layers of "
            "difflogic, torchlogix, CompactLogic or torch-dwn, and their class sums, has one",
        ),
        (
            nn.Sequential(layer, GroupSum(2), layer),
            "layers.2: a LogicLayer after the class sums; these must be the last",
        ),
        (nn.Sequential(GroupSum(2)), "layers.0: class sums without a layer before them"),
        (nn.Sequential(layer, GroupSum(3)), "layers.1: 8 bits do not divide into 3 classes"),
        (
            nn.Sequential(layer, GroupSum(2, tau=-1.0)),
            "layers.1: tau is -1.0 and beta is 0.0; a positive number and a number are needed",
        ),
    ]
    for net, message in cases:
        with pytest.raises(HardenError) as caught:
            lithify.from_torch(net)
        assert str(caught.value) == message
    lut.ste = False
    with pytest.raises(HardenError) as caught:
        lithify.from_torch(lut)
    assert str(caught.value) == (
        "layers: with ste=False it gives the numbers in its tables rather than bits"
    )
    with torch.no_grad():
        layer.weights[3, 2] = float("nan")
    with pytest.raises(HardenError, match=r"^layers: its weights are not all finite numbers$"):
        lithify.from_torch(layer)

    class LogicDense(nn.Module):
        """Another one of that name."""

    with pytest.raises(HardenError, match=r"^layers: this LogicDense is not the one that is known"):
        lithify.from_torch(LogicDense())
    with pytest.raises(InputError, match=r"^1 class names for 2 classes$"):
        lithify.from_torch(nn.Sequential(LogicLayer(6, 8, g), GroupSum(2)), classes=("a",))
