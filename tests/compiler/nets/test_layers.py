"""Every layer: the soft net at the corners, the hard net and the circuit are one function."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from lithify.compiler.nets.families import LAYERS
from lithify.compiler.nets.gates.dense import LogicLayer
from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.packing import pack, unpack
from lithify.compiler.nets.side_by_side import SideBySide
from lithify.compiler.nets.soft_bits.fixed import Majority
from lithify.compiler.nets.soft_bits.weighted import AndLayer, NotLayer, OrLayer
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, HardenError, InputError

EXAMPLES = [
    pytest.param(layer, id=f"{name}-{index}")
    for name, kind in LAYERS.items()
    for index, layer in enumerate(kind.examples())
]


def has_weights(example: Any) -> bool:
    """Whether the layer of a test parameter has anything to learn."""
    return any(True for _ in example.values[0].parameters())


def all_bits(inputs: int) -> np.ndarray:
    """Every input pattern of a small layer, random ones of a large one."""
    if inputs <= 8:
        return np.array(list(itertools.product([False, True], repeat=inputs))).T
    return np.random.default_rng(0).random((inputs, 256)) < 0.5


@pytest.mark.parametrize("layer", EXAMPLES)
def test_corners_hard_and_circuit_agree(layer: Layer) -> None:
    bits = all_bits(layer.inputs)
    hard = layer.hard(bits)
    builder = Builder()
    signals = builder.input("x", count=layer.inputs).ravel()
    builder.output("y", layer.lower(builder, signals, "layers.3"))
    answers = simulate.run(builder.finish(), bits.T.astype(np.int64))
    assert hard.shape == (layer.outputs, bits.shape[1])
    assert np.array_equal(answers.words["y"].T, hard)
    corner = type(layer).restore(layer.describe(), dict(layer.state_dict()), "layers.3")
    corner.harden_()
    soft = corner(torch.from_numpy(bits).float()).detach().numpy()
    assert np.array_equal(soft > 0.5, hard)
    if isinstance(layer, LogicLayer):
        assert np.array_equal(soft, hard.astype(np.float32))
    assert np.array_equal(corner.hard(bits), hard)


@pytest.mark.parametrize("layer", EXAMPLES)
def test_gradients_are_finite(layer: Layer) -> None:
    noise = torch.Generator().manual_seed(5)
    x = torch.rand((layer.inputs, 40), generator=noise).requires_grad_()
    layer(x).square().sum().backward()
    for value in (x, *layer.parameters()):
        assert value.grad is not None
        assert torch.isfinite(value.grad).all()
        assert value.grad.abs().sum() > 0


@pytest.mark.parametrize("layer", EXAMPLES)
def test_description_and_state_make_the_layer_again(layer: Layer) -> None:
    shapes = layer.shapes(layer.describe(), "layers.0")
    state = dict(layer.state_dict())
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        name: shape for name, (_, shape) in shapes.items()
    }
    again = type(layer).restore(layer.describe(), state, "layers.0")
    x = torch.rand((layer.inputs, 4))
    assert torch.equal(again(x), layer(x))
    assert again.describe() == layer.describe()


@pytest.mark.parametrize("layer", EXAMPLES)
def test_the_hardened_layer_has_the_same_gates_from_packed_state(layer: Layer) -> None:
    hardened = layer.hardened()
    stored, packed = pack(dict(hardened.state_dict()))
    kind = LAYERS[hardened.kind]
    again = kind.restore(hardened.describe(), unpack(stored, packed), "layers.3")
    circuits = []
    for one in (layer, hardened, again):
        builder = Builder()
        signals = builder.input("x", count=one.inputs).ravel()
        builder.output("y", one.lower(builder, signals, "layers.3"))
        circuits.append(builder.finish())
    assert circuits[0] == circuits[1] == circuits[2]
    bits = all_bits(layer.inputs)
    assert np.array_equal(again.hard(bits), layer.hard(bits))
    for name, value in hardened.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize("layer", EXAMPLES)
def test_gates_know_their_origin(layer: Layer) -> None:
    builder = Builder(fold=False, hash=False)
    layer.lower(builder, builder.input("x", count=layer.inputs).ravel(), "layers.3")
    circuit = builder.finish()
    inside = ("layers.3", "layers.3.members")
    assert all(o.path.startswith(inside) and o.part == "core" for o in circuit.origins)
    assert set(circuit.unit_of.tolist()) <= set(range(layer.outputs))
    assert isinstance(layer, SideBySide) or (circuit.origin_of == 0).all()
    if isinstance(layer, LogicLayer | AndLayer | OrLayer | NotLayer | Majority):
        assert circuit.unit_of.tolist() == list(range(layer.outputs))


@pytest.mark.parametrize("layer", [one for one in EXAMPLES if has_weights(one)])
def test_weights_that_are_no_numbers_have_no_hard_form(layer: Layer) -> None:
    broken = type(layer).restore(layer.describe(), dict(layer.state_dict()), "layers.2")
    with torch.no_grad():
        weights = next(broken.parameters())
        units = len(weights)
        weights[units - 1, 1] = float("nan")
    with pytest.raises(HardenError) as caught:
        broken.check("layers.2")
    path = "layers.2.members.0.0" if isinstance(layer, SideBySide) else "layers.2"
    assert str(caught.value) == (
        f"{path}: the weights of unit {units - 1} are not finite numbers (1 of "
        f"{units} units are so); train again with a smaller learning rate"
    )


def test_the_gradient_follows_wiring_that_is_loaded() -> None:
    one, other = (LogicLayer(6, 9, generator=np.random.default_rng(seed)) for seed in (0, 1))
    one.load_state_dict(other.state_dict())
    found: list[torch.Tensor] = []
    for layer in (one, other):
        x = torch.linspace(0, 1, 12).reshape(6, 2).requires_grad_()
        found += torch.autograd.grad(layer(x).square().sum(), x)
    assert torch.equal(found[0], found[1])


def test_a_residual_start_passes_the_first_input() -> None:
    for name in ("softmax16", "table4"):
        layer = LogicLayer(
            9, 300, parametrisation=name, noise=0.0, generator=np.random.default_rng(0)
        )
        assert (layer.tables() == 0b1010).all()
        x = torch.eye(9)
        likely = layer(x)[torch.arange(300), layer.wires[0].long()]
        assert 0.85 < float(likely.detach().min()) < 1


def test_without_noise_or_residual_all_tables_are_equally_likely() -> None:
    for name in ("softmax16", "table4"):
        layer = LogicLayer(
            4, 8, parametrisation=name, residual=0, noise=0, generator=np.random.default_rng(0)
        )
        torch.testing.assert_close(layer(torch.rand(4, 3)), torch.full((8, 3), 0.5))


def test_a_draw_goes_to_the_lowest_table() -> None:
    layer = LogicLayer(4, 3, residual=0, noise=0, generator=np.random.default_rng(0))
    assert layer.tables().tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"inputs": 0},
            "a logic layer of 0 inputs and 3 outputs; both are 1 to 1073741823",
        ),
        (
            {"parametrisation": "walsh"},
            "parametrisation 'walsh' is none of softmax16, table4",
        ),
        (
            {"residual": 1.0},
            "residual is 1.0 and noise 1.0; residual is a probability below 1, noise is not "
            "negative",
        ),
    ],
)
def test_a_layer_that_cannot_be(change: dict[str, object], text: str) -> None:
    options = {"inputs": 4, "outputs": 3, "generator": np.random.default_rng(0)} | change
    with pytest.raises(InputError) as caught:
        LogicLayer(**options)  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_wiring_out_of_range_is_refused() -> None:
    layer = LogicLayer(4, 3, generator=np.random.default_rng(0))
    state = dict(layer.state_dict())
    state["wires"] = torch.tensor([[0, 4, 1], [1, 2, 3]], dtype=torch.int32)
    with pytest.raises(FormatError) as caught:
        LogicLayer.restore(layer.describe(), state, "layers.1")
    assert str(caught.value) == (
        "layers.1: gate 1 reads inputs 4 and 2, but the layer has inputs 0 to 3; "
        "the file is damaged"
    )
