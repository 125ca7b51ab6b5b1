"""Several starts: the best one is kept, and a run resumes in the middle of them."""

from pathlib import Path

import pytest
from tiny_nets import blobs, tiny_net

from lithify.compiler.nets import Net
from lithify.compiler.training import Progress, accuracy, run_recipe, train

X, Y = blobs()
IRIS = """
[data]
name = "iris"

[net]
layers = [60, 30]
thresholds = 3

[train]
epochs = 2
starts = 3
learning_rate = 0.05
"""


def test_the_best_start_is_kept() -> None:
    lasts = []
    for seed in range(3):
        net = tiny_net(seed=seed)
        train(net, X, Y, epochs=2, batch=20, learning_rate=0.05, validation=None)
        lasts.append(accuracy(net, X, Y))
    net, told = tiny_net(seed=0), list[Progress]()
    history = train(
        net,
        X,
        Y,
        epochs=2,
        starts=3,
        anew=lambda start: tiny_net(seed=start),
        batch=20,
        learning_rate=0.05,
        validation=None,
        progress=told.append,
    )
    assert [epoch.number for epoch in history.epochs] == list(range(6))
    assert {one.epochs for one in told} == {6}
    assert history.epochs[1].accuracy == lasts[0]
    of_lasts = [epoch.accuracy for epoch in history.epochs[1::2]]
    assert history.best.number % 2 == 1
    assert accuracy(net, X, Y) == history.best.accuracy == max(of_lasts)
    assert len(set(of_lasts)) > 1


def test_with_validation_samples_the_best_epoch_of_all_starts_is_kept() -> None:
    net, held = tiny_net(seed=0), blobs(90, seed=0)

    def anew(start: int) -> Net:
        return tiny_net(seed=start)

    history = train(net, X, Y, epochs=3, starts=2, anew=anew, batch=20, validation=held)
    assert len(history.epochs) == 6
    assert history.best.accuracy == max(epoch.accuracy for epoch in history.epochs)
    assert accuracy(net, *held) == history.best.accuracy


def test_a_recipe_with_several_starts_resumes_in_the_middle(tmp_path: Path) -> None:
    recipe, checkpoint = tmp_path / "iris.toml", tmp_path / "iris.checkpoint"
    recipe.write_text(IRIS)
    whole = run_recipe(recipe)

    def stop(now: Progress) -> None:
        if now.epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, checkpoint=checkpoint, progress=stop)
    again = run_recipe(recipe, checkpoint=checkpoint, resume=True)
    assert len(again.history.epochs) == 6
    assert again.history == whole.history
    accuracies = [epoch.accuracy for epoch in whole.history.epochs]
    assert len(set(accuracies)) > 1
    assert whole.history.best.accuracy == max(accuracies)
