"""Leads, margins, and the gates of the reject output against the interpreter's scores."""

import itertools

import numpy as np
import pytest

from lithify.compiler.nets.heads import Form
from lithify.compiler.nets.reject import lead, lower_with_reject, margin_for
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError


def circuit_of(forms: list[tuple[list[int], list[int], int]], inputs: int, margin: int) -> Circuit:
    """The circuit of forms over input numbers."""
    builder = Builder()
    x = builder.input("x", count=inputs).ravel()
    lower_with_reject(
        builder,
        [Form(x[pins], np.array(pulls, np.int32), bias) for pins, pulls, bias in forms],
        [f"c{i}" for i in range(len(forms))],
        margin,
    )
    return builder.finish(readout="argmax")


def all_codes(inputs: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=inputs)), np.int64)


FORMS = [([0, 1, 2], [1, 1, 1], 0), ([2, 3, 4], [-1, 2, 1], 1), ([5, 6], [3, -2], -1)]


@pytest.mark.parametrize("margin", [1, 2, 3, 100])
@pytest.mark.parametrize("classes", [2, 3])
def test_exactly_the_close_answers_are_rejected(margin: int, classes: int) -> None:
    circuit = circuit_of(FORMS[:classes], 7, margin)
    check(circuit)
    codes = all_codes(7)
    answers = simulate.run(circuit, codes)
    expected = np.stack(
        [bias + codes[:, pins] @ np.array(pulls) for pins, pulls, bias in FORMS[:classes]], axis=1
    )
    assert np.array_equal(answers.scores, expected)
    assert np.array_equal(answers.classes, expected.argmax(axis=1))
    assert np.array_equal(answers.words["reject"][:, 0], lead(expected) < margin)
    assert 0 < answers.words["reject"].mean() <= 1


def test_scores_of_constants_and_of_equal_signals() -> None:
    builder = Builder()
    x = builder.input("x", count=2).ravel()
    forms = [
        Form(np.array([1, 0, x[0]], np.int32), np.array([5, 7, 1], np.int32), -3),
        Form(np.array([x[1], x[1]], np.int32), np.array([1, 2], np.int32), 0),
    ]
    lower_with_reject(builder, forms, ["a", "b"], 1)
    answers = simulate.run(builder.finish(readout="argmax"), all_codes(2))
    assert answers.scores.tolist() == [[2, 0], [2, 3], [3, 0], [3, 3]]
    assert answers.words["reject"].ravel().tolist() == [0, 0, 0, 1]


def test_gates_of_the_output_belong_to_the_head() -> None:
    circuit = circuit_of(FORMS, 7, 2)
    assert {(o.path, o.part) for o in circuit.origins} == {("head", "head")}
    assert (circuit.origin_of == 0).all()


def test_the_lead_is_over_the_second_best() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(-50, 50, (200, 10))
    for row, found in zip(scores, lead(scores), strict=True):
        assert found == sorted(row)[-1] - sorted(row)[-2]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.99])
def test_the_margin_rejects_as_many_as_it_may(share: float) -> None:
    scores = np.random.default_rng(1).integers(0, 40, (500, 4))
    margin = margin_for(scores, share)
    assert (lead(scores) < margin).mean() <= share < (lead(scores) < margin + 1).mean()


@pytest.mark.parametrize(
    ("scores", "share", "text"),
    [
        (np.zeros((3, 2)), 1.0, "a share of 1.0 to reject; it must be from 0 to below 1"),
        (np.zeros((0, 2)), 0.1, "no samples to choose a margin by; at least one is needed"),
        (
            np.zeros((3, 1)),
            0.1,
            "scores of shape (3, 1); [samples, classes] with at least 2 classes are needed",
        ),
    ],
)
def test_margins_that_cannot_be_chosen(scores: np.ndarray, share: float, text: str) -> None:
    with pytest.raises(InputError) as caught:
        margin_for(scores, share)
    assert str(caught.value) == text
