"""Nets over images: what recipes may say, and nets that train and become the same circuit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from lithify.compiler.lowering import lower
from lithify.compiler.nets import ImageLayerSpec, Net, Thermometer, convolution
from lithify.compiler.nets.gates.images import ConvolutionSpec, Start
from lithify.compiler.nets.model_file import describe, read, save
from lithify.compiler.nets.space import Shape, Window
from lithify.compiler.training import Progress, accuracy, train
from lithify.compiler.training.compact import Compact
from lithify.compiler.training.gap import soft_accuracy
from lithify.ir import simulate
from lithify.ir.errors import InputError

X, Y = datasets.load_digits(return_X_y=True)
IMAGE = Shape(1, 8, 8)
LAYERS = (
    ImageLayerSpec("convolution", channels=12),
    ImageLayerSpec("mix", channels=12),
    ImageLayerSpec("or_pool"),
    ImageLayerSpec("dense", width=300),
)


def encoder() -> Thermometer:
    return Thermometer.uniform(X, thresholds=2, low=0, high=16, image=IMAGE)


def net(seed: int = 0) -> Net:
    start = Start(residual=0.5, noise=0.5)
    return convolution(
        layers=LAYERS, classes=10, encoder=encoder(), temperature=2.0, start=start, seed=seed
    )


def test_a_net_trains_and_becomes_the_same_circuit(tmp_path: Path) -> None:
    built = net()
    assert [(layer.kind, layer.outputs) for _, layer in built.steps()] == [
        ("convolution", 768), ("convolution", 768), ("or_pool", 192), ("logic", 300)
    ]  # fmt: skip
    before = accuracy(built, X, Y)
    train(built, X, Y, epochs=10, batch=50, learning_rate=0.1)
    assert before < 0.5 < 0.7 < accuracy(built, X, Y)
    circuit = lower(built)
    answers = simulate.run(circuit, built.code.encode(X[:300]))
    assert np.array_equal(answers.scores, built.hard_scores(X[:300]))
    assert [one.path for one in circuit.origins] == ["encoder", *(f"layers.{i}" for i in range(4))]
    again = read(save(built, tmp_path / "net").read_bytes(), "net").net
    assert describe(again) == describe(built)
    assert again.encoder.image == Shape(2, 8, 8)
    assert np.array_equal(again.hard_scores(X[:300]), built.hard_scores(X[:300]))


def learning() -> Net:
    """A net whose gates learn what they read."""
    start = Start(residual=0.5, candidates=4)
    return convolution(
        layers=(*LAYERS[:2], ImageLayerSpec("convolution", channels=12, stride=2), LAYERS[3]),
        classes=10,
        encoder=encoder(),
        temperature=2.0,
        start=start,
    )


def test_a_net_learns_what_its_gates_read(tmp_path: Path) -> None:
    method = Compact(
        patience=2, weak=0.6, until=0.6, freeze_from=0.4, freeze="fixed", freeze_steps=4
    )
    options: dict[str, Any] = {"epochs": 4, "batch": 100, "learning_rate": 0.002, "method": method}
    whole, resumed = learning(), learning()
    before = whole.state_dict()["layers.0.taps"].clone()
    frozen = []

    def look(progress: Progress) -> None:
        frozen.append([bool(layer.frozen) for _, layer in whole.steps()])
        assert not np.array_equal(whole.state_dict()["layers.0.taps"], before)

    history = train(whole, X[:900], Y[:900], **options, progress=look)
    assert (frozen[0], frozen[-1]) == ([False] * 4, [True, True, True, False])

    def stop(progress: Progress) -> None:
        if progress.epoch.number == 1:
            raise KeyboardInterrupt

    place = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(learning(), X[:900], Y[:900], **options, progress=stop, checkpoint=place)
    again = train(resumed, X[:900], Y[:900], **options, checkpoint=place, resume=True)
    assert again == history
    one, other = whole.state_dict(), resumed.state_dict()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    answers = simulate.run(lower(whole), whole.code.encode(X[:200]))
    assert np.array_equal(answers.scores, whole.hard_scores(X[:200]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"parametrisation": "table4"},
            "parametrisation is 'table4'; with several candidates it is softmax16, or left out",
        ),
        (
            {"freeze": 0.5},
            "freeze is 0.5; gates of several candidates are frozen by method 'compact', so leave "
            "it out",
        ),
    ],
)
def test_what_candidates_do_not_have(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as caught:
        ConvolutionSpec(layers=LAYERS, candidates=2, **options)
    assert str(caught.value) == text


def test_candidates_choose_their_sources_themselves() -> None:
    layers = (*LAYERS[:3], ImageLayerSpec("dense", width=30, sources=8))
    with pytest.raises(InputError) as caught:
        convolution(layers=layers, classes=10, encoder=encoder(), start=Start(candidates=2))
    assert str(caught.value) == (
        "layers.3: sources is 8; gates of several candidates choose what they read by these, so "
        "leave it out"
    )


def test_dense_layers_that_learn_what_they_read_behind_a_convolution() -> None:
    layers = (
        ImageLayerSpec("convolution", channels=8, stride=2),
        ImageLayerSpec("dense", width=120, sources=8),
        ImageLayerSpec("dense", width=100, sources=8),
    )
    spec = ConvolutionSpec(
        layers=layers, temperature=1.5, residual=0.0, noise=1.0, freeze=0.5, candidates=1
    )
    built = spec.build(encoder(), classes=10, class_names="0123456789", seed=0)
    assert [layer.kind for _, layer in built.steps()] == ["convolution", "learned", "learned"]
    train(built, X, Y, epochs=10, batch=50, learning_rate=0.1, validation=None)
    assert soft_accuracy(built, X, Y) == accuracy(built, X, Y) > 0.7
    answers = simulate.run(lower(built), built.code.encode(X[:300]))
    assert np.array_equal(answers.scores, built.hard_scores(X[:300]))


def test_the_seed_makes_the_net() -> None:
    one, same, other = (net(seed).state_dict() for seed in (3, 3, 4))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["layers.0.taps"], other["layers.0.taps"])


@pytest.mark.parametrize(
    ("spec", "window"),
    [
        (ImageLayerSpec("convolution", channels=2), Window(3, 1, 1)),
        (ImageLayerSpec("convolution", channels=2, kernel=5, stride=2), Window(5, 2, 2)),
        (ImageLayerSpec("convolution", channels=2, kernel=4, padding=3), Window(4, 1, 3)),
        (ImageLayerSpec("mix", channels=2), Window(1)),
        (ImageLayerSpec("or_pool"), Window(2, 2)),
        (ImageLayerSpec("or_pool", kernel=3), Window(3, 3)),
        (ImageLayerSpec("or_pool", kernel=3, stride=2, padding=1), Window(3, 2, 1)),
    ],
)
def test_windows(spec: ImageLayerSpec, window: Window) -> None:
    assert spec.window() == window


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"kind": "pool"},
            "kind is 'pool'; it must be one of convolution, mix, or_pool, dense",
        ),
        ({"kind": "dense"}, "width is missing; 'dense' needs it"),
        (
            {"kind": "mix", "channels": 2, "width": 3},
            "width means nothing to 'mix', which takes channels",
        ),
        (
            {"kind": "or_pool", "channels": 3},
            "channels means nothing to 'or_pool', which takes kernel, stride, padding",
        ),
    ],
)
def test_layers_that_cannot_be(options: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        ImageLayerSpec(**options)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((), "a net needs at least one layer; layers is empty"),
        (
            (ImageLayerSpec("dense", width=20), ImageLayerSpec("or_pool")),
            "layers.1: 'or_pool' reads an image, and a dense layer gives none",
        ),
        (
            (ImageLayerSpec("convolution", channels=2, kernel=9, padding=0),),
            "layers.0: a window of kernel 9 and padding 0 does not fit into an image of 2 x 8 x 8",
        ),
        (
            (ImageLayerSpec("convolution", channels=2, padding=7),),
            "layers.0: a window of kernel 3, stride 1 and padding 7; kernel and stride are at "
            "least 1, padding is 0 to kernel - 1",
        ),
    ],
)
def test_nets_that_cannot_be(layers: tuple[ImageLayerSpec, ...], text: str) -> None:
    spec = ConvolutionSpec(layers=layers)
    assert spec.spatial
    with pytest.raises(InputError) as caught:
        spec.build(encoder(), classes=10, class_names="0123456789", seed=0)
    assert str(caught.value) == text


def test_an_encoder_that_gives_no_image() -> None:
    with pytest.raises(InputError) as caught:
        convolution(layers=LAYERS, classes=10, encoder=Thermometer.uniform(X))
    assert str(caught.value) == (
        "the encoder gives no image; fit it with image=Shape(channels, height, width)"
    )
