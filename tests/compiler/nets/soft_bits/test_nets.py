"""Nets of soft bits as wholes: trained, hardened, proved and run, with the same scores."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lithify.compiler import driver
from lithify.compiler.nets import Net, SoftBitLayerSpec, Thermometer, load, save, soft_bit_net
from lithify.compiler.training import History, accuracy, train
from lithify.compiler.training.method import RAdam
from lithify.ir.errors import InputError

Samples = tuple[NDArray[np.int64], NDArray[np.int64]]
COUNTING = (
    SoftBitLayerSpec("complement"),
    SoftBitLayerSpec("and", width=11, start=0.49, spread=0.0),
    SoftBitLayerSpec("flip", rate=0.05),
    SoftBitLayerSpec("count", groups=3),
    SoftBitLayerSpec("harden"),
)
VOTING = (
    SoftBitLayerSpec("complement"),
    SoftBitLayerSpec("and", width=12, start=0.45, spread=0.1),
    SoftBitLayerSpec("or", width=3, start=0.5, spread=0.1),
    SoftBitLayerSpec("majority", size=3),
    SoftBitLayerSpec("complement"),
)
EVERYTHING = (
    SoftBitLayerSpec("not", width=2, spread=0.2),
    SoftBitLayerSpec("implies", width=2, start=0.6, spread=0.3),
    SoftBitLayerSpec("majority", size=8),
    SoftBitLayerSpec("xor", width=5, spread=0.4),
    SoftBitLayerSpec("mask", width=3, start=0.6, spread=0.3),
    SoftBitLayerSpec("or", width=8, spread=0.3),
    SoftBitLayerSpec("harden"),
)


def levels(samples: int = 240, seed: int = 0) -> Samples:
    """Classes by how many of the first six of eight bits are high: up to 2, 3, or from 4."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (samples, 8))
    return x, np.clip(x[:, :6].sum(axis=1) - 2, 0, 2)


