"""Layers without weights tell chances: exactly the shares of all draws of their inputs."""

import numpy as np
import pytest

from lithify.compiler.nets.layer import Bits
from lithify.compiler.nets.soft_bits.build import FIXED
from lithify.compiler.nets.soft_bits.fixed import Chances, FixedLayer, Flip, count_chances

LAYERS = {
    f"{name}-{index}": layer
    for name, kind in FIXED.items()
    for index, layer in enumerate(kind.examples())
}
EXAMPLES = [pytest.param(layer, id=name) for name, layer in LAYERS.items()]
SMALL = [pytest.param(layer, id=name) for name, layer in LAYERS.items() if layer.inputs <= 12]


def draws(bits: int) -> Bits:
    """All words of so many bits, `[bits, 2 ** bits]`."""
    words: Bits = (np.arange(2**bits) >> np.arange(bits)[:, None]) % 2 == 1
    return words


def likelihood(chances: Chances, words: Bits) -> Chances:
    """How likely each word is, of bits that are high with these chances."""
    found: Chances = np.where(words, chances[:, None], 1 - chances[:, None]).prod(axis=0)
    return found


@pytest.mark.parametrize("layer", SMALL)
def test_chances_are_the_shares_of_all_draws(layer: FixedLayer) -> None:
    words = draws(layer.inputs)
    for chances in np.random.default_rng(1).random((4, layer.inputs)):
        expected = np.zeros(layer.outputs)
        likely = likelihood(chances, words)
        flips = words.T if isinstance(layer, Flip) else [np.zeros(layer.inputs, bool)]
        for flipped in flips:
            rates = np.full(layer.inputs, getattr(layer, "rate", 0.0))
            share = likelihood(rates, flipped[:, None])[0]
            expected += share * (layer.hard(words ^ flipped[:, None]) @ likely)
        assert np.allclose(layer.chances(chances[:, None])[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("layer", EXAMPLES)
def test_of_bits_that_are_known_they_are_the_bits(layer: FixedLayer) -> None:
    bits = np.random.default_rng(2).random((layer.inputs, 50)) < 0.5
    found = layer.chances(bits.astype(float))
    if isinstance(layer, Flip):
        assert np.allclose(found, np.where(layer.hard(bits), 1 - layer.rate, layer.rate))
    else:
        assert np.array_equal(found, layer.hard(bits))


def test_the_chances_of_a_count_are_binomial_where_all_bits_are_alike() -> None:
    found = count_chances(np.full((4, 1, 1), 0.25))
    assert found.shape == (5, 1, 1)
    expected = [n * 3 ** (4 - k) / 256 for k, n in enumerate((1, 4, 6, 4, 1))]
    assert np.allclose(found.ravel(), expected)
    assert np.array_equal(count_chances(np.empty((0, 3))), np.ones((1, 3)))


def test_no_samples_have_no_chances() -> None:
    for name, kind in FIXED.items():
        layer = kind.examples()[0]
        assert isinstance(layer, FixedLayer), name
        if name != "majority":
            assert layer.chances(np.empty((layer.inputs, 0))).shape == (layer.outputs, 0)
