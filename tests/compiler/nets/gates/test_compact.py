"""Compact layers: how they start, how candidates are drawn anew, and how they freeze."""

import math

import numpy as np
import pytest
import torch

from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.gates.candidates import start_tables
from lithify.compiler.nets.gates.compact import CompactLayer
from lithify.compiler.nets.gates.compact_build import CompactSpec
from lithify.ir.errors import FormatError, InputError


def layer(inputs: int = 20, outputs: int = 12, **options: object) -> CompactLayer:
    rng = np.random.default_rng(3)
    return CompactLayer(inputs, outputs, generator=rng, **options)  # type: ignore[arg-type]


def test_a_residual_start_passes_the_first_input() -> None:
    start = layer(noise=0.0, residual=0.9)
    assert (start.chosen_tables() == 0b1010).all()
    shares = torch.softmax(start.weights.detach(), 1)
    torch.testing.assert_close(shares[:, 0], torch.full((12,), 0.9))
    x = torch.eye(20)
    first = start.operands(start.chosen())[0, :, 0].long()
    assert float(start(x)[torch.arange(12), first].detach().min()) > 0.89


def test_without_noise_or_residual_all_candidates_are_equally_likely() -> None:
    shares = torch.softmax(layer(noise=0, residual=0, candidates=5).weights.detach(), 1)
    torch.testing.assert_close(shares, torch.full((12, 5), 0.2))


@pytest.mark.parametrize("count", [2, 16, 19, 40])
def test_tables_repeat_only_when_all_have_come(count: int) -> None:
    tables = start_tables(50, count, np.random.default_rng(0))
    assert tables.shape == (50, count)
    assert (tables[:, 0] == 0b1010).all()
    for start in range(0, count, 16):
        part = np.sort(tables[:, start : start + 16], axis=1)
        assert (np.diff(part, axis=1) > 0).all()
    assert len({tuple(row) for row in tables.tolist()}) > 2


def test_every_input_is_read_equally_often_in_each_slot() -> None:
    wires = layer(inputs=10, outputs=25).wires.numpy()
    for slot in range(16):
        assert set(np.bincount(wires[:, :, slot].ravel(), minlength=10)) == {5}
    assert (wires[0] != wires[1]).all()


def test_a_kept_winner_stays_at_nine_tenths_and_the_rest_is_drawn_anew() -> None:
    net = layer(outputs=400, inputs=50)
    tables, wires, chosen = net.tables.clone(), net.wires.clone(), net.chosen()
    weights = net.weights.detach().clone()
    rows = torch.arange(100, 300)
    net.restart_(rows, torch.ones(200, dtype=torch.bool), np.random.default_rng(0))
    assert torch.equal(net.chosen(), chosen)
    kept = torch.nn.functional.one_hot(chosen, 16).bool()
    assert torch.equal(net.tables[kept], tables[kept])
    assert torch.equal(net.wires[:, kept], wires[:, kept])
    shares = torch.softmax(net.weights.detach(), 1)
    torch.testing.assert_close(shares[rows].amax(1), torch.full((200,), 0.9))
    other = shares[rows][~kept[rows]]
    torch.testing.assert_close(other, torch.full((3000,), 0.1 / 15))
    new = net.wires[:, rows][:, ~kept[rows]]
    assert (new != wires[:, rows][:, ~kept[rows]]).float().mean() > 0.9
    assert (new[0] != new[1]).all()
    assert set(net.tables[rows][~kept[rows]].tolist()) == set(range(16))
    untouched = [*range(100), *range(300, 400)]
    assert torch.equal(net.tables[untouched], tables[untouched])
    assert torch.equal(net.wires[:, untouched], wires[:, untouched])
    assert torch.equal(net.weights.detach()[untouched], weights[untouched])


