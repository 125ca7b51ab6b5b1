"""Dense binary layers: the sign of a normed sum of inputs, each with a weight of -1 or 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import Tensor

from lithify.compiler.nets.binary.latent import LatentWeights, as_signs
from lithify.compiler.nets.binary.norm import SignNorm
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
)
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class BinaryDense(Layer):
    """Every output is the sign of the batch norm of a sum over all inputs; bit b stands for 2b - 1.

    In hardware a neuron is one threshold gate.
    """

    kind = "binary_dense"

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        affine: bool = True,
        spread: float = 0.1,
        generator: np.random.Generator,
    ) -> None:
        """Start at random."""
        super().__init__()
        self.weights = LatentWeights(outputs, inputs, spread=spread, generator=generator)
        self.norm = SignNorm(outputs, affine=affine)
        self.inputs, self.outputs = inputs, outputs

    def forward(self, x: Tensor) -> Tensor:
        """The signs of the normed sums, as bits."""
        bits: Tensor = self.norm(self.weights() @ (2 * x - 1))
        return bits

    def hard(self, bits: Bits) -> Bits:
        """Sums that reach their unit's bound."""
        sums = self.weights.signs().astype(np.float32) @ as_signs(bits)
        return self.norm.fold(self.inputs).bits(sums)

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold a neuron."""
        pins = np.broadcast_to(signals, (self.outputs, self.inputs))
        units = np.arange(self.outputs, dtype=np.int32)
        with builder.origin(path, "core"):
            bounds = self.norm.fold(self.inputs)
            return bounds.lower(builder, pins, self.weights.signs(), units)

    def harden_(self) -> None:
        """Make the latent weights -1 or 1."""
        self.weights.harden_()

    def check(self, path: str) -> None:
        """Weights and norm are numbers."""
        self.weights.check(path)
        self.norm.check(path)

    def project_(self) -> None:
        """Bring the latent weights back within their limit."""
        self.weights.project_()

    def describe(self) -> Description:
        """Kind, sizes, and whether the norm learns."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "affine": self.norm.affine,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Latent weights and the norm's values."""
        inputs, outputs = (read_size(description, key, path) for key in ("inputs", "outputs"))
        norm = {f"norm.{name}": shape for name, shape in SignNorm.shapes(outputs).items()}
        return {"weights.real": ("F32", (outputs, inputs)), **norm}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state, in evaluation: it norms as it was trained to."""
        inputs, outputs = (read_size(description, key, path) for key in ("inputs", "outputs"))
        affine = read_flag(description, "affine", path)
        try:
            layer = cls(inputs, outputs, affine=affine, generator=np.random.default_rng(0))
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        layer.load_state_dict(dict(state))
        return layer.eval()

    @classmethod
    def examples(cls) -> list[Layer]:
        """Odd and even sums, rising, falling and constant units, borders that sums meet exactly."""
        layers: list[Layer] = []
        for index, (inputs, outputs, affine) in enumerate(
            [(5, 9, True), (8, 7, True), (2, 3, False), (61, 40, True), (128, 30, False)]
        ):
            rng = np.random.default_rng(index)
            layer = cls(inputs, outputs, affine=affine, generator=rng)
            trained_norm_(layer.norm, inputs, rng)
            layers.append(layer.eval())
        return layers


def trained_norm_(norm: SignNorm, fan_in: int, rng: np.random.Generator) -> None:
    """Give a norm statistics like those of training, for tests."""
    units, width = len(norm.mean), np.sqrt(fan_in)
    values = {
        "mean": np.round(rng.normal(0, width / 2, units)),
        "variance": rng.uniform(0.5, 1.5, units) * fan_in,
    }
    if norm.affine:
        values |= {"scale": rng.normal(0, 1, units), "shift": rng.normal(0, 0.3, units)}
        # A unit that is constant, one that is linear in no sum, one whose border is a sum.
        values["shift"][:3], values["scale"][2] = (9, 0.1, 0), 1
        values["scale"][1] = 0 if units > 3 else 0.5
    with torch.no_grad():
        for name, value in values.items():
            getattr(norm, name).copy_(torch.from_numpy(value.astype(np.float32)))


def read_flag(description: Mapping[str, object], key: str, path: str) -> bool:
    """True or false from a description; FormatError for anything else."""
    value = description.get(key)
    if isinstance(value, bool):
        return value
    raise FormatError(f"{path}: {key} is {value!r}; true or false is needed")
