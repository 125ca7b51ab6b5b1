"""The compact convolution, against torch's unfolding; what resampling and freezing change."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.gates.compact_convolution import CompactConvolutionLayer
from lithify.compiler.nets.space import Shape, Window
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

RNG = np.random.default_rng(3)


def layers() -> dict[str, CompactConvolutionLayer]:
    make = CompactConvolutionLayer
    return {
        "stride": make(Shape(2, 7, 5), 6, Window(3, 2, 1), candidates=4, noise=1.0, generator=RNG),
        "many": make(Shape(1, 4, 6), 5, Window(2), residual=0.3, generator=RNG),
        "mix": make(Shape(3, 3, 4), 8, Window(1), mixed=True, candidates=3, generator=RNG),
        "both": make(Shape(3, 4, 4), 7, Window(2), mixed=True, candidates=3, generator=RNG),
    }


def reference(layer: CompactConvolutionLayer, x: Tensor) -> Tensor:
    """The soft activations `[outputs, batch]` by unfolding and plain arithmetic."""
    image, window = layer.image, layer.window
    pixels = x.t().reshape(-1, image.channels, image.height, image.width)
    unfolded = functional.unfold(pixels, window.kernel, 1, window.padding, window.stride)
    taps = layer.channels.long() * window.kernel**2 + layer.taps.long()
    a, b = unfolded[:, taps[0]], unfolded[:, taps[1]]
    low, right, down, both = (((layer.tables >> i) & 1).to(x.dtype)[..., None] for i in range(4))
    each = low * (1 - a) * (1 - b) + right * a * (1 - b) + down * (1 - a) * b + both * a * b
    y = (each * torch.softmax(layer.weights, 1)[..., None]).sum(2)
    flat: Tensor = y.reshape(len(pixels), -1).t()
    return flat


@pytest.mark.parametrize("name", layers())
def test_activations_and_gradients_are_those_of_a_plain_convolution(name: str) -> None:
    layer = layers()[name]
    generator = torch.Generator().manual_seed(2)
    x = torch.rand((layer.inputs, 9), generator=generator).requires_grad_()
    pull = torch.rand((layer.outputs, 9), generator=generator)
    soft, plain = layer(x), reference(layer, x)
    torch.testing.assert_close(soft, plain)
    found = torch.autograd.grad((soft * pull).sum(), (x, layer.weights))
    expected = torch.autograd.grad((plain * pull).sum(), (x, layer.weights))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", layers())
def test_drawing_anew_moves_taps_and_never_channels(name: str) -> None:
    layer = layers()[name]
    taps, channels = layer.taps.clone(), layer.channels.clone()
    changed = torch.zeros_like(layer.tables, dtype=torch.bool)
    changed[1:4] = True
    for _ in range(20):
        layer.redraw_(changed, np.random.default_rng(5))
        places = layer.channels * 100 + layer.taps
        assert (places[0] != places[1]).all()
    moved, held, before = (
        (layer.channels, layer.taps, channels)
        if name == "mix"
        else (layer.taps, layer.channels, taps)
    )
    assert torch.equal(held, taps if name == "mix" else channels)
    assert torch.equal(moved[:, ~changed], before[:, ~changed])
    assert not torch.equal(moved, before)
    x = torch.rand((layer.inputs, 3))
    torch.testing.assert_close(layer(x), reference(layer, x))


def test_a_frozen_layer_is_its_hard_form() -> None:
    layer = layers()["stride"]
    bits = np.random.default_rng(0).random((layer.inputs, 40)) < 0.5
    layer.freeze_()
    x = torch.from_numpy(bits).float().requires_grad_()
    y = layer(x)
    assert not y.requires_grad
    assert np.array_equal(y.numpy(), layer.hard(bits).astype(np.float32))


def test_gates_know_their_channel() -> None:
    layer = layers()["stride"]
    builder = Builder(fold=False, hash=False)
    layer.lower(builder, builder.input("x", count=layer.inputs).ravel(), "layers.2")
    circuit = builder.finish()
    assert circuit.unit_of.tolist() == np.repeat(range(6), 12).tolist()


def test_the_hardened_layer_keeps_one_candidate() -> None:
    layer = layers()["both"]
    hardened = layer.hardened()
    assert hardened.describe() == layer.describe() | {"candidates": 1}
    assert hardened.taps.shape == (2, 7, 1)
    bits = np.random.default_rng(0).random((layer.inputs, 40)) < 0.5
    assert np.array_equal(hardened.hard(bits), layer.hard(bits))


def test_candidates_that_cannot_be() -> None:
    with pytest.raises(InputError) as caught:
        CompactConvolutionLayer(Shape(1, 4, 4), 3, Window(3), candidates=1, generator=RNG)
    assert str(caught.value) == "candidates is 1; it must be 2 to 64"
    with pytest.raises(InputError) as caught:
        CompactConvolutionLayer(Shape(1, 4, 4), 3, Window(5), generator=RNG)
    assert str(caught.value) == (
        "a window of kernel 5 and padding 0 does not fit into an image of 1 x 4 x 4"
    )


def test_operands_that_there_are_none_of() -> None:
    layer = layers()["stride"]
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    state["channels"][1, 3, 2] = 0
    read = state["taps"][:, 3, 2].tolist()
    with pytest.raises(FormatError) as caught:
        CompactConvolutionLayer.restore(layer.describe(), state, "layers.1")
    assert str(caught.value) == (
        f"layers.1: channel 3 reads taps {read} of channels [1, 0], which its window over an image "
        "of 2 x 7 x 5 does not have; the file is damaged"
    )
