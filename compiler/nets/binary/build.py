"""Binary nets by a list of layer specifications."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.binary.dense import BinaryDense
from lithify.compiler.nets.binary.head import AgreementHead
from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bits.fixed import Flip
from lithify.compiler.nets.spec import NetSpec
from lithify.ir.errors import InputError

BINARY: dict[str, type[Layer]] = {BinaryDense.kind: BinaryDense}
# What a recipe says about each kind of layer.
NEEDED = {"dense": ("width",), "flip": ("rate",)}


@dataclass(frozen=True, slots=True)
class BinaryLayerSpec:
    """One layer: its kind and the numbers that this kind takes; what it reads follows."""

    #: what the layer is: `dense` (signs of normed sums) or `flip` (inverts bits in training)
    kind: str
    #: how many units a dense layer has
    width: int | None = None
    #: how likely a bit is inverted in a training step; not for the net in use
    rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse unknown kinds, and numbers that are missing or mean nothing to the kind."""
        if self.kind not in NEEDED:
            raise InputError(f"kind is {self.kind!r}; it must be {' or '.join(NEEDED)}")
        needed = NEEDED[self.kind]
        for name in ("width", "rate"):
            given = getattr(self, name) is not None
            if given and name not in needed:
                takes = ", ".join(needed)
                raise InputError(f"{name} means nothing to {self.kind!r}, which takes {takes}")
            if not given and name in needed:
                raise InputError(f"{name} is missing; {self.kind!r} needs it")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySpec(NetSpec):
    """Weights and activations that are -1 or 1, with batch norms that become thresholds."""

    family: ClassVar[str] = "binary"

    #: the layers, the input's first
    layers: tuple[BinaryLayerSpec, ...]
    #: what scores are divided by to make logits; left out, the root of the head's inputs
    temperature: float | None = None
    #: whether norms learn a scale and a shift, and classes an offset
    affine: bool = True
    #: how far from 0 latent weights may start
    spread: float = 0.1

    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
        return binary_net(
            layers=self.layers,
            classes=classes,
            encoder=encoder,
            temperature=self.temperature,
            affine=self.affine,
            spread=self.spread,
            class_names=class_names,
            seed=seed,
        )


def binary_net(
    *,
    layers: Sequence[BinaryLayerSpec],
    classes: int,
    encoder: Thermometer,
    temperature: float | None = None,
    affine: bool = True,
    spread: float = 0.1,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Net:
    """A net of binary layers under a head that counts agreements.

    The default temperature is the root of the head's inputs.
    """
    if not layers:
        raise InputError("a net needs at least one layer; layers is empty")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    stack: list[Layer] = []
    inputs = encoder.outputs
    for index, one in enumerate(layers):
        try:
            stack.append(
                Flip(inputs, one.rate or 0.0)
                if one.kind == "flip"
                else BinaryDense(
                    inputs, one.width or 0, affine=affine, spread=spread, generator=rng
                )
            )
        except InputError as error:
            raise InputError(f"layers.{index}: {error}") from error
        inputs = stack[-1].outputs
    head = AgreementHead(
        inputs,
        classes,
        temperature=math.sqrt(inputs) if temperature is None else temperature,
        affine=affine,
        spread=spread,
        generator=rng,
    )
    return Net(encoder, stack, head, class_names=class_names)
