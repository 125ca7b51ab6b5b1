"""Binary nets by a list of layer specifications."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.binary.conv import BinaryConv
from lithify.compiler.nets.binary.dense import BinaryDense
from lithify.compiler.nets.binary.head import AgreementHead
from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bits.fixed import Flip
from lithify.compiler.nets.space import Shape, Window
from lithify.compiler.nets.spec import NetSpec
from lithify.ir.errors import InputError

Random = np.random.Generator
BINARY: dict[str, type[Layer]] = {kind.kind: kind for kind in (BinaryDense, BinaryConv)}
# What a layer must say, and what it may say, beside its kind.
NEEDED = {"conv": ("width", "kernel"), "dense": ("width",), "flip": ("rate",)}
ALLOWED = {"conv": ("stride", "padding", "pool"), "dense": (), "flip": ()}


@dataclass(frozen=True, slots=True)
class BinaryLayerSpec:
    """One layer: its kind and the numbers that this kind takes; what it reads follows."""

    #: `dense` (a sum over all inputs a unit), `conv` (a sum over windows of an image) or `flip`
    kind: str
    #: units of `dense`, channels of `conv`
    width: int | None = None
    #: pixels each way of a window of `conv`
    kernel: int | None = None
    #: pixels from window to window of `conv`; 1 without it
    stride: int | None = None
    #: pixels of -1 around the image of `conv`; 0 without it
    padding: int | None = None
    #: positions each way of which `conv` keeps the greatest sum; 1 without it
    pool: int | None = None
    #: the probability of an inverted bit in training (`flip`)
    rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse unknown kinds, and numbers that are missing or mean nothing to the kind."""
        if self.kind not in NEEDED:
            *most, last = NEEDED
            raise InputError(f"kind is {self.kind!r}; it must be {', '.join(most)} or {last}")
        needed, takes = NEEDED[self.kind], (*NEEDED[self.kind], *ALLOWED[self.kind])
        for one in fields(self)[1:]:
            given = getattr(self, one.name) is not None
            if given and one.name not in takes:
                known = ", ".join(takes)
                raise InputError(f"{one.name} means nothing to {self.kind!r}, which takes {known}")
            if not given and one.name in needed:
                raise InputError(f"{one.name} is missing; {self.kind!r} needs it")

    def make(
        self, inputs: int, image: Shape | None, *, affine: bool, spread: float, generator: Random
    ) -> Layer:
        """The layer over so many inputs, which are an image or are not."""
        if self.kind == "flip":
            return Flip(inputs, self.rate or 0.0)
        width = self.width or 0
        if self.kind == "dense":
            return BinaryDense(inputs, width, affine=affine, spread=spread, generator=generator)
        if image is None:
            raise InputError(
                "'conv' reads an image; images come from the data, and stay images up to the first "
                "'dense'"
            )
        window = Window(self.kernel or 0, self._or_1(self.stride), self.padding or 0)
        return BinaryConv(
            image,
            width,
            window,
            pool=self._or_1(self.pool),
            affine=affine,
            spread=spread,
            generator=generator,
        )

    @staticmethod
    def _or_1(number: int | None) -> int:
        return 1 if number is None else number


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

    @property
    def spatial(self) -> bool:
        """Whether there is a convolution."""
        return any(one.kind == "conv" for one in self.layers)

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
    inputs, image = encoder.outputs, encoder.image
    for index, one in enumerate(layers):
        try:
            layer = one.make(inputs, image, affine=affine, spread=spread, generator=rng)
        except InputError as error:
            raise InputError(f"layers.{index}: {error}") from error
        stack.append(layer)
        inputs = layer.outputs
        if not isinstance(layer, Flip):
            image = layer.out if isinstance(layer, BinaryConv) else None
    head = AgreementHead(
        inputs,
        classes,
        temperature=math.sqrt(inputs) if temperature is None else temperature,
        affine=affine,
        spread=spread,
        generator=rng,
    )
    return Net(encoder, stack, head, class_names=class_names)
