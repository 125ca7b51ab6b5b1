"""The laws of the passes: the function is kept, nothing grows, a second run finds nothing."""

import numpy as np
import pytest

from lithify.backends.c.engine import Engine
from lithify.compiler.passes.absorb import Absorb
from lithify.compiler.passes.fold import Fold
from lithify.compiler.passes.prune import Prune
from lithify.compiler.passes.simplify import Simplify
from lithify.compiler.passes.strash import Strash
from lithify.compiler.pipeline import EFFORTS, PASSES, Pass, parse, run
from lithify.ir import simulate
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit

CHEAP: tuple[Pass, ...] = (Fold(), Strash(), Absorb(), Simplify(), Prune())


def same_answers(a: Circuit, b: Circuit, seed: int, samples: int = 200) -> None:
    codes = simulate.random_codes(a, samples, np.random.default_rng(seed))
    x, y = simulate.run(a, codes), simulate.run(b, codes)
    assert np.array_equal(x.scores, y.scores)
    assert np.array_equal(x.classes, y.classes)
    assert x.words.keys() == y.words.keys()
    assert all(np.array_equal(x.words[name], y.words[name]) for name in x.words)


@pytest.mark.parametrize("kind", PASSES.values(), ids=PASSES)
def test_every_pass_keeps_the_function_and_the_interface(kind: type[Pass]) -> None:
    for seed in range(25):
        before = random_circuit(np.random.default_rng(seed))
        after = kind()(before)
        check(after)
        assert (after.inputs, after.readout) == (before.inputs, before.readout)
        assert [o.name for o in after.outputs] == [o.name for o in before.outputs]
        same_answers(before, after, seed)


@pytest.mark.parametrize("step", CHEAP, ids=lambda step: step.name)
def test_cheap_passes_never_add_a_gate(step: Pass) -> None:
    for seed in range(25):
        before = random_circuit(np.random.default_rng(seed))
        assert step(before).num_gates <= before.num_gates


@pytest.mark.parametrize("step", CHEAP, ids=lambda step: step.name)
def test_cheap_passes_find_nothing_the_second_time(step: Pass) -> None:
    for seed in range(25):
        once = step(random_circuit(np.random.default_rng(seed)))
        assert step(once) == once


@pytest.mark.parametrize("effort", range(len(EFFORTS)))
def test_pipelines_keep_the_function(effort: int) -> None:
    for seed in range(10):
        before = random_circuit(np.random.default_rng(100 + seed))
        same_answers(before, run(parse(EFFORTS[effort]), before).circuit, seed)


def exact() -> tuple[Builder, int, int]:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=2, kind="bit").ravel()
    return b, int(x[0]), int(x[1])


def test_fold_removes_constants_wires_and_fanins_without_effect() -> None:
    b, x, y = exact()
    always = b.table(0b1111, x, y)
    wire = b.table(0b1010, x, y)
    gate = b.table(0x8, wire, always)
    b.output("out", [gate, b.xor(x, y)])
    folded = Fold()(b.finish())
    assert folded.num_gates == 1
    assert folded.words[0].signals.ravel().tolist() == [x, folded.first_gate]


def test_fold_keeps_gates_apart_that_strash_makes_one() -> None:
    b, x, y = exact()
    b.output("out", [b.xor(x, y), b.xor(y, x)])
    circuit = b.finish()
    assert Fold()(circuit).num_gates == 2
    hashed = Strash()(circuit)
    assert hashed.num_gates == 1
    assert hashed.words[0].signals.ravel().tolist() == [hashed.first_gate] * 2


def test_absorb_leaves_no_inverter_that_a_gate_or_score_reads() -> None:
    b, x, y = exact()
    not_x = b.not_(x)
    gate = b.table(0x8, not_x, b.not_(y))
    big = b.threshold(2, [not_x, x, y], [2, 1, 1])
    b.output("out", [gate, big])
    b.score("sum", [not_x, gate], [3, 1], bias=5)
    absorbed = Prune()(Absorb()(b.finish()))
    nor, reaches = absorbed.words[0].signals.ravel().tolist()
    assert absorbed.tables[nor - absorbed.first_gate] == 0x1
    assert absorbed.gate_fanins(nor - absorbed.first_gate) == [x, y]
    assert reaches - absorbed.first_gate in range(absorbed.num_gates)
    score = absorbed.scores[0]
    assert (score.bias, score.signals.tolist(), score.weights.tolist()) == (8, [x, nor], [-3, 1])


def test_absorb_keeps_an_inverter_that_a_word_shows() -> None:
    b, x, _ = exact()
    b.output("out", [b.not_(x)])
    assert Prune()(Absorb()(b.finish())).num_gates == 1


def test_scores_lose_constants_and_merge_equal_and_opposite_terms() -> None:
    b, x, y = exact()
    b.score("sum", [x, x, 1, 0, y, y, b.not_(x)], [1, 2, 4, 8, 1, -1, 1], bias=-1)
    score = Absorb()(b.finish(readout="scores")).scores[0]
    assert (score.bias, score.signals.tolist(), score.weights.tolist()) == (4, [x], [2])


MOST = 2**31 - 1


@pytest.mark.parametrize(
    ("weights", "merged"),
    [
        ([MOST, 1], [MOST, 1]),
        ([-MOST, -MOST, -5], [-MOST, -MOST, -5]),
        ([MOST, MOST], [MOST, MOST]),
        ([MOST, 7, -7], [MOST]),
    ],
)
def test_merged_weights_beyond_32_bits_take_several_terms(
    weights: list[int], merged: list[int]
) -> None:
    b, x, y = exact()
    b.score("sum", [x] * len(weights) + [y], [*weights, 3])
    circuit = b.finish(readout="scores")
    folded = Fold()(circuit)
    check(folded)
    score = folded.scores[0]
    assert score.signals.tolist() == [x] * len(merged) + [y]
    assert score.weights.tolist() == [*merged, 3]
    assert Fold()(folded) == folded
    codes = [[0, 0], [0, 1], [1, 0], [1, 1]]
    expected = [[0], [3], [sum(weights)], [sum(weights) + 3]]
    assert simulate.run(folded, codes).scores.tolist() == expected
    assert Engine(folded).scores(codes).tolist() == expected
    assert simulate.run(expand(folded).circuit, codes).words["scores"].tolist() == expected


def test_prune_removes_what_no_output_reads_and_nothing_else() -> None:
    b, x, y = exact()
    used = b.table(0x6, x, y)
    dead = b.table(0x8, x, y)
    b.table(0x8, dead, used)
    b.output("out", [used])
    pruned = Prune()(b.finish())
    assert pruned.num_gates == 1
    assert pruned.tables.tolist() == [0x6]


def test_passes_keep_the_origin_of_what_they_keep() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=3, kind="bit").ravel()
    with b.origin("layers.0", "core"):
        y = b.tables([0x0, 0x8, 0x6], [[2, 3], [2, 4], [3, 4]])
    with b.origin("head", "head"):
        b.output("out", [b.table(0xE, int(y[1]), int(y[2])), int(x[0])])
    pruned = Prune()(Strash()(b.finish()))
    assert [o.path for o in pruned.origins] == ["layers.0", "head"]
    assert pruned.origin_of.tolist() == [0, 0, 1]
    assert pruned.unit_of.tolist() == [1, 2, 0]