def test_a_row_that_starts_over_keeps_nothing() -> None:
    net = layer(outputs=400, inputs=50)
    wires = net.wires.clone()
    rows = torch.arange(400)
    net.restart_(rows, torch.zeros(400, dtype=torch.bool), np.random.default_rng(0))
    logits = net.weights.detach()
    assert abs(float(logits.mean())) < 0.05
    assert abs(float(logits.std()) - 1) < 0.05
    assert (net.wires != wires).float().mean() > 0.9
    assert set(net.wires.flatten().tolist()) == set(range(50))


def test_one_input_can_be_drawn_anew() -> None:
    net = layer(inputs=1, outputs=3)
    net.restart_(torch.arange(3), torch.tensor([True, False, True]), np.random.default_rng(0))
    assert (net.wires == 0).all()


def test_a_frozen_layer_gives_exact_bits_and_no_gradient() -> None:
    net = layer()
    bits = torch.rand((20, 64), generator=torch.Generator().manual_seed(0)) < 0.5
    x = bits.float().requires_grad_()
    assert not net.is_frozen
    assert net(x).requires_grad
    net.freeze_()
    y = net(x)
    assert net.is_frozen
    assert not y.requires_grad
    assert np.array_equal(y.numpy(), net.hard(bits.numpy()).astype(np.float32))
    again = CompactLayer.restore(net.describe(), dict(net.state_dict()), "layers.0")
    assert again.is_frozen
    assert torch.equal(again(x), y)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"inputs": 0}, "a compact layer of 0 inputs and 12 outputs; both are 1 to 1073741823"),
        ({"candidates": 1}, "candidates is 1; it must be 2 to 64"),
        ({"candidates": 65}, "candidates is 65; it must be 2 to 64"),
        (
            {"residual": 1.0},
            "residual is 1.0 and noise 1.0; residual is a probability below 1, noise is not "
            "negative",
        ),
    ],
)
def test_a_layer_that_cannot_be(change: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as caught:
        layer(**change)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("name", "place", "value", "text"),
    [
        (
            "wires",
            (1, 4, 2),
            20,
            "candidate 2 of gate 4 reads input 20, but the layer has inputs 0 to 19",
        ),
        (
            "tables",
            (4, 2),
            16,
            "candidate 2 of row 4 has table 16; tables of two inputs are 0 to 15",
        ),
    ],
)
def test_damaged_state_is_refused(name: str, place: tuple[int, ...], value: int, text: str) -> None:
    net = layer()
    state = {key: one.clone() for key, one in net.state_dict().items()}
    state[name][place] = value
    with pytest.raises(FormatError) as caught:
        CompactLayer.restore(net.describe(), state, "layers.1")
    assert str(caught.value) == f"layers.1: {text}; the file is damaged"


def test_a_net_by_its_spec() -> None:
    encoder = Thermometer.boolean(9)
    spec = CompactSpec(layers=(24, 12), candidates=7, residual=0.5, noise=0.0)
    nets = [
        spec.build(encoder, classes=3, class_names=["a", "b", "c"], seed=seed) for seed in (1, 1, 2)
    ]
    layers = [one for _, one in nets[0].steps()]
    assert [(one.inputs, one.outputs, one.get_buffer("tables").shape[1]) for one in layers] == [
        (9, 24, 7),
        (24, 12, 7),
    ]
    assert nets[0].head.temperature == 1.0
    assert math.isclose(
        float(torch.softmax(nets[0].get_parameter("layers.0.weights").detach(), 1)[0, 0]),
        0.5,
        rel_tol=1e-5,
    )
    wires = [one.get_buffer("layers.0.wires") for one in nets]
    assert torch.equal(wires[0], wires[1])
    assert not torch.equal(wires[0], wires[2])


def test_a_net_of_no_layers() -> None:
    with pytest.raises(InputError) as caught:
        CompactSpec(layers=()).build(Thermometer.boolean(2), classes=2, class_names="ab", seed=0)
    assert str(caught.value) == "a net needs at least one layer; layers is empty"
