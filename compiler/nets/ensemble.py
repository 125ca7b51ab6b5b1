"""Ensembles: nets that answer together, and how sure they are of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.nets.model_file import describe
from lithify.compiler.nets.net import HARD_BATCH, Net
from lithify.compiler.nets.reject import lead
from lithify.compiler.nets.side_by_side import JointHead, SideBySide
from lithify.ir.errors import InputError


def ensemble(nets: Sequence[Net], *, margin: int = 0) -> Net:
    """One net whose scores are the sums of the scores of these, behind their common encoder.

    It compiles to one circuit, in which the encoder and all gates that members have in common are
    there once. With a `margin` above 0 the circuit also says which answers to reject: those whose
    best score leads the second best by less.
    """
    if not nets:
        raise InputError("an ensemble of no nets; at least one is needed")
    first = nets[0]
    for number, net in enumerate(nets):
        if describe(net)["encoder"] != describe(first)["encoder"] or any(
            not torch.equal(value, net.encoder.state_dict()[name])
            for name, value in first.encoder.state_dict().items()
        ):
            raise InputError(
                f"net {number} has another encoder than net 0; the members of an ensemble read "
                "the same bits"
            )
        if net.classes != first.classes:
            raise InputError(
                f"net {number} has the classes {', '.join(net.classes)}, but net 0 has "
                f"{', '.join(first.classes)}"
            )
    return Net(
        first.encoder,
        [SideBySide([[layer for _, layer in net.steps()] for net in nets])],
        JointHead([net.head for net in nets], margin=margin),
        class_names=first.classes,
        trainable=all(net.trainable for net in nets),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """How sure the hard net is of each sample.

    `lead` is by how much the best score exceeds the second best, `disagreement` the share of
    members that choose another class than all together, `entropy` that of the mean of the members'
    class probabilities, in nats.
    """

    lead: NDArray[np.int64]
    disagreement: NDArray[np.float64]
    entropy: NDArray[np.float64]


def uncertainty(net: Net, x: ArrayLike) -> Uncertainty:
    """How sure the hard net is of raw features; any net but an ensemble is its only member."""
    scores, logits = _member_answers(net, x)
    total = scores.sum(axis=0)
    chosen = total.argmax(axis=1)
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    mean = (shifted / shifted.sum(axis=2, keepdims=True)).mean(axis=0)
    surprise = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
    return Uncertainty(
        lead=lead(total),
        disagreement=(scores.argmax(axis=2) != chosen).mean(axis=0),
        entropy=-(mean * surprise).sum(axis=1),
    )


def rejected(net: Net, x: ArrayLike) -> NDArray[np.bool_]:
    """Which answers the circuit's reject output speaks against; none without a margin."""
    scores = net.hard_scores(x)
    margin = net.head.margin if isinstance(net.head, JointHead) else 0
    answers: NDArray[np.bool_] = (
        lead(scores) < margin if margin else np.zeros(len(scores), np.bool_)
    )
    return answers


def _member_answers(net: Net, x: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Scores and logits `[members, samples, classes]` of raw features."""
    net.check()
    bits = net.encoder.hard(x)
    joint = net.head if isinstance(net.head, JointHead) else JointHead([net.head])
    scores = []
    for start in range(0, bits.shape[1], HARD_BATCH):
        part = bits[:, start : start + HARD_BATCH]
        for _, layer in net.steps():
            part = layer.hard(part)
        scores.append(joint.member_scores(part))
    found = np.concatenate(scores, axis=1)
    return found, found * np.array([head.unit for head in joint.members()])[:, None, None]
