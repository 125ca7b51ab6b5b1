"""The last stage of training a net of soft bits: single weights of its hard form turned round.

What is soft stops learning where weights of one half and below no longer reach the answer. The hard
net says of every weight what it is worth: the likelihood of the training samples with it turned
round. Since its answers are bits, which most single weights do not change, they are told as
chances: those of the classes while the `flip` layers behind the last weights invert bits.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lithify.compiler.nets.heads import GroupSum
from lithify.compiler.nets.layer import Bits
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bits.fixed import Chances, FixedLayer
from lithify.compiler.nets.soft_bits.weighted import SoftBitLayer
from lithify.ir.errors import InputError

# Added to the score of every class, so that no answer is impossible.
LEAST = 1e-9
# A gain below this is rounding.
GAIN = 1e-9


class Polish:
    """The hard form of a net, its training samples, and how likely their labels are."""

    def __init__(self, net: Net, bits: Bits, labels: NDArray[np.int64]) -> None:
        """Refuse a net of other layers; equal samples are one with several labels."""
        self.layers, self.tail = split(net)
        self.classes = len(net.classes)
        self.bits, place = np.unique(bits, axis=1, return_inverse=True)
        self.counts = np.zeros((self.classes, self.bits.shape[1]))
        np.add.at(self.counts, (labels, place.ravel()), 1)

    def turn(self, passes: int, rng: np.random.Generator) -> int:
        """How many weights were turned round in so many passes over all; fewer where none gains."""
        turned = 0
        for _ in range(passes):
            before, bits = turned, self.bits
            for index, layer in enumerate(self.layers):
                if isinstance(layer, SoftBitLayer):
                    turned += self._turn_layer(index, layer, bits, rng)
                bits = layer.hard(bits)
            if turned == before:
                break
        return turned

    def _turn_layer(
        self, index: int, layer: SoftBitLayer, bits: Bits, rng: np.random.Generator
    ) -> int:
        """How many weights of a layer with these inputs were turned round."""
        outputs = layer.hard(bits)
        losses = self.losses(index + 1, outputs, self.counts)
        weights, turned = layer.weights.data.view(-1), 0
        for one in rng.permutation(len(weights)).tolist():
            was = weights[one].clone()
            weights[one] = float(was <= 0.5)
            found = layer.hard(bits)
            other = np.flatnonzero((found != outputs).any(axis=0))
            gain = 0.0
            if other.size:
                fresh = self.losses(index + 1, found[:, other], self.counts[:, other])
                gain = losses[other].sum() - fresh.sum()
            if gain > GAIN:
                outputs, losses[other], turned = found, fresh, turned + 1
            else:
                weights[one] = was
        return turned

    def losses(self, first: int, bits: Bits, counts: Chances) -> NDArray[np.float64]:
        """For each sample what its labels lack in likelihood, from the inputs of a layer on."""
        for layer in self.layers[first:]:
            bits = layer.hard(bits)
        chances = bits.astype(np.float64)
        for layer in self.tail:
            chances = layer.chances(chances)
        scores = chances.reshape(self.classes, -1, chances.shape[1]).sum(axis=1) + LEAST
        losses: NDArray[np.float64] = -(counts * np.log(scores / scores.sum(axis=0))).sum(axis=0)
        return losses


def split(net: Net) -> tuple[list[SoftBitLayer | FixedLayer], list[FixedLayer]]:
    """The layers up to the last one with weights, and those behind it."""
    layers: list[SoftBitLayer | FixedLayer] = []
    for path, layer in net.steps():
        if not isinstance(layer, SoftBitLayer | FixedLayer):
            raise InputError(f"polish turns soft bits round; {path} is of the kind {layer.kind!r}")
        layers.append(layer)
    if not isinstance(net.head, GroupSum):
        raise InputError(
            f"polish takes scores that count bits; the head is of the kind {net.head.kind!r}"
        )
    last = max((i for i, one in enumerate(layers) if isinstance(one, SoftBitLayer)), default=-1)
    behind = [one for one in layers[last + 1 :] if isinstance(one, FixedLayer)]
    return layers[: last + 1], behind


def polish(
    net: Net, bits: Bits, labels: NDArray[np.int64], passes: int, rng: np.random.Generator
) -> int:
    """How many weights of the net were turned round, after which its samples are likelier."""
    with torch.no_grad():
        return Polish(net, bits, labels).turn(passes, rng)
