"""Random weights of +1 and -1: draws, slopes and steps against closed forms and brute force."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lithify.compiler.training import bernoulli
from lithify.compiler.training.bernoulli import NaturalDescent

NATURALS = torch.tensor([-2.0, -0.4, 0.0, 0.3, 1.5])


def many(natural: Tensor, count: int = 40_000) -> tuple[Tensor, Tensor]:
    """The natural parameters repeated, and a uniform number for each."""
    rows = natural.expand(count, -1)
    return rows, bernoulli.uniform(rows, torch.Generator().manual_seed(1))


def expected(loss: object, natural: Tensor) -> Tensor:
    """The expectation of a loss over all weights, summed up one by one."""
    total = torch.zeros((), dtype=natural.dtype)
    for signs in itertools.product([-1.0, 1.0], repeat=len(natural)):
        weights = torch.tensor(signs, dtype=natural.dtype)
        chance = torch.sigmoid(2 * natural * weights).prod()
        total = total + chance * loss(weights)  # type: ignore[operator]
    return total


def test_exact_draws_are_as_likely_as_their_natural_parameters_say() -> None:
    drawn = bernoulli.draw(*many(NATURALS), 0.0)
    assert set(drawn.flatten().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), torch.tanh(NATURALS), atol=0.02, rtol=0)


def test_concrete_draws_are_exact_in_the_limit() -> None:
    rows, numbers = many(NATURALS, 500)
    exact = bernoulli.draw(rows, numbers, 0.0)
    warm = bernoulli.draw(rows, numbers, 0.7)
    cold = bernoulli.draw(rows, numbers, 1e-4)
    assert ((warm.abs() > 0.01) & (warm.abs() < 0.99)).double().mean() > 0.5
    assert torch.equal(torch.sign(warm), exact)
    assert ((cold - exact).abs() < 1e-3).double().mean() > 0.995


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_the_slope_is_the_derivative_of_a_draw_by_the_mean(temperature: float) -> None:
    natural = NATURALS.double().requires_grad_()
    numbers = torch.tensor([0.2, 0.9, 0.5, 0.1, 0.7], dtype=torch.float64)
    (by_natural,) = torch.autograd.grad(
        bernoulli.draw(natural, numbers, temperature).sum(), natural
    )
    by_mean = by_natural / (1 - torch.tanh(natural) ** 2)
    torch.testing.assert_close(bernoulli.slope(natural, numbers, temperature), by_mean)


def test_the_slope_is_1_on_average_and_always_at_temperature_0() -> None:
    rows, numbers = many(NATURALS[1:4].double())
    torch.testing.assert_close(
        bernoulli.slope(rows, numbers, 0.2).mean(0),
        torch.ones(3, dtype=torch.float64),
        atol=0.06,
        rtol=0,
    )
    assert torch.equal(bernoulli.slope(rows, numbers, 0.0), torch.ones_like(rows))


def test_a_slope_of_a_certain_weight_stays_finite() -> None:
    natural = torch.full((3,), 300.0)
    numbers = torch.tensor([1e-7, 0.5, 1 - 1e-7])
    for temperature in (1e-3, 1.0):
        assert torch.isfinite(bernoulli.slope(natural, numbers, temperature)).all()
    assert torch.isfinite(bernoulli.slope(torch.zeros(1), torch.full((1,), 0.5), 1e-10)).all()


def test_gradients_of_exact_draws_are_those_of_the_expected_loss() -> None:
    """By the mean, and without error where the loss is a product of single weights."""

    def loss(weights: Tensor) -> Tensor:
        return 3 * weights[..., 0] - weights[..., 1] * weights[..., 2] + 0.5 * weights[..., 3]

    natural = torch.tensor([0.4, -0.7, 0.2, 1.1], dtype=torch.float64, requires_grad=True)
    (by_natural,) = torch.autograd.grad(expected(loss, natural), natural)
    by_mean = by_natural / (1 - torch.tanh(natural.detach()) ** 2)
    rows, numbers = many(natural.detach())
    drawn = bernoulli.draw(rows, numbers, 0.0).requires_grad_()
    (found,) = torch.autograd.grad(loss(drawn).sum(), drawn)
    torch.testing.assert_close(found.mean(0).double(), by_mean, atol=0.02, rtol=0)


def test_the_divergence_is_the_sum_over_both_values() -> None:
    prior = torch.tensor([0.5, 0.0, -1.0, 2.0, 1.5])
    total = 0.0
    for one, other in zip(NATURALS.tolist(), prior.tolist(), strict=True):
        for sign in (1, -1):
            chance = 1 / (1 + math.exp(-2 * sign * one))
            total += chance * math.log(chance * (1 + math.exp(-2 * sign * other)))
    assert float(bernoulli.divergence(NATURALS, prior)) == pytest.approx(total, rel=1e-5)
    assert float(bernoulli.divergence(NATURALS, NATURALS)) == pytest.approx(0, abs=1e-6)


def test_a_step_follows_the_gradient_of_loss_and_divergence_by_the_mean() -> None:
    prior = torch.tensor([0.5, 0.0, -1.0, 2.0, 1.5], dtype=torch.float64)
    pull = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    natural = NATURALS.double().requires_grad_()
    energy = (pull * torch.tanh(natural)).sum() + 0.3 * bernoulli.divergence(natural, prior)
    (by_natural,) = torch.autograd.grad(energy, natural)
    by_mean = by_natural / (1 - torch.tanh(natural.detach()) ** 2)
    moved = natural.detach().clone().requires_grad_()
    optimiser = NaturalDescent([moved], learning_rate=0.01, strength=0.3)
    optimiser.set_prior([prior])
    moved.grad = pull.clone()
    optimiser.step()
    torch.testing.assert_close(moved.detach(), natural.detach() - 0.01 * by_mean)


def test_steps_end_at_the_posterior_of_a_linear_loss() -> None:
    """There natural = prior - gradient, which is Bayes' rule."""
    for momentum in (0.0, 0.9):
        natural = torch.zeros(3, requires_grad=True)
        optimiser = NaturalDescent([natural], learning_rate=0.1, momentum=momentum)
        optimiser.set_prior([torch.tensor([1.0, 0.0, -0.5])])
        for _ in range(400):
            natural.grad = torch.tensor([0.5, -2.0, 0.0])
            optimiser.step()
        torch.testing.assert_close(natural.detach(), torch.tensor([0.5, 2.0, -0.5]))


