"""The head of soft-bit nets: rows of kept or inverted bits, hardened and counted, some a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.heads import Form, Head
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Shapes,
    Signals,
    read_number,
    read_size,
    require_finite,
    to_numpy,
)
from lithify.compiler.nets.soft_bits.start import Start
from lithify.ir.errors import FormatError, InputError


class _Count(torch.autograd.Function):
    """How often hard weights `[classes, rows, inputs]` equal hardened inputs; soft gradients."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, x: Tensor) -> Tensor:
        """Counts `[batch, classes]` of inputs `[inputs, batch]`, exact in float32 to 2**24."""
        ups = 2 * (x > 0.5).to(x.dtype) - 1
        ctx.save_for_backward(weights, ups)
        sums = (2 * (weights > 0.5).to(x.dtype) - 1).sum(1) @ ups
        return ((sums + weights.shape[1] * weights.shape[2]) / 2).t()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of 1 - w + x (2 w - 1) at hard x, summed."""
        weights, ups = ctx.saved_tensors
        gradient = gradients[0].t()
        to_weights = (gradient @ ups.t())[:, None, :].expand_as(weights)
        return to_weights, (2 * weights - 1).sum(1).t() @ gradient


class Votes(Head):
    """Each class has rows of soft weights: a row keeps the bits it includes, inverts the others.

    A score counts the high bits of the class's rows. That is layers `harden`, `not`, `harden` and
    a group sum in one, without the product of rows and inputs in memory: weights learn from hard
    inputs, as soft ones near 1/2 would hardly move them. The temperature divides the counts into
    logits, which changes no decision.
    """

    kind = "votes"

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        rows: int = 2,
        temperature: float,
        start: Start | None = None,
        generator: np.random.Generator,
    ) -> None:
        """Start at random."""
        super().__init__()
        if min(inputs, classes, rows) < 1 or inputs * rows >= 2**24:
            raise InputError(
                f"{rows} rows of votes a class over {inputs} inputs for {classes} classes; all "
                "are at least 1, and a class counts fewer than 2**24 votes"
            )
        if not 0 < temperature < float("inf"):
            raise InputError(f"the temperature is {temperature}; a positive number is needed")
        chosen = Start(0.5, 0.1) if start is None else start
        self.inputs, self.classes, self.rows = inputs, classes, rows
        self.temperature = temperature
        self.weights = nn.Parameter(chosen.weights(classes * rows, inputs, generator))

    @property
    def unit(self) -> float:
        """How much one vote is in logits."""
        return 1 / self.temperature

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`: of their hard forms."""
        weights = self.weights.view(self.classes, self.rows, self.inputs)
        counts: Tensor = _Count.apply(weights, x)  # type: ignore[no-untyped-call]
        return counts / self.temperature

    def pulls(self) -> NDArray[np.int32]:
        """Rows that keep less rows that invert, `[classes, inputs]`."""
        kept = to_numpy(self.weights) > 0.5
        counts = kept.reshape(self.classes, self.rows, self.inputs).sum(axis=1)
        pulls: NDArray[np.int32] = (2 * counts - self.rows).astype(np.int32)
        return pulls

    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Scores `[batch, classes]` of bits `[inputs, batch]`."""
        sums = self.pulls().astype(np.float32) @ (2 * bits.astype(np.float32) - 1)
        scores: NDArray[np.int64] = (sums.T.astype(np.int64) + self.rows * self.inputs) // 2
        return scores

    def forms(self, signals: Signals) -> list[Form]:
        """The inputs that rows do not disagree on, with what they count for when high."""
        forms = []
        for pulls in self.pulls():
            used = pulls != 0
            bias = int((self.rows - pulls).sum()) // 2
            forms.append(Form(signals[used], pulls[used], bias))
        return forms

    def harden_(self) -> None:
        """Make every weight 0 or 1."""
        with torch.no_grad():
            self.weights.copy_(self.weights > 0.5)

    def project_(self) -> None:
        """Bring the weights back into 0 to 1."""
        with torch.no_grad():
            self.weights.clamp_(0, 1)

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        require_finite(to_numpy(self.weights), path, "weights")

    def describe(self) -> Description:
        """Kind, sizes and temperature."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "classes": self.classes,
            "rows": self.rows,
            "temperature": self.temperature,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """The weights."""
        inputs, classes, rows = _sizes(description, path)
        return {"weights": ("F32", (classes * rows, inputs))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The head of this description and state."""
        inputs, classes, rows = _sizes(description, path)
        temperature = read_number(description, "temperature", path)
        rng = np.random.default_rng(0)
        try:
            head = cls(inputs, classes, rows=rows, temperature=temperature, generator=rng)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        outside = (state["weights"] < 0) | (state["weights"] > 1)
        if outside.any():
            raise FormatError(
                f"{path}: {int(outside.sum())} weights are not from 0 to 1; the file is damaged"
            )
        head.load_state_dict(dict(state))
        return head


def _sizes(description: Description, path: str) -> tuple[int, int, int]:
    """Inputs, classes and rows."""
    inputs, classes, rows = (read_size(description, k, path) for k in ("inputs", "classes", "rows"))
    return inputs, classes, rows
