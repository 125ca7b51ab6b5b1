"""Resampling and freezing: each case, and a run that resumes bit for bit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_nets import blobs, tiny_net
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets import Net, Thermometer
from lithify.compiler.nets.gates.candidates import CandidateLayer
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.compact_build import CompactSpec
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.training import History, read_recipe, train
from lithify.compiler.training.compact import Compact, CompactCourse, entropy
from lithify.compiler.training.method import Method
from lithify.ir.errors import InputError


def compact_net(*, widths: tuple[int, ...] = (30, 30, 30)) -> Net:
    """An untrained compact net for the blobs."""
    x, _ = blobs()
    encoder = Thermometer.quantile(x, thresholds=3)
    spec = CompactSpec(layers=widths, candidates=6, temperature=2.0, residual=0.3)
    return spec.build(encoder, classes=3, class_names="abc", seed=0)


def course_of(net: Net, **options: object) -> CompactCourse:
    course = Compact(**options).begin(net, 0.01)  # type: ignore[arg-type]
    assert isinstance(course, CompactCourse)
    course.begin(torch.Generator().manual_seed(0))
    return course


def one_step(course: CompactCourse) -> Tensor:
    """A step on blobs."""
    x, y = blobs()
    bits = torch.from_numpy(course.net.encoder.hard(x)).float()
    return course.step(bits, torch.from_numpy(y), functional.cross_entropy)


def set_shares(layer: CandidateLayer, row: int, likeliest: float) -> None:
    """Give candidate 4 this probability, and the others equal ones."""
    count = layer.weights.shape[1]
    with torch.no_grad():
        layer.weights[row] = np.log((1 - likeliest) / (count - 1))
        layer.weights[row, 4] = np.log(likeliest)


def test_entropy_is_one_for_equal_shares_and_zero_for_certain_ones() -> None:
    layer = compact_net().layers[0]
    assert isinstance(layer, CompactLayer)
    with torch.no_grad():
        layer.weights.zero_()
        layer.weights[1, 2] = 1e4
        layer.weights[2] = torch.tensor([0.0, 0, -1e4, -1e4, -1e4, -1e4])
    found = entropy(layer)
    assert found[0] == pytest.approx(1)
    assert found[1] == 0
    assert found[2] == pytest.approx(np.log(2) / np.log(6))


@pytest.mark.parametrize(
    ("likeliest", "outcome"),
    [(0.96, "kept"), (0.94, "same"), (0.41, "same"), (0.39, "over"), (1 / 6, "over")],
)
def test_each_case_of_a_steady_row(likeliest: float, outcome: str) -> None:
    net = compact_net()
    course = course_of(net, patience=3)
    one_step(course)
    layer = course.layers[1]
    set_shares(layer, 7, likeliest)
    course.average[1][7] = entropy(layer)[7]
    course.steady[1].zero_()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    moments = course.optimiser.state[layer.weights]
    moments["exp_avg"].fill_(1)
    moments["exp_avg_sq"].fill_(1)
    course.resample(1)
    course.resample(1)
    assert course.steady[1][7] == 2
    assert torch.equal(layer.weights[7], before["weights"][7])
    course.steady[1].zero_()[7] = 2
    course.resample(1)
    assert course.steady[1][7] == 0
    changed = torch.zeros(30, dtype=torch.bool)
    changed[7] = outcome != "same"
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.equal((moments[name] == 0).all(1), changed)
        assert (moments[name][~changed] == 1).all()
    assert torch.equal((layer.weights != before["weights"]).any(1), changed)
    if outcome == "kept":
        assert torch.softmax(layer.weights[7].detach(), 0)[4] == pytest.approx(0.9)
        assert layer.tables[7, 4] == before["tables"][7, 4]
    elif outcome == "over":
        assert float(layer.weights[7].detach().std()) > 0.1


def test_a_row_that_moves_is_not_steady() -> None:
    course = course_of(compact_net(), patience=3)
    one_step(course)
    layer = course.layers[0]
    now = entropy(layer)
    course.average[0].copy_(now - 4e-4)
    course.average[0][5] = now[5] - 6e-4
    course.steady[0].fill_(1)
    course.resample(0)
    assert course.steady[0].tolist() == [0 if row == 5 else 2 for row in range(30)]
    assert course.average[0][5] == pytest.approx(float(now[5] - 6e-4 * 0.99), abs=1e-6)


@pytest.mark.parametrize(("done", "expected"), [(0.49, True), (0.5, False)])
def test_resampling_ends_at_a_share_of_training(done: float, expected: bool) -> None:
    course = course_of(compact_net(), patience=1, until=0.5, weak=0.94, freeze="none")
    course.settle(done)
    before = [layer.tables.clone() for layer in course.layers]
    for average, layer in zip(course.average, course.layers, strict=True):
        average.copy_(entropy(layer))
    for _ in range(20):
        one_step(course)
    now = [layer.tables for layer in course.layers]
    assert any(not torch.equal(a, b) for a, b in zip(before, now, strict=True)) == expected


def frozen(course: CompactCourse) -> list[bool]:
    return [layer.is_frozen for layer in course.layers]


def test_a_fixed_period_freezes_from_the_input_side_but_never_the_last() -> None:
    course = course_of(compact_net(), freeze="fixed", freeze_from=0.5, freeze_steps=2)
    for _ in range(4):
        one_step(course)
    assert frozen(course) == [False, False, False]
    course.settle(0.5)
    seen = []
    for _ in range(6):
        one_step(course)
        seen.append(sum(frozen(course)))
    assert seen == [0, 1, 1, 2, 2, 2]
    assert frozen(course) == [True, True, False]


def test_adaptive_freezing_waits_for_a_steady_mean_entropy() -> None:
    course = course_of(compact_net(), freeze="adaptive", freeze_from=0.0, freeze_steps=3)
    first = course.layers[0]
    for index in range(8):
        with torch.no_grad():
            first.weights[:, 0] = index
        course.freeze()
    assert frozen(course) == [False, False, False]
    course.stage_average = float(entropy(first).mean())
    for _ in range(2):
        course.freeze()
    assert frozen(course) == [False, False, False]
    course.freeze()
    assert frozen(course) == [True, False, False]
    for _ in range(3):
        course.freeze()
    assert frozen(course) == [True, False, False]
    course.freeze()
    assert frozen(course) == [True, True, False]


def test_a_frozen_layer_learns_no_more() -> None:
    course = course_of(compact_net(), freeze="fixed", freeze_from=0.0, freeze_steps=1, patience=1)
    one_step(course)
    assert frozen(course) == [True, False, False]
    before = {name: one.clone() for name, one in course.layers[0].state_dict().items()}
    last = course.layers[2].weights.detach().clone()
    for _ in range(3):
        one_step(course)
    after = course.layers[0].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(course.layers[2].weights, last)


def run(net: Net, epochs: int, method: Method, **options: object) -> History:
    x, y = blobs()
    return train(net, x, y, epochs=epochs, batch=20, flip=0.05, method=method, **options)  # type: ignore[arg-type]


BRISK = Compact(patience=4, weak=0.6, strong=0.7, freeze_from=0.5, freeze_steps=8)


def test_a_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"

    class StoppedError(Exception):
        pass

    def stop_after(epoch: int) -> Callable[..., None]:
        def told(progress: object) -> None:
            if progress.epoch.number == epoch:  # type: ignore[attr-defined]
                raise StoppedError

        return told

    whole, resumed = compact_net(), compact_net()
    history = run(whole, 12, BRISK)
    with pytest.raises(StoppedError):
        run(resumed, 12, BRISK, checkpoint=checkpoint, progress=stop_after(3))
    for stop in (7, 9):
        resumed = compact_net()
        with pytest.raises(StoppedError):
            run(resumed, 12, BRISK, checkpoint=checkpoint, resume=True, progress=stop_after(stop))
    resumed = compact_net()
    assert run(resumed, 12, BRISK, checkpoint=checkpoint, resume=True) == history
    other = resumed.state_dict()
    assert all(torch.equal(one, other[name]) for name, one in whole.state_dict().items())
    start = compact_net().state_dict()
    assert not torch.equal(other["layers.0.tables"], start["layers.0.tables"])
    assert not torch.equal(other["layers.0.wires"], start["layers.0.wires"])


def test_after_freezing_the_soft_net_is_nearly_the_hard_one() -> None:
    net = compact_net()
    history = run(net, 25, BRISK)
    assert history.best.accuracy > 0.85
    x, y = blobs()
    bits = torch.from_numpy(net.encoder.hard(x)).float()
    soft = (net.logits(bits).argmax(1).numpy() == y).mean()
    hard = (net.hard_predict(x) == y).mean()
    assert abs(soft - hard) < 0.1


def test_nets_that_the_method_is_not_for() -> None:
    with pytest.raises(InputError) as caught:
        run(tiny_net(), 1, Compact())
    assert str(caught.value) == (
        "method 'compact' draws candidates anew, and no layer of this net has any; use a net of "
        "kind 'compact', or method 'adam'"
    )
    rng = np.random.default_rng(0)
    layers = [LogicLayer(4, 9, generator=rng), CompactLayer(9, 6, generator=rng)]
    mixed = Net(Thermometer.boolean(4), layers, GroupSum(6, 3, temperature=1.0))
    with pytest.raises(InputError) as caught:
        Compact().begin(mixed, 0.1)
    assert str(caught.value) == (
        "freeze stops learning at layers.1, but layers.0 before it has weights and no candidates; "
        "use freeze = 'none', or layers of candidates throughout"
    )
    course = Compact(freeze="none").begin(mixed, 0.1)
    assert isinstance(course, CompactCourse)
    assert len(course.layers) == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("patience = 0", "patience is 0; it must be at least 1"),
        ("close = 0.0", "close is 0.0; it must be above 0 and at most 1"),
        ("weak = 1.0", "weak is 1.0; it must be from 0 to below 1"),
        ("strong = 0.3", "strong is 0.3; it must be from weak to below 1"),
        ("until = 1.5", "until is 1.5; it must be from 0 to 1"),
        ("freeze = 'late'", "freeze is 'late'; it must be none, adaptive or fixed"),
        ("freeze_from = -1", "freeze_from is -1.0; it must be from 0 to 1"),
        ("freeze_steps = 0", "freeze_steps is 0; it must be at least 1"),
    ],
)
def test_bad_values_in_a_recipe(line: str, text: str, tmp_path: Path) -> None:
    recipe = tmp_path / "bad.toml"
    recipe.write_text(
        '[data]\nname = "iris"\n[net]\nkind = "compact"\nlayers = [30]\n'
        f'[method]\nkind = "compact"\n{line}\n'
    )
    with pytest.raises(InputError) as caught:
        read_recipe(recipe)
    assert str(caught.value) == f"{recipe}: method.{text}"
