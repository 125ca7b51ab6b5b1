"""How a choice that hardening makes certain is soft while it is learned.

A choice is a row of logits. The soft choice is their softmax (of a lone logit the sigmoid). What
closes the gap between the soft net and the hard one: logits that are sharpened while training goes
on, noise that makes the choice a sample, and a forward that chooses already, under the gradients
of the soft choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lithify.compiler.nets.layer import Shapes
from lithify.ir.errors import FormatError, InputError

ESTIMATORS = ("soft", "straight_through")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """What the forward computes, and what is done to the logits before.

    `soft` mixes by probability; `straight_through` computes the hard choice and takes the gradients
    of the soft one. Logits are multiplied by a sharpness that rises, by the same factor every
    epoch, from 1 to `sharpness`. While training, Gumbel noise of scale `gumbel` is added to them.
    """

    estimator: str = "soft"
    gumbel: float = 0.0
    sharpness: float = 1.0

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

    def shapes(self, path: str) -> Shapes:
        """The state of a choice at `path` in its layer."""
        return {f"{path}.sharpness": ("F32", ())} if self.sharpness != 1 else {}


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

    The sharpness that training has come to is state, where it changes at all.
    """

    sharpness: Tensor

    def __init__(self, relaxation: Relaxation, *, lone: bool = False) -> None:
        """Stand at the beginning of training; a lone logit stands against 0, under a sigmoid."""
        super().__init__()
        self.relaxation = relaxation
        self.lone = lone
        self.noise: torch.Generator | None = None
        if relaxation.sharpness != 1:
            self.register_buffer("sharpness", torch.ones(()))

    @property
    def chooses(self) -> bool:
        """Whether the forward computes the hard choice."""
        return self.relaxation.estimator == "straight_through"

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
        """Sharpen, with the share `done` of all epochs over."""
        if self.relaxation.sharpness != 1:
            self.sharpness.fill_(self.relaxation.sharpness**done)

    def take(self, state: Mapping[str, Tensor], path: str) -> None:
        """Stand where a layer's state, with this choice at `path`, was taken."""
        if self.relaxation.sharpness != 1:
            self.sharpness.copy_(state[f"{path}.sharpness"])

    def describe(self) -> dict[str, Any]:
        """The relaxation where it is not the plain one, for a layer's description."""
        return {} if self.relaxation == PLAIN else {"relaxation": asdict(self.relaxation)}
