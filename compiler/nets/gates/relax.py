"""How a choice that hardening makes certain is soft while it is learned.

A choice is a row of logits. The soft choice is their softmax (of a lone logit the sigmoid). What
closes the gap between the soft net and the hard one: logits that are sharpened while training goes
on, noise that makes the choice a sample, and a forward that chooses already, under the gradients
of the soft choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lithify.compiler.nets.layer import Shapes
from lithify.ir.errors import FormatError, InputError

ESTIMATORS = ("soft", "straight_through")
SOFT, CHOOSING, MADE = range(3)  # the stages of a choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """What the forward computes, and what is done to the logits before.

    `soft` mixes by probability; `straight_through` computes the hard choice and takes the gradients
    of the soft one. Logits are multiplied by a sharpness that rises, by the same factor every
    epoch, from 1 to `sharpness`. While training, Gumbel noise of scale `gumbel` is added to them.
    With the share `choose` of all epochs over it is straight-through from then on; with `freeze`
    the choice is made, and what comes behind it learns on with that.
    """

    estimator: str = "soft"
    gumbel: float = 0.0
    sharpness: float = 1.0
    choose: float = 1.0
    freeze: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no layer can train with."""
        if self.estimator not in ESTIMATORS:
            raise InputError(
                f"estimator is {self.estimator!r}; it must be {' or '.join(ESTIMATORS)}"
            )
        if not 0 <= self.gumbel < float("inf"):
            raise InputError(f"gumbel is {self.gumbel}; a number of at least 0 is needed")
        if not 1 <= self.sharpness < float("inf"):
            raise InputError(f"sharpness is {self.sharpness}; a number of at least 1 is needed")
        for name in ("choose", "freeze"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise InputError(f"{name} is {share}; a share of training, 0 to 1, is needed")

    @property
    def staged(self) -> bool:
        """Whether training ends otherwise than it begins."""
        return min(self.choose, self.freeze) < 1

    def shapes(self, path: str) -> Shapes:
        """The state of a choice at `path` in its layer."""
        found: Shapes = {f"{path}.sharpness": ("F32", ())} if self.sharpness != 1 else {}
        return found | ({f"{path}.stage": ("I32", ())} if self.staged else {})

    def of_layer(self, index: int, count: int) -> Relaxation:
        """That of layer `index` of `count`, which freeze in turn, evenly from `freeze` on.

        The last never does: it is straight-through once all before it are frozen.
        """
        if index < count - 1:
            return replace(self, freeze=self.freeze + (1 - self.freeze) * index / (count - 1))
        before = max(0, count - 2) / max(1, count - 1)
        return replace(self, freeze=1.0, choose=self.freeze + (1 - self.freeze) * before)


PLAIN = Relaxation()


def relaxation_of(description: Mapping[str, Any], path: str) -> Relaxation:
    """The relaxation that a layer's description names; the plain one where it names none."""
    plain = description.get("relaxation", {})
    try:
        found = Relaxation(**plain)
    except (TypeError, InputError) as error:
        raise FormatError(f"{path}: relaxation is {plain!r}, which is none") from error
    return found


class Choice(nn.Module):
    """Prepares logits as a relaxation says; one a layer, shared by all choices of its units.

    The sharpness and the stage that training has come to are state, where they change at all.
    """

    sharpness: Tensor
    stage: Tensor

    def __init__(self, relaxation: Relaxation, *, lone: bool = False) -> None:
        """Stand at the beginning of training; a lone logit stands against 0, under a sigmoid."""
        super().__init__()
        self.relaxation = relaxation
        self.lone = lone
        self.noise: torch.Generator | None = None
        if relaxation.sharpness != 1:
            self.register_buffer("sharpness", torch.ones(()))
        if relaxation.staged:
            self.register_buffer("stage", torch.tensor(SOFT, dtype=torch.int32))

    @property
    def chooses(self) -> bool:
        """Whether the forward computes the hard choice."""
        if self.relaxation.estimator == "straight_through":
            return True
        return self.relaxation.staged and int(self.stage) >= CHOOSING

    @property
    def is_made(self) -> bool:
        """Whether the choice is final."""
        return self.relaxation.staged and int(self.stage) == MADE

    def logits(self, weights: Tensor) -> Tensor:
        """The logits of this step: with noise while training, and sharpened."""
        logits = weights
        if self.training and self.relaxation.gumbel and self.noise is not None:
            logits = logits + self.relaxation.gumbel * self._sample(logits)
        if self.relaxation.sharpness != 1:
            logits = logits * self.sharpness
        return logits

    def _sample(self, like: Tensor) -> Tensor:
        """Gumbel noise; for a lone logit the difference of two."""
        sample = self._gumbel(like) - self._gumbel(like) if self.lone else self._gumbel(like)
        return sample.to(like.device, like.dtype)

    def _gumbel(self, like: Tensor) -> Tensor:
        """Drawn on the host, so that every device sees the same noise."""
        drawn = torch.empty(like.shape).exponential_(generator=self.noise)
        return drawn.clamp_(min=torch.finfo(drawn.dtype).tiny).log_().neg_()

    def settle_(self, done: float) -> None:
        """Sharpen, and reach the next stage, with the share `done` of all epochs over."""
        relaxation = self.relaxation
        if relaxation.sharpness != 1:
            self.sharpness.fill_(relaxation.sharpness**done)
        if relaxation.staged and done < 1:
            chooses = CHOOSING if done >= relaxation.choose else SOFT
            self.stage.fill_(MADE if done >= relaxation.freeze else chooses)

    def take(self, state: Mapping[str, Tensor], path: str) -> None:
        """Stand where a layer's state, with this choice at `path`, was taken."""
        if self.relaxation.sharpness != 1:
            self.sharpness.copy_(state[f"{path}.sharpness"])
        if self.relaxation.staged:
            self.stage.copy_(state[f"{path}.stage"])

    def describe(self) -> dict[str, Any]:
        """The relaxation where it is not the plain one, for a layer's description."""
        return {} if self.relaxation == PLAIN else {"relaxation": asdict(self.relaxation)}
