"""Cells: tables that fit, the same function, fewer than mapping alone gives, and a proof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from hypothesis import strategies as st
from same_function import assert_expanded

from lithify.backends import abc, aiger
from lithify.backends.fpga.carries import saved_cells
from lithify.compiler.mapping import Cells, map_cells
from lithify.compiler.mapping.bundles import apart_of, bundles_of, terms_of
from lithify.compiler.mapping.cut import cut
from lithify.compiler.mapping.direct import MOST_MAPPED, direct_gates
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, ToolFailed
from lithify.ir.netlist import BEST_APART
from lithify.ir.simulate import random_codes, run


def net(seed: int = 0, *, wide: bool = True) -> Circuit:
    """Comparators, two layers of gates, a threshold of many, and scores of private gates."""
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input("x", width=4, count=12)
    with b.origin("encoder", "encoder"):
        places = np.tile(1 << np.arange(4), (24, 1))
        e = b.thresholds(rng.integers(2, 14, 24), np.repeat(x, 2, axis=0), places)
    with b.origin("layers.0", "core"):
        y = b.tables(rng.choice([1, 6, 7, 8, 9, 11, 13], 60), rng.choice(e, (60, 2)))
        if wide:
            y = np.append(y, b.thresholds([7], y[None, :15], np.ones((1, 15), np.int32)))
    with b.origin("layers.1", "core"):
        z = b.tables(rng.choice([6, 8, 9, 14], 60), rng.choice(y, (60, 2)))
    for k in range(3):
        b.score(f"class{k}", [*z[k * 20 : k * 20 + 20], y[k]], [1] * 20 + [-2], bias=k)
    return b.finish(readout="argmax")


NET = net()
CELLS = {inputs: map_cells(NET, inputs=inputs) for inputs in (4, 5, 6)}


@pytest.mark.parametrize("inputs", [4, 5, 6])
def test_cells_fit_and_compute_the_net(inputs: int) -> None:
    cells = CELLS[inputs]
    check(cells.circuit)
    assert int(np.diff(cells.circuit.offsets).max()) <= inputs
    assert_expanded(NET, cells.circuit, np.random.default_rng(1))


@pytest.mark.parametrize("inputs", [4, 5, 6])
def test_cells_are_proved(inputs: int) -> None:
    verdict = prove_cells(NET, CELLS[inputs])
    assert isinstance(verdict, Proved), verdict
    assert verdict.method.startswith("weight conservation, then &cec")
    assert verdict.engines[0] == "lithify" and verdict.engines[1].startswith("yosys-abc ")


def test_carries_leave_fewer_cells() -> None:
    b = Builder()
    for k, own in enumerate(b.input("x", count=200).reshape(4, 50)):
        b.score(f"class{k}", own)
    circuit = b.finish(readout="argmax")
    cells, plain = (map_cells(circuit, inputs=4, carries=chains) for chains in (True, False))
    saved = saved_cells(cells.circuit)
    assert saved > 40
    assert cells.circuit.num_gates - saved < plain.circuit.num_gates - saved_cells(plain.circuit)
    assert isinstance(prove_cells(circuit, cells), Proved)
    assert_expanded(circuit, cells.circuit, np.random.default_rng(1))


def test_carries_stand_beside_tables_of_four() -> None:
    with pytest.raises(InputError) as caught:
        map_cells(NET, inputs=6, carries=True)
    assert str(caught.value) == "carries beside tables of 6 inputs; cells with a carry have 4"


@settings(max_examples=20, deadline=None)
@given(circuits(most_gates=40), st.sampled_from([4, 5, 6]), st.booleans())
def test_any_circuit_becomes_cells(circuit: Circuit, inputs: int, carries: bool) -> None:
    cells = map_cells(circuit, inputs=inputs, carries=carries and inputs == 4)
    check(cells.circuit)
    assert int(np.diff(cells.circuit.offsets).max(initial=0)) <= inputs
    verdict = prove_cells(circuit, cells)
    assert isinstance(verdict, Proved), verdict


def mapped_alone(circuit: Circuit, inputs: int) -> int:
    """How many tables the mapper makes of the whole circuit."""
    blif = abc.map_luts(aiger.write(circuit), inputs=inputs, time_limit=20)
    return blif.count(b".names")


@pytest.mark.parametrize("seed", range(3))
def test_counters_and_bundles_beat_the_mapper(seed: int) -> None:
    circuit = net(seed, wide=False)
    assert map_cells(circuit, inputs=6).circuit.num_gates < mapped_alone(circuit, 6)


@pytest.mark.parametrize("seed", range(3))
def test_full_adders_of_four_inputs_take_in_private_gates(seed: int) -> None:
    circuit = net(seed, wide=False)
    assert map_cells(circuit, inputs=4).circuit.num_gates < mapped_alone(circuit, 4)


def test_gates_apart_are_private_and_read_two_signals() -> None:
    terms = terms_of(NET)
    arity = np.append(np.zeros(NET.first_gate, np.int64), np.diff(NET.offsets))
    chosen = apart_of(terms) == BEST_APART
    assert chosen.any()
    assert (terms.own[chosen] & (arity[chosen] == 2)).all()


@pytest.mark.parametrize("chains", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_adders_that_share_private_gates_still_fit_their_cells(seed: int, chains: bool) -> None:
    rng = np.random.default_rng(seed)
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=60).ravel()
    for k in range(2):
        terms = b.tables(rng.choice([1, 6, 7, 8, 9, 11], 23), rng.choice(x, (23, 2)))
        b.score(f"class{k}", terms, rng.choice([3, 5, 7], 23))
    circuit = b.finish(readout="argmax")
    apart = [apart_of(terms_of(circuit))] * 2
    netlist = expand(circuit, bundles=apart, chains=chains)
    own = np.zeros(circuit.num_signals, np.bool_)
    gates = direct_gates(netlist, own, apart, 4, most_mapped=MOST_MAPPED, chains=chains)
    sizes = np.diff(gates.offsets)
    assert sizes.max() == 4


def test_the_first_way_stands_where_the_others_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(aiger: bytes, *, recipe: abc.Recipe, **options: Any) -> bytes:
        if recipe != "shallow":
            raise ToolFailed("out of time")
        return mapper(aiger, **options)

    mapper = abc.map_luts
    monkeypatch.setattr(abc, "map_luts", failing)
    cells = map_cells(NET, inputs=4)
    assert cells.circuit.num_gates > CELLS[4].circuit.num_gates
    assert isinstance(prove_cells(NET, cells), Proved)


def test_a_binary_layer_shares_its_counters() -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", count=48).ravel()
    signs = rng.choice([-1, 1], (400, 48))
    b.output("y", b.thresholds(signs.sum(1) // 2, np.tile(x, (400, 1)), signs))
    circuit = b.finish()
    cells = map_cells(circuit, inputs=6)
    assert cells.circuit.num_gates < 0.9 * mapped_alone(circuit, 6)
    assert isinstance(prove_cells(circuit, cells), Proved)


def test_parts_are_kept_apart() -> None:
    parts = CELLS[6].circuit.size_by_part()
    assert parts[""] == 0 and min(parts["encoder"], parts["core"], parts["head"]) > 0


@pytest.mark.parametrize("seed", range(12))
def test_a_wrong_cell_is_never_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = CELLS[6]
    circuit = cells.circuit
    gate = int(rng.integers(circuit.num_gates))
    rows = 1 << int(np.diff(circuit.offsets)[gate])
    tables = circuit.tables.copy()
    tables[gate] ^= np.uint64(1 << int(rng.integers(rows)))
    changed = Cells(replace(circuit, tables=tables), cells.netlist, cells.image, cells.cuts)
    codes = random_codes(circuit, 20000, rng)
    before, after = run(circuit, codes), run(changed.circuit, codes)
    differs = any(not np.array_equal(before.words[n], after.words[n]) for n in before.words)
    verdict = prove_cells(NET, changed)
    assert isinstance(verdict, Refuted | NotProved) or not differs, verdict


def test_cells_of_another_netlist_are_not_proved() -> None:
    cells = CELLS[6]
    image = cells.image.copy()
    image[cells.cuts[0]] = image[cells.cuts[1]]
    verdict = prove_cells(NET, Cells(cells.circuit, cells.netlist, image, cells.cuts))
    assert isinstance(verdict, NotProved)
    assert verdict.reason == "a gate to cut at is no gate of its own in the cells"


def test_bundles_take_private_gates_of_few_signals() -> None:
    terms = terms_of(NET)
    for score in NET.scores:
        bundle_of = bundles_of(NET, score, terms)
        for number in range(int(bundle_of.max()) + 1):
            members = np.flatnonzero(bundle_of == number)
            leaves = {int(leaf) for row in terms.leaves[members] for leaf in row if leaf >= 0}
            assert len(members) == 3 and len(leaves) <= 6
            assert terms.own[members].sum() >= 2


def test_a_cut_circuit_reads_what_it_is_cut_at() -> None:
    b = Builder()
    x = b.input("cut", count=3).ravel()
    y = b.table(8, int(x[0]), int(x[1]))
    z = b.table(6, y, int(x[2]))
    b.output("z", [z])
    pieces = cut(b.finish(), np.array([y], np.int32), np.array([y, z], np.int32))
    check(pieces)
    assert [port.name for port in pieces.inputs] == ["cut", "cut_"]
    answers = run(pieces, np.array([[1, 1, 0, 0], [1, 0, 1, 1]]))
    assert answers.words["cut"].tolist() == [[1, 0], [0, 0]]


def test_cells_of_other_sizes_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        map_cells(NET, inputs=7)
    assert str(caught.value) == "cells of 7 inputs; 4, 5 and 6 can be had"


def test_a_mapper_out_of_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abc, "WALL_FACTOR", 0)
    monkeypatch.setattr(abc, "WALL_EXTRA", 0.001)
    with pytest.raises(ToolFailed, match="yosys-abc"):
        map_cells(NET)
