"""The builder makes what it was asked for, and folding and hashing never change what it does."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st
from plain_evaluator import answer, signal_values

from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.origin import Origin
from lithify.ir.ports import Score, Word
from lithify.ir.simulate import pack, random_codes, run, run_planes, unpack_bits


def rebuilt(circuit: Circuit, *, fold: bool, hash: bool = False, absorb: bool = False) -> Circuit:
    """The circuit put once more through a builder."""
    builder = Builder(fold=fold, hash=hash, absorb=absorb)
    for port in circuit.inputs:
        builder.port(port)
    renamed = builder.copy(circuit)
    for output in circuit.outputs:
        signals = renamed[output.signals]
        if isinstance(output, Word):
            builder.output(output.name, signals, kind=output.kind)
        else:
            builder.score(output.name, signals, output.weights, bias=output.bias)
    return builder.finish(readout=circuit.readout)


MODES = [(False, True, False), (True, False, False), (True, True, False), (True, True, True)]


@pytest.mark.parametrize(("fold", "hashed", "absorb"), MODES)
@given(circuit=circuits(most_gates=60, fold=False), seed=st.integers(0, 99))
def test_building_keeps_the_function(
    fold: bool, hashed: bool, absorb: bool, circuit: Circuit, seed: int
) -> None:
    made = rebuilt(circuit, fold=fold, hash=hashed, absorb=absorb)
    check(made)
    codes = random_codes(circuit, 40, np.random.default_rng(seed))
    for sample in codes.tolist():
        assert answer(made, sample) == answer(circuit, sample)


@pytest.mark.parametrize(("fold", "hashed", "absorb"), MODES)
@given(circuit=circuits(most_gates=60, fold=False))
def test_building_is_idempotent_and_never_adds(
    fold: bool, hashed: bool, absorb: bool, circuit: Circuit
) -> None:
    once = rebuilt(circuit, fold=fold, hash=hashed, absorb=absorb)
    assert once.num_gates <= circuit.num_gates
    assert once.fanins.size <= circuit.fanins.size
    assert rebuilt(once, fold=fold, hash=hashed, absorb=absorb) == once


@given(circuits(most_gates=60, fold=False))
def test_copying_exactly_gives_an_equal_circuit(circuit: Circuit) -> None:
    assert rebuilt(circuit, fold=False) == circuit


@given(circuits(most_gates=60, fold=False))
def test_folding_leaves_nothing_to_fold(circuit: Circuit) -> None:
    made = rebuilt(circuit, fold=True, hash=True)
    for gate in range(made.num_gates):
        fanins = made.gate_fanins(gate)
        assert len(set(fanins)) == len(fanins) and min(fanins, default=2) >= 2
        if made.kinds[gate] == 0:
            assert_depends_on_all(int(made.tables[gate]), len(fanins))


def assert_depends_on_all(table: int, arity: int) -> None:
    for pin in range(arity):
        rows = [row for row in range(1 << arity) if not row >> pin & 1]
        assert any((table >> row ^ table >> (row | 1 << pin)) & 1 for row in rows)


@given(circuits(most_gates=40), st.integers(0, 99))
def test_copy_maps_every_signal_to_an_equal_one(circuit: Circuit, seed: int) -> None:
    builder = Builder()
    for port in circuit.inputs:
        builder.port(port)
    renamed = builder.copy(circuit)
    made = builder.finish()
    for sample in random_codes(circuit, 5, np.random.default_rng(seed)).tolist():
        values = signal_values(made, sample)
        assert [values[signal] for signal in renamed.tolist()] == signal_values(circuit, sample)


def test_copy_puts_signals_in_place_of_inputs() -> None:
    inner = Builder()
    a, b = (int(s) for s in inner.input("in", count=2, kind="bit").ravel())
    inner.output("y", [inner.xor(a, b)])
    circuit = inner.finish()
    outer = Builder()
    x = outer.input("x", count=3, kind="bit").ravel()
    first = outer.copy(circuit, inputs=x[:2])[circuit.output_signals]
    second = outer.copy(circuit, inputs=[first[0], x[2]])[circuit.output_signals]
    outer.output("parity", second)
    codes = (np.arange(8)[:, None] >> np.arange(3)) & 1
    got = run(outer.finish(), codes).words["parity"][:, 0]
    assert got.tolist() == (codes.sum(axis=1) % 2).tolist()


def test_copy_of_kept_gates_maps_the_others_to_minus_1() -> None:
    inner = Builder()
    a, b = (int(s) for s in inner.input("in", count=2, kind="bit").ravel())
    inner.xor(a, b)
    inner.output("y", [inner.and_(a, b)])
    circuit = inner.finish()
    outer = Builder()
    outer.input("x", count=2, kind="bit")
    renamed = outer.copy(circuit, keep=circuit.live())
    assert renamed.tolist() == [0, 1, 2, 3, -1, 4]
    assert outer.finish().num_gates == 1


SCALARS: list[tuple[str, Callable[[Builder, list[int]], int], Callable[[list[int]], bool]]] = [
    ("not", lambda b, s: b.not_(s[0]), lambda v: not v[0]),
    ("xor", lambda b, s: b.xor(s[0], s[1]), lambda v: v[0] != v[1]),
    ("mux", lambda b, s: b.mux(s[0], s[1], s[2]), lambda v: bool(v[1] if v[0] else v[2])),
    ("and3", lambda b, s: b.and_(*s[:3]), lambda v: all(v[:3])),
    ("and8", lambda b, s: b.and_(*s), lambda v: all(v)),
    ("or3", lambda b, s: b.or_(*s[:3]), lambda v: any(v[:3])),
    ("or8", lambda b, s: b.or_(*s), lambda v: any(v)),
    ("maj3", lambda b, s: b.majority(*s[:3]), lambda v: sum(v[:3]) > 1),
    ("maj4", lambda b, s: b.majority(*s[:4]), lambda v: sum(v[:4]) > 2),
    ("maj7", lambda b, s: b.majority(*s[:7]), lambda v: sum(v[:7]) > 3),
    ("table", lambda b, s: b.table(0x2, s[0], s[1]), lambda v: bool(v[0] and not v[1])),
    ("threshold", lambda b, s: b.threshold(2, s[:2], [1, 2]), lambda v: bool(v[1])),
    ("empty and", lambda b, s: b.and_(), lambda v: True),
    ("empty or", lambda b, s: b.or_(), lambda v: False),
]  # fmt: skip


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize(("name", "make", "mean"), SCALARS, ids=[s[0] for s in SCALARS])
def test_scalar_calls_mean_what_they_say(
    name: str,
    make: Callable[[Builder, list[int]], int],
    mean: Callable[[list[int]], bool],
    fold: bool,
) -> None:
    builder = Builder(fold=fold, hash=fold)
    x = builder.input("x", count=8, kind="bit").ravel().tolist()
    builder.output("y", [make(builder, x)])
    codes = (np.arange(256)[:, None] >> np.arange(8)) & 1
    got = run(builder.finish(), codes).words["y"][:, 0].tolist()
    assert got == [int(mean(row)) for row in codes.tolist()]


def test_folding_finds_constants_buffers_and_copies() -> None:
    builder = Builder()
    a, b = (int(s) for s in builder.input("x", count=2, kind="bit").ravel())
    assert builder.xor(a, a) == 0
    assert builder.or_(a, 1) == 1
    assert builder.and_(a, 1) == a
    assert builder.table(0b1010, a, b) == a
    assert builder.not_(0) == 1
    assert builder.threshold(0, [a, b]) == 1
    assert builder.threshold(3, [a, b]) == 0
    assert builder.threshold(2, [a, a], [1, 1]) == a
    first = builder.xor(a, b)
    assert builder.xor(b, a) == first
    assert builder.num_signals == 5


def test_exact_building_keeps_everything() -> None:
    builder = Builder(fold=False, hash=False)
    a = int(builder.input("a")[0, 0])
    signals = [builder.xor(a, a), builder.xor(a, a), builder.and_(a, 1), builder.table(0)]
    builder.output("y", signals)
    assert signals == [3, 4, 5, 6]
    assert str(builder.finish()) == (
        "lithify circuit 1\n"
        "input a : uint1\n"
        "%3 = 0x6 a a\n"
        "%4 = 0x6 a a\n"
        "%5 = 0x8 a %1\n"
        "%6 = 0x0\n"
        "output y : bit[4] = %3 %4 %5 %6\n"
        "readout bits\n"
    )


def test_gates_carry_their_origin_and_unit() -> None:
    builder = Builder()
    x = builder.input("x", count=4, kind="bit").ravel()
    with builder.origin("layers.0", "core"):
        builder.tables([6, 8], [x[:2], x[2:]])
        with builder.origin("head", "head"):
            builder.tables([14], [x[:2]], units=[7])
        builder.tables([9], [x[2:]])
    builder.xor(int(x[0]), int(x[3]))
    circuit = builder.finish()
    assert circuit.origins == (Origin("layers.0", "core"), Origin("head", "head"))
    assert circuit.origin_of.tolist() == [0, 0, 1, 0, -1]
    assert circuit.unit_of.tolist() == [0, 1, 7, 0, 0]
    assert circuit.size_by_part() == {"encoder": 0, "core": 3, "head": 1, "": 1}


def test_outputs_take_their_shape_from_the_signals() -> None:
    builder = Builder()
    x = builder.input("x", width=2, count=3)
    builder.output("bits", x.ravel())
    builder.output("one", x.ravel(), kind="uint")
    builder.output("three", x, kind="int")
    builder.score("sum", x.ravel())
    circuit = builder.finish()
    assert [(w.count, w.width, w.kind) for w in circuit.words] == [
        (6, 1, "bit"),
        (1, 6, "uint"),
        (3, 2, "int"),
    ]
    assert circuit.scores == (Score("sum", 0, x.ravel(), np.ones(6, np.int32)),)


@given(circuits(most_gates=40), st.integers(0, 99))
def test_rows_of_any_kind_can_be_appended(circuit: Circuit, seed: int) -> None:
    builder = Builder(fold=False, hash=False)
    for port in circuit.inputs:
        builder.port(port)
    made = builder.gates(
        circuit.kinds, circuit.tables, circuit.offsets, circuit.fanins, circuit.weights
    )
    assert made.tolist() == list(range(circuit.first_gate, circuit.num_signals))
    planes = pack(circuit, random_codes(circuit, 5, np.random.default_rng(seed)))
    expected = unpack_bits(run_planes(circuit, planes), 5)
    assert np.array_equal(unpack_bits(run_planes(builder.finish(), planes), 5), expected)


def refusals() -> list[tuple[Callable[[Builder], object], str]]:
    return [
        (lambda b: b.input("x"), "input x: there is an input of this name already"),
        (
            lambda b: (b.xor(2, 3), b.input("late")),
            "input late: inputs come before the first gate",
        ),
        (lambda b: b.xor(2, 9), "fan-ins: signal 9 does not exist; there are 6 so far"),
        (lambda b: b.xor(-1, 2), "fan-ins: signal -1 does not exist; there are 6 so far"),
        (
            lambda b: b.tables([1], np.zeros((1, 7), int)),
            "tables: fan-ins of shape (1, 7); needs [gates, at most 6]",
        ),
        (lambda b: b.tables([1, 2], [[2, 3]]), "tables: (2,) tables for 1 gates"),
        (
            lambda b: b.thresholds([1], [2, 3]),
            "thresholds: fan-ins of shape (2,); needs [gates, fan-ins]",
        ),
        (
            lambda b: b.thresholds([1], [[2, 3]], [[1]]),
            "thresholds: (1,) bounds and (1, 1) weights for fan-ins (1, 2)",
        ),
        (
            lambda b: b.output("y", [77]),
            "output y: signal 77 does not exist; there are 6 so far",
        ),
        (
            lambda b: (b.output("y", [2]), b.score("y", [2])),
            "output y: there is an output of this name already",
        ),
        (
            lambda b: b.score("s", [2, 3], [1]),
            "score s: (2,) signals against (1,) weights; both are lists of one length",
        ),
        (
            lambda b: b.copy(Builder().finish(), inputs=[2]),
            "copy: 1 input signals for 0 input bits",
        ),
        (lambda b: b.finish(readout="best"), "readout 'best' is none of bits, scores, argmax"),
        (
            lambda b: b.input("huge", count=2**31),
            "2147483654 signals; a circuit holds at most 2^31 - 1",
        ),
    ]


def wrong_numbers() -> list[tuple[Callable[[Builder], object], str]]:
    """Calls with fractions and integers out of range, and what is said of them."""
    return [
        (
            lambda b: b.tables([1.5], [[2]]),
            "tables: float64 values; needs integers of at most 64 bits",
        ),
        (lambda b: b.table(-1, 2), f"tables: -1 is not in 0..{2**64 - 1}"),
        (
            lambda b: b.threshold(1, [2.5]),
            "fan-ins: float64 values; needs integers of at most 64 bits",
        ),
        (
            lambda b: b.threshold(1, [2], [0.5]),
            "weights: float64 values; needs integers of at most 64 bits",
        ),
        (
            lambda b: b.threshold(1, [2], [-(2**31)]),
            "weights: -2147483648 is not in -2147483647..2147483647",
        ),
        (
            lambda b: b.threshold(2**61 + 1, [2]),
            f"bounds: {2**61 + 1} is not in {-(2**61)}..{2**61}",
        ),
        (
            lambda b: b.threshold(2**70, [2]),
            "bounds: object values; needs integers of at most 64 bits",
        ),
        (
            lambda b: b.score("s", [2], [2**31]),
            "the weights of score s: 2147483648 is not in -2147483647..2147483647",
        ),
        (
            lambda b: b.score("s", [2], bias=-(2**62)),
            f"the bias of score s: {-(2**62)} is not in {-(2**61)}..{2**61}",
        ),
    ]


@pytest.mark.parametrize(("misuse", "message"), [*refusals(), *wrong_numbers()])
def test_misuse_is_refused(misuse: Callable[[Builder], object], message: str) -> None:
    builder = Builder()
    builder.input("x", count=4, kind="bit")
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        misuse(builder)


def test_many_small_calls_make_one_circuit() -> None:
    builder = Builder()
    x = builder.input("x", count=200, kind="bit").ravel()
    for i in range(300):
        builder.xor(int(x[i % 200]), int(x[(i + 1 + i // 200) % 200]))
    circuit = builder.finish()
    check(circuit)
    assert circuit.num_gates == 300
