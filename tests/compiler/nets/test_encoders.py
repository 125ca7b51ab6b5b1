"""Thermometers: fitted on training data alone, the same soft, hard and in gates."""

import numpy as np
import pytest
import torch

from lithify.compiler.nets import Thermometer
from lithify.compiler.nets.space import Shape
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


def floats(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 5))
    x[:, 2] = 0.25
    x[:, 3] = np.float32(x[:, 3])
    return x


def integers(low: int, high: int) -> np.ndarray:
    return np.random.default_rng(1).integers(low, high + 1, size=(70, 4))


PIXELS = np.clip(integers(-6, 16), 0, 16)
PIXELS[:, 1] = 0
FACES = Shape(2, 1, 2)
ENCODERS = {
    "uniform floats": (Thermometer.uniform(floats(), thresholds=3), floats()),
    "quantile floats": (Thermometer.quantile(floats(), thresholds=4), floats()),
    "uniform integers": (Thermometer.uniform(integers(0, 16), thresholds=3), integers(0, 16)),
    "signed integers": (Thermometer.quantile(integers(-9, 5), thresholds=2), integers(-9, 5)),
    "positive integers": (Thermometer.uniform(integers(3, 9), thresholds=9), integers(3, 9)),
    "negative integers": (Thermometer.uniform(integers(-9, -3), thresholds=9), integers(-9, -3)),
    "integers as ranks": (
        Thermometer.uniform(integers(0, 16), thresholds=3, code="rank"),
        integers(0, 16),
    ),
    "image": (Thermometer.uniform(PIXELS, thresholds=3, low=0, high=16, image=FACES), PIXELS),
    "image as ranks": (Thermometer.quantile(PIXELS / 8, thresholds=4, image=FACES), PIXELS / 8),
    "boolean": (Thermometer.boolean(4), integers(0, 1)),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_soft_hard_and_circuit_agree(name: str) -> None:
    encoder, x = ENCODERS[name]
    near = x if encoder.code.kind == "identity" else on_thresholds(encoder, x)
    hard = encoder.hard(near)
    soft = encoder(torch.from_numpy(near))
    assert soft.dtype == torch.float32
    assert np.array_equal(soft.numpy(), hard.astype(np.float32))
    builder = Builder()
    signals = builder.port(encoder.code.ports()[0])
    builder.output("y", encoder.lower(builder, signals, "encoder"))
    circuit = builder.finish()
    answers = simulate.run(circuit, encoder.code.encode(near))
    assert np.array_equal(answers.words["y"].T, hard)
    assert [origin.part for origin in circuit.origins] == ["encoder"]


def on_thresholds(encoder: Thermometer, x: np.ndarray) -> np.ndarray:
    """The samples, and samples on and beside every threshold."""
    rows = [x.astype(np.float64)]
    for feature, threshold in zip(
        encoder.feature.tolist(), encoder.threshold.tolist(), strict=True
    ):
        for value in (threshold, np.nextafter(threshold, -9), np.nextafter(threshold, 9)):
            row = np.zeros((1, x.shape[1]))
            row[0, feature] = value
            rows.append(row)
    return np.concatenate(rows)


@pytest.mark.parametrize("name", ENCODERS)
def test_bits_are_ordered_and_split_the_training_data(name: str) -> None:
    encoder, x = ENCODERS[name]
    if encoder.image is not None:
        return
    bits = encoder.hard(x)
    assert (np.diff(encoder.feature.numpy()) >= 0).all()
    assert 0 < bits.mean(axis=1).min() <= bits.mean(axis=1).max() < 1


@pytest.mark.parametrize("name", ENCODERS)
def test_description_and_state_make_the_encoder_again(name: str) -> None:
    encoder, x = ENCODERS[name]
    again = Thermometer.restore(encoder.describe(), dict(encoder.state_dict()), "encoder")
    assert np.array_equal(again.hard(x), encoder.hard(x))
    assert again.code == encoder.code
    assert again.image == encoder.image


def test_uniform_thresholds_lie_at_equal_steps() -> None:
    x = np.array([[0.0, 10], [8, 30]])
    assert Thermometer.uniform(x + 0.5, thresholds=3).threshold.tolist() == [
        2.5, 4.5, 6.5, 15.5, 20.5, 25.5
    ]  # fmt: skip
    digits = Thermometer.uniform(x, thresholds=3, low=0, high=64)
    assert digits.feature.tolist() == [1]
    assert digits.threshold.tolist() == [16.5]
    assert digits.code.high == 64


def test_quantile_thresholds_lie_at_equal_shares() -> None:
    x = np.arange(100.0)[:, None] + 0.25
    encoder = Thermometer.quantile(x, thresholds=3)
    assert encoder.hard(x).sum(axis=1).tolist() == [75, 50, 25]


def test_the_bits_of_an_image_are_an_image() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (50, 3, 4, 5))
    x[:, :, 0] = 0
    encoder = Thermometer.uniform(x, thresholds=3, low=0, high=255, image=Shape(3, 4, 5))
    assert encoder.image == Shape(9, 4, 5)
    bits = encoder.hard(x).T.reshape(50, 3, 3, 4, 5)
    for number, threshold in enumerate((63.5, 127.5, 191.5)):
        assert np.array_equal(bits[:, number], x > threshold)


