"""Layers of soft bits: exact for any soft input, and gates no more than their function needs."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lithify.compiler.nets.layer import Layer
from lithify.compiler.nets.soft_bits.build import FIXED, WEIGHTED
from lithify.compiler.nets.soft_bits.fixed import Complement, Count, Flip, Harden, Majority
from lithify.compiler.nets.soft_bits.start import Start
from lithify.compiler.nets.soft_bits.weighted import (
    AndLayer,
    ImpliesLayer,
    MaskLayer,
    NotLayer,
    OrLayer,
    SoftBitLayer,
    XorLayer,
)
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.errors import FormatError, InputError

RNG = np.random.default_rng(3)
EXAMPLES = [
    pytest.param(layer, id=f"{name}-{index}")
    for name, kind in (WEIGHTED | FIXED).items()
    for index, layer in enumerate(kind.examples())
]


def chosen(kind: type[SoftBitLayer], *rows: str) -> SoftBitLayer:
    """A layer that includes the inputs that are `1` in its rows."""
    layer = kind(len(rows[0]), len(rows), generator=RNG)
    weights = torch.tensor([[0.9 if one == "1" else 0.1 for one in row] for row in rows])
    with torch.no_grad():
        layer.weights.copy_(weights)
    return layer


def lowered(*layers: Layer) -> Circuit:
    """The circuit of a chain of layers."""
    builder = Builder()
    signals = builder.input("x", count=layers[0].inputs).ravel()
    for index, layer in enumerate(layers):
        signals = layer.lower(builder, signals, f"layers.{index}")
    builder.output("y", signals)
    return builder.finish()


@pytest.mark.parametrize("layer", EXAMPLES)
def test_soft_inputs_give_the_bits_of_hard_ones(layer: Layer) -> None:
    noise = torch.Generator().manual_seed(1)
    x = torch.rand((layer.inputs, 500), generator=noise)
    x[:, ::7] = 0.5
    x[:, 1::7] = torch.where(x[:, 1::7] > 0.5, 0.5 + 6e-8, 0.5 - 3e-8)
    hard = layer.hard(x.numpy() > 0.5)
    assert np.array_equal(layer(x).detach().numpy() > 0.5, hard)


@pytest.mark.parametrize("layer", EXAMPLES)
def test_weights_stay_soft_bits(layer: Layer) -> None:
    again = type(layer).restore(layer.describe(), dict(layer.state_dict()), "layers.0")
    with torch.no_grad():
        for weights in again.parameters():
            weights.mul_(5).sub_(2)
    again.project_()
    for weights in again.parameters():
        assert 0 <= float(weights.detach().min()) <= float(weights.detach().max()) <= 1


def test_what_is_included_by_none_is_the_neutral_value() -> None:
    bits = np.array([[False, True]] * 3)
    for kind, value in ((AndLayer, True), (OrLayer, False), (XorLayer, False)):
        layer = chosen(kind, "000")
        assert layer.hard(bits).tolist() == [[value, value]]
        assert lowered(layer).num_gates == 0


def test_a_weight_at_one_half_is_low() -> None:
    layer = AndLayer(4, 3, start=Start(0.5, 0.0), generator=RNG)
    assert not layer.included().any()
    assert layer(torch.zeros(4, 1)).detach().min() > 0.5


def test_conjunctions_read_what_they_include_alone() -> None:
    circuit = lowered(chosen(AndLayer, "11100110", "00000011", "00010000"))
    assert circuit.num_gates == 2
    assert np.diff(circuit.offsets).tolist() == [5, 2]


def test_a_majority_of_masked_bits_is_a_popcount_of_the_included() -> None:
    mask = chosen(ImpliesLayer, "1" * 12 + "0" * 4, "0" * 10 + "1" * 6, "0" * 9 + "1" * 7)
    circuit = lowered(mask, Majority(48, 16))
    # floor(16 / 2) + 1 - 4 of twelve; ten left out are a majority already, and so are nine.
    assert circuit.num_gates == 1
    assert circuit.kinds.tolist() == [THRESHOLD]
    assert circuit.bounds.tolist() == [5]
    assert np.diff(circuit.offsets).tolist() == [12]


def test_a_majority_of_bits_masked_to_false_needs_as_many_of_fewer() -> None:
    circuit = lowered(chosen(MaskLayer, "1" * 12 + "0" * 4), Majority(16, 16))
    assert circuit.bounds.tolist() == [9]
    assert np.diff(circuit.offsets).tolist() == [12]


def test_ranges_of_a_count_are_two_gates_each_at_most() -> None:
    circuit = lowered(Count(59, 3))
    assert (circuit.kinds == THRESHOLD).sum() == 2
    assert circuit.num_gates <= 4
    exact = lowered(Count(30))
    assert exact.num_gates <= 2 * 31


@pytest.mark.parametrize(("groups", "gates"), [(3, 120), (20, 200), (60, 300)])
def test_all_ranges_share_one_popcount(groups: int, gates: int) -> None:
    # 54 full and half adders or so, and a few gates for each comparison with a constant.
    assert 2 * 54 < expand(lowered(Count(59, groups))).circuit.num_gates <= gates


def test_wires_cost_nothing_and_inverters_are_shared() -> None:
    circuit = lowered(chosen(NotLayer, "1100", "1010"))
    assert circuit.num_gates == 3
    assert lowered(Harden(4), Flip(4, 0.1)).num_gates == 0
    assert lowered(Complement(4)).num_gates == 4


def test_a_parity_is_a_tree() -> None:
    circuit = lowered(chosen(XorLayer, "1" * 16))
    assert (circuit.num_gates, circuit.depth) == (15, 4)


def test_flips_come_from_the_stream_and_in_training_alone() -> None:
    layer = Flip(50, 0.25)
    x = torch.zeros(50, 400)
    assert torch.equal(layer(x), x)
    layer.begin_(torch.Generator().manual_seed(2))
    one = layer(x)
    assert 0.22 < float(one.mean()) < 0.28
    assert not torch.equal(layer(x), one)
    layer.begin_(torch.Generator().manual_seed(2))
    assert torch.equal(layer(x), one)
    layer.eval()
    assert torch.equal(layer(x), x)


def test_weights_start_where_they_are_told() -> None:
    rng = np.random.default_rng(0)
    weights = Start(0.3, 0.0, 0.501, 0.25).weights(100, 40, rng)
    assert sorted(set(weights.ravel().tolist())) == pytest.approx([0.3, 0.501])
    assert float((weights > 0.5).float().mean()) == pytest.approx(0.25, abs=0.03)
    spread = Start(0.4, 0.1).weights(100, 40, rng)
    assert 0.3 <= float(spread.min()) < 0.31 < 0.49 < float(spread.max()) <= 0.5


@pytest.mark.parametrize(
    ("start", "text"),
    [
        ({"value": 1.2}, "weights start within 0.01 of 1.2; soft bits are from 0 to 1"),
        (
            {"value": 0.3, "spread": 0.4},
            "weights start within 0.4 of 0.3; soft bits are from 0 to 1",
        ),
        (
            {"other": float("nan")},
            "weights start within 0.01 of nan; soft bits are from 0 to 1",
        ),
        ({"share": 1.5}, "share is 1.5; it must be from 0 to 1"),
    ],
)
def test_starts_that_cannot_be(start: dict[str, float], text: str) -> None:
    with pytest.raises(InputError) as caught:
        Start(**start)
    assert str(caught.value) == text


def test_sizes_that_cannot_be() -> None:
    cases: list[tuple[Callable[[], Layer], str]] = [
        (
            lambda: AndLayer(0, 3, generator=RNG),
            "a layer 'and' of 0 inputs and width 3; both are at least 1, their product at most "
            "1073741823",
        ),
        (lambda: Harden(0), "a layer 'harden' of 0 inputs; 1 to 1073741823 can be had"),
        (lambda: Majority(8, 3), "8 bits do not divide into majorities of 3"),
        (lambda: Count(8, 2), "the 9 counts of 8 bits do not divide into 2 groups"),
        (lambda: Flip(8, 0.5), "the rate of flips is 0.5; it must be from 0 to below 0.5"),
    ]
    for make, text in cases:
        with pytest.raises(InputError) as caught:
            make()
        assert str(caught.value) == text


def test_descriptions_that_cannot_be() -> None:
    weights = {"weights": torch.tensor([[0.5, 1.25], [0.0, -1.0]])}
    cases: list[tuple[Callable[[], object], str]] = [
        (
            lambda: NotLayer.restore({}, weights, "layers.1"),
            "layers.1: 2 weights are not from 0 to 1; the file is damaged",
        ),
        (
            lambda: OrLayer.shapes({"width": 0, "inputs": 2}, "layers.1"),
            "layers.1: width is 0; an integer from 1 to 2147483647 is needed",
        ),
        (
            lambda: Majority.restore({"inputs": 8, "size": 3}, {}, "layers.1"),
            "layers.1: 8 bits do not divide into majorities of 3",
        ),
        (
            lambda: Count.restore({"inputs": 8}, {}, "layers.1"),
            "layers.1: groups is None; an integer from 1 to 2147483647 is needed",
        ),
        (
            lambda: Flip.restore({"inputs": 8, "rate": "0"}, {}, "layers.1"),
            "layers.1: rate is '0'; a number is needed",
        ),
        (
            lambda: Flip.restore({"inputs": 8, "rate": 0.7}, {}, "layers.1"),
            "layers.1: the rate of flips is 0.7; it must be from 0 to below 0.5",
        ),
    ]
    for restore, text in cases:
        with pytest.raises(FormatError) as caught:
            restore()
        assert str(caught.value) == text
