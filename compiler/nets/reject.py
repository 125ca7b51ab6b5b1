"""Rejecting answers that are too close: an output beside the scores, in gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.nets.heads import Form
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError

REJECT = "reject"


def lead(scores: ArrayLike) -> NDArray[np.int64]:
    """By how much the best score of each sample `[samples, classes]` exceeds the second best.

    >>> lead([[7, 2, 4], [5, 5, 1]]).tolist()
    [3, 0]
    """
    array = np.asarray(scores, np.int64)
    if array.ndim != 2 or array.shape[1] < 2:
        raise InputError(
            f"scores of shape {array.shape}; [samples, classes] with at least 2 classes are needed"
        )
    two = np.partition(array, -2, axis=1)[:, -2:]
    leads: NDArray[np.int64] = two[:, 1] - two[:, 0]
    return leads


def margin_for(scores: ArrayLike, share: float) -> int:
    """The largest margin that rejects at most this share of samples with such scores.

    Held-back samples should be asked, whose scores are like those to come.

    >>> margin_for([[0, 1], [0, 3], [0, 3], [0, 8]], 0.25)
    3
    """
    if not 0 <= share < 1:
        raise InputError(f"a share of {share} to reject; it must be from 0 to below 1")
    leads = np.sort(lead(scores))
    if not leads.size:
        raise InputError("no samples to choose a margin by; at least one is needed")
    return int(leads[int(share * leads.size)])


def lower_with_reject(
    builder: Builder, forms: Sequence[Form], names: Sequence[str], margin: int
) -> None:
    """Add the scores, and a word that is high where no score leads all others by the margin.

    Every comparison of two scores needs their binary digits, so these are gates here, and the
    scores sum them up.
    """
    with builder.origin("head", "head"):
        digits = _digits(builder, forms)
        width = digits.shape[1]
        places = np.left_shift(1, np.arange(width, dtype=np.int64))
        places[-1] = -places[-1]
        best, other = np.nonzero(~np.eye(len(forms), dtype=np.bool_))
        ahead = builder.thresholds(
            np.full(best.size, margin),
            np.concatenate([digits[best], digits[other]], axis=1),
            np.tile(np.concatenate([places, -places]), (best.size, 1)),
        ).reshape(len(forms), -1)
        rivals = ahead.shape[1]
        clear = builder.thresholds(np.full(len(forms), rivals), ahead)
        rejected = builder.not_(builder.or_(*clear.tolist()))
    builder.output(REJECT, [rejected])
    for name, row in zip(names, digits, strict=True):
        builder.score(name, row, places)


def _digits(builder: Builder, forms: Sequence[Form]) -> NDArray[np.int32]:
    """The signals[forms, width] of the values as two's complement."""
    used = np.unique(np.concatenate([form.signals for form in forms]))
    inner = Builder()
    pins = inner.input("x", count=used.size).ravel()
    for number, form in enumerate(forms):
        places = np.searchsorted(used, form.signals)
        inner.score(f"s{number}", pins[places], form.weights, bias=form.bias)
    written = expand(inner.finish(readout="scores")).circuit
    (word,) = written.words
    digits: NDArray[np.int32] = builder.copy(written, inputs=used)[word.signals]
    return digits
