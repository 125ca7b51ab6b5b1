"""Nets of sums by counts of bits: against the interpreter, for all weights, inputs, vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from c_nets import assert_same, layered

from lithify.backends.c.counting import CountProgram, counting
from lithify.backends.c.engine import Engine
from lithify.backends.c.layers import as_sum, find_layers
from lithify.backends.c.library import NetJob, load
from lithify.backends.c.program import Program
from lithify.backends.c.running import BatchRunner, CountRunner, GateRunner
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.generate import random_sums
from lithify.ir.ports import Port

VECTORS = load().vectors


@dataclass(frozen=True, slots=True)
class Noted:
    """A runner that says when it runs."""

    runner: CountRunner | GateRunner
    name: str
    said: list[str]

    @property
    def program(self) -> object:
        return self.runner.program

    def __call__(self, job: NetJob, first: int, last: int) -> bool:
        self.said.append(self.name)
        return self.runner(job, first, last)


BITS = (Port("bits", 1, 150, "bit"),)
MIXED = (
    Port("flags", 1, 70, "bit"),
    Port("pixels", 8, 30, "uint"),
    Port("temperatures", 6, 40, "int", -20, 25),
)


def counted(circuit: Circuit) -> CountProgram:
    """Its program of counts."""
    program = counting(circuit)
    assert program is not None
    return program


@pytest.mark.parametrize("ports", [BITS, MIXED], ids=["bits", "mixed"])
@pytest.mark.parametrize(
    "weights", [(-1, 1), (-1, 0, 1), (-3, -1, 1, 2), (-(1 << 20), 3, 1 << 30)], ids=str
)
def test_every_width_type_and_batch(ports: tuple[Port, ...], weights: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(weights))
    circuit = random_sums(rng, ports, weights=weights)
    codes = simulate.random_codes(circuit, 130, rng)
    right = simulate.run(circuit, codes)
    planes = simulate.pack(circuit, codes)
    for vector in VECTORS:
        engine = Engine(counted(circuit), vector=vector, threads=1 + vector % 3)
        assert_same(engine.run(codes), right)
        assert_same(engine.run_planes(planes, 130), right)
        for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.uint64):
            fit = (codes.min() >= np.iinfo(dtype).min) & (codes.max() <= np.iinfo(dtype).max)
            if fit:
                assert np.array_equal(engine.scores(codes.astype(dtype)), right.scores)
        for size in (0, 1, 2, 65):
            assert np.array_equal(engine.predict(codes[:size]), right.classes[:size])


@pytest.mark.parametrize("seed", range(30))
def test_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    widths = tuple(rng.integers(1, 90, int(rng.integers(1, 4))).tolist())
    few = [port for port in MIXED if rng.random() < 0.7] or [BITS[0]]
    circuit = random_sums(rng, few, widths=widths, classes=int(rng.integers(1, 20)))
    codes = simulate.random_codes(circuit, int(rng.integers(0, 40)), rng)
    found = find_layers(circuit)
    if found is None:  # a bound that no code reaches, or that all reach, is no layer of sums
        return
    assert_same(Engine(circuit).run(codes), simulate.run(circuit, codes))


def test_most_random_shapes_are_layers() -> None:
    circuits = [random_sums(np.random.default_rng(seed), MIXED) for seed in range(20)]
    assert sum(counting(circuit) is not None for circuit in circuits) >= 18


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_codes_out_of_range_are_refused(dtype: type[np.generic]) -> None:
    rng = np.random.default_rng(0)
    for ports, at, value, text in (
        (BITS, 149, 2, "sample 2, input bits\\[149\\]: 2 is not in 0..1"),
        (MIXED, 139, 26, "sample 2, input temperatures\\[39\\]: 26 is not in -20..25"),
    ):
        circuit = random_sums(rng, ports)
        codes = np.abs(simulate.random_codes(circuit, 5, rng)).astype(dtype)
        codes[:, 70 if ports is MIXED else 0 :] = 0
        codes[2, at] = value
        with pytest.raises(InputError, match=text):
            Engine(circuit).predict(codes)


@pytest.mark.parametrize("high", [1, 200, 255, 1000])
@pytest.mark.parametrize("read", [1, 2])
def test_one_bound_for_all_codes_is_kept_by_those_that_nothing_reads(high: int, read: int) -> None:
    rng = np.random.default_rng(high)
    b = Builder()
    x = b.input("x", width=high.bit_length(), count=200, high=high)
    row = b.thresholds(np.arange(30, 60), np.tile(x[: 100 * read, -1], (30, 1)))
    b.score("a", row)
    circuit = b.finish(readout="argmax")
    engine = Engine(counted(circuit))
    codes = np.minimum(simulate.random_codes(circuit, 9, rng), 255)
    assert np.array_equal(
        engine.scores(codes.astype(np.uint8)), simulate.run(circuit, codes).scores
    )
    for at in (0, 199):
        wrong = codes.astype(np.int64 if high > 254 else np.uint8)
        wrong[4, at] = high + 1
        with pytest.raises(InputError, match=f"sample 4, input x\\[{at}\\]: {high + 1} is not in"):
            engine.scores(wrong)


def test_tables_that_are_sums_stand_in_layers() -> None:
    rng = np.random.default_rng(3)
    b = Builder()
    x = b.input("x", count=200).ravel()
    wide = b.thresholds(np.arange(90, 110), np.tile(x, (20, 1)))
    both = b.tables([0b1000, 0b0111, 0b0010], wide[:6].reshape(3, 2))
    more = b.thresholds(np.arange(8, 13), np.tile(wide, (5, 1)))
    for i in range(2):
        b.score(f"s{i}", np.concatenate([both, more])[i:])
    circuit = b.finish(readout="scores")
    codes = simulate.random_codes(circuit, 500, rng)
    engine = Engine(counted(circuit))
    assert_same(engine.run(codes), simulate.run(circuit, codes))


@pytest.mark.parametrize("table", range(256))
def test_a_table_is_a_sum_only_where_it_is_one(table: int) -> None:
    form = as_sum(table, 3)
    patterns = np.arange(8)
    fires = table >> patterns & 1 == 1
    if form is not None:
        weights, bound = form
        values = ((patterns[:, None] >> np.arange(3) & 1) * weights).sum(1)
        assert np.array_equal(values >= bound, fires)
        return
    every = np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1)
    values = (patterns[:, None] >> np.arange(3) & 1) @ every
    assert not any(
        np.array_equal(values[:, i] >= bound, fires) for i in range(27) for bound in range(-3, 5)
    )


def net_with(extra: str) -> Circuit:
    """A net of sums but for one thing."""
    b = Builder()
    x = b.input("x", count=100).ravel()
    p = b.input("p", width=3, count=40)
    first = b.thresholds(np.arange(30, 60), np.tile(x, (30, 1)))
    if extra == "a word":
        b.output("w", first[:1])
    if extra == "a step over a layer":
        first[0] = x[0]
    if extra == "no step":
        first = np.append(first, b.thresholds([3], [[*p[0].tolist(), *x[1:90].tolist()]]))
    if extra == "xor":
        first[0] = b.xor(int(x[0]), int(x[1]))
    second = b.thresholds(np.arange(1, 31), np.tile(first, (30, 1)))
    b.score("a", second if extra != "uneven scores" else np.append(second, first[:1]))
    return b.finish(readout="argmax")


@pytest.mark.parametrize(
    "extra", ["a word", "a step over a layer", "no step", "xor", "uneven scores"]
)
def test_other_nets_run_as_gates(extra: str) -> None:
    assert counting(net_with("nothing")) is not None
    circuit = net_with(extra)
    assert counting(circuit) is None
    engine = Engine(circuit)
    assert isinstance(engine.program, Program)
    codes = simulate.random_codes(circuit, 100, np.random.default_rng(0))
    assert_same(engine.run(codes), simulate.run(circuit, codes))


def test_gates_stay_gates() -> None:
    assert counting(layered(np.random.default_rng(0))) is None


def test_sparse_sums_stay_gates() -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", count=4000).ravel()
    picked = np.stack([rng.choice(x, 17, False) for _ in range(300)])
    b.score("a", b.thresholds(np.full(300, 8), picked))
    circuit = b.finish(readout="argmax")
    assert find_layers(circuit) is not None
    assert counting(circuit) is None


@pytest.mark.parametrize("vector", VECTORS)
def test_a_net_of_thin_sums_is_counted_in_small_batches_alone(vector: int) -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", count=600).ravel()
    picked = np.stack([rng.choice(x, 49, False) for _ in range(200)])
    rows = b.thresholds(np.full(200, 25), picked)
    b.score("a", rows[::2])
    b.score("b", rows[1::2])
    circuit = b.finish(readout="argmax")
    most = counted(circuit).most_samples
    assert 16 < most < 64
    engine = Engine(circuit, vector=vector, threads=2)
    assert isinstance(engine.program, Program) and isinstance(engine.runner, BatchRunner)
    ran: list[str] = []
    counts, gates = engine.runner.counts, engine.runner.gates
    engine.runner.counts = Noted(counts, "counts", ran)  # type: ignore[assignment]
    engine.runner.gates = Noted(gates, "gates", ran)  # type: ignore[assignment]
    for samples in (1, most, most + 1, 700):
        codes = simulate.random_codes(circuit, samples, rng)
        right = simulate.run(circuit, codes)
        assert_same(engine.run(codes), right)
        assert_same(engine.run_planes(simulate.pack(circuit, codes), samples), right)
    assert ran == ["counts", "gates"] * 2 + ["gates"] * 6


def test_a_program_is_made_alike_each_time() -> None:
    made = [counting(random_sums(np.random.default_rng(1), MIXED)) for _ in range(2)]
    assert made[0] is not None and made[1] is not None
    for name in CountProgram.ARRAYS:
        assert np.array_equal(getattr(made[0], name), getattr(made[1], name))
    assert made[0].table_bytes == made[1].table_bytes > 0


def test_a_net_whose_scores_read_nothing() -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", count=100).ravel()
    row = b.thresholds(np.arange(40, 60), np.tile(x, (20, 1)))
    b.score("a", row, np.zeros(20, int), bias=3)
    b.score("b", row, np.zeros(20, int), bias=7)
    circuit = b.finish(readout="argmax")
    codes = simulate.random_codes(circuit, 9, rng)
    engine = Engine(counted(circuit))
    assert_same(engine.run(codes), simulate.run(circuit, codes))
    assert engine.predict(codes).tolist() == [1] * 9
