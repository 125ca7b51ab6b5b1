"""AdaSTE: weights of least energy, slopes as derived, wells that become steeper, and resuming."""

from pathlib import Path

import numpy as np
import pytest
import torch
from binary_nets import binary_tiny_net
from tiny_nets import blobs, tiny_net

from lithify.compiler.nets import Net
from lithify.compiler.nets.binary.latent import latents, sign_through
from lithify.compiler.training import History, accuracy, train
from lithify.compiler.training.adaste import AdaSte, AdaSteCourse, Well
from lithify.compiler.training.method import Method
from lithify.compiler.training.ste import Ste
from lithify.ir.errors import InputError

X, Y = blobs()
REALS = torch.tensor([-1.7, -1.0, -0.93, -0.4, -1e-3, 1e-3, 0.25, 0.8, 0.98, 1.0, 2.5])
# Nearly real weights, weaker and stronger wells, and wells so strong that no weight is between.
WELLS = [Well(0.01, 0.01), Well(0.5, 0.3), Well(4.0, 0.2), Well(5.0, 0.2), Well(100.0, 0.01)]
NO_CAP = 1e30


class Interrupted(Exception):
    """Ends a run between two epochs."""


def run(net: Net, method: Method, **options: object) -> History:
    settings = {"epochs": 8, "batch": 20, "learning_rate": 0.02} | options
    return train(net, X, Y, method=method, **settings)  # type: ignore[arg-type]


def energy(well: Well, weights: np.ndarray, real: float) -> np.ndarray:
    """What the wells and a real make of each weight."""
    pull = well.mu / 2 * (np.abs(weights) - (1 + well.alpha)) ** 2
    return np.asarray((weights - real) ** 2 / 2 + pull)


@pytest.mark.parametrize("well", WELLS)
def test_weights_have_the_least_energy(well: Well) -> None:
    grid = np.linspace(-1, 1, 200_001)
    for real, weight in zip(REALS.tolist(), well.weights(REALS).tolist(), strict=True):
        assert weight == pytest.approx(grid[energy(well, grid, real).argmin()], abs=2e-5)


@pytest.mark.parametrize("well", WELLS)
def test_an_inward_step_has_the_slope_of_the_way_to_the_other_side(well: Well) -> None:
    # The surrogate (w(r) - w(r - b g)) / b for the step b that just passes 0, over the gradient.
    for gradient in (0.3, 1.0):
        toward = gradient * torch.sign(REALS)
        found = well.slopes(REALS, toward, NO_CAP)
        beyond = -torch.sign(REALS) * 1e-9
        step = (REALS / toward).abs()
        change = (well.weights(REALS) - well.weights(beyond)) / step
        torch.testing.assert_close(found * toward, change)


@pytest.mark.parametrize("well", WELLS)
def test_an_inward_slope_is_the_closed_form(well: Well) -> None:
    mu, alpha, far = well.mu, well.alpha, REALS.abs()
    free = (far + 2 * mu * (1 + alpha)) / ((1 + mu) * far)
    full = (1 + 2 * mu + mu * alpha) / ((1 + mu) * far)
    expected = 2 / far if mu * alpha >= 1 else torch.where(far >= 1 - mu * alpha, full, free)
    torch.testing.assert_close(well.slopes(REALS, REALS, NO_CAP), expected)


@pytest.mark.parametrize("well", WELLS)
def test_an_outward_slope_is_the_derivative(well: Well) -> None:
    reals = REALS.double()
    ahead, behind = (well.weights(reals + d) for d in (1e-6, -1e-6))
    inside = reals.abs() < well.knee - 1e-5
    beyond = reals.abs() > well.knee + 1e-5
    found = well.slopes(reals, -reals, NO_CAP)
    torch.testing.assert_close(found[inside], (ahead - behind)[inside] / 2e-6)
    assert (found[beyond] == 0).all()
    assert inside.any() or not well.knee


def test_slopes_are_capped_and_a_real_of_0_has_one() -> None:
    for well in WELLS:
        for gradient in (REALS, -REALS):
            assert well.slopes(REALS, gradient, 0.4).max() <= 0.4 + 1e-7
        at_0 = well.slopes(torch.zeros(2), torch.tensor([-1.0, 1.0]), 1.0)
        assert torch.isfinite(at_0).all()
    assert Well(100.0, 0.01).weights(torch.tensor([0.0, -0.0])).tolist() == [1.0, 1.0]


