"""Nets of soft-bit layers by a list of layer specifications."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.heads import GroupSum, Head
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bits.fixed import Complement, Count, Flip, Harden, Majority
from lithify.compiler.nets.soft_bits.match import MatchLayer
from lithify.compiler.nets.soft_bits.start import Start
from lithify.compiler.nets.soft_bits.votes import Votes
from lithify.compiler.nets.soft_bits.weighted import (
    AndLayer,
    ImpliesLayer,
    MaskLayer,
    NotLayer,
    OrLayer,
    SoftBitLayer,
    XorLayer,
)
from lithify.compiler.nets.soft_bits.windows import Windows
from lithify.compiler.nets.space import Shape
from lithify.compiler.nets.spec import NetSpec
from lithify.ir.errors import InputError

WEIGHTED: dict[str, type[SoftBitLayer]] = {
    kind.kind: kind
    for kind in (AndLayer, ImpliesLayer, MaskLayer, MatchLayer, NotLayer, OrLayer, XorLayer)
}
FIXED: dict[str, type[Layer]] = {
    kind.kind: kind for kind in (Complement, Count, Flip, Harden, Majority, Windows)
}
# What a layer must say, and what it may say, beside its kind.
NEEDED = dict.fromkeys(WEIGHTED, ("width",)) | {
    "match": ("width", "size"),
    "majority": ("size",),
    "flip": ("rate",),
    "windows": ("size",),
}
ALLOWED = dict.fromkeys(WEIGHTED, ("start", "spread", "other", "share")) | {
    "count": ("groups",),
    "windows": ("stride",),
}


@dataclass(frozen=True, slots=True)
class SoftBitLayerSpec:
    """One layer: its kind and the numbers that this kind takes; what it reads follows.

    Weights start at `start` give or take `spread`, or with the chance `share` at `other`.
    """

    #: with weights `and`, `implies`, `mask`, `match`, `not`, `or`, `xor`; without `complement`,
    #: `count`, `flip`, `harden`, `majority`, `windows`
    kind: str
    #: rows of weights, each over all inputs (every kind with weights), or for each group (`match`)
    width: int | None = None
    #: inputs of each group (`majority`, `match`), or the side of the square (`windows`)
    size: int | None = None
    #: pixels from one window to the next; 1 without it (`windows`)
    stride: int | None = None
    #: outputs, each for an equal range of counts; without it one for each count (`count`)
    groups: int | None = None
    #: the probability of an inverted bit in training (`flip`)
    rate: float | None = None
    #: where weights start, from 0 to 1; 0.5 without it (every kind with weights)
    start: float | None = None
    #: how far about their start weights are spread; 0.01 without it
    spread: float | None = None
    #: where a share of the weights starts instead; 0.5 without it
    other: float | None = None
    #: the share of weights that start at `other`; 0 without it
    share: float | None = None

    def __post_init__(self) -> None:
        """Refuse unknown kinds, and numbers that are missing or mean nothing to the kind."""
        kinds = sorted((*WEIGHTED, *FIXED))
        if self.kind not in kinds:
            raise InputError(f"kind is {self.kind!r}; it must be one of {', '.join(kinds)}")
        needed, allowed = NEEDED.get(self.kind, ()), ALLOWED.get(self.kind, ())
        for one in fields(self)[1:]:
            given = getattr(self, one.name) is not None
            if given and one.name not in (*needed, *allowed):
                takes = ", ".join((*needed, *allowed)) or "nothing"
                raise InputError(f"{one.name} means nothing to {self.kind!r}, which takes {takes}")
            if not given and one.name in needed:
                raise InputError(f"{one.name} is missing; {self.kind!r} needs it")

    def make(self, inputs: int, image: Shape | None, generator: np.random.Generator) -> Layer:
        """The layer over so many inputs, which may be an image."""
        if self.kind in WEIGHTED:
            given = (self.start, self.spread, self.other, self.share)
            defaults = (0.5, 0.01, 0.5, 0.0)
            start = Start(*(d if g is None else g for g, d in zip(given, defaults, strict=True)))
            sizes = (self.width or 0, self.size or 0)[: len(NEEDED[self.kind])]
            return WEIGHTED[self.kind](inputs, *sizes, start=start, generator=generator)
        makers: dict[str, Callable[[], Layer]] = {
            "complement": lambda: Complement(inputs),
            "count": lambda: Count(inputs, self.groups),
            "flip": lambda: Flip(inputs, self.rate or 0.0),
            "harden": lambda: Harden(inputs),
            "majority": lambda: Majority(inputs, self.size or 0),
            "windows": lambda: self._windows(image),
        }
        return makers[self.kind]()

    def _windows(self, image: Shape | None) -> Windows:
        """The windows over the image that the encoder gives."""
        if image is None:
            raise InputError("windows are over an image, so they are the first layer over one")
        return Windows(image, self.size or 0, 1 if self.stride is None else self.stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftBitSpec(NetSpec):
    """The layers of a net of soft bits."""

    family: ClassVar[str] = "db"

    #: the layers in their order; what a layer reads follows from the one before
    layers: tuple[SoftBitLayerSpec, ...]
    #: what the counts of the classes are divided by before the softmax
    temperature: float = 1.0
    #: rows a class that keep or invert the last layer's bits before these are counted; with 0 each
    #: class counts bits of its own
    votes: int = 0

    @property
    def spatial(self) -> bool:
        """Whether the net takes images, as an image of bits."""
        return any(one.kind == "windows" for one in self.layers)

    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
        return soft_bit_net(
            layers=self.layers,
            classes=classes,
            encoder=encoder,
            temperature=self.temperature,
            votes=self.votes,
            class_names=class_names,
            seed=seed,
        )


def soft_bit_net(
    *,
    layers: Sequence[SoftBitLayerSpec],
    classes: int,
    encoder: Thermometer,
    temperature: float = 1.0,
    votes: int = 0,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Net:
    """A net of soft-bit layers under a head that counts, or with `votes` rows a class votes.

    With `harden` as the last layer, or with votes, soft and hard predictions agree on every sample:
    sums of soft bits can rank classes otherwise than counts of hard ones.
    """
    if not layers:
        raise InputError("a net needs at least one layer; layers is empty")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    stack: list[Layer] = []
    inputs = encoder.outputs
    for index, one in enumerate(layers):
        try:
            stack.append(one.make(inputs, None if stack else encoder.image, rng))
        except InputError as error:
            raise InputError(f"layers.{index}: {error}") from error
        inputs = stack[-1].outputs
    head: Head = (
        Votes(inputs, classes, rows=votes, temperature=temperature, generator=rng)
        if votes
        else GroupSum(inputs, classes, temperature=temperature)
    )
    return Net(encoder, stack, head, class_names=class_names)
