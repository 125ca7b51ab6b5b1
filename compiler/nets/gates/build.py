"""Nets of logic-gate layers, by a few numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.learned import LearnedLayer
from lithify.compiler.nets.gates.relax import PLAIN, Relaxation
from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.nets.layer import Layer, to_numpy
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.spec import NetSpec
from lithify.compiler.nets.wiring import (
    Points,
    even_pairs,
    grid,
    grids,
    near_pairs,
    require_locality,
)
from lithify.ir.errors import InputError

MOST_CANDIDATES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How many sources every operand chooses among, and how near they are in the layout."""

    candidates: int = 1
    locality: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no layer can be wired with."""
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise InputError(f"candidates is {self.candidates}; it must be 1 to {MOST_CANDIDATES}")
        if self.locality is not None:
            require_locality(self.locality)

    def layer(
        self, sources: Points, targets: Points, *, generator: np.random.Generator, **start: Any
    ) -> Layer:
        """The layer of a gate at each target; `start` is what the weights start from."""
        inputs, outputs = sources.shape[1], targets.shape[1]
        if self.candidates > 1:
            drawn = self._candidates(sources, targets, generator)
            return LearnedLayer(inputs, outputs, drawn, generator=generator, **start)
        near = None
        if self.locality is not None:
            near = near_pairs(sources, targets, self.locality, generator)
        return LogicLayer(inputs, outputs, wires=near, generator=generator, **start)

    def _candidates(
        self, sources: Points, targets: Points, generator: np.random.Generator
    ) -> NDArray[np.int32]:
        """The candidates `[2, targets, candidates]`: every source is one about equally often."""
        pairs = [
            even_pairs(sources.shape[1], targets.shape[1], generator)
            if self.locality is None
            else near_pairs(sources, targets, self.locality, generator)
            for _ in range(self.candidates)
        ]
        return np.ascontiguousarray(np.stack(pairs, axis=2))


def features_at(encoder: Thermometer) -> Points:
    """Where the bits of an encoder stand: with their feature, and the features on a grid.

    The grid of a square image is the image.
    """
    return grid(encoder.features)[:, to_numpy(encoder.feature)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicSpec(NetSpec):
    """The widths of dense logic-gate layers, how they start, and how their choices are relaxed."""

    family: ClassVar[str] = "logic"

    #: the gates of each layer; the last must be a multiple of the classes
    layers: tuple[int, ...]
    #: what the counts of the classes are divided by before the softmax; without it the largest
    #: count becomes about 20
    temperature: float | None = None
    #: `softmax16` mixes all 16 gates, `table4` learns the four entries of the truth table
    parametrisation: str = "softmax16"
    #: the probability with which a gate starts as a wire from its first input, from 0 to below 1
    residual: float = 0.9
    #: the deviation of the random logits that gates start with
    noise: float = 1.0
    #: `soft` mixes gates by their probability; `straight_through` computes the likeliest gate and
    #: takes the gradients of the mixture
    estimator: str = PLAIN.estimator
    #: the scale of the Gumbel noise on the logits of gates while training
    gumbel: float = PLAIN.gumbel
    #: what the logits of gates are multiplied by at the end, rising from 1 over all epochs
    sharpness: float = PLAIN.sharpness
    #: the share of training after which the first layer takes its hard form while the others learn
    #: on; more layers follow, evenly over the rest; the last learns straight through from then on
    freeze: float = PLAIN.freeze
    #: the sources that every operand learns to choose from; with 1 the wiring is fixed
    candidates: int = 1
    #: the side of the square that sources are drawn from, in a layout of side 1; from anywhere
    #: without it
    locality: float | None = None

    def __post_init__(self) -> None:
        """Refuse an encoder, a relaxation or wiring that there is none of."""
        NetSpec.__post_init__(self)
        self.relaxation()
        Wiring(candidates=self.candidates, locality=self.locality)

    def relaxation(self) -> Relaxation:
        """How the choices of all layers are relaxed."""
        return Relaxation(
            estimator=self.estimator,
            gumbel=self.gumbel,
            sharpness=self.sharpness,
            freeze=self.freeze,
        )

    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
        return logic(
            layers=self.layers,
            classes=classes,
            encoder=encoder,
            temperature=self.temperature,
            parametrisation=self.parametrisation,
            residual=self.residual,
            noise=self.noise,
            relaxation=self.relaxation(),
            candidates=self.candidates,
            locality=self.locality,
            class_names=class_names,
            seed=seed,
        )


def logic(
    *,
    layers: Sequence[int],
    classes: int,
    inputs: int | None = None,
    encoder: Thermometer | None = None,
    temperature: float | None = None,
    parametrisation: str = "softmax16",
    residual: float = 0.9,
    noise: float = 1.0,
    relaxation: Relaxation = PLAIN,
    candidates: int = 1,
    locality: float | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Net:
    """A net of dense logic-gate layers of these widths under a group-sum head.

    Without an encoder the `inputs` features are 0 or 1. The default temperature makes the largest
    logit about 20. With several `candidates` every operand of a gate learns which of them to read.
    With a `locality` sources are drawn from a square of that side, in a layout of side 1.
    """
    wiring = Wiring(candidates=candidates, locality=locality)
    if encoder is None and inputs is None:
        raise InputError("a net needs an encoder, or the number of its 0/1 inputs")
    if not layers:
        raise InputError("a net needs at least one layer; layers is empty")
    first = Thermometer.boolean(inputs or 0) if encoder is None else encoder
    if inputs is not None and inputs != first.features:
        raise InputError(f"{inputs} inputs, but the encoder takes {first.features} features")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    widths = [first.outputs, *layers]
    head = group_head(widths[-1], classes, temperature)
    points = [features_at(first), *(grid(width) for width in layers[:-1])]
    points.append(grids(widths[-1], classes))
    stack = [
        wiring.layer(
            sources,
            targets,
            parametrisation=parametrisation,
            residual=residual,
            noise=noise,
            relaxation=relaxation.of_layer(index, len(layers)),
            generator=rng,
        )
        for index, (sources, targets) in enumerate(itertools.pairwise(points))
    ]
    return Net(first, stack, head, class_names=class_names)


def group_head(inputs: int, classes: int, temperature: float | None) -> GroupSum:
    """A group-sum head; the default temperature makes the largest logit about 20."""
    group = max(1, inputs // max(1, classes))
    chosen = max(1.0, group / 20) if temperature is None else temperature
    return GroupSum(inputs, classes, temperature=chosen)
