"""Sums of counters of up to six bits, with terms that are counted together first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from circuit_strategies import circuits
from conservation import check_adders
from hypothesis import given, strategies
from same_function import assert_expanded, assert_same_signals

from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import BEST_APART, Netlist


def expanded(circuit: Circuit, most: int, bundles: Sequence[np.ndarray] = ()) -> Netlist:
    """The netlist, once its record and its function are checked."""
    netlist = expand(circuit, most=most, bundles=bundles)
    check(netlist.circuit)
    check_adders(netlist)
    rng = np.random.default_rng(0)
    assert_same_signals(circuit, netlist.circuit, netlist.signal_of, rng)
    assert_expanded(circuit, netlist.circuit, rng)
    return netlist


def bits(count: int) -> tuple[Builder, np.ndarray]:
    """A builder with one input of so many bits."""
    builder = Builder()
    return builder, builder.input("x", count=count).ravel()


@given(circuits(most_gates=30))
def test_the_function_is_kept(circuit: Circuit) -> None:
    expanded(circuit, 6)


@given(circuits(most_gates=30), strategies.sampled_from([3, 6]), strategies.data())
def test_bundles_keep_the_function(
    circuit: Circuit, most: int, data: strategies.DataObject
) -> None:
    numbers = strategies.lists(
        strategies.integers(-2, circuit.num_signals // 6),
        min_size=circuit.num_signals,
        max_size=circuit.num_signals,
    )
    bundles = [_at_most_six(data.draw(numbers)) for _ in circuit.scores]
    expanded(circuit, most, bundles)


def _at_most_six(numbers: list[int]) -> np.ndarray:
    """The numbers, -1 from the seventh of a kind on."""
    kept = [n if n < 0 or numbers[:i].count(n) < 6 else -1 for i, n in enumerate(numbers)]
    return np.array(kept, np.int32)


@pytest.mark.parametrize("n", [64, 256, 784])
def test_a_popcount_takes_about_one_table_of_six_a_bit(n: int) -> None:
    builder, x = bits(n)
    builder.score("ones", x)
    netlist = expanded(builder.finish(readout="scores"), 6)
    assert netlist.circuit.num_gates < n


def test_counters_take_a_constant_and_bits_of_the_next_column() -> None:
    builder, x = bits(40)
    builder.score("a", x, [1] * 30 + [2] * 10, bias=1)
    adders = expanded(builder.finish(readout="scores"), 6).adders
    sevens = adders.inputs[adders.kinds == 7]
    assert (sevens[:, 6] == 1).any()
    assert (sevens[:, 5] == sevens[:, 6]).any()


@pytest.mark.parametrize(
    ("weights", "bias", "used"), [([1] * 7, 0, 3), ([1] * 6 + [-1], 0, 4), ([1] * 7, 1, 4)]
)
def test_a_score_adds_up_no_more_bits_than_its_values_need(
    weights: list[int], bias: int, used: int
) -> None:
    builder, x = bits(7)
    builder.score("small", x, weights, bias=bias)
    builder.score("large", x, [9] * 7)
    netlist = expanded(builder.finish(readout="scores"), 6)
    (row, _) = netlist.circuit.words[-1].signals
    assert netlist.adders.widths[0] == used
    assert row.size == 7
    assert set(row[used:].tolist()) == ({0} if min(weights) > 0 else {row[used - 1]})


def test_bundles_are_counted_first_and_apart() -> None:
    builder, x = bits(12)
    builder.score("ones", x)
    circuit = builder.finish(readout="scores")
    bundle_of = np.full(circuit.num_signals, -1, np.int32)
    bundle_of[x] = [0, 1, 0, 1, 0, 1, 2, 2, -1, -1, 3, -1]
    adders = expanded(circuit, 6, bundles=[bundle_of]).adders
    first = {tuple(sorted((row[row > 0] >> 1).tolist())) for row in adders.inputs[:3]}
    assert first == {tuple(x[:6:2].tolist()), tuple(x[1:6:2].tolist()), tuple(x[6:8].tolist())}


def test_terms_that_are_best_apart_are_the_only_ones_of_a_counter() -> None:
    builder, x = bits(13)
    builder.score("ones", x)
    circuit = builder.finish(readout="scores")
    bundle_of = np.full(circuit.num_signals, -1, np.int32)
    bundle_of[x[:6]] = BEST_APART
    adders = expanded(circuit, 3, bundles=[bundle_of]).adders
    apart = np.isin(adders.inputs >> 1, x[:6]).sum(1)
    assert apart.tolist()[:6] == [1] * 6
    assert apart.sum() == 6


def test_a_bundle_of_seven_is_refused() -> None:
    builder, x = bits(7)
    builder.score("ones", x)
    circuit = builder.finish(readout="scores")
    with pytest.raises(InputError) as caught:
        expand(circuit, bundles=[np.full(circuit.num_signals, 3, np.int32)])
    assert str(caught.value) == "bundle 3 has 9 terms; at most 6 can be counted at once"
