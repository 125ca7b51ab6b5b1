"""The head of binary nets: how many weights of a class agree with their inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.binary.dense import read_flag
from lithify.compiler.nets.binary.latent import LatentWeights, as_signs
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
from lithify.ir.errors import FormatError, InputError


class AgreementHead(Head):
    """A class scores the inputs that its weights agree with, and a whole number beside them.

    A logit is the difference of agreements and disagreements over the temperature, which changes
    no decision. Each class learns an offset in units of logits; what counts is its nearest even
    whole number of the sum, in training too.
    """

    kind = "agreement"
    offset: Tensor

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        temperature: float,
        affine: bool = True,
        spread: float = 0.1,
        generator: np.random.Generator,
    ) -> None:
        """Start at random; without `affine` there are no offsets to learn."""
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise InputError(f"the temperature is {temperature}; a positive number is needed")
        self.weights = LatentWeights(classes, inputs, spread=spread, generator=generator)
        if affine:
            self.register_parameter("offset", nn.Parameter(torch.zeros(classes)))
        else:
            self.register_buffer("offset", torch.zeros(classes))
        self.affine = affine
        self.inputs, self.classes = inputs, classes
        self.temperature = temperature

    @property
    def unit(self) -> float:
        """How much one point of score is in logits: an agreement more is a disagreement less."""
        return 2 / self.temperature

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[batch, classes]` of soft bits `[inputs, batch]`."""
        whole = self.offset + (2 * self._bonus() / self.temperature - self.offset).detach()
        logits: Tensor = (2 * x - 1).t() @ self.weights().t() / self.temperature + whole
        return logits

    def _bonus(self) -> Tensor:
        """The whole number that each class adds to its agreements."""
        return torch.round(self.offset.detach() * (self.temperature / 2))

    def bonus(self) -> NDArray[np.int64]:
        """The whole number that each class adds to its agreements."""
        return to_numpy(self._bonus()).astype(np.int64)

    def hard(self, bits: Bits) -> NDArray[np.int64]:
        """Scores `[batch, classes]` of bits `[inputs, batch]`."""
        sums = as_signs(bits).T @ self.weights.signs().T.astype(np.float32)
        scores: NDArray[np.int64] = (sums.astype(np.int64) + self.inputs) // 2 + self.bonus()
        return scores

    def forms(self, signals: Signals) -> list[Form]:
        """Every input with its weight, and as a bias what negative ones give."""
        weights = self.weights.signs()
        biases = (weights < 0).sum(axis=1) + self.bonus()
        return [
            Form(signals, pulls, bias) for pulls, bias in zip(weights, biases.tolist(), strict=True)
        ]

    def harden_(self) -> None:
        """Make the latent weights -1 or 1; offsets keep what they count for."""
        self.weights.harden_()

    def project_(self) -> None:
        """Bring the latent weights back within their limit."""
        self.weights.project_()

    def check(self, path: str) -> None:
        """Raise HardenError where a weight or an offset is no finite number."""
        self.weights.check(path)
        require_finite(to_numpy(self.offset)[:, None], path, "offsets")

    def describe(self) -> Description:
        """Kind, sizes, temperature, and whether offsets are learned."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "classes": self.classes,
            "temperature": self.temperature,
            "affine": self.affine,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Latent weights and offsets."""
        inputs, classes = (read_size(description, key, path) for key in ("inputs", "classes"))
        return {"weights.real": ("F32", (classes, inputs)), "offset": ("F32", (classes,))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The head of this description and state."""
        inputs, classes = (read_size(description, key, path) for key in ("inputs", "classes"))
        temperature = read_number(description, "temperature", path)
        affine = read_flag(description, "affine", path)
        rng = np.random.default_rng(0)
        try:
            head = cls(inputs, classes, temperature=temperature, affine=affine, generator=rng)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        head.load_state_dict(dict(state))
        return head.eval()