def test_a_threshold_may_come_again_in_an_image() -> None:
    encoder, x = ENCODERS["image as ranks"]
    assert encoder.outputs == 16
    assert encoder.code.kind == "rank"
    assert encoder.code.thresholds[1] == (0.0,)
    assert encoder.threshold.reshape(4, 4)[:, 1].tolist() == [0.0] * 4
    assert encoder.code_bounds().reshape(4, 4)[:, 1].tolist() == [1] * 4
    expected = [x[:, 1] > 0] * 4
    assert np.array_equal(encoder.hard(x).reshape(4, 4, -1)[:, 1], expected)


def test_thresholds_beyond_the_codes_become_constants() -> None:
    encoder = Thermometer.quantile(
        np.array([[0, 255], [0, 255], [7, 255]]), low=0, high=255, image=Shape(1, 1, 2)
    )
    builder = Builder()
    signals = builder.port(encoder.code.ports()[0])
    assert encoder.lower(builder, signals, "encoder")[1] == 0


def test_features_that_never_vary_get_no_bits() -> None:
    encoder = ENCODERS["uniform floats"][0]
    assert 2 not in encoder.feature.tolist()
    assert encoder.code.thresholds[2] == ()


def test_wide_integers_are_ranked() -> None:
    x = np.array([[0, 1], [4096, 2]])
    assert Thermometer.uniform(x).code.kind == "rank"
    assert Thermometer.uniform(x - [[1, 0], [2, 0]]).code.kind == "identity"


