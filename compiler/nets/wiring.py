"""Which inputs each gate reads, as index arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wires = NDArray[np.int32]


def even_pairs(inputs: int, outputs: int, generator: np.random.Generator) -> Wires:
    """Operands `[2, outputs]`: every input is read equally often (give or take one), never twice
    by one gate unless there is only one input.
    """
    rounds = -(-2 * outputs // inputs)
    slots = np.concatenate([generator.permutation(inputs) for _ in range(rounds)])[: 2 * outputs]
    pairs = slots.astype(np.int32).reshape(2, outputs)
    _part_twins(pairs, generator)
    return pairs


def _part_twins(pairs: Wires, generator: np.random.Generator) -> None:
    """Exchange second operands until no gate reads one input twice, where that is possible."""
    for _ in range(64):
        twins = np.flatnonzero(pairs[0] == pairs[1])
        if not twins.size:
            return
        for gate in twins.tolist():
            other = int(generator.integers(pairs.shape[1]))
            pairs[1, [gate, other]] = pairs[1, [other, gate]]
    twins = np.flatnonzero(pairs[0] == pairs[1])
    inputs = int(pairs.max()) + 1
    if inputs > 1:
        pairs[1, twins] = (pairs[0, twins] + 1) % inputs


def readers(wires: Wires, inputs: int) -> tuple[Wires, Wires]:
    """For each input the places in the flattened wires that read it: (places, first place)."""
    flat = wires.reshape(-1)
    places = np.argsort(flat, kind="stable").astype(np.int32)
    counts = np.bincount(flat, minlength=inputs)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    return places, first
