"""Nets of compact layers, by a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.gates.build import group_head
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.spec import NetSpec
from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSpec(NetSpec):
    """The widths of dense compact layers, their candidates and how they start."""

    family: ClassVar[str] = "compact"

    #: the gates of each layer; the last must be a multiple of the classes
    layers: tuple[int, ...]
    #: the gates, each with two inputs of its own, among which a unit chooses, from 2 to 64
    candidates: int = 16
    #: what the counts of the classes are divided by before the softmax; without it the largest
    #: count becomes about 20
    temperature: float | None = None
    #: the probability with which a unit starts as a wire, from 0 to below 1
    residual: float = 0.9
    #: the deviation of the random logits that units start with
    noise: float = 1.0

    def build(
        self, encoder: Thermometer, *, classes: int, class_names: Sequence[str], seed: int
    ) -> Net:
        """The untrained net behind a fitted encoder."""
        if not self.layers:
            raise InputError("a net needs at least one layer; layers is empty")
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
        widths = [encoder.outputs, *self.layers]
        stack: list[Layer] = [
            CompactLayer(
                before,
                after,
                candidates=self.candidates,
                residual=self.residual,
                noise=self.noise,
                generator=rng,
            )
            for before, after in zip(widths, widths[1:], strict=False)
        ]
        head = group_head(widths[-1], classes, self.temperature)
        return Net(encoder, stack, head, class_names=class_names)
