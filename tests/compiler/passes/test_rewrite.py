"""Rewriting: thresholds and scores stay, tables become fewer or stay, and the limit is kept."""

import logging

import numpy as np
import pytest

from lithify.compiler.passes.rewrite import Rewrite
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.verdict import Proved
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.errors import ToolFailed
from lithify.ir.generate import random_circuit


def redundant() -> Circuit:
    """Gates before and behind a threshold that ABC writes with fewer."""
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=8, kind="bit").ravel().tolist()
    with b.origin("layers.0", "core"):
        one = b.or_(b.and_(x[0], x[1]), b.and_(x[0], x[2]))
        wide = b.threshold(4, [one, *x[1:]])
        two = b.and_(b.or_(wide, x[3]), b.or_(wide, x[4]))
    b.output("o", [two, wide, x[0]])
    b.score("s", [one, two, x[5]], [1, -2, 3])
    return b.finish(readout="scores")


def test_tables_become_fewer_and_thresholds_stay() -> None:
    before = redundant()
    after = Rewrite()(before)
    check(after)
    assert (before.num_gates, after.num_gates) == (7, 5)
    assert (after.kinds == THRESHOLD).sum() == 1
    assert {origin.path for origin in after.origins} == {"layers.0"}
    assert isinstance(prove_equal(before, after), Proved)


@pytest.mark.parametrize("seed", range(8))
def test_the_function_is_kept_and_nothing_grows(seed: int) -> None:
    before = random_circuit(np.random.default_rng(seed), gates=50, fold=True)
    after = Rewrite()(before)
    check(after)
    assert after.num_gates <= before.num_gates
    assert isinstance(prove_equal(before, after), Proved)


def test_large_circuits_and_those_without_tables_are_left_alone() -> None:
    before = redundant()
    assert Rewrite(gates=6)(before) is before
    b = Builder()
    b.output("o", [b.threshold(5, b.input("x", count=9).ravel().tolist())])
    only = b.finish()
    assert Rewrite()(only) is only


def test_what_the_engine_does_not_finish_is_left_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def hangs(*_: object, **__: object) -> bytes:
        raise ToolFailed("it hung")

    monkeypatch.setattr("lithify.backends.abc.map_luts", hangs)
    before = redundant()
    with caplog.at_level(logging.WARNING):
        assert Rewrite()(before) is before
    assert caplog.messages == ["rewrite: the tables were left as they are: it hung"]
