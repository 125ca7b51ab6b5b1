"""Noisy supervision: unbiased losses, predicted weights, both parts of a run, and resuming."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from binary_nets import binary_tiny_net
from tiny_nets import blobs, tiny_net
from torch import Tensor

from lithify.compiler.nets import Net
from lithify.compiler.nets.binary.latent import latents, signs
from lithify.compiler.training import History, accuracy, train
from lithify.compiler.training.noisy import Noisy, NoisyCourse, RowMap, noise_rate, unbiased_loss
from lithify.ir.errors import InputError

X, Y = blobs()
VALUES = torch.linspace(-1.5, 1.5, 7)


class Interrupted(Exception):
    """Ends a run between two epochs."""


def run(net: Net, method: Noisy, **options: object) -> History:
    settings = {"epochs": 6, "batch": 20, "learning_rate": 0.02} | options
    return train(net, X, Y, method=method, **settings)  # type: ignore[arg-type]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.1, 0.1), (0.05, 0.2), (0.3, 0.0)])
def test_wrong_labels_leave_the_expected_loss_as_it_is(low: float, high: float) -> None:
    for true, wrong in ((1.0, high), (-1.0, low)):
        told = [torch.full_like(VALUES, sign * true) for sign in (1, -1)]
        right, other = (unbiased_loss(VALUES, labels, low, high) for labels in told)
        torch.testing.assert_close((1 - wrong) * right + wrong * other, (VALUES - true) ** 2)


def test_the_gradient_is_that_of_a_label_stretched_by_the_noise() -> None:
    for label, rate in itertools.product((1.0, -1.0), (0.0, 0.05, 0.2)):
        predicted = VALUES.clone().requires_grad_()
        loss = unbiased_loss(predicted, torch.full((7,), label), rate, rate).sum()
        (found,) = torch.autograd.grad(loss, predicted)
        torch.testing.assert_close(found, 2 * (VALUES - label / (1 - 2 * rate)))


def test_the_noise_is_found_from_two_sets_of_labels() -> None:
    noise = generator()
    true = torch.randint(0, 2, (200, 500), generator=noise) * 2 - 1
    for rate in (0.0, 0.03, 0.15):
        told = [
            torch.where(torch.rand(true.shape, generator=noise) < rate, -true, true)
            for _ in range(2)
        ]
        assert noise_rate(*told) == pytest.approx(rate, abs=0.004)
    assert noise_rate(true, -true) == 0.2


def test_a_map_predicts_the_reals_at_first() -> None:
    real = torch.randn((9, 20), generator=generator())
    assert torch.equal(RowMap(20, 8, generator(1))(real), real)


def test_a_prediction_depends_on_all_reals_of_its_unit() -> None:
    torch.manual_seed(0)
    one = RowMap(20, 16, generator(1))
    one.last.data.normal_()
    real = torch.randn((30, 20), generator=generator(2))
    changed = real.clone()
    changed[4, 7] += 0.5
    moved = (one(changed) - one(real)).abs()
    assert (moved[4] > 1e-5).all()
    assert moved[4].mean() > 20 * moved[5:].mean()
    assert torch.equal(one(real), one(real.clone()))


def test_every_parameter_of_a_map_learns() -> None:
    one = RowMap(12, 6, generator(1))
    one.last.data.normal_()
    one(torch.randn((10, 12), generator=generator(2))).square().sum().backward()
    for value in one.parameters():
        assert value.grad is not None
        assert value.grad.abs().sum() > 0


def test_both_parts_learn_and_the_hard_net_has_the_predicted_weights() -> None:
    net = binary_tiny_net(affine=True)
    method = Noisy(pretrain=0.5, hidden=8)
    before = accuracy(net, X, Y)
    history = run(net, method, epochs=10)
    assert accuracy(net, X, Y) > max(0.9, before)
    assert history.best.accuracy > 0.9
    assert np.array_equal(net(torch.from_numpy(X)).argmax(1).numpy(), net.hard_predict(X))


def begun(net: Net, method: Noisy) -> NoisyCourse:
    course = method.begin(net.train(), 0.02)
    assert isinstance(course, NoisyCourse)
    course.begin(generator())
    return course


def batch(net: Net) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(net.encoder.hard(X)).float(), torch.from_numpy(Y)


def test_the_parts_of_a_run() -> None:
    net = binary_tiny_net()
    course = begun(net, Noisy(pretrain=0.5, hidden=8, noise=0.05))
    loss = torch.nn.functional.cross_entropy
    plain = [one.real.detach().clone() for one in latents(net)]
    for done in (0.25, 0.5):
        assert course.rates is None
        net.train()
        course.step(*batch(net), loss)
        course.settle(done)
    assert course.rates is not None
    assert course.rates.tolist() == pytest.approx([0.05] * 3)
    for one, source, label, start in zip(
        latents(net), course.sources, course.labels, plain, strict=True
    ):
        assert torch.equal(one.real, source)
        assert torch.equal(label, signs(one.real))
        assert not torch.equal(one.real, start)
    net.train()
    for _ in range(40):
        course.step(*batch(net), loss)
    course.settle(0.75)
    moved = [
        not torch.equal(one.real, s) for one, s in zip(latents(net), course.sources, strict=True)
    ]
    assert all(moved)
    for one, row, source in zip(latents(net), course.maps, course.sources, strict=True):
        assert torch.equal(one.real, row(source))
        assert one.limit is None


def test_labels_hold_the_weights() -> None:
    """With a strong pull hardly a weight leaves the sign that it was labelled with."""
    kept = []
    for pull in (0.0, 50.0):
        net = binary_tiny_net()
        course = begun(net, Noisy(pretrain=0.5, hidden=8, pull=pull, noise=0.1))
        course.settle(0.5)
        for _ in range(100):
            net.train()
            course.step(*batch(net), torch.nn.functional.cross_entropy)
        course.settle(1.0)
        pairs = zip(latents(net), course.labels, strict=True)
        kept.append(min(float((signs(one.real) == label).float().mean()) for one, label in pairs))
    assert kept[1] == 1.0 > kept[0]


# The last epoch before the second part begins, the one that begins it, and one in it.
@pytest.mark.parametrize("last", [1, 2, 4])
@pytest.mark.parametrize("affine", [False, True])
def test_a_run_resumes_bit_for_bit_in_both_parts(last: int, affine: bool, tmp_path: Path) -> None:
    def stop(progress: object) -> None:
        if progress.epoch.number == last:  # type: ignore[attr-defined]
            raise Interrupted

    method = Noisy(pretrain=0.5, hidden=8)
    path = tmp_path / "run.checkpoint"
    nets = [binary_tiny_net(affine=affine) for _ in range(3)]
    with pytest.raises(Interrupted):
        run(nets[0], method, checkpoint=path, progress=stop)
    assert run(nets[1], method, checkpoint=path, resume=True) == run(nets[2], method)
    for name, value in nets[2].state_dict().items():
        assert torch.equal(value, nets[1].state_dict()[name])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pretrain": 0.0}, "pretrain is 0.0; it must be above 0 and below 1"),
        ({"pretrain": 1.0}, "pretrain is 1.0; it must be above 0 and below 1"),
        ({"hidden": 0}, "hidden is 0; it must be at least 1"),
        ({"pull": -1.0}, "pull is -1.0; it must be 0 or more"),
        ({"noise": 0.5}, "noise is 0.5; it must be from 0 to 0.2"),
    ],
)
def test_numbers_that_no_run_can_be_made_of(options: dict[str, float], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Noisy(**options)  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_a_net_without_binary_weights() -> None:
    with pytest.raises(InputError) as caught:
        Noisy().begin(tiny_net(), 0.1)
    assert str(caught.value) == (
        "method 'noisy' trains binary weights, and this net has none; use a net of kind 'binary', "
        "or another method"
    )