def test_steps_find_the_best_signs_of_a_small_problem() -> None:
    rng = np.random.default_rng(4)
    x = torch.from_numpy(rng.choice([-1.0, 1.0], (60, 7))).float()
    hidden = torch.tensor([1.0, -1, -1, 1, 1, -1, 1])
    y = x @ hidden
    natural = torch.zeros(7, requires_grad=True)
    optimiser = NaturalDescent([natural], learning_rate=0.05, momentum=0.5)
    noise = torch.Generator().manual_seed(0)
    for _ in range(150):
        drawn = bernoulli.draw(natural.detach(), bernoulli.uniform(natural, noise), 0.0)
        drawn.requires_grad_()
        (natural.grad,) = torch.autograd.grad((x @ drawn - y).square().sum(), drawn)
        optimiser.step()
    assert torch.equal(bernoulli.mode(natural), hidden)


def test_momentum_averages_the_corrected_past() -> None:
    natural = torch.zeros(1, requires_grad=True)
    optimiser = NaturalDescent([natural], learning_rate=1.0, momentum=0.5, strength=0.0)
    for pull, place in ((4.0, -4.0), (1.0, -6.0)):
        natural.grad = torch.tensor([pull])
        optimiser.step()
        assert natural.item() == pytest.approx(place)


def test_an_optimiser_goes_on_from_its_tensors() -> None:
    def begin(values: Tensor) -> tuple[Tensor, NaturalDescent]:
        natural = values.clone().requires_grad_()
        return natural, NaturalDescent([natural], learning_rate=0.1, momentum=0.9)

    def go(natural: Tensor, optimiser: NaturalDescent) -> None:
        natural.grad = torch.cos(natural.detach())
        optimiser.step()

    one, first = begin(NATURALS)
    first.set_prior([NATURALS.flip(0)])
    go(one, first)
    other, second = begin(one.detach())
    second.restore({name: value.clone() for name, value in first.tensors().items()})
    for _ in range(3):
        go(one, first)
        go(other, second)
    assert torch.equal(one, other)


def test_tensors_of_other_parameters_are_refused() -> None:
    optimiser = NaturalDescent([torch.zeros(3, requires_grad=True)], learning_rate=0.1)
    tensors = optimiser.tensors()
    for wrong in ({}, tensors | {"0.prior": torch.zeros(4)}, tensors | {"1.prior": torch.zeros(3)}):
        with pytest.raises(ValueError, match="not those of the parameters"):
            optimiser.restore(wrong)
