"""Nets of logic-gate layers, by a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.gates.relax import PLAIN, Relaxation
from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.spec import NetSpec
from lithify.ir.errors import InputError


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

    def __post_init__(self) -> None:
        """Refuse an encoder or a relaxation that there is none of."""
        NetSpec.__post_init__(self)
        self.relaxation()

    def relaxation(self) -> Relaxation:
        """How the choices of all layers are relaxed."""
        return Relaxation(estimator=self.estimator, gumbel=self.gumbel, sharpness=self.sharpness)

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
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Net:
    """A net of dense logic-gate layers of these widths under a group-sum head.

    Without an encoder the `inputs` features are 0 or 1. The default temperature makes the largest
    logit about 20.
    """
    if encoder is None and inputs is None:
        raise InputError("a net needs an encoder, or the number of its 0/1 inputs")
    if not layers:
        raise InputError("a net needs at least one layer; layers is empty")
    first = Thermometer.boolean(inputs or 0) if encoder is None else encoder
    if inputs is not None and inputs != first.features:
        raise InputError(f"{inputs} inputs, but the encoder takes {first.features} features")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    widths = [first.outputs, *layers]
    stack: list[Layer] = [
        LogicLayer(
            before,
            after,
            parametrisation=parametrisation,
            residual=residual,
            noise=noise,
            relaxation=relaxation,
            generator=rng,
        )
        for before, after in zip(widths, widths[1:], strict=False)
    ]
    head = group_head(widths[-1], classes, temperature)
    return Net(first, stack, head, class_names=class_names)


def group_head(inputs: int, classes: int, temperature: float | None) -> GroupSum:
    """A group-sum head; the default temperature makes the largest logit about 20."""
    group = max(1, inputs // max(1, classes))
    chosen = max(1.0, group / 20) if temperature is None else temperature
    return GroupSum(inputs, classes, temperature=chosen)
