"""Binary convolutions and pools against torch's own, and the gates that they become."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lithify.compiler.nets.binary.conv import BinaryConv
from lithify.compiler.nets.binary.norm import EPSILON
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.space import Shape, Window
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit

RNG = np.random.default_rng(5)


def images(layer: Layer, samples: int = 90) -> np.ndarray:
    return np.random.default_rng(1).random((layer.inputs, samples)) < 0.5


def lowered(layer: Layer) -> Circuit:
    builder = Builder()
    signals = builder.input("x", count=layer.inputs).ravel()
    builder.output("y", layer.lower(builder, signals, "layers.0"))
    return builder.finish()


def plain(layer: BinaryConv, bits: np.ndarray) -> torch.Tensor:
    """What torch's modules make of images of -1 and 1: pad, convolve, pool, norm, sign."""
    pixels = torch.from_numpy(bits.T.astype(np.float64) * 2 - 1)
    image = layer.image
    padding, filters = layer.window.padding, torch.sign(layer.weights.real.detach()).double()
    padded = functional.pad(
        pixels.view(-1, image.channels, image.height, image.width), (padding,) * 4, value=-1
    )
    shape = (-1, image.channels, layer.window.kernel, layer.window.kernel)
    sums = functional.conv2d(padded, filters.view(shape), stride=layer.window.stride)
    pooled = torch.nn.MaxPool2d(layer.pool.kernel)(sums)
    norm = torch.nn.BatchNorm2d(layer.out.channels, eps=EPSILON).double().eval()
    names = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}
    state = {name: getattr(layer.norm, ours).double() for name, ours in names.items()}
    norm.load_state_dict(state, strict=False)
    normed: torch.Tensor = norm(pooled).detach()
    return normed.flatten(1).t()


@pytest.mark.parametrize("layer", BinaryConv.examples())
def test_bits_are_those_of_the_modules_of_torch(layer: Layer) -> None:
    assert isinstance(layer, BinaryConv)
    bits = images(layer)
    normed = plain(layer, bits).numpy()
    clear = np.abs(normed) > 1e-5
    assert clear.mean() > 0.7
    assert np.array_equal(layer.hard(bits)[clear], (normed > 0)[clear])
    assert np.array_equal(layer(torch.from_numpy(bits).float()).detach() > 0.5, layer.hard(bits))


def pooled(scale: float, mean: float) -> BinaryConv:
    """One channel over 2 x 2 pixels, norms the greatest of four."""
    layer = BinaryConv(Shape(1, 2, 2), 1, Window(1), pool=2, generator=RNG)
    with torch.no_grad():
        layer.weights.real.fill_(0.5)
        layer.norm.scale.fill_(scale)
        layer.norm.mean.fill_(mean)
    return layer.eval()


def test_a_pool_of_rising_sums_is_or_and_of_falling_ones_nor() -> None:
    bits = np.array([[int(c) for c in f"{i:04b}"] for i in range(16)], np.bool_).T
    assert np.array_equal(pooled(1.0, 0.0).hard(bits)[0], bits.any(axis=0))
    assert np.array_equal(pooled(-1.0, 0.0).hard(bits)[0], ~bits.any(axis=0))
    for scale, mean, value in ((1.0, 2.0, False), (-1.0, 2.0, True), (1.0, -2.0, True)):
        assert (pooled(scale, mean).hard(bits) == value).all()
        assert lowered(pooled(scale, mean)).num_gates == 0


def test_every_channel_and_position_is_a_threshold_over_its_window() -> None:
    layer = BinaryConv(Shape(2, 6, 6), 4, Window(3), affine=False, generator=RNG).eval()
    circuit = lowered(layer)
    assert circuit.num_gates == layer.outputs == 4 * 4 * 4
    assert (circuit.kinds == THRESHOLD).all()
    assert (np.diff(circuit.offsets) == 18).all()
    last = circuit.fanins.reshape(-1, 18)[-1] - 2
    rows = [c * 36 + y * 6 + x for c in range(2) for y in (3, 4, 5) for x in (3, 4, 5)]
    assert sorted(last.tolist()) == rows


def test_the_margin_costs_no_inputs() -> None:
    layer = BinaryConv(Shape(1, 3, 3), 1, Window(3, padding=1), affine=False, generator=RNG).eval()
    assert np.diff(lowered(layer).offsets).tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]


def test_a_pool_adds_a_gate_for_each_square() -> None:
    layer = BinaryConv(Shape(1, 6, 7), 3, Window(3), pool=2, affine=False, generator=RNG).eval()
    circuit = lowered(layer)
    assert str(layer.out) == "3 x 2 x 2"
    # Four sums a square; of five columns the last one is left over.
    assert circuit.num_gates == 12 * 4 + 12
    assert sorted(circuit.unit_of.tolist()) == sorted([*range(12)] * 5)


def test_samples_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = BinaryConv.examples()[4]
    bits = images(layer, 50)
    whole = layer.hard(bits)
    monkeypatch.setattr("lithify.compiler.nets.binary.conv.GATHER_CELLS", 20_000)
    assert np.array_equal(layer.hard(bits), whole)


def test_training_norms_over_samples_and_positions() -> None:
    layer = BinaryConv(Shape(1, 5, 5), 2, Window(2), affine=False, generator=RNG)
    x = torch.from_numpy(images(layer, 70)).float()
    layer(x)
    filters = torch.sign(layer.weights.real.detach()).view(2, 1, 2, 2)
    sums = functional.conv2d((2 * x - 1).t().reshape(-1, 1, 5, 5), filters)
    torch.testing.assert_close(layer.norm.mean, 0.1 * sums.mean((0, 2, 3)))