def test_the_gradient_of_a_net_has_the_slopes() -> None:
    net = binary_tiny_net()
    course = AdaSte(mu=0.5, cap=3.0).begin(net, 0.01)
    assert isinstance(course, AdaSteCourse)
    latent = latents(net.train())[0]
    pulled = latent()
    assert torch.equal(pulled, course.well.weights(latent.real))
    given = torch.linspace(-1, 1, pulled.numel()).reshape(pulled.shape)
    (found,) = torch.autograd.grad(pulled, latent.real, given)
    assert torch.equal(found, given * course.well.slopes(latent.real, given, 3.0))
    net.eval()
    assert torch.equal(latent(), sign_through(latent.real))


def test_wells_become_steeper_by_equal_factors() -> None:
    method = AdaSte(mu=0.01, alpha=0.01, annealed=0.8)
    found = [method.well(done).mu for done in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    assert found == pytest.approx([0.01, 0.1, 1, 10, 100, 100])
    assert method.well(0.8).knee == 0


def test_the_weights_of_the_end_are_those_of_the_hard_net() -> None:
    net = binary_tiny_net(affine=True)
    course = AdaSte().begin(net, 0.01)
    course.settle(1.0)
    for latent in latents(net):
        real = latent.real
        assert torch.equal(latent.train()(), latent.eval()()), real


@pytest.mark.parametrize("method", [Ste(), AdaSte()])
def test_it_learns(method: Method) -> None:
    net = binary_tiny_net(affine=True)
    before = accuracy(net, X, Y)
    run(net, method, epochs=12)
    assert accuracy(net, X, Y) > max(0.93, before)
    soft = net(torch.from_numpy(X)).detach().numpy()
    assert np.array_equal(soft.argmax(1), net.hard_predict(X))
    assert all(float(one.real.detach().abs().max()) <= 1 for one in latents(net))


def test_norms_learn_at_their_own_rate() -> None:
    rates = []
    for others in (1.0, 0.25):
        net = binary_tiny_net(affine=True)
        course = Ste(others=others).begin(net, 0.01)
        rates.append([group.get("scale", 1.0) for group in course.optimiser.param_groups])
        counts = [len(group["params"]) for group in course.optimiser.param_groups]
        assert counts == [3, 5]
    assert rates == [[1.0, 1.0], [1.0, 0.25]]


@pytest.mark.parametrize("method", [Ste(), AdaSte(annealed=0.9)])
def test_a_run_resumes_bit_for_bit(method: Method, tmp_path: Path) -> None:
    def stop(progress: object) -> None:
        if progress.epoch.number == 3:  # type: ignore[attr-defined]
            raise Interrupted

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Interrupted):
        run(binary_tiny_net(affine=True), method, progress=stop, checkpoint=checkpoint)
    resumed, whole = binary_tiny_net(affine=True), binary_tiny_net(affine=True)
    history = run(resumed, method, checkpoint=checkpoint, resume=True)
    assert history == run(whole, method)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


@pytest.mark.parametrize("method", [Ste(), AdaSte()])
def test_a_net_without_binary_weights(method: Method) -> None:
    with pytest.raises(InputError) as caught:
        method.begin(tiny_net(), 0.01)
    assert str(caught.value) == (
        f"method {method.kind!r} trains binary weights, and this net has none; use a net of kind "
        "'binary', or another method"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"mu": 0.0}, "mu is 0.0; it must be a positive number"),
        ({"cap": float("inf")}, "cap is inf; it must be a positive number"),
        ({"limit": -1.0}, "limit is -1.0; it must be a positive number"),
        ({"annealed": 1.5}, "annealed is 1.5; it must be at most 1"),
        ({"mu": 9.0, "alpha": 0.5}, "mu is 9.0; at an alpha of 0.5 it must be at most 2.0"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, float], text: str) -> None:
    with pytest.raises(InputError) as caught:
        AdaSte(**change)
    assert str(caught.value) == text
