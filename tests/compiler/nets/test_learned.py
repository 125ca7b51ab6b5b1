"""Thresholds that learn: soft, hard and circuit agree wherever they have moved to."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lithify.compiler import driver
from lithify.compiler.nets import LearnedThermometer, Net, SoftBitLayerSpec, load, save
from lithify.compiler.nets.learned import MARGIN
from lithify.compiler.nets.soft_bits.build import soft_bit_net
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import accuracy, train
from lithify.compiler.training.method import RAdam
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

LAYERS = (
    SoftBitLayerSpec("complement"),
    SoftBitLayerSpec("and", width=12, start=0.6, spread=0.1),
    SoftBitLayerSpec("not", width=2, start=0.5, spread=0.1),
    SoftBitLayerSpec("harden"),
)


def floats(samples: int = 80, seed: int = 0) -> NDArray[np.float64]:
    x = np.random.default_rng(seed).normal(size=(samples, 4))
    x[:, 2] = 0.25
    x[:, 3] *= 1e6
    return x


def integers(low: int, high: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(low, high + 1, size=(70, 3))


DATA: dict[str, tuple[NDArray[np.generic], dict[str, object]]] = {
    "floats": (floats(), {}),
    "bytes": (integers(0, 255), {"low": 0, "high": 255}),
    "signed": (integers(-9, 5), {}),
    "ranked": (integers(0, 16), {"code": "rank"}),
}


def moved(name: str, thresholds: int = 3) -> LearnedThermometer:
    """An encoder whose thresholds are anywhere, out of order and some of them equal."""
    x, options = DATA[name]
    encoder = LearnedThermometer.equal_steps(x, thresholds=thresholds, **options)  # type: ignore[arg-type]
    noise = torch.Generator().manual_seed(3)
    with torch.no_grad():
        encoder.place.copy_(torch.rand(encoder.place.shape, generator=noise))
        encoder.place[1] = encoder.place[0]
    encoder.project_()
    return encoder


def samples_of(name: str, encoder: LearnedThermometer) -> NDArray[np.float64]:
    """The samples; where they are real, more beyond their range, on and beside every threshold."""
    x = DATA[name][0].astype(np.float64)
    if name != "floats":
        return x
    rows = [x, x * 3]
    for value in encoder.threshold.tolist():
        rows += [np.full((1, x.shape[1]), np.nextafter(value, end)) for end in (-np.inf, np.inf)]
        rows.append(np.full((1, x.shape[1]), value))
    return np.concatenate(rows)


@pytest.mark.parametrize("name", DATA)
def test_soft_hard_and_circuit_agree(name: str) -> None:
    encoder = moved(name)
    x = samples_of(name, encoder)
    hard = encoder.hard(x)
    assert hard.shape == (3 * x.shape[1], len(x))
    assert 0 < hard.mean() < 1
    soft = encoder(torch.from_numpy(x)).detach()
    assert soft.dtype == torch.float32
    assert np.array_equal(soft.numpy() > 0.5, hard)
    assert float(soft.min()) >= 0
    assert float(soft.max()) <= 1
    kept = encoder.prepare(torch.from_numpy(x))
    assert np.array_equal(encoder.hard_of(kept), hard)
    assert torch.equal(encoder.soft_of(kept).detach(), soft)
    builder = Builder()
    builder.output("y", encoder.lower(builder, builder.port(encoder.code.ports()[0]), "encoder"))
    answers = simulate.run(builder.finish(), encoder.code.encode(x))
    assert np.array_equal(answers.words["y"].T, hard)


@pytest.mark.parametrize("name", DATA)
def test_description_and_state_make_the_encoder_again(name: str) -> None:
    encoder = moved(name)
    state = dict(encoder.state_dict())
    shapes = encoder.shapes(encoder.describe(), "encoder")
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        key: shape for key, (_, shape) in shapes.items()
    }
    again = LearnedThermometer.restore(encoder.describe(), state, "encoder")
    x = samples_of(name, encoder)
    assert np.array_equal(again.hard(x), encoder.hard(x))
    assert again.code == encoder.code
    assert again.describe() == encoder.describe()


def test_thresholds_start_at_equal_steps_of_their_range() -> None:
    encoder = LearnedThermometer.equal_steps(np.array([[0.0, 10], [8, 30]]) + 0.5, thresholds=3)
    assert encoder.threshold.tolist() == [2.5, 4.5, 6.5, 15.5, 20.5, 25.5]
    whole = LearnedThermometer.equal_steps(np.array([[3, 4]]), low=0, high=255)
    assert whole.code.kind == "identity"
    assert whole.threshold.tolist() == [127.5, 127.5]


def test_the_soft_bit_rises_in_two_straight_lines() -> None:
    encoder = LearnedThermometer.equal_steps(np.array([[10.0], [14.5]]))
    with torch.no_grad():
        encoder.place.fill_(1 / 3)
    x = torch.tensor([[9.0], [10.0], [10.75], [11.5], [13.0], [14.5], [99.0]])
    expected = [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert encoder(x).detach()[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_thresholds_learn_by_the_slopes_of_the_lines() -> None:
    encoder = LearnedThermometer.equal_steps(np.array([[0.0], [1.0]]))
    for value, place, slope in ((0.2, 0.4, -0.2 / (2 * 0.16)), (0.7, 0.4, -0.3 / (2 * 0.36))):
        with torch.no_grad():
            encoder.place.fill_(place)
        (found,) = torch.autograd.grad(encoder(torch.tensor([[value]])).sum(), encoder.place)
        assert float(found) == pytest.approx(slope, rel=1e-5)


def test_thresholds_stay_inside_their_ranges_with_finite_gradients() -> None:
    encoder = moved("floats")
    with torch.no_grad():
        encoder.place.mul_(9).sub_(4)
    encoder.project_()
    assert float(encoder.place.detach().min()) == MARGIN
    assert float(encoder.place.detach().max()) == 1 - MARGIN
    x = torch.from_numpy(samples_of("floats", encoder))
    (found,) = torch.autograd.grad(encoder(x).sum(), encoder.place)
    assert torch.isfinite(found).all()


def bands(samples: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two features: the class is 1 where the first is above 0.3 and the second below 0.6."""
    x = np.random.default_rng(seed).random((samples, 2))
    return x, ((x[:, 0] > 0.3) & (x[:, 1] < 0.6)).astype(np.int64)


