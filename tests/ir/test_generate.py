"""Random circuits are reproducible, as asked for, and have a bit of everything."""

import time
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given

from lithify.ir.check import check
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.generate import random_circuit, random_layered


@lru_cache
def many() -> list[Circuit]:
    return [random_circuit(np.random.default_rng(seed), odd_names=True) for seed in range(60)]


def test_the_same_seed_gives_the_same_circuit() -> None:
    first, second = (random_circuit(np.random.default_rng(7)) for _ in range(2))
    assert first == second and first.digest == second.digest
    assert random_circuit(np.random.default_rng(8)) != first


@given(circuits(most_gates=60, odd_names=True))
def test_every_random_circuit_is_sound(circuit: Circuit) -> None:
    check(circuit)


@pytest.mark.parametrize("gates", [0, 1, 2, 10, 333])
def test_there_are_as_many_gates_as_asked_for(gates: int) -> None:
    assert random_circuit(np.random.default_rng(gates), gates=gates).num_gates == gates


def test_there_is_a_bit_of_everything() -> None:
    arities: Counter[tuple[int, int]] = Counter()
    for circuit in many():
        arities.update(zip(circuit.kinds.tolist(), np.diff(circuit.offsets).tolist(), strict=True))
    assert {(TABLE, k) for k in range(7)} <= set(arities)
    assert {(THRESHOLD, k) for k in range(10)} == {pair for pair in arities if pair[0]}
    assert {c.readout for c in many()} == {"bits", "scores", "argmax"}
    ports = [port for c in many() for port in c.inputs]
    assert {port.kind for port in ports} == {"bit", "uint", "int"}
    assert any(port.count > 1 for port in ports) and any(port.bounds[0] < 0 for port in ports)
    assert {word.kind for c in many() for word in c.words} == {"bit", "uint", "int"}
    assert any((c.weights < 0).any() for c in many()) and any((c.weights > 1).any() for c in many())
    assert {origin.part for c in many() for origin in c.origins} == {"encoder", "core", "head", ""}
    assert any((c.origin_of < 0).any() for c in many())
    assert any((c.fanins < 2).any() for c in many())
    assert any(len(set(c.gate_fanins(g))) < len(c.gate_fanins(g)) for c in many() for g in range(9))


def test_options_are_kept() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        circuit = random_circuit(rng, arity=3, thresholds=False, readout="bits")
        assert (circuit.kinds == TABLE).all() and np.diff(circuit.offsets).max() <= 3
        assert circuit.words and not circuit.scores and circuit.readout == "bits"


def test_folded_circuits_have_nothing_constant() -> None:
    for seed in range(30):
        circuit = random_circuit(np.random.default_rng(seed), fold=True)
        assert circuit.num_gates <= 40 and (circuit.fanins >= 2).all()


def test_a_layered_net_is_what_was_asked_for() -> None:
    circuit = random_layered(np.random.default_rng(0), inputs=30, layers=[50, 70, 41], classes=4)
    check(circuit)
    assert circuit.num_gates == 161 and circuit.depth == 3 and circuit.readout == "argmax"
    assert np.diff(circuit.offsets).tolist() == [2] * 161
    pairs = circuit.fanins.reshape(-1, 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert pairs[:50].max() < circuit.first_gate <= pairs[50:].min()
    assert [score.signals.size for score in circuit.scores] == [11, 10, 10, 10]
    assert [origin.path for origin in circuit.origins] == ["layers.0", "layers.1", "layers.2"]
    assert circuit.unit_of.tolist() == [*range(50), *range(70), *range(41)]
    assert np.bincount(circuit.tables.astype(int), minlength=16).min() > 0


def test_a_layered_net_of_one_input_and_no_layers() -> None:
    check(random_layered(np.random.default_rng(0), inputs=1, layers=[3], classes=2))
    check(random_layered(np.random.default_rng(0), inputs=4, layers=[], classes=2))


def test_folding_a_layered_net_makes_it_smaller() -> None:
    plain, folded = (
        random_layered(np.random.default_rng(0), layers=[999] * 3, fold=fold)
        for fold in (False, True)
    )
    assert folded.num_gates < plain.num_gates


def test_a_large_net_is_drawn_quickly() -> None:
    random_layered(np.random.default_rng(0), layers=[10])
    start = time.process_time()
    random_layered(np.random.default_rng(0), layers=[50_000] * 10)
    assert time.process_time() - start < 5
