"""One training run, from epoch to epoch: it can be stopped, and goes on from its checkpoint."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lithify.compiler.codes import finite_features
from lithify.compiler.nets.layer import to_numpy
from lithify.compiler.nets.model_file import describe, state_of
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import checkpoint as checkpoints
from lithify.compiler.training.augment import Augment, Distorted
from lithify.compiler.training.data import digest
from lithify.compiler.training.method import Method
from lithify.compiler.training.polish import polish
from lithify.compiler.training.settings import Settings
from lithify.ir.errors import FormatError, InputError

ENCODE_BATCH = 4096
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Epoch:
    """The mean soft loss of an epoch, and how the hard net did on the validation samples.

    Where there are none it is judged on the training samples.
    """

    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress callback is told after each epoch."""

    epoch: Epoch
    epochs: int
    best: Epoch
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """Every epoch, the one whose weights the net ended with, and whether patience ran out."""

    epochs: tuple[Epoch, ...]
    best: Epoch
    stopped_early: bool


class Run:
    """One training run: what changes from epoch to epoch."""

    def __init__(
        self, net: Net, settings: Settings, method: Method, seed: int, device: torch.device
    ) -> None:
        self.home = net.device
        self.net = net.to(device)
        self.settings = settings
        self.seed = seed
        self.device = device
        self.method = method
        self.course = method.begin(self.net, settings.learning_rate)
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.best_net = _copy(net)
        self.distorted: Distorted | None = None
        self.judged = True
        self.anew: Callable[[int], Net] | None = None

    def load(
        self, x: NDArray[Any], labels: Labels, held: NDArray[Any], held_labels: Labels
    ) -> None:
        """Check and prepare the samples, once."""
        self.samples = prepare(self.net, x)
        self.labels = torch.from_numpy(labels).to(self.device)
        self.held, self.held_labels = prepare(self.net, held), held_labels
        self.identity: dict[str, Any] = {
            "settings": asdict(self.settings),
            "method": {"kind": self.method.kind, **asdict(self.method)},
            "augment": None,
            "seed": self.seed,
            "data": digest(to_numpy(self.samples), labels)
            + digest(to_numpy(self.held), held_labels),
            "net": describe(self.net),
            "start": _digest(self.net),
        }

    def distort(self, x: NDArray[Any], augment: Augment, image: Shape | None) -> None:
        """Train on moved images instead of the samples as they are."""
        self.distorted = Distorted(
            self.net.encoder, x, augment, image, seed=self.seed, device=self.device
        )
        pixels = digest(self.distorted.x.cpu().numpy(), np.array(self.distorted.image.to_list()))
        self.identity["augment"] = {**asdict(augment), "data": pixels}

    def restore(self, path: Path) -> None:
        """Stand where the checkpoint stands."""
        state = checkpoints.read(path, self.identity)
        try:
            self.net.load_state_dict(dict(state.best_net))
            self.best_net = _copy(self.net)
            self.net.load_state_dict(dict(state.net))
            self.course.restore(state.course)
            self.epochs = [Epoch(int(number), *rest) for number, *rest in state.epochs]
            self.best = self.epochs[state.best]
        except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(
                f"{path}: the checkpoint is damaged; delete it to train from the beginning"
            ) from error

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        assert self.best is not None
        rows = [[e.number, e.loss, e.accuracy] for e in self.epochs]
        state = checkpoints.Checkpoint(
            self.identity,
            rows,
            self.best.number,
            self.net.state_dict(),
            self.best_net,
            self.course.state(),
        )
        checkpoints.write(path, state)

    def finish(self, progress: Callable[[Progress], None] | None, path: Path | None) -> History:
        """Train the epochs that are left, and end with the best weights."""
        epochs = self.settings.epochs * self.settings.starts
        while len(self.epochs) < epochs and not self.out_of_patience:
            started = time.perf_counter()
            self.train_epoch(len(self.epochs))
            if path is not None:
                self.save(path)
            if progress is not None and self.best is not None:
                seconds = time.perf_counter() - started
                progress(Progress(self.epochs[-1], epochs, self.best, seconds))
        assert self.best is not None
        self.net.load_state_dict(self.best_net)
        self.net.to(self.home)
        return History(tuple(self.epochs), self.best, len(self.epochs) < epochs)

    @property
    def out_of_patience(self) -> bool:
        """Whether the best epoch lies further back than patience allows."""
        if self.settings.patience is None or self.best is None:
            return False
        return len(self.epochs) - 1 - self.best.number >= self.settings.patience

    def start_anew(self, start: int) -> None:
        """Put other random weights into the net, and forget all that the method knows."""
        assert self.anew is not None
        self.net.load_state_dict(self.anew(start).state_dict())
        self.course = self.method.begin(self.net, self.settings.learning_rate)

    def train_epoch(self, number: int) -> None:
        """One pass over the samples in an order that depends on the seed and the epoch alone."""
        start, since = divmod(number, self.settings.epochs)
        if start and not since:
            self.start_anew(start)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, 1, number]))
        order = torch.from_numpy(rng.permutation(len(self.labels))).to(self.device)
        noise = torch.Generator().manual_seed(int(rng.integers(2**63)))
        steps = -(-len(order) // self.settings.batch)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        self.net.train()
        self.course.begin(noise)
        if self.distorted is not None:
            self.distorted.begin(number)
        for _, part in self.net.parts():
            part.begin_(noise)
        for step in range(steps):
            chosen = order[step * self.settings.batch : (step + 1) * self.settings.batch]
            self._set_rate(since * steps + step, self.settings.epochs * steps)
            total += self._step(chosen, noise).double() * len(chosen)
        self.net.eval()
        loss = float(total) / len(order)
        if not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss} in epoch {number}; train again with a learning rate below "
                f"{self.settings.learning_rate}"
            )
        done = (since + 1) / self.settings.epochs
        self.course.settle(done)
        for _, part in self.net.parts():
            part.settle_(done, self.course.optimiser)
        if self.settings.polish and since == self.settings.epochs - 1:
            self._polish(rng)
        self._judge(number, loss)

    def _polish(self, rng: np.random.Generator) -> None:
        """Turn weights of the hard net round where that makes the samples likelier."""
        bits, labels = self.net.encoder.hard_of(self.samples), to_numpy(self.labels)
        polish(self.net, bits, labels, self.settings.polish, rng)

    def _step(self, chosen: Tensor, noise: torch.Generator) -> Tensor:
        """The loss of one optimiser step on these samples."""
        if self.distorted is None:
            samples = self.samples.index_select(0, chosen)
        else:
            samples = self.distorted.take(chosen)
        bits = self.net.encoder.soft_of(samples)
        if self.settings.flip:
            flipped = torch.rand((len(chosen), len(bits)), generator=noise) < self.settings.flip
            bits = torch.where(flipped.t().to(self.device), 1 - bits, bits)
        loss = self.course.step(bits, self.labels.index_select(0, chosen), self._loss)
        self.net.encoder.project_()
        for _, part in self.net.parts():
            part.project_()
        return loss

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean cross entropy."""
        return functional.cross_entropy(
            logits, labels, label_smoothing=self.settings.label_smoothing
        )

    def _set_rate(self, step: int, steps: int) -> None:
        """The learning rate is a function of the step alone."""
        rate = self.settings.learning_rate
        if self.settings.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in self.course.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)

    def _judge(self, number: int, loss: float) -> None:
        """Score the hard net, and keep its weights if no epoch that counts did better."""
        scores = self.net.hard_scores_of(self.net.encoder.hard_of(self.held))
        right = float((scores.argmax(axis=1) == self.held_labels).mean())
        epoch = Epoch(number, loss, right)
        self.epochs.append(epoch)
        if self.best is None or self._rivals(epoch, self.best):
            self.best, self.best_net = epoch, _copy(self.net)

    def _rivals(self, epoch: Epoch, best: Epoch) -> bool:
        """Whether the epoch takes the place of the best so far."""
        start, since = divmod(epoch.number, self.settings.epochs)
        if not self.judged and since < self.settings.epochs - 1:
            return not start
        return epoch.accuracy >= best.accuracy or not (self.judged or start)


def prepare(net: Net, x: NDArray[Any]) -> Tensor:
    """The samples `[samples, …]` as the net's encoder keeps them, checked to have codes."""
    parts = []
    for start in range(0, len(x), ENCODE_BATCH):
        part = x[start : start + ENCODE_BATCH]
        net.code.encode(part)
        values = torch.from_numpy(finite_features(part, net.features)).to(net.device)
        parts.append(net.encoder.prepare(values))
    return torch.cat(parts)


def _digest(net: Net) -> str:
    """The sha256 of the state: the weights and wiring that a run starts from."""
    hashed = hashlib.sha256()
    for name, value in state_of(net).items():
        hashed.update(name.encode())
        hashed.update(value.numpy().tobytes())
    return hashed.hexdigest()


def _copy(net: Net) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
