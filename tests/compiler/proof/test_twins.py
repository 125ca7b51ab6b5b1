"""Gates that are equal by their forms, and the circuit that reads one copy of them."""

from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from numpy.typing import NDArray

from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof.equivalence import FORMS, prove_equal
from lithify.compiler.proof.simulation import planes_of
from lithify.compiler.proof.twins import twins
from lithify.compiler.proof.verdict import Proved, Refuted
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import random_codes
from lithify.ir.simulate import run as answer

SAMPLES = 320


def values(circuit: Circuit, codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    every = np.arange(circuit.num_signals, dtype=np.int32)
    planes = planes_of(circuit, every, codes).view(np.uint8)
    return np.unpackbits(planes, axis=1, bitorder="little")[:, : len(codes)]


@settings(max_examples=60, deadline=None)
@given(circuits(most_gates=40))
def test_signals_of_one_class_are_equal(circuit: Circuit) -> None:
    after = run(parse(EFFORTS[1]), circuit).circuit
    found = twins(circuit, after)
    codes = random_codes(circuit, SAMPLES, np.random.default_rng(0))
    rows = np.concatenate([values(circuit, codes), values(after, codes)])
    literals = np.concatenate([found.left, found.right])
    plain = rows ^ (literals & 1).astype(np.uint8)[:, None]
    _, first, place = np.unique(literals >> 1, return_index=True, return_inverse=True)
    assert np.array_equal(plain, plain[first][place])


@settings(max_examples=60, deadline=None)
@given(circuits(most_gates=40))
def test_the_merged_circuit_is_legal_and_the_seen_function(circuit: Circuit) -> None:
    after = run(parse(EFFORTS[1]), circuit).circuit
    merged = twins(circuit, after).merged()
    check(merged)
    assert twins(after, merged).agree()
    codes = random_codes(circuit, SAMPLES, np.random.default_rng(0))
    one, other = answer(after, codes), answer(merged, codes)
    assert np.array_equal(one.scores, other.scores)
    assert all(np.array_equal(one.words[name], other.words[name]) for name in one.words)


def wide(order: NDArray[np.int64], *, factor: int = 1, slack: int = 0, turned: int = 0) -> Circuit:
    """A threshold over 300 bits, some of them inverted or twice there, written in some way."""
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=300).ravel()
    pins = [b.table(0b01, s) if i < turned else s for i, s in enumerate(x.tolist())]
    pulls = np.where(np.arange(300) % 3, 1, -2) * np.where(np.arange(300) < turned, -1, 1)
    bound = 5 + int(pulls[:turned].sum())
    pins = [*(pins[i] for i in order), 1]
    pulls = np.append(pulls[order], 7)
    gate = b.threshold(factor * (bound + 7) - slack, pins, (factor * pulls).tolist())
    b.score("a", [gate, x[0]], [2, 1])
    b.score("b", [b.table(0b01, gate)], bias=1)
    return b.finish(readout="argmax")


def test_wide_thresholds_are_equal_however_they_are_written() -> None:
    plain = wide(np.arange(300))
    shuffled = np.random.default_rng(0).permutation(300)
    for other in (
        wide(shuffled),
        wide(shuffled, factor=4),
        wide(shuffled, factor=4, slack=3),
        wide(shuffled, turned=120),
    ):
        verdict = prove_equal(plain, other)
        assert isinstance(verdict, Proved) and verdict.method == FORMS
        assert verdict.engines == ("lithify",)


@pytest.mark.parametrize("fault", ["bound", "weight", "fan-in"])
def test_a_fault_in_a_wide_threshold_leaves_it_in_a_class_of_its_own(fault: str) -> None:
    plain = wide(np.arange(300))
    wrong = wide(np.random.default_rng(0).permutation(300))
    arrays = {n: getattr(wrong, n).copy() for n in ("tables", "weights", "fanins")}
    if fault == "bound":
        arrays["tables"].view(np.int64)[0] += 1
    elif fault == "weight":
        arrays["weights"][10] += 1
    else:
        arrays["fanins"][10] = 1
    found = twins(plain, replace(wrong, **arrays))
    assert not found.agree()
    assert isinstance(prove_equal(plain, replace(wrong, **arrays)), Refuted)


def test_one_copy_of_what_is_equal_is_left_to_the_engine() -> None:
    """Sums of 300 bits that nobody matched would take &cec far longer than this limit."""

    def made(split: bool, order: NDArray[np.int64]) -> Circuit:
        b = Builder(fold=False, hash=False)
        x = b.input("x", count=300).ravel()
        gate = b.threshold(150, x[order].tolist())
        one, other, third = (int(s) for s in x[:3])
        both = b.table(0b10000000, one, other, gate)
        if split:
            both = b.table(0b1000, one, b.table(0b1000, other, gate))
        b.output("o", [b.table(0b0110, both, third)])
        return b.finish()

    shuffled = np.random.default_rng(1).permutation(300)
    before, after = made(False, np.arange(300)), made(True, shuffled)
    found = twins(before, after)
    assert not found.agree() and found.found == 2
    merged = found.merged()
    assert merged.num_gates == 4
    assert np.array_equal(merged.fanins[:300], before.fanins[:300])
    verdict = prove_equal(before, after, time_limit=10.0)
    assert isinstance(verdict, Proved) and verdict.method == "&cec"
