"""The training loop: soft gradients, judged by the hard net."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.nets.net import Net
from lithify.compiler.nets.space import Shape
from lithify.compiler.training.augment import Augment
from lithify.compiler.training.data import stratified
from lithify.compiler.training.method import Adam, Method
from lithify.compiler.training.polish import split
from lithify.compiler.training.run import History, Labels, Progress, Run
from lithify.compiler.training.settings import Settings, require_seed
from lithify.ir.errors import InputError

ONE_THREAD_CELLS = 2**19
Held = float | tuple[ArrayLike, ArrayLike] | None
Samples = tuple[NDArray[Any], Labels]


def train(
    net: Net,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int = 20,
    batch: int = 100,
    learning_rate: float = 0.02,
    schedule: str = "cosine",
    label_smoothing: float = 0.0,
    flip: float = 0.0,
    patience: int | None = None,
    starts: int = 1,
    polish: int = 0,
    anew: Callable[[int], Net] | None = None,
    method: Method | None = None,
    augment: Augment | None = None,
    image: Shape | None = None,
    validation: Held = 0.1,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> History:
    """The history of training `net` in place; it ends with the weights of its best epoch.

    Best is the highest accuracy of the *hard* net on validation samples (the last of equals): a
    stratified share of the samples, or a pair (x, y). Without any the last epoch counts as best.
    With `checkpoint` every epoch is kept in that file, and `resume` goes on from it, bit for bit as
    if never stopped. The default method is Adam. `augment` moves the training samples, which are
    images of the shape `image`, anew in each epoch. With `starts` above 1 the epochs are gone
    through so often, the k-th time from the weights of `anew(k)`, an untrained net like this one.
    With `polish` single weights of a net of soft bits are turned round after the last epoch.
    """
    settings = Settings(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        schedule=schedule,
        label_smoothing=label_smoothing,
        flip=flip,
        patience=patience,
        starts=starts,
        polish=polish,
    )
    if starts > 1 and anew is None:
        raise InputError(f"starts is {starts}; `anew` must give the net of each start")
    require_seed(seed)
    if not net.trainable:
        raise InputError(
            "the net is hardened: its weights stand for gates and have nothing left to learn; "
            "train the net that it was hardened from, or a new one"
        )
    net.check()
    if polish:
        split(net)
    samples, held = _divided(net, x, y, validation, seed)
    run = Run(net, settings, method or Adam(), seed, _device(device))
    run.judged, run.anew = validation is not None, anew
    run.load(*samples, *held)
    if augment is not None and not augment.idle:
        run.distort(samples[0], augment, image)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and resume:
        run.restore(path)
    with _threads_for(net, settings.batch):
        return run.finish(progress, path)


def _divided(
    net: Net, x: ArrayLike, y: ArrayLike, validation: Held, seed: int
) -> tuple[Samples, Samples]:
    """The samples to train on, and those that judge an epoch; without any they are the same."""
    features, labels = np.asarray(x), require_labels(x, y, net)
    if validation is None:
        return (features, labels), (features, labels)
    if isinstance(validation, tuple):
        return (features, labels), (np.asarray(validation[0]), require_labels(*validation, net))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    kept, out = stratified(np.arange(len(labels)), labels, validation, rng)
    return (features[kept], labels[kept]), (features[out], labels[out])


def require_labels(x: ArrayLike, y: ArrayLike, net: Net) -> Labels:
    """The labels as int64; InputError where they are no classes of the samples."""
    labels, samples = np.asarray(y), np.asarray(x)
    if labels.ndim != 1 or samples.ndim < 2 or len(labels) != len(samples):
        raise InputError(
            f"the features have shape {samples.shape} and the labels {labels.shape}; "
            "[samples, features] and [samples] are needed"
        )
    if not len(labels):
        raise InputError("the data set is empty; at least one sample is needed")
    if labels.dtype.kind not in "iu" and not (
        labels.dtype.kind == "f" and (labels == np.floor(labels)).all()
    ):
        raise InputError(
            f"the labels are of type {labels.dtype}, such as {labels[:1].tolist()[0]!r}; class "
            f"numbers from 0 to {len(net.classes) - 1} are needed"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= len(net.classes)))
    if wrong.size:
        raise InputError(
            f"label {wrong[0]} is {labels[wrong[0]]}; the net has classes 0 to "
            f"{len(net.classes) - 1}"
        )
    return labels.astype(np.int64)


def accuracy(net: Net, x: ArrayLike, y: ArrayLike) -> float:
    """The share of samples that the hard net puts into their class."""
    labels = require_labels(x, y, net)
    return float((net.hard_predict(x) == labels).mean())


@contextmanager
def _threads_for(net: Net, batch: int) -> Iterator[None]:
    """One thread for a small net: it gains little from more, and waits long on a busy machine."""
    before = torch.get_num_threads()
    if max(layer.outputs for _, layer in net.steps()) * batch <= ONE_THREAD_CELLS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda': no GPU that torch can use; use device 'auto' or 'cpu'")
    if name not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is none of auto, cpu, cuda")
    return torch.device(name)
