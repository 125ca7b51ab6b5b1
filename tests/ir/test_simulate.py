"""The interpreter agrees with a plain evaluator, sample by sample."""

import re

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st
from plain_evaluator import answer, signal_values

from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.simulate import (
    Answers,
    pack,
    pack_bits,
    random_codes,
    read_scores,
    run,
    run_planes,
    unpack_bits,
    unpack_word,
)


def assert_same(circuit: Circuit, codes: np.ndarray, answers: Answers) -> None:
    for row, sample in enumerate(codes):
        words, scores, winner = answer(circuit, sample.tolist())
        assert {name: w[row].tolist() for name, w in answers.words.items()} == words
        assert answers.scores[row].tolist() == scores
        assert answers.classes[row] == winner


@given(circuits(), st.sampled_from([1, 2, 63, 64, 65, 130]), st.integers(0, 99))
def test_answers_are_those_of_the_plain_evaluator(
    circuit: Circuit, samples: int, seed: int
) -> None:
    codes = random_codes(circuit, samples, np.random.default_rng(seed))
    assert_same(circuit, codes, run(circuit, codes))


@given(circuits(most_gates=60), st.integers(0, 99))
def test_every_signal_is_that_of_the_plain_evaluator(circuit: Circuit, seed: int) -> None:
    codes = random_codes(circuit, 70, np.random.default_rng(seed))
    bits = unpack_bits(run_planes(circuit, pack(circuit, codes)), 70)
    for row in (0, 1, 63, 64, 69):
        assert bits[:, row].tolist() == signal_values(circuit, codes[row].tolist())


@pytest.mark.parametrize("arity", range(7))
def test_tables_of_every_arity_on_every_pattern(arity: int) -> None:
    rng = np.random.default_rng(arity)
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", count=max(arity, 1), kind="bit").ravel()[:arity]
    tables = rng.integers(0, 2 ** (1 << arity) - 1, size=20, dtype=np.uint64, endpoint=True)
    builder.output("y", builder.tables(tables, np.tile(x, (20, 1))))
    circuit = builder.finish()
    patterns = np.arange(1 << arity)
    codes = (patterns[:, None] >> np.arange(max(arity, 1))) & 1
    got = run(circuit, codes).words["y"]
    expected = [[int(table) >> p & 1 for table in tables] for p in patterns.tolist()]
    assert got.tolist() == expected


@pytest.mark.parametrize(
    ("bound", "weights"),
    [(0, []), (1, []), (2, [1, 1, 1]), (-3, [-2, -2, 1]), (5, [1, 2, 4]), (2**40, [2**30, -7])]
    + [(2**61, [2**31 - 1]), (-(2**61), [-(2**31 - 1), 1]), (2**31 - 1, [2**31 - 1, -1])],
)
def test_thresholds_on_every_pattern(bound: int, weights: list[int]) -> None:
    builder = Builder(fold=False, hash=False)
    count = max(len(weights), 1)
    x = builder.input("x", count=count, kind="bit").ravel()[: len(weights)]
    builder.output("y", [builder.threshold(bound, x.tolist(), weights)])
    codes = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
    got = run(builder.finish(), codes).words["y"][:, 0]
    for row, value in zip(codes.tolist(), got.tolist(), strict=True):
        total = sum(w for w, bit in zip(weights, row, strict=False) if bit)
        assert value == (total >= bound)


def test_ties_go_to_the_lowest_class() -> None:
    builder = Builder()
    x = builder.input("x", count=3, kind="bit").ravel()
    for index in range(3):
        builder.score(f"c{index}", [x[index]])
    codes = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 1]]
    assert run(builder.finish(readout="argmax"), codes).classes.tolist() == [0, 1, 0, 2, 0]


