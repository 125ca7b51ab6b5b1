"""BayesBiNN on binary nets: it learns, its steps are Bayes' rule, and it resumes bit for bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from binary_nets import binary_tiny_net
from tiny_nets import blobs, tiny_net
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets import Net
from lithify.compiler.nets.binary.latent import latents, sign_through
from lithify.compiler.training import History, accuracy, train
from lithify.compiler.training.bayes import Bayes, BayesCourse, in_place
from lithify.ir.errors import InputError

X, Y = blobs()


def run(net: Net, method: Bayes, **options: object) -> History:
    settings = {"epochs": 6, "batch": 20, "learning_rate": 0.05} | options
    return train(net, X, Y, method=method, **settings)  # type: ignore[arg-type]


def reals(net: Net) -> list[Tensor]:
    return [one.real.detach().clone() for one in latents(net)]


def course(net: Net, method: Bayes, learning_rate: float = 0.1) -> BayesCourse:
    begun = method.begin(net.train(), learning_rate)
    assert isinstance(begun, BayesCourse)
    begun.begin(torch.Generator().manual_seed(3))
    return begun


def batch() -> tuple[Tensor, Tensor]:
    net = binary_tiny_net()
    return torch.from_numpy(net.encoder.hard(X)).float(), torch.from_numpy(Y)


@pytest.mark.parametrize(
    "method",
    [
        Bayes(data_weight=2e4),
        Bayes(data_weight=2e4, temperature=0.5, momentum=0.5),
        Bayes(data_weight=2e4, draws=3, strength=0.5),
    ],
)
def test_the_mode_learns(method: Bayes) -> None:
    net = binary_tiny_net()
    before = accuracy(net, X, Y)
    run(net, method)
    assert accuracy(net, X, Y) > max(0.9, before)


def test_a_step_adds_the_gradient_of_the_drawn_net_times_the_data() -> None:
    net = binary_tiny_net()
    before = reals(net)
    begun = course(net, Bayes(data_weight=500.0))
    found = begun.learn(*batch(), functional.cross_entropy)
    noise = torch.Generator().manual_seed(3)
    drawn = [torch.rand(one.shape, generator=noise) > torch.sigmoid(-2 * one) for one in before]
    for part, signs in zip(latents(net), drawn, strict=True):
        part.real.data.copy_(2.0 * signs - 1)
    net.zero_grad()
    loss = functional.cross_entropy(net.logits(batch()[0]), batch()[1])
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(found) == pytest.approx(float(loss.detach()))
    moved = binary_tiny_net()
    again = course(moved, Bayes(data_weight=500.0))
    again.learn(*batch(), functional.cross_entropy)
    for after, start, part in zip(reals(moved), before, latents(net), strict=True):
        assert part.real.grad is not None
        torch.testing.assert_close(after, 0.9 * start - 0.1 * 500 * part.real.grad)


def test_draws_are_averaged() -> None:
    """Of many draws less is left to chance than of one."""
    spreads = []
    for draws in (1, 16):
        moves = []
        for seed in range(6):
            net = binary_tiny_net()
            begun = Bayes(data_weight=100.0, draws=draws).begin(net.train(), 0.1)
            begun.begin(torch.Generator().manual_seed(seed))
            begun.step(*batch(), functional.cross_entropy)
            moves.append(torch.cat([one.flatten() for one in reals(net)]))
        spreads.append(float(torch.stack(moves).std(0).mean()))
    assert spreads[1] < 0.5 * spreads[0]


def test_without_data_to_speak_of_the_posterior_returns_to_the_prior() -> None:
    for keep in (False, True):
        net = binary_tiny_net(spread=1.0)
        before = reals(net)
        run(net, Bayes(data_weight=1e-9, keep=keep), schedule="constant", learning_rate=0.5)
        for after, start in zip(reals(net), before, strict=True):
            torch.testing.assert_close(after, start if keep else torch.zeros_like(start))


def test_a_kept_prior_holds_the_weights_back() -> None:
    moved = []
    for keep in (False, True):
        net = binary_tiny_net()
        for part in latents(net):
            part.real.data.mul_(300)
        start = reals(net)
        run(net, Bayes(data_weight=300.0, keep=keep), epochs=3, learning_rate=0.2)
        pairs = zip(reals(net), start, strict=True)
        moved.append(sum(int(((a >= 0) != (b >= 0)).sum()) for a, b in pairs))
    assert moved[1] < 0.5 * moved[0]


def test_weights_are_their_signs_again_after_each_step() -> None:
    net = binary_tiny_net()
    begun = course(net, Bayes())
    begun.step(*batch(), functional.cross_entropy)
    assert all(part.binarise is sign_through and part.limit is None for part in latents(net))
    ones = [torch.ones_like(one.real) for one in latents(net)]
    with pytest.raises(ZeroDivisionError), in_place(latents(net), ones):
        assert torch.equal(latents(net)[0](), ones[0])
        raise ZeroDivisionError
    assert torch.equal(latents(net)[0](), sign_through(latents(net)[0].real))


def test_norms_are_those_of_the_mode_after_an_epoch() -> None:
    net = binary_tiny_net()
    run(net, Bayes(data_weight=2e4), epochs=1)
    assert np.array_equal(net(torch.from_numpy(X)).argmax(1).numpy(), net.hard_predict(X))


def test_norms_and_offsets_follow_the_mean_gradient_of_the_drawn_nets() -> None:
    net = binary_tiny_net(affine=True)
    begun = course(net, Bayes(data_weight=2e4, draws=2, others=0.5))
    known = {id(one.real) for one in latents(net)}
    others = [one for one in net.parameters() if id(one) not in known]
    before = [one.detach().clone() for one in others]
    begun.step(*batch(), functional.cross_entropy)
    assert len(others) == 5
    for one, old in zip(others, before, strict=True):
        assert one.grad is not None
        # The first step of Adam is the rate, against the sign of the gradient.
        assert torch.allclose(one, old - 0.05 * one.grad.sign(), atol=1e-5)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("method", [Bayes(data_weight=2e4, momentum=0.9, keep=True), Bayes()])
def test_a_run_resumes_bit_for_bit(method: Bayes, affine: bool, tmp_path: Path) -> None:
    class Interrupted(Exception):
        """Ends a run between two epochs."""

    def stop(progress: object) -> None:
        if progress.epoch.number == 2:  # type: ignore[attr-defined]
            raise Interrupted

    path = tmp_path / "run.checkpoint"
    with pytest.raises(Interrupted):
        run(binary_tiny_net(affine=affine), method, checkpoint=path, progress=stop)
    resumed, whole = binary_tiny_net(affine=affine), binary_tiny_net(affine=affine)
    assert run(resumed, method, checkpoint=path, resume=True) == run(whole, method)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"data_weight": 0.0}, "data_weight is 0.0; it must be positive"),
        ({"temperature": -1.0}, "temperature is -1.0; it must be 0 or more"),
        ({"draws": 0}, "draws is 0; it must be at least 1"),
        ({"momentum": 1.0}, "momentum is 1.0; it must be from 0 to below 1"),
        ({"strength": float("nan")}, "strength is nan; it must be 0 or more"),
        ({"others": 0.0}, "others is 0.0; it must be positive"),
    ],
)
def test_numbers_that_no_run_can_be_made_of(options: dict[str, float], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Bayes(**options)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("net", "rate", "text"),
    [
        (
            tiny_net(),
            0.1,
            "method 'bayes' trains binary weights, and this net has none; use a net of kind "
            "'binary', or another method",
        ),
        (
            binary_tiny_net(),
            2.0,
            "learning_rate 2.0 times strength 1.0 is not below 1; steps would leap over the prior, "
            "so make one of them smaller",
        ),
    ],
)
def test_nets_and_rates_that_it_does_not_take(net: Net, rate: float, text: str) -> None:
    with pytest.raises(InputError) as caught:
        Bayes().begin(net, rate)
    assert str(caught.value) == text
