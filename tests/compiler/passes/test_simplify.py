"""Every rule of `simplify`, on the smallest circuit that shows it."""

from itertools import product

import numpy as np
import pytest

from lithify.compiler.passes.simplify import Simplify
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.simulate import run


def exact(count: int) -> tuple[Builder, list[int]]:
    b = Builder(fold=False, hash=False)
    return b, b.input("x", count=count, kind="bit").ravel().tolist()


def simplified(b: Builder) -> Circuit:
    """The simplified circuit, which answers as the one that was built."""
    before = b.finish()
    after = Simplify()(before)
    check(after)
    codes = np.array(list(product((0, 1), repeat=min(before.elements, 12))))
    codes = np.pad(codes, ((0, 0), (0, before.elements - codes.shape[1])), mode="wrap")
    left, right = run(before, codes), run(after, codes)
    assert all(np.array_equal(left.words[name], right.words[name]) for name in left.words)
    assert after.num_gates <= before.num_gates
    assert Simplify()(after) == after
    return after


def test_a_threshold_of_few_fanins_is_a_table() -> None:
    b, x = exact(8)
    b.output("and", [b.threshold(3, x[:3])])
    b.output("majority", [b.threshold(2, x[2:5])])
    b.output("wide", [b.threshold(4, x)])
    after = simplified(b)
    assert after.kinds.tolist() == [TABLE, TABLE, THRESHOLD]
    assert after.tables[:2].tolist() == [0x80, 0xE8]


@pytest.mark.parametrize(
    ("bound", "weights", "left"),
    [
        (20, [9, 2, 2, 2, 2, 2, 2, 2, 2, 1], []),
        (5, [100, 5, 1, 1, 1, 1, 1, 1, 1, 1], [5, 5, 1, 1, 1, 1, 1, 1, 1, 1]),
        (8, [8, 8, 8, 8, 8, 8, 8, 3, 3], [1] * 7),
        (-1, [-1, -1, -1, -1, -1, -1, -1, -1], [-1] * 8),
        (14, [6] * 7 + [2] * 2, [3] * 7 + [1] * 2),
    ],
)
def test_weights_become_small_and_fanins_without_effect_go(
    bound: int, weights: list[int], left: list[int]
) -> None:
    b, x = exact(len(weights))
    b.output("o", [b.threshold(bound, x, weights)])
    after = simplified(b)
    if left:
        assert after.full_weights().tolist() == left


def test_complements_cancel_and_equal_fanins_become_one() -> None:
    b, x = exact(9)
    inverse = b.not_(x[0])
    b.output("o", [b.threshold(5, [*x, inverse, x[1]])])
    after = simplified(b)
    assert after.num_gates == 1
    assert after.bounds.tolist() == [4]
    assert dict(zip(after.fanins.tolist(), after.full_weights().tolist(), strict=True)) == {
        x[1]: 2,
        **dict.fromkeys(x[2:], 1),
    }


def test_always_and_never_are_constants() -> None:
    b, x = exact(8)
    b.output("o", [b.threshold(-3, x, [-1] * 3 + [1] * 5), b.threshold(9, x)])
    after = simplified(b)
    assert after.num_gates == 0
    assert after.words[0].signals.ravel().tolist() == [1, 0]


def test_and_or_absorb_each_other() -> None:
    b, x = exact(4)
    b.output("o", [b.and_(x[0], b.or_(x[0], x[1])), b.or_(x[2], b.and_(x[2], x[3], x[0]))])
    b.output("p", [b.and_(b.or_(x[0], x[1]), b.or_(x[0], b.not_(x[1])))])
    after = simplified(b)
    assert after.num_gates == 0
    assert after.words[0].signals.ravel().tolist() == [x[0], x[2]]


def test_chains_of_exclusive_ors_cancel() -> None:
    b, x = exact(10)
    chain = x[0]
    for signal in [*x[1:7], *x[6:0:-1]]:
        chain = b.xor(chain, signal)
    b.output("o", [b.xor(chain, x[9])])
    after = simplified(b)
    assert after.num_gates == 1
    assert after.gate_fanins(0) == [x[0], x[9]]


def test_equal_parities_in_another_order_are_one_up_to_their_sign() -> None:
    b, x = exact(7)
    one, other = x[0], b.not_(x[6])
    for i in range(1, 7):
        one, other = b.xor(one, x[i]), b.xor(other, x[6 - i])
    b.output("o", [one])
    b.score("s", [other, one], [2, 3])
    after = simplified(b)
    assert after.num_gates == 6
    score = after.scores[0]
    assert (score.bias, score.signals.size, score.weights.tolist()) == (2, 1, [1])


def test_a_gate_and_its_inverse_are_one() -> None:
    b, x = exact(9)
    pairs = [b.table(0x1F, *x[:3]), b.table(0xE0, *x[:3])]
    wide = [b.threshold(5, x), b.threshold(-4, x, [-1] * 9)]
    b.output("o", [b.table(0b1000, pairs[0], wide[0]), b.table(0b0010, pairs[1], wide[1])])
    after = simplified(b)
    assert after.num_gates == 4


def test_comparisons_keep_their_binary_weights() -> None:
    """Thinner weights would be summed apart; these share their digits with other comparisons."""
    b = Builder()
    x = b.input("x", width=8)[0].tolist()
    places = [1 << i for i in range(8)]
    b.output("o", [b.threshold(bound, x, places) for bound in (65, 129, 177, 192)])
    after = simplified(b)
    assert after.kinds.tolist() == [THRESHOLD] * 3 + [TABLE]
    assert after.full_weights()[:24].tolist() == places * 3