def test_scores_add_bias_negative_weights_and_repeated_signals() -> None:
    builder = Builder()
    x = builder.input("x", count=2, kind="bit").ravel()
    builder.score("s", [x[0], x[0], x[1], 1, 0], [3, 4, -9, 100, 1000], bias=-50)
    codes = [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert run(builder.finish(readout="scores"), codes).scores[:, 0].tolist() == [50, 57, 41, 48]


def test_large_scores_fit_64_bits() -> None:
    builder = Builder()
    x = builder.input("x", count=3, kind="bit").ravel()
    builder.score("s", x, [2**31 - 1] * 3, bias=2**60)
    answers = run(builder.finish(readout="scores"), [[1, 1, 1]])
    assert answers.scores.tolist() == [[2**60 + 3 * (2**31 - 1)]]


@pytest.mark.parametrize("width", [1, 2, 5, 33, 62])
@pytest.mark.parametrize("kind", ["uint", "int"])
def test_integers_pass_through_unchanged(width: int, kind: str) -> None:
    builder = Builder()
    builder.output("y", builder.input("x", width=width, count=2, kind=kind), kind=kind)
    circuit = builder.finish()
    codes = random_codes(circuit, 67, np.random.default_rng(width))
    low, high = circuit.inputs[0].bounds
    codes[0], codes[1] = low, high
    assert np.array_equal(run(circuit, codes).words["y"], codes)


@pytest.mark.parametrize("samples", [0, 1, 7, 8, 63, 64, 65, 129])
def test_packing_keeps_every_sample(samples: int) -> None:
    bits = np.random.default_rng(samples).integers(2, size=(3, samples), dtype=np.uint8)
    planes = pack_bits(bits)
    assert planes.shape == (3, -(-samples // 64)) and planes.dtype == np.uint64
    assert np.array_equal(unpack_bits(planes, samples), bits)
    for sample in range(samples):
        column = planes[:, sample // 64] >> np.uint64(sample % 64) & np.uint64(1)
        assert column.tolist() == bits[:, sample].tolist()


def test_packing_pads_with_zeros() -> None:
    assert pack_bits(np.ones(65, np.uint8)).tolist() == [2**64 - 1, 1]


def test_a_signed_word_of_one_bit_is_0_or_minus_1() -> None:
    planes = pack_bits(np.array([[[0, 1, 1]]]))
    assert unpack_word(planes, "int", 3).tolist() == [[0], [-1], [-1]]


def test_no_samples_give_no_answers() -> None:
    builder = Builder()
    x = builder.input("x", width=3)
    builder.output("y", x, kind="uint")
    builder.score("s", x[0])
    answers = run(builder.finish(readout="scores"), np.zeros((0, 1), np.int64))
    assert answers.words["y"].shape == (0, 1)
    assert answers.scores.shape == (0, 1) and answers.classes.shape == (0,)


def test_a_circuit_without_inputs_runs() -> None:
    builder = Builder(fold=False)
    builder.output("y", [builder.table(1), 0, 1])
    assert run(builder.finish(), np.zeros((2, 0), np.int64)).words["y"].tolist() == [[1, 0, 1]] * 2


@given(circuits(), st.integers(0, 99))
def test_random_codes_stay_in_range(circuit: Circuit, seed: int) -> None:
    codes = random_codes(circuit, 50, np.random.default_rng(seed))
    assert codes.shape == (50, circuit.elements)
    column = 0
    for port in circuit.inputs:
        low, high = port.bounds
        block = codes[:, column : column + port.count]
        assert low <= block.min() and block.max() <= high
        column += port.count


@given(circuits(readout="argmax"), st.integers(0, 99))
def test_scores_read_from_planes_are_the_scores(circuit: Circuit, seed: int) -> None:
    codes = random_codes(circuit, 65, np.random.default_rng(seed))
    planes = run_planes(circuit, pack(circuit, codes))
    assert np.array_equal(read_scores(circuit, planes, 65), run(circuit, codes).scores)


def small() -> Circuit:
    builder = Builder()
    x = builder.input("x", width=3, count=2, low=0, high=5)
    s = builder.input("s", width=2, kind="int")
    builder.output("y", [x[0, 0], s[0, 0]])
    return builder.finish()


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((4, 2), int), "inputs of shape (4, 2); the circuit takes [samples, 3]"),
        (np.zeros(3, int), "inputs of shape (3,); the circuit takes [samples, 3]"),
        (
            np.zeros((1, 3)),
            "inputs of type float64; the circuit takes integers: encode raw features first",
        ),
        (np.array([[0, 0, 0], [5, 6, 0]]), "sample 1, input x[1]: 6 is not in 0..5"),
        (np.array([[0, -1, 0]]), "sample 0, input x[1]: -1 is not in 0..5"),
        (np.array([[0, 0, 2]]), "sample 0, input s: 2 is not in -2..1"),
        (np.array([[0, 0, -3]], np.int8), "sample 0, input s: -3 is not in -2..1"),
    ],
)
def test_unusable_inputs_are_refused(codes: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        run(small(), codes)


def test_planes_of_another_circuit_are_refused() -> None:
    message = "^5 input planes; the circuit has 8 input bits$"
    with pytest.raises(InputError, match=message):
        run_planes(small(), np.zeros((5, 1), np.uint64))
