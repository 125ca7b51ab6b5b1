"""Wiring reads every input about equally often, and never one input twice by one gate."""

from collections.abc import Callable

import numpy as np
import pytest

from lithify.compiler.nets.wiring import (
    Points,
    Wires,
    even_pairs,
    grid,
    grids,
    near,
    near_evenly,
    near_pairs,
    readers,
)
from lithify.ir.errors import InputError

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


LOCALITIES = (0.1, 0.4, 1.0)


def test_a_grid_stands_line_by_line_in_the_unit_square() -> None:
    assert grid(4).tolist() == [[0.25, 0.25, 0.75, 0.75], [0.25, 0.75, 0.25, 0.75]]
    assert grid(5).tolist() == [
        [0.25, 0.25, 0.25, 0.75, 0.75],
        [1 / 6, 0.5, 5 / 6, 1 / 6, 0.5],
    ]
    image = grid(784).reshape(2, 28, 28)
    assert (image[0] == ((np.arange(28) + 0.5) / 28)[:, None]).all()
    assert (image[1] == (np.arange(28) + 0.5) / 28).all()
    assert grid(1).tolist() == [[0.5], [0.5]]


def test_every_group_stands_over_the_whole_square() -> None:
    points = grids(12, 3)
    assert np.array_equal(points[:, 4:8], grid(4))
    assert np.array_equal(points[:, 8:], grid(4))


@pytest.mark.parametrize("locality", LOCALITIES)
@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
def test_near_pairs_read_every_input_about_equally_often(
    inputs: int, outputs: int, locality: float
) -> None:
    pairs = near_pairs(grid(inputs), grid(outputs), locality, np.random.default_rng(3))
    counts = np.bincount(pairs.ravel(), minlength=inputs)
    assert pairs.shape == (2, outputs)
    assert pairs.dtype == np.int32
    assert (pairs[0] != pairs[1]).all()
    if inputs >= 64:  # fewer stand so far apart that a gate has one neighbour alone
        assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize("locality", LOCALITIES)
@pytest.mark.parametrize(("inputs", "outputs"), [(784, 4000), (4000, 4000), (4000, 900)])
def test_sources_are_in_the_neighbourhood(inputs: int, outputs: int, locality: float) -> None:
    """Half the side away at most, but for the width of bands, and twins that exchanged."""
    sources, targets = grid(inputs), grid(outputs)
    rng = np.random.default_rng(2)
    pairs = near_pairs(sources, targets, locality, rng)
    far = np.abs(sources[:, pairs] - targets[:, None, :]).max(axis=0)
    assert np.quantile(far, 0.99) <= locality / 2 + 0.12
    assert far.mean() < locality / 2 + 0.01
    drawn = near(sources, targets, locality, rng)
    far = np.abs(sources[:, drawn] - targets).max(axis=0)
    assert np.quantile(far, 0.99) <= locality / 2 + 0.1
    assert far.mean() < locality / 2 + 0.01
    if locality < 1:
        anywhere = even_pairs(inputs, outputs, rng)
        assert np.abs(sources[:, anywhere] - targets[:, None, :]).max(axis=0).mean() > 0.4
    assert far.mean() > locality / 5


def test_sources_that_share_a_point_are_all_drawn() -> None:
    """As the thresholds of one pixel do, and classes in the last layer."""
    sources = np.repeat(grid(25), 4, axis=1)
    targets = grid(2000)
    rng = np.random.default_rng(0)
    one, all_ = (find(sources, targets, 0.3, rng) for find in (near, near_evenly))
    assert np.bincount(one, minlength=100).min() > 0
    assert np.bincount(all_, minlength=100).tolist() == [20] * 100


@pytest.mark.parametrize("find", [near, near_evenly, near_pairs])
def test_near_wiring_follows_from_the_seed(
    find: Callable[[Points, Points, float, np.random.Generator], Wires],
) -> None:
    one, same, other = (find(grid(50), grid(80), 0.3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("locality", [0.0, -0.5, 1.5, float("nan")])
@pytest.mark.parametrize("find", [near, near_evenly])
def test_a_locality_that_cannot_be(
    find: Callable[[Points, Points, float, np.random.Generator], Wires], locality: float
) -> None:
    with pytest.raises(InputError) as caught:
        find(grid(4), grid(4), locality, np.random.default_rng(0))
    assert str(caught.value) == (
        f"locality is {locality}; it must be above 0, and at most 1 for the whole layout"
    )
