"""Continual learning: one task after the other, and what is left of each in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.nets.net import Net
from lithify.compiler.training.bayes import Bayes
from lithify.compiler.training.loop import accuracy, train
from lithify.compiler.training.settings import Settings, require_seed
from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Raw features and labels to learn, and others to be tested on."""

    x: NDArray[np.generic]
    y: NDArray[np.int64]
    test_x: NDArray[np.generic]
    test_y: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The hard accuracy on each task learned so far, after each task."""

    accuracies: tuple[tuple[float, ...], ...]

    @property
    def mean(self) -> float:
        """The mean accuracy over all tasks in the end."""
        return sum(self.accuracies[-1]) / len(self.accuracies[-1])


def permuted(first: Task, *, tasks: int, seed: int = 0) -> list[Task]:
    """The task itself, and others in which the features stand in another order each."""
    require_seed(seed)
    if tasks < 1:
        raise InputError(f"{tasks} tasks; at least 1 is needed")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 6]))
    x, test = (part.reshape(len(part), -1) for part in (first.x, first.test_x))
    orders = [np.arange(x.shape[1]), *(rng.permutation(x.shape[1]) for _ in range(tasks - 1))]
    return [Task(x[:, order], first.y, test[:, order], first.test_y) for order in orders]


def learn_in_turn(
    net: Net,
    tasks: Sequence[Task],
    *,
    method: Bayes,
    settings: Settings,
    keep: bool = True,
    validation: float = 0.1,
    seed: int = 0,
    progress: Callable[[int, tuple[float, ...]], None] | None = None,
) -> Remembered:
    """What is remembered of tasks that the net learns one after the other, each seen once.

    With `keep` the posterior after a task is the prior of the next one; without it every task has
    the flat prior, and nothing but where it starts tells the net of earlier ones. The epoch of each
    task is chosen on validation samples of this task alone. Net and thresholds are those of the
    last task: nobody tells the hardware which task a sample is of.
    """
    if not tasks:
        raise InputError("no tasks to learn; at least one is needed")
    table: list[tuple[float, ...]] = []
    for number, task in enumerate(tasks):
        train(
            net,
            task.x,
            task.y,
            epochs=settings.epochs,
            batch=settings.batch,
            learning_rate=settings.learning_rate,
            schedule=settings.schedule,
            label_smoothing=settings.label_smoothing,
            flip=settings.flip,
            patience=settings.patience,
            method=replace(method, keep=keep and number > 0),
            validation=validation,
            seed=seed,
        )
        table.append(tuple(accuracy(net, one.test_x, one.test_y) for one in tasks[: number + 1]))
        if progress is not None:
            progress(number, table[-1])
    return Remembered(tuple(table))


def fit_samples(tasks: Sequence[Task], *, samples: int = 1000) -> NDArray[np.generic]:
    """The first training samples of every task, for an encoder that serves them all."""
    return np.concatenate([task.x[:samples] for task in tasks])
