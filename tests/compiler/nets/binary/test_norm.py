"""Batch norm and sign fold to bounds that are right on every sum, whatever the statistics are."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lithify.compiler.nets.binary.dense import BinaryDense
from lithify.compiler.nets.binary.norm import EPSILON, SignNorm
from lithify.compiler.nets.layer import Layer
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError

RNG = np.random.default_rng(7)
TINY, HUGE = 1e-38, 1e15


def norm_of(**values: list[float]) -> SignNorm:
    """A norm in evaluation with these values, a number a unit."""
    norm = SignNorm(len(values["scale"]), affine=True)
    with torch.no_grad():
        for name, value in values.items():
            getattr(norm, name).copy_(torch.tensor(value))
    return norm.eval()


def brute(norm: SignNorm, fan_in: int) -> np.ndarray:
    """The bits `[units, fan_in + 1]` of the norm itself, one sum at a time."""
    columns = [
        norm(torch.full((len(norm.mean), 1), float(total)))
        for total in range(-fan_in, fan_in + 1, 2)
    ]
    return torch.cat(columns, dim=1).detach().numpy() > 0.5


def random_values(units: int, fan_in: int) -> dict[str, list[float]]:
    """Statistics of every size, ordinary ones most often."""
    extremes = np.array([0, TINY, 1e-6, 1e6, HUGE])
    wild = RNG.random((4, units)) < 0.2
    plain = np.stack(
        (
            RNG.normal(0, 1, units),
            RNG.normal(0, 1, units),
            np.round(RNG.normal(0, fan_in**0.5, units)),
            RNG.uniform(0, 2, units) * fan_in,
        )
    )
    odd = RNG.choice(extremes, (4, units)) * RNG.choice([-1, 1], (4, units))
    odd[3] = np.abs(odd[3])
    rows = np.where(wild, odd, plain)
    names = ("scale", "shift", "mean", "variance")
    return {name: row.tolist() for name, row in zip(names, rows, strict=True)}


@pytest.mark.parametrize("fan_in", [1, 2, 7, 64, 255])
def test_bounds_are_the_norm_on_every_sum(fan_in: int) -> None:
    norm = norm_of(**random_values(300, fan_in))
    layer = BinaryDense(fan_in, 300, generator=RNG)
    layer.norm = norm
    layer.check("layers.0")
    sums = np.arange(-fan_in, fan_in + 1, 2, dtype=np.float32)
    bounds = norm.fold(fan_in)
    found = bounds.bits(np.tile(sums, (300, 1)))
    expected = brute(norm, fan_in)
    assert np.array_equal(found, expected)
    kinds = {(bool(row[0]), bool(row[-1])) for row in expected}
    assert kinds == {(False, False), (False, True), (True, False), (True, True)}


def test_a_border_that_is_a_sum_is_met_exactly() -> None:
    norm = norm_of(
        scale=[1.0, -1.0, 2.0, 1.0, -1.0],
        shift=[0.0, 0.0, 0.0, 0.0, 0.0],
        mean=[3.0, 3.0, -3.0, 2.0, 2.0],
        variance=[4.0, 4.0, 0.25, 1.0, 1.0],
    )
    bounds = norm.fold(5)
    # Rising units reach 3, -3 and, next above 2, 3; falling ones are high up to 3, and up to 1.
    assert bounds.bound.tolist() == [3, 5, -3, 3, 3]
    assert bounds.inverted.tolist() == [False, True, False, False, True]


def test_units_without_slope_are_constant() -> None:
    norm = norm_of(scale=[0.0] * 3, shift=[0.5, 0.0, -0.5], mean=[9.0] * 3, variance=[1.0] * 3)
    assert norm.fold(4).bits(np.zeros((3, 1), np.float32)).ravel().tolist() == [True, True, False]
    layer = BinaryDense(4, 3, generator=RNG)
    layer.norm = norm
    builder = Builder()
    builder.output("y", layer.lower(builder, builder.input("x", count=4).ravel(), "layers.0"))
    circuit = builder.finish()
    assert circuit.num_gates == 0
    assert circuit.outputs[0].signals.ravel().tolist() == [1, 1, 0]


def test_evaluation_is_batch_norm() -> None:
    norm = norm_of(**{name: RNG.uniform(1, 2, 50).tolist() for name in random_values(1, 1)})
    sums = torch.from_numpy(RNG.integers(-9, 9, (50, 30)).astype(np.float32))
    slope, offset = norm.line()
    exact = functional.batch_norm(
        sums.t(), norm.mean, norm.variance, norm.scale, norm.shift, eps=EPSILON
    )
    torch.testing.assert_close(sums * slope[:, None] + offset[:, None], exact.t())


def test_training_norms_by_the_batch_and_keeps_statistics() -> None:
    norm = SignNorm(3, affine=False)
    sums = torch.from_numpy(RNG.normal(5, 3, (3, 400)).astype(np.float32))
    assert torch.equal(norm(sums), (sums >= sums.mean(1, keepdim=True)).float())
    torch.testing.assert_close(norm.mean, 0.1 * sums.mean(1))
    torch.testing.assert_close(norm.variance, 0.9 + 0.1 * sums.var(1))
    before = norm.mean.clone()
    norm(sums[:, :1])
    assert torch.equal(norm.mean, before)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"mean": [0.0, float("nan")]},
            "layers.4: the batch norm values of unit 1 are not finite numbers (1 of 2 units are "
            "so); train again with a smaller learning rate",
        ),
        (
            {"variance": [-0.5, 1.0]},
            "layers.4: the running variance of unit 0 is -0.5; no data has one below 0, so the "
            "state is damaged",
        ),
        (
            {"scale": [1.0, 3e38], "variance": [1.0, 0.0]},
            "layers.4: the normed sums of unit 1 are not finite numbers (1 of 2 units are so); "
            "train again with a smaller learning rate",
        ),
    ],
)
def test_norms_without_a_hard_form(change: dict[str, list[float]], text: str) -> None:
    plain = {"scale": [1.0, 1.0], "shift": [0.0, 0.0], "mean": [0.0, 0.0], "variance": [1.0, 1.0]}
    layer = BinaryDense(4, 2, generator=RNG)
    layer.norm = norm_of(**(plain | change))
    with pytest.raises(HardenError) as caught:
        layer.check("layers.4")
    assert str(caught.value) == text


@pytest.mark.parametrize("layer", BinaryDense.examples())
def test_a_neuron_is_one_threshold(layer: Layer) -> None:
    assert isinstance(layer, BinaryDense)
    builder = Builder()
    builder.output(
        "y", layer.lower(builder, builder.input("x", count=layer.inputs).ravel(), "layers.0")
    )
    circuit = builder.finish()
    assert circuit.num_gates <= layer.outputs
    bits = RNG.random((layer.inputs, 64)) < 0.5
    words = simulate.run(circuit, bits.T.astype(np.int64)).words["y"]
    assert np.array_equal(words.T, layer.hard(bits))
