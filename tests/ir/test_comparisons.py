"""Gates that compare one integer: all of them are found, with the bound, and circuits without."""

import numpy as np
import pytest

from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.comparisons import comparisons, input_bits, without
from lithify.ir.ports import Port

WEIGHTS = [1, 2, 4, 8]


def mixed() -> Circuit:
    """Gates that compare, by thresholds and by tables, and others that only look like it."""
    b = Builder()
    x, y = b.input("x", width=4, count=2), b.input("y", width=4, count=1, kind="int")
    bit = b.input("bit", kind="bit").ravel()
    gates = [
        b.threshold(5, x[0], WEIGHTS),
        b.threshold(1, x[1], WEIGHTS),
        b.and_(x[1, 2], x[1, 3]),
        b.threshold(2, [x[0, 3], x[0, 2]], [2, 2]),
        b.threshold(5, [x[0, 0], *x[1, 1:]], WEIGHTS),
        b.xor(x[0, 2], x[0, 3]),
        b.threshold(-5, x[0], [-w for w in WEIGHTS]),
        b.threshold(3, y[0], WEIGHTS),
        b.and_(x[1, 3], bit[0]),
        b.or_(x[0, 0], x[0, 1]),
    ]
    b.output("all", gates)
    return b.finish()


def test_the_gates_that_compare_are_found() -> None:
    found = comparisons(mixed())
    rows = zip(
        *(part.tolist() for part in (found.gates, found.elements, found.bounds)), strict=True
    )
    assert list(rows) == [(0, 0, 5), (1, 1, 1), (2, 1, 12), (3, 0, 4)]


def test_where_input_bits_belong() -> None:
    bits = input_bits(mixed())
    rows = np.stack((bits.ports, bits.elements, bits.places)).T.tolist()
    assert rows[:3] == [[-1, -1, -1], [-1, -1, -1], [0, 0, 0]]
    assert rows[9] == [0, 1, 3] and rows[10] == [1, 2, 0] and rows[-1] == [2, 3, 0]


@pytest.mark.parametrize("seed", range(20))
def test_a_gate_is_found_where_its_answers_rise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    b = Builder()
    width = int(rng.integers(2, 9))
    x = b.input("x", width=width, count=3)
    gates = []
    for _ in range(30):
        bits = rng.permutation(x[rng.integers(3)])[: rng.integers(2, 6)]
        if rng.random() < 0.5:
            gates.append(
                b.table(int(rng.integers(1, 1 << (1 << bits.size), dtype=np.uint64)), *bits)
            )
        else:
            weights = rng.integers(-3, 9, bits.size).tolist()
            gates.append(b.threshold(int(rng.integers(-2, 12)), bits.tolist(), weights))
    b.output("all", gates)
    circuit = b.finish()
    found = comparisons(circuit)
    bounds = dict(zip(found.gates.tolist(), found.bounds.tolist(), strict=True))
    codes = np.repeat(np.arange(1 << width), 3).reshape(-1, 3)
    planes = simulate.run_planes(circuit, simulate.pack(circuit, codes))
    values = simulate.unpack_bits(planes, len(codes))
    for gate in range(circuit.num_gates):
        row = values[circuit.first_gate + gate].astype(int)
        if gate in bounds:
            assert row.tolist() == [int(v >= bounds[gate]) for v in range(1 << width)]
        else:
            assert (np.diff(row) < 0).any()


def test_a_circuit_behind_other_inputs() -> None:
    circuit = mixed()
    moved = np.full(circuit.num_signals, -1)
    moved[2 : circuit.first_gate] = np.arange(2, circuit.first_gate) + 1
    moved[circuit.first_gate] = 2
    small = without(circuit, (Port("new", count=1), *circuit.inputs), moved)
    assert small.num_gates == circuit.num_gates - 1
    codes = simulate.random_codes(circuit, 200, np.random.default_rng(0))
    right = simulate.run(circuit, codes).words["all"]
    mine = simulate.run(small, np.column_stack((codes[:, 0] >= 5, codes))).words["all"]
    assert np.array_equal(mine, right)
