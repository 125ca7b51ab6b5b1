"""The training loop: it learns, repeats, ends with the best hard net, and refuses bad samples."""

import numpy as np
import pytest
import torch
from tiny_nets import blobs, tiny_net

from lithify.compiler.nets import Net, logic
from lithify.compiler.training import Epoch, History, Progress, accuracy, train
from lithify.ir.errors import HardenError, InputError

X, Y = blobs()


def state(net: Net) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def test_training_learns_and_the_hard_net_too() -> None:
    net = tiny_net()
    before = accuracy(net, X, Y)
    history = train(net, X, Y, epochs=12, batch=20, learning_rate=0.05)
    x, y = blobs(300, seed=0)
    assert len(history.epochs) == 12
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss
    assert accuracy(net, x, y) > max(0.9, before)
    assert not history.stopped_early


def test_a_run_follows_from_its_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        net = tiny_net(seed=1)
        history = train(net, X, Y, epochs=3, batch=32, seed=seed)
        found.append((history, state(net)))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_best_epoch_is_kept_and_the_callback_told() -> None:
    told: list[Progress] = []
    net = tiny_net()
    held = blobs(90, seed=0)
    history = train(
        net, X, Y, epochs=8, batch=20, learning_rate=0.3, validation=held, progress=told.append
    )
    assert [one.epoch for one in told] == list(history.epochs)
    assert {one.epochs for one in told} == {8}
    assert all(one.seconds > 0 for one in told)
    assert history.best.accuracy == max(epoch.accuracy for epoch in history.epochs)
    later = history.epochs[history.best.number + 1 :]
    assert all(epoch.accuracy < history.best.accuracy for epoch in later)
    assert told[-1].best == history.best
    assert accuracy(net, *held) == history.best.accuracy


def test_without_validation_samples_the_last_epoch_is_taken() -> None:
    net = tiny_net()
    history = train(net, X, Y, epochs=8, batch=20, learning_rate=0.3, validation=None)
    assert history.best == history.epochs[-1]
    assert max(epoch.accuracy for epoch in history.epochs[:-1]) > history.best.accuracy
    assert accuracy(net, X, Y) == history.best.accuracy


def test_training_stops_when_patience_ends() -> None:
    history = train(tiny_net(), X, Y, epochs=60, batch=20, learning_rate=0.05, patience=3)
    assert history.stopped_early
    assert len(history.epochs) == history.best.number + 4


def test_schedules_and_smoothing_change_the_run() -> None:
    found = []
    for options in (
        {},
        {"schedule": "constant"},
        {"label_smoothing": 0.2},
        {"flip": 0.1},
    ):
        net = tiny_net()
        train(net, X, Y, epochs=2, **options)
        found.append(state(net)["layers.0.weights"])
    assert len({*found}) == 4


def test_whole_floats_and_small_integers_are_labels() -> None:
    for labels in (Y.astype(np.float32), Y.astype(np.uint8)):
        assert len(train(tiny_net(), X, labels, epochs=1).epochs) == 1


def test_a_history_is_a_plain_value() -> None:
    epoch = Epoch(0, 1.5, 0.5)
    assert History((epoch,), epoch, False) == History((Epoch(0, 1.5, 0.5),), epoch, False)


def refusal(**options: object) -> str:
    """The text of the error that training on these samples raises."""
    arguments = {"x": X, "y": Y, "epochs": 1} | options
    with pytest.raises(InputError) as caught:
        train(tiny_net(), **arguments)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"starts": 0}, "starts is 0; it must be at least 1"),
        ({"starts": 2, "patience": 3}, "starts is 2; with patience it must be 1"),
        ({"starts": 2}, "starts is 2; `anew` must give the net of each start"),
        ({"x": X[:, :3]}, "the features have shape (216, 3); this net takes [samples, 4]"),
        (
            {"x": X[:9]},
            "the features have shape (9, 4) and the labels (240,); [samples, features] and "
            "[samples] are needed",
        ),
        (
            {"y": np.eye(3)[Y]},
            "the features have shape (240, 4) and the labels (240, 3); [samples, features] and "
            "[samples] are needed",
        ),
        (
            {"x": X[:0], "y": Y[:0]},
            "the data set is empty; at least one sample is needed",
        ),
        (
            {"y": np.where(Y == 2, 3, Y)},
            "label 2 is 3; the net has classes 0 to 2",
        ),
        ({"y": Y - 1}, "label 0 is -1; the net has classes 0 to 2"),
        (
            {"y": Y + 0.5},
            "the labels are of type float64, such as 0.5; class numbers from 0 to 2 are needed",
        ),
        (
            {"y": Y.astype(str)},
            "the labels are of type <U21, such as '0'; class numbers from 0 to 2 are needed",
        ),
        ({"validation": 0.0}, "a part of 0.0 of the samples; a number between 0 and 1 is needed"),
        (
            {"x": X[:6], "y": Y[:6]},
            "6 samples are too few to take a share of 0.1 of each class",
        ),
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"batch": 0}, "batch is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be a positive number"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0; it must be from 0 to below 1"),
        ({"flip": 0.5}, "flip is 0.5; it must be from 0 to below 0.5"),
        ({"patience": 0}, "patience is 0; it must be at least 1"),
        ({"schedule": "step"}, "schedule is 'step'; it must be constant or cosine"),
        ({"device": "tpu"}, "device 'tpu' is none of auto, cpu, cuda"),
        (
            {"learning_rate": 1e38},
            "the loss is nan in epoch 0; train again with a learning rate below 1e+38",
        ),
    ],
)
def test_what_cannot_be_trained_on(options: dict[str, object], text: str) -> None:
    assert refusal(**options) == text


def test_features_that_are_no_numbers() -> None:
    broken = X.copy()
    broken[:, 1] = np.nan
    assert refusal(x=broken) == (
        "feature 1 of sample 0 is nan; replace missing and infinite values first"
    )


def test_features_that_the_hardware_cannot_take() -> None:
    net = logic(inputs=4, layers=[6], classes=3)
    with pytest.raises(InputError) as caught:
        train(net, np.full((240, 4), 2), Y, epochs=1)
    assert str(caught.value) == (
        "feature 0 of sample 0 is 2; this net takes whole numbers from 0 to 1"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_no_gpu_is_said() -> None:
    assert refusal(device="cuda") == (
        "device 'cuda': no GPU that torch can use; use device 'auto' or 'cpu'"
    )


def test_a_net_without_a_hard_form_is_not_trained() -> None:
    net = tiny_net()
    net.layers[0] = torch.nn.ReLU()
    with pytest.raises(HardenError) as caught:
        train(net, X, Y, epochs=1)
    assert str(caught.value) == "layers.0: a ReLU has no hard form; use layers of lithify.nets"
