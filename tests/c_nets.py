"""Nets for the tests of the C engine: layered ones with every gate alive, and comparisons."""

from __future__ import annotations

import numpy as np

from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.ports import Port

TWO_INPUT = np.array([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], np.uint64)
"""The truth tables that depend on both of two fan-ins."""


def layered(
    rng: np.random.Generator,
    *,
    widths: tuple[int, ...] = (200, 200, 200),
    ports: tuple[Port, ...] = (Port("x", width=1, count=100),),
    classes: int = 10,
    weight: int = 1,
    words: bool = False,
) -> Circuit:
    """A net of two-input layers with random wiring, scores over the last one and maybe words.

    Weights are 1 for `weight` 1, else anything from -weight to weight.
    """
    b = Builder()
    previous = np.concatenate([b.port(port).ravel() for port in ports])
    for width in widths:
        chosen = np.resize(rng.permutation(previous), 2 * width)
        fanins = rng.permutation(chosen).reshape(width, 2)
        previous = b.tables(TWO_INPUT[rng.integers(0, len(TWO_INPUT), width)], fanins)
    for i in range(classes):
        part = previous[i::classes]
        weights = None if weight == 1 else rng.integers(-weight, weight, len(part), endpoint=True)
        b.score(f"class{i}", part, weights, bias=int(rng.integers(-3, 4)))
    if words:
        b.output("bits", previous[:70])
        b.output("numbers", rng.choice(previous, (5, 17)), kind="int")
        b.output("wide", rng.choice(previous, (2, 63)), kind="uint")
    return b.finish(readout="argmax" if classes else "bits")


def assert_same(mine: simulate.Answers, right: simulate.Answers) -> None:
    """Equal scores, classes and words, in value and in type."""
    assert mine.scores.dtype == right.scores.dtype
    assert np.array_equal(mine.scores, right.scores)
    assert np.array_equal(mine.classes, right.classes)
    assert mine.words.keys() == right.words.keys()
    for name, word in right.words.items():
        assert np.array_equal(mine.words[name], word), name
