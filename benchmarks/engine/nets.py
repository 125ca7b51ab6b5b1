"""Random nets of any true two-input operation, the same every time."""

from __future__ import annotations

import numpy as np

from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

INPUTS, CLASSES = 784, 10
SIZES = {"8k": (4, 2000), "48k": (6, 8000), "256k": (4, 64000), "1M": (16, 64000)}
"""Layers and gates of a layer."""
TABLES = np.array([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], np.uint64)


def random_net(size: str) -> Circuit:
    """Layers of equal width wired at random, each gate read twice; one pixel bit an input."""
    layers, width = SIZES[size]
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    previous = b.input("x", count=INPUTS).ravel()
    for _ in range(layers):
        sources = np.resize(rng.permutation(previous), 2 * width)
        fanins = rng.permutation(sources).reshape(width, 2)
        previous = b.tables(TABLES[rng.integers(0, len(TABLES), width)], fanins)
    for i in range(CLASSES):
        b.score(f"class{i}", previous[i::CLASSES])
    return b.finish(readout="argmax")
