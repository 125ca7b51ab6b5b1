"""The convolution of gates, against torch's unfolding, soft, hard and in gates."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.gates.convolution import ConvolutionLayer
from lithify.compiler.nets.gates.pool import OrPool
from lithify.compiler.nets.gates.relax import Relaxation
from lithify.compiler.nets.space import Shape, Window
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

RNG = np.random.default_rng(11)
LAYERS = {
    "stride": ConvolutionLayer(Shape(2, 7, 5), 6, Window(3, 2, 1), generator=RNG),
    "one channel": ConvolutionLayer(Shape(1, 4, 6), 5, Window(2), generator=RNG),
    "fewer": ConvolutionLayer(Shape(4, 4, 4), 3, Window(3, 1, 1), residual=0, generator=RNG),
    "mixed": ConvolutionLayer(Shape(3, 3, 4), 8, Window(1), mixed=True, generator=RNG),
    "entries": ConvolutionLayer(
        Shape(2, 5, 5), 6, Window(3, 1, 1), parametrisation="table4", mixed=True, generator=RNG
    ),
}


def reference(layer: ConvolutionLayer, x: Tensor) -> Tensor:
    """The soft activations `[outputs, batch]` by unfolding and plain arithmetic."""
    image, window = layer.image, layer.window
    pixels = x.t().reshape(-1, image.channels, image.height, image.width)
    unfolded = functional.unfold(pixels, window.kernel, 1, window.padding, window.stride)
    taps = layer.channels.long() * window.kernel**2 + layer.taps.long()
    a, b = unfolded[:, taps[0]], unfolded[:, taps[1]]
    tables = torch.arange(16)
    f = [((tables >> bit) & 1).to(x.dtype) for bit in range(4)]
    if layer.parametrisation == "table4":
        corners = torch.sigmoid(layer.weights).t()
    else:
        corners = torch.stack([torch.softmax(layer.weights, 1) @ one for one in f])
    low, right, down, both = corners.to(x.dtype)[:, None, :, None]
    y = low * (1 - a) * (1 - b) + right * a * (1 - b) + down * (1 - a) * b + both * a * b
    flat: Tensor = y.reshape(len(pixels), -1).t()
    return flat


@pytest.mark.parametrize("name", LAYERS)
def test_activations_and_gradients_are_those_of_a_plain_convolution(name: str) -> None:
    layer = LAYERS[name]
    generator = torch.Generator().manual_seed(2)
    x = torch.rand((layer.inputs, 9), generator=generator).requires_grad_()
    pull = torch.rand((layer.outputs, 9), generator=generator)
    soft, plain = layer(x), reference(layer, x)
    torch.testing.assert_close(soft, plain)
    found = torch.autograd.grad((soft * pull).sum(), (x, layer.weights))
    expected = torch.autograd.grad((plain * pull).sum(), (x, layer.weights))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_channels_read_what_they_may(name: str) -> None:
    layer = LAYERS[name]
    taps, channels = layer.taps.numpy(), layer.channels.numpy()
    own = np.arange(layer.places.channels) % layer.image.channels
    assert layer.mixed or (channels == own).all()
    places = channels * layer.window.kernel**2 + taps
    assert (places[0] != places[1]).all()
    counts = np.bincount(taps.ravel(), minlength=layer.window.kernel**2)
    assert counts.max() - counts.min() <= (1 if not layer.mixed else 4)


def test_the_taps_of_the_middle_make_an_identity() -> None:
    layer = ConvolutionLayer(
        Shape(3, 4, 5), 3, Window(3, 1, 1), residual=0.5, noise=0.0, generator=RNG
    )
    layer.taps.fill_(4)
    layer._unroll()
    bits = np.random.default_rng(0).random((60, 7)) < 0.5
    assert np.array_equal(layer.hard(bits), bits)


def test_loaded_taps_are_followed() -> None:
    one, other = (
        ConvolutionLayer(Shape(2, 4, 4), 12, Window(3), generator=np.random.default_rng(seed))
        for seed in (0, 1)
    )
    one.load_state_dict(other.state_dict())
    x = torch.rand((32, 5))
    assert torch.equal(one(x), other(x))


def test_gates_know_their_channel() -> None:
    layer = LAYERS["stride"]
    builder = Builder(fold=False, hash=False)
    layer.lower(builder, builder.input("x", count=layer.inputs).ravel(), "layers.2")
    circuit = builder.finish()
    assert circuit.unit_of.tolist() == np.repeat(range(6), 12).tolist()
    assert [(one.path, one.part) for one in circuit.origins] == [("layers.2", "core")]
    tables = circuit.tables.reshape(6, 12)
    assert (tables == tables[:, :1]).all()


def test_a_forward_that_chooses_is_hard() -> None:
    chosen = Relaxation(estimator="straight_through")
    layer = ConvolutionLayer(
        Shape(2, 5, 5), 8, Window(3, 1, 1), relaxation=chosen, generator=np.random.default_rng(5)
    )
    bits = np.random.default_rng(1).random((50, 30)) < 0.5
    soft = layer(torch.from_numpy(bits).float())
    assert np.array_equal(soft.detach().numpy(), layer.hard(bits).astype(np.float32))


def test_a_pool_is_the_largest_of_its_window() -> None:
    image, window = Shape(3, 7, 6), Window(3, 2, 1)
    layer = OrPool(image, window)
    x = torch.rand((image.rows, 4)).requires_grad_()
    pixels = x.t().reshape(4, 3, 7, 6)
    expected = functional.max_pool2d(pixels, 3, 2, 1).reshape(4, -1).t()
    found = layer(x)
    assert torch.equal(found, expected)
    pull = torch.rand(found.shape)
    one, other = (torch.autograd.grad((y * pull).sum(), x)[0] for y in (found, expected))
    torch.testing.assert_close(one, other)


def test_equal_pixels_share_the_gradient_as_maxima_of_two_do() -> None:
    image, window = Shape(2, 5, 4), Window(3, 2, 1)
    layer = OrPool(image, window)
    x = torch.randint(0, 2, (image.rows, 6)).float().requires_grad_()
    padded = torch.cat((x, x.new_zeros((1, 6))))
    expected = padded[layer._rows[0]]
    for rows in layer._rows[1:]:
        expected = torch.maximum(expected, padded[rows])
    found = layer(x)
    assert torch.equal(found, expected)
    pull = torch.rand(found.shape)
    one, other = (torch.autograd.grad((y * pull).sum(), x)[0] for y in (found, expected))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"window": Window(5)},
            "a window of kernel 5 and padding 0 does not fit into an image of 2 x 4 x 4",
        ),
        (
            {"channels": 0},
            "an image of 0 x 2 x 2; every side is at least 1, and all pixels at most 1073741824",
        ),
        ({"parametrisation": "walsh"}, "parametrisation 'walsh' is none of softmax16, table4"),
        (
            {"noise": -1.0},
            "residual is 0.9 and noise -1.0; residual is a probability below 1, noise is not "
            "negative",
        ),
    ],
)
def test_layers_that_cannot_be(change: dict[str, object], text: str) -> None:
    options = {"image": Shape(2, 4, 4), "channels": 3, "window": Window(3), "generator": RNG}
    with pytest.raises(InputError) as caught:
        ConvolutionLayer(**options | change)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("name", "part", "value", "read"),
    [
        ("stride", "taps", 9, "taps [9, {1}] of channels [0, 0]"),
        ("stride", "taps", -1, "taps [-1, {1}] of channels [0, 0]"),
        ("stride", "channels", 1, "taps [{0}, {1}] of channels [1, 0]"),
        ("mixed", "channels", 3, "taps [0, 0] of channels [3, {3}]"),
    ],
)
def test_operands_that_there_are_none_of(name: str, part: str, value: int, read: str) -> None:
    layer = LAYERS[name]
    state = {key: tensor.clone() for key, tensor in layer.state_dict().items()}
    before = [*state["taps"][:, 0].tolist(), *state["channels"][:, 0].tolist()]
    state[part][0, 0] = value
    with pytest.raises(FormatError) as caught:
        ConvolutionLayer.restore(layer.describe(), state, "layers.1")
    assert str(caught.value) == (
        f"layers.1: channel 0 reads {read.format(*before)}, which its window over an image of "
        f"{layer.image} does not have; the file is damaged"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"padding": None}, "padding is None; an integer is needed"),
        (
            {"padding": 3},
            "a window of kernel 3, stride 2 and padding 3; kernel and stride are at least 1, "
            "padding is 0 to kernel - 1",
        ),
        ({"kernel": 0}, "kernel is 0; an integer from 1 to 2147483647 is needed"),
        ({"image": [2, 7]}, "image is [2, 7]; [channels, height, width] are needed"),
        (
            {"image": [2, 1, 5], "padding": 0},
            "a window of kernel 3 and padding 0 does not fit into an image of 2 x 1 x 5",
        ),
    ],
)
def test_descriptions_that_cannot_be(change: dict[str, object], text: str) -> None:
    layer = LAYERS["stride"]
    pool = OrPool(layer.image, layer.window)
    for one in (layer, pool):
        with pytest.raises(FormatError) as caught:
            type(one).restore(one.describe() | change, dict(one.state_dict()), "layers.1")
        assert str(caught.value) == f"layers.1: {text}"
