"""Nets of gates over images, by a list of layer specifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.gates.build import Wiring, group_head
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.compact_convolution import CompactConvolutionLayer
from lithify.compiler.nets.gates.convolution import ConvolutionLayer
from lithify.compiler.nets.gates.pool import OrPool
from lithify.compiler.nets.gates.relax import PLAIN, Relaxation
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.space import Shape, Window
from lithify.compiler.nets.spec import NetSpec
from lithify.compiler.nets.wiring import grid
from lithify.ir.errors import InputError

# What a layer must say, and what it may say, beside its kind.
NEEDED = {"convolution": ("channels",), "mix": ("channels",), "or_pool": (), "dense": ("width",)}
WINDOWS = ("kernel", "stride", "padding")
ALLOWED = {"convolution": WINDOWS, "or_pool": WINDOWS, "dense": ("sources",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How gates start: what they learn, the chance of "pass the first", and random logits.

    With several `candidates` they learn what they read as well, and the parametrisation is theirs.
    The `relaxation` is that of all others.
    """

    parametrisation: str = "softmax16"
    residual: float = 0.9
    noise: float = 0.0
    candidates: int = 1
    relaxation: Relaxation = PLAIN

    def __post_init__(self) -> None:
        """Refuse a parametrisation or a relaxation that candidates do not have."""
        if self.candidates == 1:
            return
        if self.parametrisation != "softmax16":
            raise InputError(
                f"parametrisation is {self.parametrisation!r}; with several candidates it is "
                "softmax16, or left out"
            )
        if self.relaxation != PLAIN:
            raise InputError(
                f"freeze is {self.relaxation.freeze}; gates of several candidates are frozen by "
                "method 'compact', so leave it out"
            )

    def dense(
        self, inputs: int, outputs: int, sources: int | None, generator: np.random.Generator
    ) -> Layer:
        """A dense layer that starts so, with operands that choose among `sources` if it says so."""
        if self.candidates == 1:
            return Wiring(candidates=sources or 1).layer(
                grid(inputs),
                grid(outputs),
                parametrisation=self.parametrisation,
                residual=self.residual,
                noise=self.noise,
                relaxation=self.relaxation,
                generator=generator,
            )
        if sources is not None:
            raise InputError(
                f"sources is {sources}; gates of several candidates choose what they read by "
                "these, so leave it out"
            )
        return CompactLayer(
            inputs,
            outputs,
            candidates=self.candidates,
            residual=self.residual,
            noise=self.noise,
            generator=generator,
        )

    def convolution(
        self,
        image: Shape,
        channels: int,
        window: Window,
        *,
        mixed: bool,
        generator: np.random.Generator,
    ) -> ConvolutionLayer | CompactConvolutionLayer:
        """A convolution that starts so."""
        if self.candidates == 1:
            return ConvolutionLayer(
                image,
                channels,
                window,
                mixed=mixed,
                parametrisation=self.parametrisation,
                residual=self.residual,
                noise=self.noise,
                relaxation=self.relaxation,
                generator=generator,
            )
        return CompactConvolutionLayer(
            image,
            channels,
            window,
            mixed=mixed,
            candidates=self.candidates,
            residual=self.residual,
            noise=self.noise,
            generator=generator,
        )

    def of_layer(self, index: int, count: int) -> Start:
        """How the gates of layer `index` of `count` start, which freeze in turn."""
        return replace(self, relaxation=self.relaxation.of_layer(index, count))


START = Start()


