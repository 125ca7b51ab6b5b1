"""The benchmarks of proofs on small circuits: every fault is refuted, and no verdict is wrong."""

import numpy as np
import pytest
from fuzz_passes import fuzz

from benchmarks import mutants, pairs
from lithify.compiler.proof.verdict import Proved
from lithify.ir.arithmetic import CLASS
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import run


def net() -> Circuit:
    """Tables, thresholds and three scores that often tie."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", count=10, kind="bit").ravel()
    y = b.tables(rng.integers(1, 15, 12).astype(np.uint64), x[rng.integers(0, 10, (12, 2))])
    wide = b.thresholds([2, 0, 3], np.stack([rng.choice(y, 8) for _ in range(3)]))
    for k in range(3):
        b.score(f"class{k}", [*y[4 * k : 4 * k + 4], wide[k]], [1, 1, 1, 1, 2])
    return b.finish(readout="argmax")


def test_every_fault_is_refuted() -> None:
    result = mutants.measure(net(), count=25, seed=1)
    assert result.ok
    assert sum(result.refuted.values()) == 25
    assert {mutants.TIES, mutants.BIAS, mutants.TERM} <= result.refuted.keys()


def test_the_fault_of_ties_changes_the_class_where_scores_tie_alone() -> None:
    right, mutant = mutants.ties_to_the_highest(net())
    codes = np.random.default_rng(0).integers(0, 2, (300, 10))
    scores = run(net(), codes).scores
    highest = 2 - scores[:, ::-1].argmax(1)
    assert (highest != scores.argmax(1)).any()
    assert np.array_equal(run(right, codes).words[CLASS][:, 0], scores.argmax(1))
    assert np.array_equal(run(mutant, codes).words[CLASS][:, 0], highest)


def test_verdicts_agree_with_all_inputs() -> None:
    rng = np.random.default_rng(4)
    found = {pairs.judge(*pairs.pair(rng)) for _ in range(12)}
    assert pairs.KINDS[0] in found and pairs.KINDS[3] not in found


def test_a_wrong_proof_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    always = Proved("", (), 0, 0, 0.0)
    monkeypatch.setattr(pairs, "prove_equal", lambda *a, **k: always)
    rng = np.random.default_rng(0)
    found = {pairs.judge(*pairs.pair(rng)) for _ in range(12)}
    assert pairs.KINDS[3] in found


def test_passes_keep_their_laws_on_a_few_odd_circuits() -> None:
    assert fuzz(11, 30) == []
