"""What is read of the inputs: comparisons on the way, few bits, codes of all sizes and types."""

from itertools import product

import numpy as np
import pytest
from c_nets import assert_same

from lithify.backends.c.engine import Engine
from lithify.backends.c.library import load
from lithify.backends.c.program import Program, schedule
from lithify.backends.c.reading import MOST_COMPARED, bit_reading, compared_reading
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port

VECTORS = load().vectors
WEIGHTS = [1 << i for i in range(8)]
COUNTS = (1, 7, 63, 64, 65, 200)


def comparing(rng: np.random.Generator, ports: list[Port], *, most: int = 3) -> Circuit:
    """Gates over comparisons of some elements, some of their bits, and both of some."""
    b = Builder()
    signals = []
    for port, rows in [(port, b.port(port)) for port in ports]:
        weights = [1 << i for i in range(port.width)]
        for row in rows:
            kind = rng.integers(0, 5)
            if kind < 3 and port.width <= 8:
                for bound in rng.integers(1, 1 << port.width, rng.integers(1, most + 1)):
                    signals.append(b.threshold(int(bound), row, weights))
            if kind in {2, 3}:
                signals += list(rng.permutation(row)[:2])
    signals += [b.xor(p, q) for p, q in zip(signals, signals[1:], strict=False)]
    b.output("all", signals[-60:])
    b.score("even", signals[::2], bias=-3)
    b.score("odd", signals[1::2])
    return b.finish(readout="argmax")


def is_in_order(engine: Engine) -> bool:
    assert isinstance(engine.program, Program)
    return engine.program.in_order


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("width", [1, 2, 5, 8, 12])
def test_answers_are_the_interpreters(count: int, width: int) -> None:
    rng = np.random.default_rng(count)
    circuit = comparing(rng, [Port("x", width, count)])
    codes = simulate.random_codes(circuit, 600, rng)
    codes[:2] = [[0], [(1 << width) - 1]]
    right = simulate.run(circuit, codes)
    kinds = [np.int64, np.uint16, *([np.uint8] if width <= 8 else [])]
    for vector, dtype in product(VECTORS, kinds):
        engine = Engine(circuit, vector=vector)
        assert_same(engine.run(codes.astype(dtype)), right)
        assert np.array_equal(engine.predict(codes[:1].astype(dtype)), right.classes[:1])


@pytest.mark.parametrize("seed", range(12))
def test_ports_of_all_kinds_side_by_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ports = [
        Port("pixels", 8, int(rng.integers(1, 150))),
        Port("few", 5, int(rng.integers(1, 80)), high=16),
        Port("bits", 1, 3, "bit"),
        Port("signed", 6, 70, "int"),
        Port("wide", 20, 66),
        Port("last", 4, int(rng.integers(1, 9))),
    ]
    circuit = comparing(rng, [ports[i] for i in rng.permutation(len(ports))])
    codes = simulate.random_codes(circuit, 300, rng)
    right = simulate.run(circuit, codes)
    for vector in VECTORS:
        assert_same(Engine(circuit, vector=vector).run(codes), right)
    packed = simulate.pack(circuit, codes)
    assert_same(Engine(circuit).run_planes(packed, len(codes)), right)
    assert_same(Engine(schedule(circuit)).run_planes(packed, len(codes)), right)


def test_only_what_is_needed_is_read() -> None:
    b = Builder()
    x = b.input("x", width=8, count=100)
    bits = [b.threshold(t, x[e], WEIGHTS) for e, t in ((0, 9), (0, 200), (70, 30))]
    b.output("y", [b.xor(*bits[:2]), b.and_(bits[2], x[99, 7]), x[1, 3]])
    circuit = b.finish()
    made = compared_reading(circuit)
    assert made is not None
    over, reading = made
    assert reading.chunks[:, :5].tolist() == [[0, 64, 0, 1, 2], [36, 64, 0, 1, 1]]
    assert reading.tested.tolist() == [3, 7] and reading.slots == 64 * 5
    assert reading.above[:, :1].ravel().tolist() == [8, 199, 255] and reading.above[2, 34] == 29
    assert (over.num_gates, over.num_input_bits) == (2, 320)
    engine = Engine(circuit)
    assert isinstance(engine.program, Program) and engine.program.num_gates == 2


def test_bits_are_read_where_comparisons_would_be_more() -> None:
    def reading_of(bounds: list[int], *extra: int) -> bool:
        b = Builder()
        x = b.input("x", width=4, count=1)
        gates = [b.threshold(t, x[0], [1, 2, 4, 8]) for t in bounds]
        b.output("y", gates + [x[0, i] for i in extra])
        return compared_reading(b.finish()) is not None

    assert reading_of([3]) and reading_of([3, 5, 7, 9])
    assert not reading_of([3, 5, 7, 9, 11])
    assert not reading_of([3, 5], 0, 1, 2)
    assert MOST_COMPARED == 8


def test_all_bits_in_order_where_all_are_needed() -> None:
    ports = (Port("a", 3, 70), Port("b", 3, 1, "int"), Port("c", 12, 2))
    reading = bit_reading(ports)
    assert reading.in_order and reading.slots == 71 * 3 + 24
    assert reading.chunks.tolist() == [
        [0, 64, 0, 3, 0, 0, 0, 0, 3, 1],
        [7, 64, 0, 3, 0, 0, 0, 21, 3, 1],
        [71, 2, 0, 8, 0, 0, 0, 213, 12, 1],
        [71, 2, 8, 4, 0, 0, 0, 221, 12, 1],
    ]
    b = Builder()
    signals = [b.port(port).ravel() for port in ports]
    b.output("y", [b.xor(*some[:2]) for some in signals])
    assert not is_in_order(Engine(b.finish()))
    b = Builder()
    b.output("y", b.input("x", width=4, count=9).ravel())
    assert is_in_order(Engine(b.finish()))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_elements_that_nobody_reads_are_in_range_too(dtype: type[np.integer]) -> None:
    b = Builder()
    x = b.input("x", width=5, count=200, high=16)
    b.output("y", [b.threshold(7, x[3], WEIGHTS[:5])])
    engine = Engine(b.finish())
    codes = np.zeros((70, 200), dtype)
    assert engine.words(codes)["y"].sum() == 0
    codes[69, 130] = 17
    with pytest.raises(InputError, match=r"sample 69, input x\[130\]: 17 is not in 0..16"):
        engine.words(codes)


def test_planes_of_codes_out_of_range_are_run_as_they_are() -> None:
    b = Builder()
    x = b.input("x", width=5, count=70, high=16)
    b.output("y", [b.threshold(bound, x[3], WEIGHTS[:5]) for bound in (7, 20, 31)])
    engine = Engine(b.finish())
    assert not is_in_order(engine)
    planes = np.full((350, 2), ~np.uint64(0))
    planes[15] = 0
    assert engine.run_planes(planes).words["y"].tolist() == [[1, 1, 0]] * 128
