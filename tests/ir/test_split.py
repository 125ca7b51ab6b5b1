"""Tables of many fan-ins written as tables of few."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st
from same_function import assert_same_signals, assert_same_words

from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.decompose import HIGH, plan, spread
from lithify.ir.errors import InputError
from lithify.ir.origin import Origin
from lithify.ir.split import split, split_signals


def of_tables(tables: Iterable[int], arity: int) -> Circuit:
    """One gate over the same inputs for each table."""
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", count=arity).ravel()
    words = np.array(list(tables), np.uint64)
    builder.output("y", builder.tables(words, np.tile(x, (words.size, 1))))
    return builder.finish()


def assert_split(circuit: Circuit, arity: int) -> Circuit:
    """The split circuit, once it is seen to be right."""
    small, signal_of = split_signals(circuit, arity)
    check(small)
    tables = small.kinds == TABLE
    assert np.diff(small.offsets)[tables].max(initial=0) <= arity
    assert small.inputs == circuit.inputs and small.readout == circuit.readout
    assert_same_signals(circuit, small, signal_of, np.random.default_rng(0))
    assert_same_words(circuit, small, np.random.default_rng(0))
    return small


@pytest.mark.parametrize("arity", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("fanins", [1, 2, 3, 4, 5, 6])
def test_random_tables(arity: int, fanins: int) -> None:
    rng = np.random.default_rng(10 * arity + fanins)
    size = 1 << fanins
    words = rng.integers(0, 2**64, 200, dtype=np.uint64) >> np.uint64(64 - size)
    assert_split(of_tables(words.tolist(), fanins), arity)


def test_every_table_of_three_fanins() -> None:
    assert_split(of_tables(range(256), 3), 2)


@given(circuits(), st.integers(2, 6))
def test_the_function_is_kept(circuit: Circuit, arity: int) -> None:
    small = assert_split(circuit, arity)
    assert [s.bias for s in small.scores] == [s.bias for s in circuit.scores]
    thresholds = circuit.kinds != TABLE
    assert (small.kinds != TABLE).sum() == thresholds.sum()


@pytest.mark.parametrize(
    ("table", "fanins", "gates"),
    [
        (0b0110, 2, 1),
        (0xE8, 3, 4),  # majority
        (0x96, 3, 2),  # exclusive or
        (0xCA, 3, 3),  # multiplexer
        (0x6996, 4, 3),
        (0xF888, 4, 3),  # ab or cd
        (0x7888, 4, 3),  # ab xor cd
        (0x8000000000000000, 6, 5),
        (0xFFFFFFFFFFFFFFFE, 6, 5),
        (0x6996966996696996, 6, 5),
        (0x00, 3, 1),
        (0xFF, 3, 1),
        (0xAA, 3, 1),
        (0x0F, 3, 1),
    ],
)
def test_known_tables_take_the_fewest_gates(table: int, fanins: int, gates: int) -> None:
    assert assert_split(of_tables([table], fanins), 2).num_gates == gates


@pytest.mark.parametrize(("table", "arity", "gates"), [(0xCACA, 3, 1), (0xFFFE, 3, 2)])
def test_larger_gates_are_used(table: int, arity: int, gates: int) -> None:
    assert assert_split(of_tables([table], 4), arity).num_gates == gates


def test_a_full_adder_is_five_gates() -> None:
    assert assert_split(of_tables([0xE8, 0x96], 3), 2).num_gates == 5
    builder = Builder()
    builder.score("ones", builder.input("x", count=64))
    popcount = expand(builder.finish(readout="scores")).circuit
    assert assert_split(popcount, 2).num_gates == 57 * 5 + 6 * 2


def test_equal_gates_inside_are_made_once() -> None:
    small = assert_split(of_tables([0x6996, 0x9669, 0x6996], 4), 2)
    assert small.num_gates == 2 + 3


def test_small_circuits_come_back_as_they_are() -> None:
    circuit = of_tables(range(16), 2)
    small, signal_of = split_signals(circuit)
    assert small is circuit
    assert signal_of.tolist() == list(range(circuit.num_signals))


def test_origins_and_weights_stay() -> None:
    builder = Builder(fold=False)
    x = builder.input("x", count=7).ravel()
    with builder.origin("layers.1", "core"):
        y = builder.tables([0x6996], [x[:4]], units=[9])
    z = builder.threshold(3, [*x.tolist(), int(y[0])], [1, 2, -3, 1, 1, 1, 1, 2])
    builder.output("z", z)
    small = assert_split(builder.finish(), 2)
    assert small.origins == (Origin("layers.1", "core"),)
    assert small.origin_of.tolist() == [0, 0, 0, -1]
    assert small.unit_of.tolist() == [9, 9, 9, 0]
    assert small.full_weights().tolist() == [1] * 6 + [1, 2, -3, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("arity", [-1, 1, 7])
def test_other_arities_are_refused(arity: int) -> None:
    with pytest.raises(InputError) as error:
        split(of_tables([6], 2), arity)
    assert str(error.value) == f"split: arity {arity}; tables are split to 2 to 6 fan-ins"


def test_a_plan_says_its_functions() -> None:
    rng = np.random.default_rng(3)
    functions = rng.integers(0, 2**64, 50, dtype=np.uint64) & ~np.uint64(1)
    steps = plan(functions, 2)
    values = [int(x) for x in HIGH]
    assert np.isin(functions, steps.functions).all()
    known = values + [int(f) for f in steps.functions]
    for function, arity, table, row in zip(
        steps.functions.tolist(), steps.arities, steps.tables, steps.operands, strict=True
    ):
        result = 0
        for p in range(1 << int(arity)):
            if int(table) >> p & 1:
                term = 2**64 - 1
                for j in range(int(arity)):
                    operand = known[row[j]]
                    term &= operand if p >> j & 1 else ~operand & (2**64 - 1)
                result |= term
        assert result == function


def test_tables_spread_over_six_variables() -> None:
    tables = np.array([0b10, 0b0110, 1, 0, 0x8000], np.uint64)
    spread_out = spread(tables, np.array([1, 2, 0, 0, 4]))
    assert [hex(f) for f in spread_out.tolist()] == [
        "0xaaaaaaaaaaaaaaaa",
        "0x6666666666666666",
        "0xffffffffffffffff",
        "0x0",
        "0x8000800080008000",
    ]