def parity(samples: int = 600, seed: int = 0) -> Samples:
    """Classes by the exclusive-or of two of six bits, a fifth of the labels wrong."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (samples, 6))
    wrong = rng.random(samples) < 0.2
    return x, x[:, 0] ^ x[:, 3] ^ wrong


def made(layers: tuple[SoftBitLayerSpec, ...], inputs: int, classes: int, seed: int = 0) -> Net:
    return soft_bit_net(
        layers=layers,
        classes=classes,
        encoder=Thermometer.boolean(inputs),
        temperature=0.5,
        seed=seed,
    )


def fit(net: Net, samples: Samples, epochs: int) -> History:
    return train(net, *samples, epochs=epochs, batch=50, learning_rate=0.02, method=RAdam(), seed=2)


@pytest.fixture(scope="module")
def counting() -> Net:
    net = made(COUNTING, 8, 3)
    fit(net, levels(), 40)
    return net


@pytest.fixture(scope="module")
def voting() -> Net:
    net = made(VOTING, 6, 2)
    fit(net, parity(), 60)
    return net


def soft_predictions(net: Net, x: NDArray[np.int64]) -> NDArray[np.int64]:
    predicted: NDArray[np.int64] = net(torch.from_numpy(x)).detach().numpy().argmax(axis=1)
    return predicted


def test_training_teaches_a_count(counting: Net) -> None:
    assert accuracy(counting, *levels(500, seed=1)) > 0.6


def test_training_sees_through_wrong_labels(voting: Net) -> None:
    x, _ = parity(500, seed=1)
    assert accuracy(voting, x, x[:, 0] ^ x[:, 3]) > 0.95


@pytest.mark.parametrize("layers", [COUNTING, VOTING, EVERYTHING], ids=len)
@pytest.mark.parametrize("seed", range(5))
def test_untrained_soft_and_hard_nets_agree(
    layers: tuple[SoftBitLayerSpec, ...], seed: int
) -> None:
    net = made(layers, 8, 3 if layers is COUNTING else 2, seed).eval()
    x, _ = levels(500, seed=2)
    assert np.array_equal(soft_predictions(net, x), net.hard_predict(x))


def test_trained_soft_and_hard_nets_agree(counting: Net, voting: Net) -> None:
    for net, (x, _) in ((counting, levels(500, seed=1)), (voting, parity(500, seed=1))):
        assert np.array_equal(soft_predictions(net, x), net.hard_predict(x))


@pytest.mark.parametrize("name", ["counting", "voting", "everything"])
def test_every_stage_is_proved_and_the_engine_gives_the_same_scores(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    net = made(EVERYTHING, 8, 2) if name == "everything" else request.getfixturevalue(name)
    x, _ = (parity if name == "voting" else levels)(500, seed=3)
    design = driver.compile(load(save(net, tmp_path / "net.safetensors")).net).verify(x)
    assert design.certificate is not None
    assert design.certificate.ok, design.certificate.lines()
    assert np.array_equal(design.interpret(x).scores, net.hard_scores(x))
    assert np.array_equal(design.scores(x), net.hard_scores(x))
    assert np.array_equal(design.predict(x), net.hard_predict(x))


def test_a_net_survives_its_file(counting: Net, tmp_path: Path) -> None:
    again = load(save(counting, tmp_path / "net.safetensors")).net
    x, _ = levels(100, seed=4)
    assert torch.equal(again(torch.from_numpy(x)), counting(torch.from_numpy(x)))
    assert [layer.describe() for _, layer in again.steps()] == [
        layer.describe() for _, layer in counting.steps()
    ]


def test_training_repeats_and_keeps_weights_in_range() -> None:
    nets = [made(COUNTING, 8, 3) for _ in range(2)]
    histories = [fit(net, levels(), 4) for net in nets]
    assert histories[0] == histories[1]
    for weights in nets[0].layers.parameters():
        assert 0 <= float(weights.detach().min()) <= float(weights.detach().max()) <= 1


def test_training_resumes_with_its_flips(tmp_path: Path) -> None:
    path = tmp_path / "net.checkpoint"
    options = {"batch": 50, "method": RAdam(), "schedule": "constant", "epochs": 4}
    whole, parted = made(COUNTING, 8, 3), made(COUNTING, 8, 3)
    history = train(whole, *levels(), **options)  # type: ignore[arg-type]

    def stop(told: object) -> None:
        if len(path.read_bytes()) and stop_now.pop():
            raise KeyboardInterrupt

    stop_now = [False, True, False]
    with pytest.raises(KeyboardInterrupt):
        train(parted, *levels(), **options, checkpoint=path, progress=stop)  # type: ignore[arg-type]
    again = made(COUNTING, 8, 3)
    assert train(again, *levels(), **options, checkpoint=path, resume=True) == history  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (
            {"kind": "nand"},
            "kind is 'nand'; it must be one of and, complement, count, flip, harden, implies, "
            "majority, mask, match, not, or, windows, xor",
        ),
        ({"kind": "and"}, "width is missing; 'and' needs it"),
        ({"kind": "flip"}, "rate is missing; 'flip' needs it"),
        (
            {"kind": "majority", "size": 3, "start": 0.2},
            "start means nothing to 'majority', which takes size",
        ),
        (
            {"kind": "harden", "width": 3},
            "width means nothing to 'harden', which takes nothing",
        ),
    ],
)
def test_layers_that_cannot_be(plain: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        SoftBitLayerSpec(**plain)  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_nets_that_cannot_be() -> None:
    for layers, text in [
        ((), "a net needs at least one layer; layers is empty"),
        (
            (SoftBitLayerSpec("complement"), SoftBitLayerSpec("majority", size=5)),
            "layers.1: 16 bits do not divide into majorities of 5",
        ),
        (
            (SoftBitLayerSpec("and", width=0),),
            "layers.0: a layer 'and' of 8 inputs and width 0; both are at least 1, their product "
            "at most 1073741823",
        ),
        (
            (SoftBitLayerSpec("and", width=5),),
            "5 outputs of the last layer do not divide into 2 classes; make the last layer a "
            "multiple of 2",
        ),
    ]:
        with pytest.raises(InputError) as caught:
            made(layers, 8, 2)
        assert str(caught.value) == text
