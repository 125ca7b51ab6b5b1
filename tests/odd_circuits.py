"""Circuits for fuzzing, half of them of extremes: wide ports, huge weights, constants, ties."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lithify.ir.builder import Builder
from lithify.ir.circuit import READOUTS, Circuit
from lithify.ir.generate import random_circuit
from lithify.ir.ports import full_range

MOST_BOUND = 1 << 61
Signals = NDArray[np.int64]


def all_circuits(seed: int) -> Iterator[Circuit]:
    """Random circuits without end, some odd and some plain."""
    rng = np.random.default_rng(seed)
    while True:
        yield odd_circuit(rng)
        gates, fold = int(rng.integers(60)), bool(rng.integers(2))
        yield random_circuit(rng, gates=gates, fold=fold, odd_names=True)


def odd_circuit(rng: np.random.Generator) -> Circuit:
    """A small circuit in which every number is as likely to be at its limit as not."""
    builder = Builder(fold=False, hash=False)
    width, kind = int(rng.integers(1, 63)), str(rng.choice(["uint", "int"]))
    low, high = full_range(width, kind)
    if rng.integers(2):
        low, high = sorted(rng.integers(low, high, 2, endpoint=True).tolist())
    wide = builder.input("wide", width=width, kind=kind, low=low, high=high)
    narrow = builder.input("narrow", width=3, count=2, low=int(rng.integers(4)), high=6)
    signals = np.concatenate([[0, 1], wide.ravel(), narrow.ravel()])
    for _ in range(rng.integers(4)):
        pins, weights = _terms(rng, signals)
        sums = [0, MOST_BOUND, -MOST_BOUND, weights.sum(), weights[weights > 0].sum()]
        bound = int(rng.choice(sums)) + int(rng.integers(-1, 2))
        bound = min(max(bound, -MOST_BOUND), MOST_BOUND)
        made = builder.threshold(bound, pins.tolist(), weights.tolist())
        signals = np.append(signals, made)
    builder.output("constants", [0, 1], kind="int")
    builder.output("many", rng.choice(signals, (1, int(rng.integers(1, 63)))), kind=kind)
    for i in range(rng.integers(1, 6)):
        bias = int(rng.integers(-2, 3)) << int(rng.integers(0, 50))
        builder.score(f"s{i}", *_terms(rng, signals), bias=bias)
    return builder.finish(readout=str(rng.choice(READOUTS)))


def _terms(rng: np.random.Generator, signals: Signals) -> tuple[Signals, Signals]:
    """Signals and weights; where signals come again their weights still fit 32 bits together."""
    again = bool(rng.integers(2))
    pins = rng.choice(signals, int(rng.integers(9)), replace=again)
    most = 1 << int(rng.integers(1, 28 if again else 32))
    return pins, rng.integers(1, most, pins.size) * rng.choice([-1, 1], pins.size)
