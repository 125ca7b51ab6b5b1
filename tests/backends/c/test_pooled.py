"""Gates over pooling windows, which run as one unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from c_nets import TWO_INPUT, assert_same

from lithify.backends.c.engine import Engine
from lithify.backends.c.library import load
from lithify.backends.c.pooled import OPERATIONS
from lithify.backends.c.program import Program, schedule
from lithify.backends.c.schedule import KINDS, PAIRS
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_pools

JOINS = {"and": 8, "or": 14, "nand": 7, "nor": 1}
EVERY = np.array(list(itertools.product((0, 1), repeat=8)), np.uint8)


def pools_of(program: Program) -> int:
    """How many units are pools."""
    return int(program.rounds[:, len(PAIRS) + 4 :].sum())


def units_of(program: Program) -> int:
    return int(program.rounds.sum())


def window(table: int, join: int, *, chain: bool = False, read: int = -1) -> Circuit:
    """Four gates of a table over eight inputs, joined; gate `read` is an output as well."""
    b = Builder(fold=False, hash=False)
    inner = join if join in (8, 14) else 15 - join
    gates = b.tables(np.full(4, table, np.uint64), b.input("x", count=8).reshape(4, 2)).tolist()
    if chain:
        last = b.table(join, b.table(inner, b.table(inner, gates[0], gates[1]), gates[2]), gates[3])
    else:
        last = b.table(join, b.table(inner, *gates[:2]), b.table(inner, *gates[2:]))
    b.output("y", [last, *gates[read : read + 1]] if read >= 0 else [last])
    return b.finish()


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("table", TWO_INPUT.tolist())
def test_four_gates_and_what_joins_them_are_one_unit(table: int, join: str, chain: bool) -> None:
    circuit = window(table, JOINS[join], chain=chain)
    program = schedule(circuit)
    assert (units_of(program), pools_of(program), program.num_gates) == (1, 1, 7)
    right = simulate.run(circuit, EVERY)
    for vector in load().vectors:
        assert_same(Engine(program, vector=vector).run(EVERY), right)


def test_every_kind_of_pool_is_met() -> None:
    met = {
        int(np.flatnonzero(schedule(window(table, join)).rounds[0])[0])
        for table in TWO_INPUT.tolist()
        for join in JOINS.values()
    }
    assert met == set(range(len(PAIRS) + 4, KINDS)) and KINDS == len(PAIRS) + OPERATIONS


@pytest.mark.parametrize("read", range(4))
def test_a_gate_that_is_read_elsewhere_stays(read: int) -> None:
    circuit = window(6, JOINS["or"], read=read)
    program = schedule(circuit)
    assert (pools_of(program), program.num_gates) == (0, 7)
    assert_same(Engine(program).run(EVERY), simulate.run(circuit, EVERY))


def test_gates_of_several_operations_are_no_pool() -> None:
    b = Builder()
    gates = b.tables(np.array([6, 6, 6, 8], np.uint64), b.input("x", count=8).reshape(4, 2))
    b.output("y", [b.or_(*gates.tolist())])
    assert pools_of(schedule(b.finish())) == 0


@pytest.mark.parametrize(("windows", "pools"), [(3, 0), (4, 1), (5, 1), (8, 1), (9, 1)])
def test_a_pool_is_found_in_a_larger_chain(windows: int, pools: int) -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=2 * windows)
    gates = b.tables(np.full(windows, 6, np.uint64), x.reshape(windows, 2)).tolist()
    last = gates[0]
    for gate in gates[1:]:
        last = b.table(14, last, gate)
    b.output("y", [last])
    circuit = b.finish()
    program = schedule(circuit)
    assert (pools_of(program), program.num_gates) == (pools, 2 * windows - 1)
    codes = simulate.random_codes(circuit, 600, np.random.default_rng(0))
    assert_same(Engine(program).run(codes), simulate.run(circuit, codes))


def test_one_source_of_several_windows() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=3).ravel()
    pairs = x[[[0, 1], [1, 2], [0, 2], [0, 1]]]
    gates = b.tables(np.array([6, 6, 6, 6], np.uint64), pairs).tolist()
    after = b.table(14, b.table(14, *gates[:2]), b.table(14, *gates[2:]))
    b.output("y", [b.table(8, after, x[0]), b.table(2, after, x[2])])
    circuit = b.finish()
    program = schedule(circuit)
    assert pools_of(program) == 1
    codes = np.array(list(itertools.product((0, 1), repeat=3)), np.uint8)
    assert_same(Engine(program).run(codes), simulate.run(circuit, codes))


@pytest.mark.parametrize("seed", range(20))
def test_every_kernel_pools_as_the_interpreter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_pools(rng, layers=rng.integers(20, 200, 3).tolist())
    program = schedule(circuit, window=int(rng.choice([1, 7, 512])))
    assert pools_of(program) > 3
    codes = simulate.random_codes(circuit, 700, rng)
    right = simulate.run(circuit, codes)
    for vector in load().vectors:
        assert_same(Engine(program, vector=vector).run(codes), right)
