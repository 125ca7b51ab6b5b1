"""One task after the other: a posterior that becomes the prior remembers, a flat prior forgets."""

import numpy as np
import pytest
import torch

from lithify.compiler.nets import Net, Thermometer
from lithify.compiler.nets.binary.build import BinaryLayerSpec, binary_net
from lithify.compiler.training import accuracy
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.continual import (
    Remembered,
    Task,
    fit_samples,
    learn_in_turn,
    permuted,
)
from lithify.compiler.training.settings import Settings
from lithify.ir.errors import InputError

FEATURES = 40


def patterns(samples: int = 400, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bits near one of four patterns; the class is the pattern."""
    centres = np.random.default_rng(9).random((4, FEATURES)) < 0.5
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 4
    return (centres[labels] ^ (rng.random((samples, FEATURES)) < 0.2)).astype(np.int64), labels


def tasks(count: int = 3, *, seed: int = 0) -> list[Task]:
    return permuted(Task(*patterns(), *patterns(200, seed=1)), tasks=count, seed=seed)


def net_for(some: list[Task]) -> Net:
    return binary_net(
        layers=[BinaryLayerSpec("dense", width=24)],
        classes=4,
        encoder=Thermometer.uniform(fit_samples(some), low=0, high=1),
        affine=False,
        seed=0,
    )


def learn(some: list[Task], net: Net, *, keep: bool = True, seed: int = 0) -> Remembered:
    return learn_in_turn(
        net,
        some,
        method=Bayes(data_weight=4e4),
        settings=Settings(epochs=6, batch=20, learning_rate=0.05),
        keep=keep,
        seed=seed,
    )


def test_a_prior_remembers_what_a_flat_one_forgets() -> None:
    some = tasks()
    kept, plain = (learn(some, net_for(some), keep=keep) for keep in (True, False))
    assert [len(row) for row in kept.accuracies] == [1, 2, 3]
    assert kept.accuracies[0] == plain.accuracies[0]
    assert kept.accuracies[0][0] > 0.9
    assert kept.mean > plain.mean + 0.1
    assert min(kept.accuracies[-1]) > min(plain.accuracies[-1])


def test_what_is_told_is_the_net_as_it_ends() -> None:
    some = tasks(2)
    net = net_for(some)
    told: list[tuple[int, tuple[float, ...]]] = []
    found = learn_in_turn(
        net,
        some,
        method=Bayes(data_weight=4e4),
        settings=Settings(epochs=2, batch=20, learning_rate=0.05),
        progress=lambda number, row: told.append((number, row)),
    )
    assert told == list(enumerate(found.accuracies))
    assert found.accuracies[-1] == tuple(accuracy(net, t.test_x, t.test_y) for t in some)
    assert found.mean == pytest.approx(sum(found.accuracies[-1]) / 2)


def test_a_seed_decides_everything() -> None:
    some = tasks(2)
    nets = [net_for(some) for _ in range(3)]
    found = [learn(some, net, seed=seed) for net, seed in zip(nets, (0, 0, 1), strict=True)]
    assert found[0] == found[1]
    states = [torch.cat([v.flatten().double() for v in n.state_dict().values()]) for n in nets]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_tasks_are_the_first_with_its_features_elsewhere() -> None:
    first, second, third = tasks()
    x, y = patterns()
    assert np.array_equal(first.x, x)
    for other in (second, third):
        assert not np.array_equal(other.x, x)
        assert np.array_equal(np.sort(other.x, axis=1), np.sort(x, axis=1))
        assert np.array_equal(other.y, y)
        order = [np.flatnonzero((x == column[:, None]).all(0))[0] for column in other.x.T]
        assert np.array_equal(other.test_x, first.test_x[:, order])
    assert np.array_equal(tasks(3)[2].x, third.x)
    assert not np.array_equal(tasks(3, seed=1)[2].x, third.x)


def test_images_are_tasks_too() -> None:
    x, y = patterns(20)
    image = x.reshape(20, 5, 8)
    assert permuted(Task(image, y, image, y), tasks=2)[1].x.shape == (20, FEATURES)


def test_the_encoder_sees_every_task() -> None:
    some = tasks()
    assert fit_samples(some, samples=7).shape == (21, FEATURES)
    assert np.array_equal(fit_samples(some, samples=7)[7:14], some[1].x[:7])


def test_no_tasks() -> None:
    with pytest.raises(InputError) as caught:
        tasks(0)
    assert str(caught.value) == "0 tasks; at least 1 is needed"
    with pytest.raises(InputError) as caught:
        learn([], net_for(tasks(1)))
    assert str(caught.value) == "no tasks to learn; at least one is needed"
    with pytest.raises(InputError) as caught:
        tasks(2, seed=-1)
    assert str(caught.value) == "the seed is -1; it must be 0 or more"