def net_for(x: NDArray[np.float64]) -> Net:
    encoder = LearnedThermometer.equal_steps(x)
    return soft_bit_net(layers=LAYERS, classes=2, encoder=encoder, temperature=0.3, seed=1)


@pytest.fixture(scope="module")
def trained() -> Net:
    x, y = bands(600, 0)
    net = net_for(x)
    train(net, x, y, epochs=40, batch=50, learning_rate=0.03, method=RAdam(), schedule="constant")
    return net


def test_thresholds_find_the_bounds_of_the_classes(trained: Net) -> None:
    assert trained.encoder.threshold.tolist() == pytest.approx([0.3, 0.6], abs=0.02)
    assert accuracy(trained, *bands(500, 1)) > 0.98


def test_a_trained_net_is_one_function_from_soft_to_circuit(trained: Net, tmp_path: Path) -> None:
    x, _ = bands(2000, 2)
    hard = trained.hard_scores(x)
    soft = trained(torch.from_numpy(x)).detach().numpy()
    assert np.array_equal(soft.argmax(axis=1), trained.hard_predict(x))
    for small in (False, True):
        path = save(trained, tmp_path / "net.safetensors", hard=small)
        design = driver.compile(load(path).net)
        assert np.array_equal(design.scores(x), hard)
        assert np.array_equal(design.interpret(x).scores, hard)


def test_training_resumes_where_thresholds_stood(tmp_path: Path) -> None:
    x, y = bands(200, 0)
    path = tmp_path / "net.checkpoint"
    whole, parted = net_for(x), net_for(x)
    history = train(whole, x, y, epochs=4, flip=0.1)

    def stop(told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(parted, x, y, epochs=4, flip=0.1, checkpoint=path, progress=stop)
    again = net_for(x)
    assert train(again, x, y, epochs=4, flip=0.1, checkpoint=path, resume=True) == history
    assert torch.equal(again.encoder.threshold, whole.encoder.threshold)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"whole": [3, 1]}, "encoder: whole is [3, 1]; null or two ascending integers"),
        ({"whole": "all"}, "encoder: whole is 'all'; null or two ascending integers"),
        (
            {"place": 1.5},
            "encoder: its thresholds are not as many for every feature, inside finite ranges; the "
            "file is damaged",
        ),
        (
            {"span": 0.0},
            "encoder: its thresholds are not as many for every feature, inside finite ranges; the "
            "file is damaged",
        ),
    ],
)
def test_damaged_files(change: dict[str, object], text: str) -> None:
    encoder = moved("floats")
    state = {key: value.clone() for key, value in encoder.state_dict().items()}
    description = encoder.describe()
    for key, value in change.items():
        if key in state:
            state[key][0] = value
        else:
            description[key] = value
    with pytest.raises(FormatError) as caught:
        LearnedThermometer.restore(description, state, "encoder")
    assert str(caught.value) == text


def test_encoders_that_cannot_be() -> None:
    with pytest.raises(InputError) as caught:
        LearnedThermometer.equal_steps(integers(0, 9), image=Shape(3, 1, 1))
    assert str(caught.value) == (
        "thresholds that learn make no image of bits; use encoder quantile or uniform"
    )
    with pytest.raises(InputError) as caught:
        LearnedThermometer.equal_steps(floats(), code="identity")
    assert str(caught.value) == (
        "code 'identity' needs features that are whole numbers in a range of at most 4096; "
        "use code 'rank'"
    )