@pytest.mark.parametrize(
    ("x", "options", "text"),
    [
        (
            [[0.0, np.nan]],
            {},
            "feature 1 of sample 0 is nan; replace missing and infinite values first",
        ),
        (
            np.empty((0, 3)),
            {},
            "the features have shape (0, 3); [samples, features] with at least one of each are "
            "needed to fit an encoder",
        ),
        (
            [1.0, 2.0],
            {},
            "the features have shape (2,); [samples, features] with at least one of each are "
            "needed to fit an encoder",
        ),
        ([[0.0], [1.0]], {"thresholds": 0}, "0 thresholds a feature; 1 to 1024 can be had"),
        (
            [[1.0], [1.0]],
            {},
            "no feature takes two values in the training data; an encoder has nothing to split",
        ),
        ([[0.0], [1.0]], {"rare": 0.5}, "rare is 0.5; it must be from 0 to below 0.5"),
        (
            [[0.0], [1.0], [1.0]],
            {"rare": 0.4},
            "no threshold has more than the share 0.4 of the training samples on both of its "
            "sides; make rare smaller",
        ),
        (
            [[0.0], [1.0]],
            {"rare": 0.1, "image": Shape(1, 1, 1)},
            "rare is 0.1; images of bits have every threshold of every pixel: leave it out",
        ),
        (
            [[0.0, 1.0], [1.0, 1.0]],
            {"image": Shape(1, 1, 3)},
            "samples of 2 features are no images of 1 x 1 x 3, which have 3 pixels",
        ),
        ([[0.0], [1.0]], {"code": "gray"}, "code 'gray' is none of auto, identity, rank"),
        (
            [[0.0], [0.5]],
            {"code": "identity"},
            "code 'identity' needs features that are whole numbers in a range of at most 4096; "
            "use code 'rank'",
        ),
    ],
)
def test_data_that_no_encoder_fits(x: object, options: dict[str, object], text: str) -> None:
    for fit in (Thermometer.uniform, Thermometer.quantile):
        with pytest.raises(InputError) as caught:
            fit(x, **options)  # type: ignore[arg-type]
        assert str(caught.value) == text


def test_too_many_boolean_inputs() -> None:
    with pytest.raises(InputError) as caught:
        Thermometer.boolean(0)
    assert str(caught.value) == "0 inputs; 1 to 1048575 can be had"


@pytest.mark.parametrize(
    ("feature", "threshold", "text"),
    [
        (
            [0, 5],
            [0.5, 1.5],
            "encoder: its thresholds are not ascending, finite numbers of features 0 to 3; the "
            "file is damaged",
        ),
        (
            [1, 1],
            [0.5, 0.5],
            "encoder: its thresholds are not ascending, finite numbers of features 0 to 3; the "
            "file is damaged",
        ),
        ([1, 1], [0.5, 1e30], "encoder: a threshold is beyond every code; the file is damaged"),
    ],
)
def test_damaged_states(feature: list[int], threshold: list[float], text: str) -> None:
    description = ENCODERS["boolean"][0].describe() | {"outputs": 2}
    state = {
        "feature": torch.tensor(feature, dtype=torch.int32),
        "threshold": torch.tensor(threshold, dtype=torch.float64),
    }
    with pytest.raises(FormatError) as caught:
        Thermometer.restore(description, state, "encoder")
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "change",
    [
        {"image": [2, 1, 3]},
        {"image": [4, 1, 1], "feature": 1},
        {"threshold": -1.0},
    ],
)
def test_damaged_images(change: dict[str, object]) -> None:
    encoder = ENCODERS["image"][0]
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    description = encoder.describe()
    if "image" in change:
        description["image"] = change["image"]
    for name in {"feature", "threshold"} & change.keys():
        state[name][-1] = change[name]
    with pytest.raises(FormatError) as caught:
        Thermometer.restore(description, state, "encoder")
    assert str(caught.value) == (
        "encoder: its thresholds are not ascending, finite numbers of features 0 to 3; the file is "
        "damaged"
    )


def test_ranks_that_disagree_with_the_thresholds() -> None:
    encoder = ENCODERS["quantile floats"][0]
    state = dict(encoder.state_dict())
    state["threshold"] = state["threshold"] + 1
    with pytest.raises(FormatError) as caught:
        Thermometer.restore(encoder.describe(), state, "encoder")
    assert str(caught.value) == (
        "encoder: its input code has other thresholds; the file is damaged"
    )


def test_thresholds_that_few_samples_are_beyond_are_left_out() -> None:
    x = np.zeros((20, 3))
    x[:1, 0] = x[:2, 1] = x[1:, 2] = 1
    assert Thermometer.uniform(x).feature.tolist() == [0, 1, 2]
    assert Thermometer.uniform(x, rare=0.06).feature.tolist() == [1]
    assert Thermometer.quantile(x, rare=0.06).feature.tolist() == [1]
