"""Polish turns single weights of the hard net round, and only for the better."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_nets import blobs, tiny_net

from lithify.compiler.nets import Net, SoftBitLayerSpec, Thermometer, soft_bit_net
from lithify.compiler.nets.soft_bits.weighted import SoftBitLayer
from lithify.compiler.training import History, accuracy, train
from lithify.compiler.training.polish import LEAST, Polish, polish
from lithify.compiler.training.settings import Settings
from lithify.ir.errors import InputError

Samples = tuple[NDArray[np.int64], NDArray[np.int64]]
RATE = 0.1
COUNTING = (
    SoftBitLayerSpec("complement"),
    SoftBitLayerSpec("and", width=8, start=0.5, spread=0.2),
    SoftBitLayerSpec("flip", rate=RATE),
    SoftBitLayerSpec("count", groups=3),
    SoftBitLayerSpec("harden"),
)
VOTING = (
    SoftBitLayerSpec("not", width=1, spread=0.2),
    SoftBitLayerSpec("and", width=12, start=0.45, spread=0.1),
    SoftBitLayerSpec("or", width=6, start=0.5, spread=0.1),
    SoftBitLayerSpec("flip", rate=RATE),
    SoftBitLayerSpec("majority", size=3),
    SoftBitLayerSpec("complement"),
    SoftBitLayerSpec("majority", size=2),
)


def samples(count: int = 150, seed: int = 0) -> Samples:
    """Six bits; the class is how many of the first three are high, at most two, at times less."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (count, 6))
    y = x[:, :3].sum(axis=1) - (rng.random(count) < 0.1)
    return x, np.clip(y, 0, 2)


def made(
    layers: tuple[SoftBitLayerSpec, ...], classes: int = 3, seed: int = 0, votes: int = 0
) -> Net:
    encoder = Thermometer.boolean(6)
    return soft_bit_net(layers=layers, classes=classes, encoder=encoder, seed=seed, votes=votes)


def fit(net: Net, passes: int, **more: object) -> History:
    options = {"epochs": 3, "batch": 50, "validation": None, "seed": 1, **more}
    return train(net, *samples(), polish=passes, **options)  # type: ignore[arg-type]


def weights(net: Net) -> list[torch.Tensor]:
    return [one.weights.detach().clone() for _, one in net.steps() if isinstance(one, SoftBitLayer)]


def drawn_loss(net: Net, x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    """What the labels lack in likelihood, over every draw of flips of the net `COUNTING`."""
    complement, conjunctions, _, count, _ = (layer for _, layer in net.steps())
    bits = conjunctions.hard(complement.hard(x.T.astype(bool)))
    likely = np.zeros(len(y))
    for word in range(2 ** len(bits)):
        flipped = (word >> np.arange(len(bits))) % 2 == 1
        share = np.where(flipped, RATE, 1 - RATE).prod()
        likely += share * count.hard(bits ^ flipped[:, None])[y, np.arange(len(y))]
    return float(-np.log((likely + LEAST) / (1 + 3 * LEAST)).sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_all_draws_of_the_flips(seed: int) -> None:
    net, (x, y) = made(COUNTING, seed=seed), samples(40)
    found = Polish(net, x.T.astype(bool), y)
    loss = found.losses(0, found.bits, found.counts).sum()
    assert loss == pytest.approx(drawn_loss(net, x, y), rel=1e-12)
    assert found.bits.shape[1] < len(y)
    assert found.counts.sum() == len(y)


@pytest.mark.parametrize(("layers", "classes"), [(COUNTING, 3), (VOTING, 2)], ids=["count", "vote"])
def test_no_weight_is_left_that_gains(layers: tuple[SoftBitLayerSpec, ...], classes: int) -> None:
    net, (x, y) = made(layers, classes), samples()
    bits, y = x.T.astype(bool), np.minimum(y, classes - 1)
    of_net = Polish(net, bits, y)

    def loss() -> float:
        return float(of_net.losses(0, of_net.bits, of_net.counts).sum())

    before, started = weights(net), loss()
    turned = polish(net, bits, y, 50, np.random.default_rng(0))
    after, ended = weights(net), loss()
    assert turned > 0
    assert ended < 0.9 * started
    other = [(a != b) for a, b in zip(before, after, strict=True)]
    assert 0 < sum(int(one.sum()) for one in other) <= turned
    for a, b, changed in zip(before, after, other, strict=True):
        assert torch.equal(b[changed], (a[changed] <= 0.5).float()) or len(after) > 1
        assert set(b[changed].tolist()) <= {0.0, 1.0}
    assert polish(net, bits, y, 1, np.random.default_rng(1)) == 0
    for _, layer in net.steps():
        for one in layer.parameters():
            flat = one.data.view(-1)
            for index in range(len(flat)):
                was = flat[index].clone()
                flat[index] = float(was <= 0.5)
                assert loss() >= ended - 1e-8
                flat[index] = was


def test_training_ends_with_a_polished_net() -> None:
    plain, better, again = (made(COUNTING) for _ in range(3))
    last, history = fit(plain, 0), fit(better, 20)
    fit(again, 20)
    assert history.epochs[:-1] == last.epochs[:-1]
    assert history.best.number == 2
    x, y = samples()
    assert history.best.accuracy == accuracy(better, x, y) > accuracy(plain, x, y) + 0.05
    assert all(map(torch.equal, weights(better), weights(again)))


def test_every_start_is_polished() -> None:
    net = made(COUNTING)
    history = fit(net, 20, starts=2, epochs=2, anew=lambda start: made(COUNTING, seed=start))
    first, second = history.epochs[1], history.epochs[3]
    assert min(first.accuracy, second.accuracy) > history.epochs[0].accuracy
    assert history.best.accuracy == max(first.accuracy, second.accuracy)


def test_a_run_that_was_stopped_is_polished_as_one_that_was_not(tmp_path: Path) -> None:
    whole, broken = made(COUNTING), made(COUNTING)
    fit(whole, 5)

    def stop(told: object) -> None:
        raise KeyboardInterrupt

    place = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit(broken, 5, checkpoint=place, progress=stop)
    resumed = made(COUNTING)
    fit(resumed, 5, checkpoint=place, resume=True)
    assert all(map(torch.equal, weights(whole), weights(resumed)))


def test_other_nets_are_refused_before_they_are_trained() -> None:
    with pytest.raises(InputError) as caught:
        train(tiny_net(), *blobs(), polish=1)
    assert str(caught.value) == "polish turns soft bits round; layers.0 is of the kind 'logic'"
    net = made((SoftBitLayerSpec("and", width=6),), votes=2)
    with pytest.raises(InputError) as caught:
        fit(net, 1)
    assert str(caught.value) == (
        "polish takes scores that count bits; the head is of the kind 'votes'"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"polish": -1}, "polish is -1; it must be at least 0"),
        ({"polish": 2, "patience": 3}, "polish is 2; with patience it must be 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message
