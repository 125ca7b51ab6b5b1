"""Narrower tables: only where no legal input tells the difference, and never on a mere sample."""

import logging

import numpy as np
import pytest

from lithify.backends.abc import Sweep
from lithify.compiler.passes.narrow import Narrow
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit


def thermometer() -> Circuit:
    """Tables of three over comparisons of one number, where each level implies the ones below."""
    b = Builder(fold=False, hash=False)
    x, y = b.input("x", width=4)[0].tolist(), int(b.input("y")[0, 0])
    low, high = (b.threshold(bound, x, [1, 2, 4, 8]) for bound in (3, 9))
    b.output("o", [b.and_(low, high, y), b.table(0xD8, low, high, y)])
    return b.finish()


def test_what_is_implied_is_read_no_more() -> None:
    before = thermometer()
    after = Narrow()(before)
    check(after)
    assert after.gate_fanins(2) == [6, 8]
    assert after.fanins.size == before.fanins.size - 1
    assert isinstance(prove_equal(before, after), Proved)


def test_a_range_makes_patterns_impossible() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, high=4)[0].tolist()
    b.output("o", [b.table(0b10010110, *x), b.table(0b00010000, *x)])
    before = b.finish()
    after = Narrow()(before)
    assert after.words[0].signals.ravel()[1] == x[2]
    assert isinstance(prove_equal(before, after), Proved)


def test_patterns_that_are_merely_rare_keep_the_table() -> None:
    b = Builder()
    x = b.input("x", count=20, kind="bit").ravel().tolist()
    rare = b.threshold(20, x)
    made = b.table(0x78, x[0], x[1], rare)
    b.output("o", [made, rare])
    before = b.finish()
    assert Narrow(vectors=64)(before) is before


@pytest.mark.parametrize("seed", range(8))
def test_the_function_is_kept_and_nothing_grows(seed: int) -> None:
    before = random_circuit(np.random.default_rng(seed), gates=60, fold=True)
    after = Narrow(vectors=256)(before)
    check(after)
    assert after.num_gates <= before.num_gates + sum(w.signals.size for w in before.words)
    assert isinstance(prove_equal(before, after), Proved)


def test_what_is_not_decided_in_time_is_left_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hung = Sweep(None, 1.0, "it hung")
    monkeypatch.setattr("lithify.backends.abc.sweep", lambda *a, **k: hung)
    before = thermometer()
    with caplog.at_level(logging.WARNING):
        assert Narrow()(before) is before
    assert caplog.messages == ["narrow: left as they are: 1 table: it hung"]
