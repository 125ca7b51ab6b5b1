"""Comparing circuits with the interpreter, on all inputs where there are few."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.ports import Port
from lithify.ir.simulate import pack, random_codes, run, run_planes, unpack_bits

MOST_EXHAUSTIVE = 4096


def all_codes(circuit: Circuit, rng: np.random.Generator) -> NDArray[np.int64]:
    """Every input where there are few, else random ones."""
    ranges = [range(low, high + 1) for low, high in (p.bounds for p in _elements(circuit))]
    if prod(len(r) for r in ranges) <= MOST_EXHAUSTIVE:
        return np.array(list(product(*ranges)), np.int64)
    return random_codes(circuit, 300, rng)


def _elements(circuit: Circuit) -> Iterator[Port]:
    for port in circuit.inputs:
        yield from [port] * port.count


def signal_bits(circuit: Circuit, codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The value of every signal for every sample."""
    return unpack_bits(run_planes(circuit, pack(circuit, codes)), len(codes))


def assert_same_signals(
    one: Circuit, other: Circuit, signal_of: NDArray[np.int32], rng: np.random.Generator
) -> None:
    """Every signal of one circuit has the values of the signal that stands for it."""
    codes = all_codes(one, rng)
    np.testing.assert_array_equal(signal_bits(one, codes), signal_bits(other, codes)[signal_of])


def assert_same_words(one: Circuit, other: Circuit, rng: np.random.Generator) -> None:
    """The same words by name, for inputs that have the same bits, whatever they are called."""
    codes = all_codes(one, rng)
    planes = pack(one, codes)
    mine, theirs = run_planes(one, planes), run_planes(other, planes)
    assert [w.name for w in one.words] == [w.name for w in other.words]
    for a, b in zip(one.words, other.words, strict=True):
        assert a.signals.shape == b.signals.shape, a.name
        np.testing.assert_array_equal(
            unpack_bits(mine[a.signals], len(codes)), unpack_bits(theirs[b.signals], len(codes))
        )


def assert_expanded(circuit: Circuit, expanded: Circuit, rng: np.random.Generator) -> None:
    """The written-out scores and classes are those of the interpreter."""
    codes = all_codes(circuit, rng)
    before, after = run(circuit, codes), run(expanded, codes)
    for word in circuit.words:
        np.testing.assert_array_equal(before.words[word.name], after.words[word.name])
    if circuit.scores:
        np.testing.assert_array_equal(before.scores, after.words["scores"])
    if circuit.readout == "argmax":
        np.testing.assert_array_equal(before.classes, after.words["class"][:, 0])