@dataclass(frozen=True, slots=True)
class ImageLayerSpec:
    """One layer: its kind and the numbers that this kind takes; what it reads follows.

    A `convolution` has a gate for each channel, over a window of one channel; in a `mix` its inputs
    are the same pixel of any two channels; an `or_pool` says whether any pixel in a window is high;
    a `dense` layer wires gates to any bits, and only dense layers can follow it.
    """

    #: `convolution`, `mix`, `or_pool` or `dense`
    kind: str
    #: gates, one for each channel (`convolution`, `mix`)
    channels: int | None = None
    #: the side of the window; without it 3, and 2 for an `or_pool`
    kernel: int | None = None
    #: pixels between positions of the window; without it 1, and `kernel` for an `or_pool`
    stride: int | None = None
    #: pixels of constant 0 around the image; without it the size is kept, and 0 for an
    #: `or_pool`
    padding: int | None = None
    #: gates (`dense`)
    width: int | None = None
    #: the sources that every operand of a `dense` layer learns to choose from; without it the
    #: wiring is fixed
    sources: int | None = None

    def __post_init__(self) -> None:
        """Refuse unknown kinds, and numbers that are missing or mean nothing to the kind."""
        if self.kind not in NEEDED:
            raise InputError(f"kind is {self.kind!r}; it must be one of {', '.join(NEEDED)}")
        needed, allowed = NEEDED[self.kind], ALLOWED.get(self.kind, ())
        for one in fields(self)[1:]:
            given = getattr(self, one.name) is not None
            if given and one.name not in (*needed, *allowed):
                takes = ", ".join((*needed, *allowed))
                raise InputError(f"{one.name} means nothing to {self.kind!r}, which takes {takes}")
            if not given and one.name in needed:
                raise InputError(f"{one.name} is missing; {self.kind!r} needs it")

    def window(self) -> Window:
        """The window: a convolution reaches as far to all sides, an or-pool tiles."""
        if self.kind == "mix":
            return Window(1)
        pool = self.kind == "or_pool"
        kernel = self.kernel if self.kernel is not None else 2 if pool else 3
        stride = self.stride if self.stride is not None else kernel if pool else 1
        padding = self.padding if self.padding is not None else 0 if pool else (kernel - 1) // 2
        return Window(kernel, stride, padding)

    def make(
        self, inputs: int, image: Shape | None, start: Start, generator: np.random.Generator
    ) -> tuple[Layer, Shape | None]:
        """The layer over so many inputs, which are perhaps an image, and the image it gives."""
        if self.kind == "dense":
            return start.dense(inputs, self.width or 0, self.sources, generator), None
        if image is None:
            raise InputError(f"{self.kind!r} reads an image, and a dense layer gives none")
        if self.kind == "or_pool":
            pool = OrPool(image, self.window())
            return pool, pool.places
        mixed, channels = self.kind == "mix", self.channels or 0
        layer = start.convolution(image, channels, self.window(), mixed=mixed, generator=generator)
        return layer, layer.places


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionSpec(NetSpec):
    """The layers of a net over images, and how their gates start."""

    family: ClassVar[str] = "convolution"

    #: the layers from the pixels on; the last must have a multiple of the classes of bits
    layers: tuple[ImageLayerSpec, ...]
    #: what the counts of the classes are divided by before the softmax; without it the largest
    #: count becomes about 20
    temperature: float | None = None
    #: `softmax16` mixes all 16 gates, `table4` learns the four entries of the truth table
    parametrisation: str = "softmax16"
    #: the probability with which a gate starts as a wire from its first input, from 0 to below 1
    residual: float = 0.9
    #: the deviation of the random logits that gates start with
    noise: float = 0.0
    #: the gates, each with two inputs of its own, among which a gate chooses, from 2 to 64: learn
    #: them by method `compact`; 1 keeps the inputs that it starts with
    candidates: int = 1
    #: the share of training after which the first layer takes its hard form while the others learn
    #: on; more layers follow, evenly over the rest; the last learns straight through from then on
    freeze: float = PLAIN.freeze

    def __post_init__(self) -> None:
        """Refuse an encoder or a start that there is none of."""
        NetSpec.__post_init__(self)
        self.start()

    def start(self) -> Start:
        """How all gates start."""
        return Start(
            parametrisation=self.parametrisation,
            residual=self.residual,
            noise=self.noise,
            candidates=self.candidates,
            relaxation=Relaxation(freeze=self.freeze),
        )

    @property
    def spatial(self) -> bool:
        """An image of bits is what the first layer reads."""
        return True

    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
        return convolution(
            layers=self.layers,
            classes=classes,
            encoder=encoder,
            temperature=self.temperature,
            start=self.start(),
            class_names=class_names,
            seed=seed,
        )


def convolution(
    *,
    layers: Sequence[ImageLayerSpec],
    classes: int,
    encoder: Thermometer,
    temperature: float | None = None,
    start: Start = START,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Net:
    """A net of gates over the image of bits that the encoder gives, under a group-sum head.

    The default temperature makes the largest logit about 20.
    """
    if not layers:
        raise InputError("a net needs at least one layer; layers is empty")
    if encoder.image is None:
        raise InputError(
            "the encoder gives no image; fit it with image=Shape(channels, height, width)"
        )
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    stack: list[Layer] = []
    image: Shape | None = encoder.image
    inputs = encoder.outputs

    for index, one in enumerate(layers):
        try:
            layer, image = one.make(inputs, image, start.of_layer(index, len(layers)), rng)
        except InputError as error:
            raise InputError(f"layers.{index}: {error}") from error
        stack.append(layer)
        inputs = layer.outputs
    head = group_head(inputs, classes, temperature)
    return Net(encoder, stack, head, class_names=class_names)
