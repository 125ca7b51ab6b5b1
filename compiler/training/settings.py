"""The numbers that steer training."""

from __future__ import annotations

from dataclasses import dataclass

from lithify.ir.errors import InputError

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True, slots=True)
class Settings:
    """How long, in what steps and with what loss.

    `flip` is the probability with which a training step sees an encoded bit inverted; it keeps the
    net from leaning on single bits, which makes it better on new samples and smaller.
    """

    #: passes over the training samples
    epochs: int = 20
    #: samples a step of the optimiser
    batch: int = 100
    #: the size of a step: at the start, or throughout
    learning_rate: float = 0.02
    #: `constant`, or `cosine`: falls to zero over all epochs
    schedule: str = "cosine"
    #: the share of the target that goes to all classes alike, from 0 to below 1
    label_smoothing: float = 0.0
    #: the probability of an inverted bit, from 0 to below 0.5
    flip: float = 0.0
    #: stop when the best epoch lies more than so many epochs back; without it never
    patience: int | None = None
    #: how often training begins, each time with other random weights; of all epochs the best is
    #: kept, or without validation samples, of the last ones the best on the training samples
    starts: int = 1
    #: passes over the weights of a net of soft bits (`db`) when the last epoch is over: each is
    #: turned round in the hard net if that makes the training samples likelier, while the `flip`
    #: layers behind the last weights invert bits; a pass that turns none ends it
    polish: int = 0

    def __post_init__(self) -> None:
        """Refuse what no run can be made of."""
        _require("epochs", self.epochs, self.epochs >= 1, "at least 1")
        _require("batch", self.batch, self.batch >= 1, "at least 1")
        rate = self.learning_rate
        _require("learning_rate", rate, 0 < rate < float("inf"), "a positive number")
        smoothing = self.label_smoothing
        _require("label_smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1")
        _require("flip", self.flip, 0 <= self.flip < 0.5, "from 0 to below 0.5")
        enough = self.patience is None or self.patience >= 1
        _require("patience", self.patience, enough, "at least 1")
        _require("starts", self.starts, self.starts >= 1, "at least 1")
        if self.starts > 1 and self.patience is not None:
            raise InputError(f"starts is {self.starts}; with patience it must be 1")
        _require("polish", self.polish, self.polish >= 0, "at least 0")
        if self.polish and self.patience is not None:
            raise InputError(f"polish is {self.polish}; with patience it must be 0")
        known = self.schedule in SCHEDULES
        _require("schedule", repr(self.schedule), known, "constant or cosine")


def require_seed(seed: int) -> None:
    """Refuse a seed that no random stream can start from."""
    if seed < 0:
        raise InputError(f"the seed is {seed}; it must be 0 or more")


def _require(name: str, value: object, good: bool, needed: str) -> None:
    if not good:
        raise InputError(f"{name} is {value}; it must be {needed}")
