"""Sharing: what is equal becomes one, what is not stays, and the function is kept."""

import logging

import numpy as np
import pytest

from lithify.backends.abc import Sweep
from lithify.compiler.passes.share import Share, merge
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit
from lithify.ir.simulate import random_codes, run


def same_answers(a: Circuit, b: Circuit, samples: int = 500) -> bool:
    codes = random_codes(a, samples, np.random.default_rng(7))
    left, right = run(a, codes), run(b, codes)
    return np.array_equal(left.scores, right.scores) and all(
        np.array_equal(left.words[name], right.words[name]) for name in left.words
    )


def redundant() -> Circuit:
    """Two exclusive ors of other shape, a complement, a hidden constant, and a real difference."""
    b = Builder()
    x, y, z = (int(b.input(n)[0, 0]) for n in "xyz")
    nand = b.table(0b0111, x, y)
    four = b.table(0b0111, b.table(0b0111, x, nand), b.table(0b0111, y, nand))
    equal = b.table(0b1001, x, y)
    never = b.and_(b.and_(four, equal), z)
    b.output("o", [four, equal, never, b.xor(y, z)])
    b.score("s", [four, equal, never, z], [3, 2, 9, 1])
    return b.finish(readout="scores")


def test_equal_complementary_and_constant_signals_are_merged() -> None:
    before = redundant()
    after = Share()(before)
    check(after)
    assert same_answers(before, after)
    bits = after.words[0].signals.ravel()
    assert after.gate_fanins(int(bits[1]) - after.first_gate) == [bits[0]]
    assert bits[2] == 0
    assert after.num_gates < before.num_gates
    assert after.scores[0].bias == 2
    assert dict(zip(after.scores[0].signals, after.scores[0].weights, strict=True)) == {
        bits[0]: 1,
        4: 1,
    }


@pytest.mark.parametrize("seed", range(30))
def test_the_function_is_kept_and_gates_never_become_more(seed: int) -> None:
    before = random_circuit(np.random.default_rng(seed), gates=60, fold=True)
    after = Share()(before)
    check(after)
    assert same_answers(before, after)
    assert after.num_gates <= before.num_gates + sum(w.signals.size for w in before.words)


@pytest.mark.parametrize("seed", range(5))
def test_sharing_twice_changes_nothing(seed: int) -> None:
    once = Share()(random_circuit(np.random.default_rng(seed), gates=60))
    assert Share()(once).num_gates == once.num_gates


def test_signals_that_differ_on_one_pattern_in_a_million_stay_apart() -> None:
    b = Builder()
    x = b.input("x", count=20).ravel()
    rare = b.table(0b1000, b.and_(*x[:10]), b.and_(*x[10:]))
    plain = b.xor(int(x[0]), int(x[1]))
    b.output("o", [plain, b.xor(plain, rare), rare])
    before = b.finish()
    signals, _ = Share(vectors=64).find(before)
    assert not signals.size
    assert Share(vectors=64)(before) is before


def test_what_is_equal_within_the_range_of_a_port_is_merged() -> None:
    b = Builder()
    x = b.input("x", width=3, high=4)[0].tolist()
    places = [1, 2, 4]
    four, five = b.threshold(4, x, places), b.threshold(5, x, places)
    b.output("o", [four, b.table(0b1000, four, x[2]), five, b.table(0b0110, x[2], x[0])])
    before = b.finish()
    after = Share()(before)
    check(after)
    assert after.words[0].signals.ravel().tolist()[:3] == [x[2], x[2], 0]
    assert same_answers(before, after)
    assert isinstance(prove_equal(before, after), Proved)


def test_an_input_bit_that_never_changes_is_read_no_more() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, low=4, high=5)[0].tolist()
    y = b.input("y", width=2, kind="int", low=-1, high=0)[0].tolist()
    b.output("o", [b.table(0x68, *x), b.table(0b0110, *y), x[2]])
    b.score("s", [x[1], x[2], y[1]], [5, 7, 1])
    before = b.finish(readout="scores")
    after = Share()(before)
    assert after.inputs == before.inputs
    assert after.words[0].signals.ravel().tolist() == [x[0], 0, 1]
    assert (after.scores[0].bias, after.scores[0].signals.tolist()) == (7, [y[0]])
    assert same_answers(before, after)


def test_wide_thresholds_are_free_inputs_of_the_proof() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=40).ravel()
    sums = [b.threshold(20, row) for row in (x.tolist(), x[::-1].tolist())]
    b.output("o", [*sums, b.xor(sums[0], int(x[0])), b.table(0b1001, sums[0], int(x[0]))])
    signals, literals = Share().find(b.finish())
    assert list(zip(signals, literals, strict=True)) == [(45, 2 * 44 + 1)]


def test_real_inputs_spare_false_candidates() -> None:
    b = Builder()
    x = b.input("x", count=30).ravel()
    rare = b.table(0b1000, b.and_(*x[:15]), b.and_(*x[15:]))
    b.output("o", [rare])
    before = b.finish()
    telling = np.ones((3, 30), np.int64)
    telling[0, :15] = telling[1, 15:] = 0
    assert rare in Share(vectors=64)._suspects(before, None)
    assert not Share(vectors=64)._suspects(before, telling).size
    assert not Share(vectors=64).find(before, telling)[0].size


def test_what_is_not_decided_in_time_is_left_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hung = Sweep(None, 1.0, "it hung")
    monkeypatch.setattr("lithify.backends.abc.sweep", lambda *a, **k: hung)
    before = redundant()
    with caplog.at_level(logging.WARNING):
        assert Share()(before) is before
    assert caplog.messages == ["share: 5 candidates were left as they are: it hung"]


def test_merging_nothing_gives_the_circuit_itself() -> None:
    before = redundant()
    none = np.empty(0, np.int32)
    assert merge(before, none, none) is before
