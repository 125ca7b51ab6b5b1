"""Thresholds that the kernel counts between rounds of gates."""

from __future__ import annotations

import numpy as np
import pytest
from c_nets import assert_same

from lithify.backends.c.engine import Engine
from lithify.backends.c.library import load
from lithify.backends.c.program import schedule
from lithify.backends.c.sums import LEAST_PINS
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def drawn(seed: int) -> Circuit:
    """Thresholds of any weights over gates, over each other, over constants and the same twice."""
    rng = np.random.default_rng(seed)
    b = Builder(fold=False, hash=False)
    signals = [0, 1, *b.input("x", kind="bit", count=40).ravel()]
    for _ in range(60):
        if rng.random() < 0.5:
            table = int(rng.integers(16))
            signals.append(b.table(table, *map(int, rng.choice(signals, 2))))
            continue
        pins = rng.choice(signals, int(rng.integers(1, 80)))
        most = int(rng.choice([1, 2, 9]))
        weights = rng.integers(-most, most, len(pins), endpoint=True)
        reach = int(np.abs(weights).sum())
        bound = int(rng.integers(-reach - 2, reach + 3) // rng.integers(1, 8))
        signals.append(b.threshold(bound, pins.tolist(), weights.tolist()))
    b.output("bits", rng.choice(signals, 30))
    b.score("some", rng.choice(signals, 20))
    return b.finish(readout="scores")


@pytest.mark.parametrize("seed", range(40))
def test_every_kernel_counts_as_the_interpreter(seed: int) -> None:
    circuit = drawn(seed)
    program = schedule(circuit, count=True)
    assert len(program.sums) and program.stages[:, 1].sum() == len(program.sums)
    assert program.stages[:, 0].sum() == len(program.rounds)
    codes = simulate.random_codes(circuit, 700, np.random.default_rng(seed))
    right = simulate.run(circuit, codes)
    for vector in load().vectors:
        assert_same(Engine(program, vector=vector).run(codes), right)
    assert_same(Engine(schedule(circuit)).run(codes), right)


def majority_of(pins: int, weight: int = 1) -> Circuit:
    b = Builder(fold=False)
    x = b.input("x", kind="bit", count=pins)
    b.output("y", [b.threshold(weight * (pins // 2 + 1), x.ravel().tolist(), [weight] * pins)])
    return b.finish(readout="bits")


def test_only_large_thresholds_are_sums() -> None:
    few, some = majority_of(LEAST_PINS - 1), majority_of(LEAST_PINS)
    assert len(schedule(few, count=True).sums) == 0
    assert len(schedule(some).sums) == 0
    program = schedule(some, count=True)
    assert (program.num_gates, program.stages.tolist()) == (0, [[0, 1], [0, 0]])
    assert program.addends.tolist() == [[0, 0, LEAST_PINS]]


def test_what_nothing_reads_is_not_counted() -> None:
    b = Builder()
    x = b.input("x", kind="bit", count=20).ravel().tolist()
    unread = b.threshold(5, x[:10])
    b.threshold(2, [unread, *x[:9]])
    b.output("y", [b.threshold(7, x)])
    assert len(schedule(b.finish(readout="bits"), count=True).sums) == 1


def test_weights_that_no_counter_holds_stay_gates() -> None:
    huge = majority_of(LEAST_PINS, weight=1 << 29)
    program = schedule(huge, count=True)
    assert len(program.sums) == 0 and program.num_gates
    codes = simulate.random_codes(huge, 200, np.random.default_rng(0))
    assert_same(Engine(huge).run(codes), simulate.run(huge, codes))


def test_a_sum_takes_the_slot_of_what_nothing_reads_any_more() -> None:
    b = Builder()
    signals = b.input("x", kind="bit", count=64).ravel()
    for layer in range(6):
        rows = [np.roll(signals, i)[: 33 + layer] for i in range(64)]
        signals = np.array([b.threshold(17, row.tolist()) for row in rows])
    b.output("y", signals)
    circuit = b.finish(readout="bits")
    program = schedule(circuit, count=True)
    assert program.stages.tolist() == [[0, 64]] * 6 + [[0, 0]]
    assert program.slots < 3 * 64
    codes = simulate.random_codes(circuit, 300, np.random.default_rng(1))
    assert_same(Engine(program).run(codes), simulate.run(circuit, codes))
