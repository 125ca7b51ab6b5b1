"""Thresholds, scores and the argmax written as tables, and the record that proves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from conservation import check_adders
from hypothesis import given
from same_function import assert_expanded, assert_same_signals

from lithify.ir.arithmetic import expand, score_width
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import FULL, HALF, MATCH, SCORE, THRESHOLD, Netlist
from lithify.ir.origin import Origin
from lithify.ir.simulate import run
from lithify.ir.tournament import pairings


def expanded(circuit: Circuit, seed: int = 0) -> Netlist:
    """The netlist, once everything about it is checked."""
    netlist = expand(circuit)
    check(netlist.circuit)
    check_adders(netlist)
    rng = np.random.default_rng(seed)
    assert (netlist.circuit.kinds == TABLE).all() and not netlist.circuit.scores
    assert_same_signals(circuit, netlist.circuit, netlist.signal_of, rng)
    assert_expanded(circuit, netlist.circuit, rng)
    check_matches(netlist)
    return netlist


def check_matches(netlist: Netlist) -> None:
    """The tournament is played as it says: entries in order, winners by the comparison."""
    matches, adders = netlist.matches, netlist.adders
    count = len(matches.values) - len(matches.left)
    spans = [(i, i) for i in range(count)]
    rows = {int(adders.owners[g]): g for g in np.flatnonzero(adders.purposes == MATCH)}
    for m, (a, b) in enumerate(zip(matches.left.tolist(), matches.right.tolist(), strict=True)):
        assert spans[a][1] + 1 == spans[b][0]
        spans.append((spans[a][0], spans[b][1]))
        top = int(adders.bits[adders.bit_offsets[rows[m] + 1] - 1])
        assert matches.higher[m] == top >> 1
        terms = adders.terms[adders.term_offsets[rows[m]] : adders.term_offsets[rows[m] + 1]]
        assert terms.tolist() == [*matches.values[b], *matches.values[a]]
    if matches.left.size:
        assert spans[-1] == (0, count - 1)


def bits(count: int, *, fold: bool = False) -> tuple[Builder, np.ndarray]:
    """A builder with one input of so many bits."""
    builder = Builder(fold=fold, hash=fold)
    return builder, builder.input("x", count=count).ravel()


@given(circuits(most_gates=30))
def test_the_function_is_kept(circuit: Circuit) -> None:
    expanded(circuit)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("largest", [1, 3, 40, 2**31 - 1])
def test_wide_thresholds_of_any_weights(seed: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    builder, x = bits(11)
    gates = []
    for _ in range(12):
        k = int(rng.integers(7, 14))
        weights = rng.integers(1, largest, k, endpoint=True) * rng.choice([-1, 1], k)
        low, high = weights[weights < 0].sum(), weights[weights > 0].sum()
        bound = int(rng.integers(low - 1, high + 2))
        signals = rng.choice(x, k, replace=bool(rng.integers(2)) or k > 11)
        gates.append(builder.threshold(bound, signals.tolist(), weights.tolist()))
    builder.output("y", gates)
    expanded(builder.finish())


@pytest.mark.parametrize("n", [7, 8, 9, 10])
@pytest.mark.parametrize("sign", [1, -1])
def test_every_bound_of_a_popcount(n: int, sign: int) -> None:
    builder, x = bits(n)
    weights = [sign] * n
    bounds = range(-n - 1, n + 3)
    builder.output("y", [builder.threshold(t, x.tolist(), weights) for t in bounds])
    netlist = expanded(builder.finish())
    always, never = (0, n + 1) if sign > 0 else (-n, 1)
    found = dict(zip(bounds, netlist.circuit.words[0].signals[:, 0].tolist(), strict=True))
    assert {t: s for t, s in found.items() if s <= 1} == {
        t: int(t <= always) for t in bounds if t <= always or t >= never
    }


@pytest.mark.parametrize("width", [1, 5, 6, 7, 8, 10])
def test_the_comparator_of_an_integer_is_a_chain(width: int) -> None:
    rng = np.random.default_rng(width)
    places = 1 << np.arange(width)
    for bound in rng.integers(2, max(3, 2**width - 1), 8).tolist():
        builder = Builder(fold=False)
        x = builder.input("x", width=width)
        builder.output("y", builder.threshold(bound, x[0].tolist(), places.tolist()))
        netlist = expanded(builder.finish())
        assert netlist.circuit.num_gates <= (1 if width <= 6 else width - 1)
        assert np.diff(netlist.circuit.offsets).max(initial=0) <= (6 if width <= 6 else 2)


@pytest.mark.parametrize("n", [7, 13, 36, 100])
def test_wide_and_and_or_are_trees(n: int) -> None:
    rng = np.random.default_rng(n)
    weights = rng.choice([-1, 1], n)
    builder, x = bits(n)
    low = int(weights[weights < 0].sum())
    either = builder.threshold(low + 1, x.tolist(), weights.tolist())
    every = builder.threshold(low + n, x.tolist(), weights.tolist())
    builder.output("y", [either, every])
    circuit = builder.finish()
    netlist = expanded(circuit)
    assert netlist.circuit.num_gates == 2 * -(-(n - 1) // 5)
    assert netlist.adders.num_groups == 0
    # What random inputs never reach: all literals at their last value.
    codes = np.stack([weights > 0, weights < 0]).astype(np.int64)
    for each in (circuit, netlist.circuit):
        assert run(each, codes).words["y"].tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("readout", ["scores", "argmax"])
@pytest.mark.parametrize("largest", [1, 5, 2**31 - 1])
def test_scores_of_any_terms(seed: int, readout: str, largest: int) -> None:
    rng = np.random.default_rng(seed)
    builder, x = bits(9)
    inner = builder.table(0b0110, int(x[0]), int(x[1]))
    for i in range(int(rng.integers(1, 8))):
        k = int(rng.integers(0, 15))
        weights = rng.integers(-largest, largest, k, endpoint=True)
        signals = rng.integers(0, inner + 1, k)
        bias = int(rng.integers(-3 * largest, 3 * largest, endpoint=True))
        builder.score(f"s{i}", signals, weights, bias=bias)
    expanded(builder.finish(readout=readout))


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 8, 10])
def test_ties_go_to_the_lowest_class(classes: int) -> None:
    rng = np.random.default_rng(classes)
    builder, x = bits(8)
    for i in range(classes):
        builder.score(f"s{i}", rng.choice(x, 2, replace=False), rng.choice([-1, 1], 2))
    netlist = expanded(builder.finish(readout="argmax"))
    word = netlist.circuit.words[-1]
    assert (word.name, word.kind, word.signals.shape) == (
        "class",
        "uint",
        (1, max(1, (classes - 1).bit_length())),
    )


@pytest.mark.parametrize("values", [(3, 3), (2, 3), (3, 2), (-4, -4, -3, -3), (0,), (5, 1, 5)])
def test_constant_scores_are_constants(values: tuple[int, ...]) -> None:
    builder = Builder()
    for i, value in enumerate(values):
        builder.score(f"s{i}", [], bias=value)
    netlist = expanded(builder.finish(readout="argmax"))
    assert netlist.circuit.num_gates == 0


def test_single_terms_and_repeats() -> None:
    builder, x = bits(3)
    builder.score("plain", [x[0]])
    builder.score("negative", [x[1]], [-1])
    builder.score("thrice", [x[2]] * 3)
    builder.score("gone", [x[0], x[1], x[0]], [2, 1, -2], bias=-1)
    builder.score("fixed", [1, 0, 1], [5, 9, -7])
    netlist = expanded(builder.finish(readout="scores"))
    scores = netlist.circuit.words[0]
    assert scores.signals.shape == (5, 3)
    assert netlist.circuit.num_gates == 1
    assert scores.signals.tolist() == [
        [2, 0, 0],
        [3, 3, 3],
        [4, 4, 0],
        [5, 5, 5],
        [0, 1, 1],
    ]


@pytest.mark.parametrize(
    ("n", "full", "half", "depth"), [(63, 57, 0, 10), (64, 57, 6, 11), (256, 247, 8, 14)]
)
def test_a_popcount_takes_the_fewest_adders(n: int, full: int, half: int, depth: int) -> None:
    builder, x = bits(n)
    builder.score("ones", x)
    netlist = expanded(builder.finish(readout="scores"))
    kinds = netlist.adders.kinds
    assert ((kinds == FULL).sum(), (kinds == HALF).sum()) == (full, half)
    assert netlist.circuit.num_gates == 2 * (full + half)
    assert netlist.circuit.depth <= depth


def test_late_signals_are_added_last() -> None:
    builder, x = bits(64)
    late = int(x[0])
    for y in x[1:9]:
        late = builder.table(0b0110, late, int(y))
    builder.score("ones", [late, *x])
    netlist = expanded(builder.finish(readout="scores"))
    assert netlist.circuit.depth <= 14


def test_short_digits_for_weights() -> None:
    builder, x = bits(2)
    builder.score("s", x, [127, -31])
    netlist = expanded(builder.finish(readout="scores"))
    # 128 - 1 and 1 - 32: four digits in place of twelve.
    assert netlist.adders.num_compressors <= 8


def test_neurons_over_the_same_inputs_share_adders() -> None:
    rng = np.random.default_rng(5)
    builder, x = bits(48)
    weights = rng.choice([-1, 1], (16, 48))
    builder.output("y", builder.thresholds(np.zeros(16, int), np.tile(x, (16, 1)), weights))
    netlist = expanded(builder.finish())
    assert netlist.circuit.num_gates < 0.8 * 2 * netlist.adders.num_compressors


def test_inverted_terms_cost_no_inverters() -> None:
    rng = np.random.default_rng(6)
    builder, x = bits(64)
    builder.score("s", x, rng.choice([-1, 1], 64))
    netlist = expanded(builder.finish(readout="scores"))
    assert (np.diff(netlist.circuit.offsets) > 1).all()


def test_gates_keep_and_get_origins() -> None:
    builder = Builder(fold=False)
    x = builder.input("x", count=9).ravel()
    with builder.origin("layers.0", "core"):
        gates = builder.thresholds([4, 5], np.tile(x, (2, 1)), units=[7, 8])
    builder.score("a", gates)
    builder.score("b", x)
    circuit = builder.finish(readout="argmax")
    netlist = expanded(circuit)
    assert netlist.circuit.origins == (Origin("layers.0", "core"), Origin("head", "head"))
    core = netlist.circuit.origin_of == 0
    assert set(netlist.circuit.unit_of[core].tolist()) == {7, 8}
    assert set(netlist.circuit.unit_of[~core].tolist()) == {0, 1}
    assert netlist.adders.purposes.tolist() == [THRESHOLD, THRESHOLD, SCORE, SCORE, MATCH]
    assert netlist.adders.owners.tolist() == [11, 12, 0, 1, 0]


def test_an_origin_of_the_head_is_used_again() -> None:
    builder = Builder()
    x = builder.input("x", count=4).ravel()
    with builder.origin("head", "head"):
        y = builder.table(0b1000, int(x[0]), int(x[1]))
    builder.score("s", [y, *x])
    netlist = expanded(builder.finish(readout="scores"))
    assert netlist.circuit.origins == (Origin("head", "head"),)


def test_tables_stay_as_they_are() -> None:
    rng = np.random.default_rng(7)
    builder, x = bits(20)
    y = builder.tables(rng.integers(0, 16, 500).astype(np.uint64), rng.choice(x, (500, 2)))
    builder.output("y", y)
    circuit = builder.finish()
    netlist = expand(circuit)
    assert netlist.circuit == circuit
    assert netlist.signal_of.tolist() == list(range(circuit.num_signals))
    assert netlist.adders.num_compressors == netlist.adders.num_groups == 0


def test_a_large_head_is_quick() -> None:
    builder, x = bits(4800)
    for i in range(10):
        builder.score(f"s{i}", np.roll(x, i)[: 4800 - i])
    netlist = expand(builder.finish(readout="argmax"))
    check(netlist.circuit)
    assert netlist.adders.num_compressors > 10 * 4700


def test_pairings_keep_the_order() -> None:
    assert pairings(0) == pairings(1) == ([], [])
    assert pairings(3) == ([0, 3], [1, 2])
    assert pairings(10)[0] == [0, 2, 4, 6, 8, 10, 12, 15, 17]


def test_too_wide_scores_are_refused() -> None:
    builder, x = bits(1)
    builder.score("big", x, bias=2**61)
    with pytest.raises(InputError) as error:
        expand(builder.finish(readout="scores"))
    assert str(error.value) == (
        "score big: values from 2305843009213693952 to 2305843009213693953 need 63 bits; at most "
        "62 can be written out, so make its weights or bias smaller"
    )


def test_scores_up_to_the_widest() -> None:
    builder, x = bits(3)
    builder.score("big", x, [2**31 - 1, -(2**31) + 1, 1], bias=2**61 - 2**32)
    builder.score("low", x, bias=-(2**61))
    circuit = builder.finish(readout="argmax")
    assert score_width(circuit.scores) == 62
    expanded(circuit)


@pytest.mark.parametrize("name", ["scores", "class"])
def test_names_that_scores_need_are_refused(name: str) -> None:
    builder, x = bits(2)
    builder.output(name, x)
    builder.score("s", x)
    with pytest.raises(InputError) as error:
        expand(builder.finish(readout="argmax"))
    assert str(error.value) == (
        f"output {name}: the circuit's scores are written out under the names scores and class; "
        "rename this output"
    )


def majority_netlist() -> Netlist:
    """A netlist with all that can be wrong in one."""
    builder, x = bits(9)
    builder.score("a", x, [1, 1, -1, 1, 2, 1, 1, -3, 1], bias=2)
    builder.output("y", builder.threshold(5, x.tolist()))
    return expanded(builder.finish(readout="scores"))


@pytest.mark.parametrize(
    ("field", "index", "value"),
    [
        ("columns", 0, 1),
        ("inputs", (0, 0), 5),
        ("sums", 0, 12),
        ("carries", 1, 6),
        ("weights", 2, -2),
        ("biases", 0, 4),
        ("terms", 0, 3),
        ("bits", 0, 4),
        ("groups", 0, 1),
    ],
)
def test_the_checker_sees_what_is_wrong(field: str, index: object, value: int) -> None:
    netlist = majority_netlist()
    array = getattr(netlist.adders, field).copy()
    assert array[index] != value
    array[index] = value
    with pytest.raises((AssertionError, KeyError)):
        check_adders(replace(netlist, adders=replace(netlist.adders, **{field: array})))


def test_the_checker_sees_wrong_gates() -> None:
    netlist = majority_netlist()
    circuit = netlist.circuit
    for gate in range(circuit.num_gates):
        tables = circuit.tables.copy()
        tables[gate] ^= np.uint64(2)
        with pytest.raises(AssertionError):
            check_adders(replace(netlist, circuit=replace(circuit, tables=tables)))
