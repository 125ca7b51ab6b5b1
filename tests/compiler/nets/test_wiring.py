"""Wiring reads every input about equally often, and never one input twice by one gate."""

import numpy as np
import pytest

from lithify.compiler.nets.wiring import even_pairs, readers

SHAPES = [(2, 1), (2, 9), (3, 100), (7, 3), (64, 500), (500, 64), (1000, 1000)]


@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
def test_every_input_is_read_about_equally_often(inputs: int, outputs: int) -> None:
    pairs = even_pairs(inputs, outputs, np.random.default_rng(5))
    counts = np.bincount(pairs.ravel(), minlength=inputs)
    assert pairs.shape == (2, outputs)
    assert pairs.dtype == np.int32
    # Gates that would read one input twice move at most a few reads.
    assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_no_gate_reads_one_input_twice(inputs: int, outputs: int, seed: int) -> None:
    first, second = even_pairs(inputs, outputs, np.random.default_rng(seed))
    assert (first != second).all()
    assert min(first.min(), second.min()) >= 0
    assert max(first.max(), second.max()) < inputs


def test_a_single_input_is_read_twice() -> None:
    assert even_pairs(1, 3, np.random.default_rng(0)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_wiring_follows_from_the_seed() -> None:
    one, same, other = (even_pairs(50, 80, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_readers_list_every_place_once() -> None:
    pairs = even_pairs(9, 20, np.random.default_rng(3))
    places, first = readers(pairs, 9)
    assert sorted(places.tolist()) == list(range(40))
    ends = [*first[1:].tolist(), 40]
    for source, (start, end) in enumerate(zip(first.tolist(), ends, strict=True)):
        assert (pairs.ravel()[places[start:end]] == source).all()


def test_readers_of_an_input_that_nobody_reads_are_none() -> None:
    places, first = readers(np.array([[0], [2]], np.int32), 4)
    assert places.tolist() == [0, 1]
    assert first.tolist() == [0, 1, 1, 2]
