"""Smaller circuits that may answer differently: `approximate`, within a budget and on data alone.

What the samples never show is free: signals that agree on all of them become one. Then gates become
constants, or one of their fan-ins, those first that this changes on the fewest samples, for as long
as the answers to held-back samples that change stay within the budget.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.passes.share import merge, replaced
from lithify.compiler.signatures import classify
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.simulate import pack, run, run_planes

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

LEAST_SAMPLES = 10
MOST_ROUNDS = 8
MOST_WORDS = 1 << 22  # of signals compared at a time


@dataclass(frozen=True, slots=True)
class Price:
    """What an approximation cost, on held-back samples; accuracies where labels were given."""

    allowed: float
    samples: int
    held: int
    changed: int
    accuracy_before: float | None
    accuracy_after: float | None

    def line(self) -> str:
        """The price in words."""
        said = (
            f"{self.changed} of {self.held} held-back answers changed, of a share of "
            f"{self.allowed:g} allowed"
        )
        if self.accuracy_before is None or self.accuracy_after is None:
            return said
        return (
            f"{said}; accuracy {self.accuracy_before:.2%} before, {self.accuracy_after:.2%} after"
        )


def approximate(
    circuit: Circuit,
    codes: I64,
    labels: I64 | None = None,
    *,
    allow_error: float,
    seed: int = 0,
) -> tuple[Circuit, Price]:
    """A circuit of no more gates, and its price: at most this share of answers changes.

    A drawn half of codes[samples, elements] says what is free; the other half, held back, judges.
    """
    _require(circuit, codes, allow_error)
    order = np.random.default_rng(seed).permutation(len(codes))
    fit, held = np.split(order, [len(order) // 2])
    judge = _Judge(circuit, codes[held], allow_error)
    best = circuit
    for _ in range(MOST_ROUNDS):
        planes = _whole_planes(best, codes[fit])
        after = _with_fewer(_with_equals(best, planes, judge), codes[fit], judge)
        if after.num_gates >= best.num_gates:
            break
        best = after
    right, now = (_accuracy(c, codes[held], labels, held) for c in (circuit, best))
    price = Price(allow_error, len(codes), len(held), judge.changed(best), right, now)
    return best, price


def _accuracy(circuit: Circuit, codes: I64, labels: I64 | None, rows: I64) -> float | None:
    """The share of these samples whose class is their label, where there are classes and labels."""
    if labels is None or circuit.readout != "argmax":
        return None
    return float((run(circuit, codes).classes == labels[rows]).mean())


def _require(circuit: Circuit, codes: I64, allow_error: float) -> None:
    """Refuse shares and samples that no approximation can be judged by."""
    if not 0 < allow_error < 1:
        raise InputError(f"an allowed error of {allow_error:g}; it is a share above 0 and below 1")
    if len(codes) < LEAST_SAMPLES:
        raise InputError(
            f"{len(codes)} samples to approximate by; at least {LEAST_SAMPLES} are needed"
        )


class _Judge:
    """The held-back samples, and what the circuit answered to them."""

    def __init__(self, circuit: Circuit, codes: I64, allow_error: float) -> None:
        self._codes = codes
        self._right = _answers(circuit, codes)
        self._most = int(allow_error * len(codes))

    def changed(self, circuit: Circuit) -> int:
        """How many answers are others."""
        return int((_answers(circuit, self._codes) != self._right).any(1).sum())

    def accepts(self, circuit: Circuit) -> bool:
        """Whether no more answers are others than may be."""
        return self.changed(circuit) <= self._most


def _answers(circuit: Circuit, codes: I64) -> I64:
    """Everything that users see: words, and the class or else the scores."""
    seen = run(circuit, codes)
    said = {"argmax": seen.classes[:, None], "scores": seen.scores, "bits": seen.scores[:, :0]}
    return np.concatenate([said[circuit.readout], *seen.words.values()], axis=1)


def _whole_planes(circuit: Circuit, codes: I64) -> NDArray[np.uint64]:
    """The planes of all signals; the last sample fills up the last word."""
    filled = np.concatenate([codes, np.repeat(codes[-1:], -len(codes) % 64, axis=0)])
    return run_planes(circuit, pack(circuit, filled))


def _with_equals(circuit: Circuit, planes: NDArray[np.uint64], judge: _Judge) -> Circuit:
    """The circuit where signals that agree on all samples are one, if that is accepted."""
    alive = np.ones(circuit.num_signals, np.bool_)
    alive[1] = False
    alive[circuit.first_gate :] = circuit.live()
    signals = np.flatnonzero(alive).astype(np.int32)
    classes = classify(planes[signals])
    chosen = classes.representatives()
    literals = 2 * signals[chosen] + (classes.inverted ^ classes.inverted[chosen])
    gates = (chosen != np.arange(signals.size)) & (signals >= circuit.first_gate)
    merged = merge(circuit, signals[gates], literals[gates].astype(np.int32))
    return merged if judge.accepts(merged) else circuit


def _with_fewer(circuit: Circuit, codes: I64, judge: _Judge) -> Circuit:
    """The circuit where as many gates as are accepted became what they are nearest to."""
    planes = _whole_planes(circuit, codes)
    literals, distances = _nearest(circuit, planes)
    order = np.argsort(distances, kind="stable")
    gates = order[circuit.live()[order]]
    least, most = 0, gates.size
    while least < most:
        middle = (least + most + 1) // 2
        tried = _replaced(circuit, gates[:middle], literals)
        least, most = (middle, most) if judge.accepts(tried) else (least, middle - 1)
    chosen = np.sort(gates[:least])
    made = merge(circuit, (circuit.first_gate + chosen).astype(np.int32), literals[chosen])
    return made


def _replaced(circuit: Circuit, gates: I64, literals: I32) -> Circuit:
    chosen = np.sort(gates)
    return replaced(circuit, (circuit.first_gate + chosen).astype(np.int32), literals[chosen])


def _nearest(circuit: Circuit, planes: NDArray[np.uint64]) -> tuple[I32, I64]:
    """For every gate the constant or fan-in, perhaps inverted, that differs least; how often."""
    first, samples = circuit.first_gate, 64 * planes.shape[1]
    ones = np.bitwise_count(planes[first:]).sum(1, dtype=np.int64)
    distances = np.minimum(ones, samples - ones)
    literals = (ones > samples - ones).astype(np.int32)  # 0 and 1 are the constants as literals
    arity = np.diff(circuit.offsets)
    owners = np.repeat(np.arange(circuit.num_gates), arity)
    step = max(1, MOST_WORDS // max(1, planes.shape[1]))
    for begin in range(0, owners.size, step):
        rows, pins = owners[begin : begin + step], circuit.fanins[begin : begin + step]
        unlike = np.bitwise_count(planes[first + rows] ^ planes[pins]).sum(1, dtype=np.int64)
        near = np.minimum(unlike, samples - unlike)
        # Of the pins of one gate the last of the nearest is written last.
        order = np.argsort(-near, kind="stable")
        better = order[near[order] < distances[rows[order]]]
        literals[rows[better]] = 2 * pins[better] + (unlike > samples - unlike)[better]
        np.minimum.at(distances, rows, near)
    return literals, distances
