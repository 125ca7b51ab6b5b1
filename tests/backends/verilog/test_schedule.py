"""Every bit is where the schedule says it is, and every path crosses every row of registers."""

import numpy as np
import pytest
from verilog_nets import parted_net, wide_tables

from lithify.backends.verilog.schedule import (
    GATES,
    INPUT,
    MODULES,
    ROW,
    TOP,
    Places,
    Schedule,
    schedule,
)
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit

PIPELINES = [
    (every, inputs, outputs)
    for every in (0, 1, 2, 5)
    for inputs in (False, True)
    for outputs in (False, True)
]


def tables_of(seed: int) -> Circuit:
    return expand(random_circuit(np.random.default_rng(seed), gates=60)).circuit


def signals_and_stages(plan: Schedule) -> dict[tuple[int, int], tuple[int, int]]:
    """For each vector and bit the signal that is there, and the stage."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for number, vector in enumerate(plan.vectors):
        for bit in range(vector.width if vector.kind != ROW else 0):
            if vector.kind == INPUT:
                signal = 2 + vector.first + bit
            else:
                signal = plan.circuit.first_gate + int(plan.gates[vector.first + bit])
            found[number, bit] = signal, vector.stage
    rows = [(v.stage, i) for i, v in enumerate(plan.vectors) if v.kind == ROW]
    for stage, number in sorted(rows):
        vector = plan.vectors[number]
        for bit in range(vector.width):
            place = vector.first + bit
            source = int(plan.registers.vectors[place]), int(plan.registers.bits[place])
            signal, before = found[source]
            assert before == stage - 1 and plan.vectors[source[0]].module == vector.module
            found[number, bit] = signal, stage
    return found


def check_places(
    plan: Schedule,
    found: dict[tuple[int, int], tuple[int, int]],
    places: Places,
    wanted: list[int],
    stages: list[int],
    readers: list[int],
) -> None:
    """The places hold these signals at these stages, and these modules may read them."""
    rows = zip(places.vectors.tolist(), places.bits.tolist(), strict=True)
    for (vector, bit), signal, stage, reader in zip(rows, wanted, stages, readers, strict=True):
        if vector < 0:
            assert signal == bit
            continue
        assert found[vector, bit] == (signal, stage)
        home = plan.vectors[vector]
        assert home.kind == INPUT or home.module == reader or home.readers >> reader & 1


def reads(table: int, arity: int, pin: int) -> bool:
    """Whether the table depends on this fan-in."""
    flipped = (pattern ^ 1 << pin for pattern in range(1 << arity))
    return any(table >> i & 1 != table >> j & 1 for i, j in enumerate(flipped))


def check(plan: Schedule) -> None:
    """Everything that hardware relies on."""
    found = signals_and_stages(plan)
    circuit = plan.circuit
    for vector in plan.vectors:
        if vector.kind != GATES:
            continue
        for row in range(vector.first, vector.last):
            gate = int(plan.gates[row])
            pins = circuit.gate_fanins(gate)
            assert len(pins) == vector.arity
            table = int(plan.tables[row])
            pins = [
                pin if reads(int(circuit.tables[gate]), len(pins), i) else 0
                for i, pin in enumerate(pins)
            ]
            assert vector.mixed or table == vector.table
            if table != int(circuit.tables[gate]):
                pins.reverse()
            places = Places(plan.pins.vectors[row, : len(pins)], plan.pins.bits[row, : len(pins)])
            stages, readers = [vector.stage] * len(pins), [vector.module] * len(pins)
            check_places(plan, found, places, pins, stages, readers)
    outputs = [signal for word in circuit.words for signal in word.signals.ravel().tolist()]
    latest = [plan.latency] * len(outputs)
    check_places(plan, found, plan.outputs, outputs, latest, [TOP] * len(outputs))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_random_circuits(pipeline: tuple[int, bool, bool]) -> None:
    every, inputs, outputs = pipeline
    for seed in range(6):
        check(
            schedule(
                tables_of(seed),
                every=every,
                register_inputs=inputs,
                register_outputs=outputs,
                retime=seed % 2 == 1,
            )
        )


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_latency(pipeline: tuple[int, bool, bool]) -> None:
    every, inputs, outputs = pipeline
    circuit = expand(parted_net(np.random.default_rng(0))).circuit
    plan = schedule(circuit, every=every, register_inputs=inputs, register_outputs=outputs)
    cuts = -(-circuit.depth // every) - 1 if every else 0
    assert plan.latency == cuts + inputs + outputs
    check(plan)


def test_a_circuit_without_gates_has_no_rows_between() -> None:
    builder = Builder()
    builder.output("y", [*builder.input("x", count=2, kind="bit").ravel(), 1])
    plan = schedule(builder.finish(), every=1, register_inputs=False, register_outputs=True)
    assert (plan.latency, plan.registers.bits.size) == (1, 2)
    check(plan)


def test_parts_follow_one_another() -> None:
    circuit = expand(parted_net(np.random.default_rng(0))).circuit
    plan = schedule(circuit, every=2, register_inputs=False, register_outputs=True)
    names = {MODULES[vector.module] for vector in plan.vectors if vector.kind == GATES}
    assert names == {"encoder", "core", "head"}
    for vector in plan.vectors:
        assert not vector.readers & ((1 << vector.module) - 1) or vector.module == TOP
    check(plan)


def test_a_core_gate_that_reads_the_head_is_put_in_the_head() -> None:
    builder = Builder()
    a, b = builder.input("x", count=2, kind="bit").ravel().tolist()
    with builder.origin("late", "head"):
        late = builder.xor(a, b)
    with builder.origin("early", "core"):
        early = builder.table(0b1000, a, late)
        other = builder.table(0b1110, a, b)
    builder.output("y", [early, other])
    plan = schedule(builder.finish(), every=0, register_inputs=False, register_outputs=False)
    homes = {
        plan.circuit.origins[vector.origin].path: MODULES[vector.module]
        for vector in plan.vectors
        if vector.kind == GATES and vector.table != 0b1110
    }
    assert homes == {"late": "head", "early": "head"}
    check(plan)


def test_one_part_alone_needs_no_submodule() -> None:
    plan = schedule(
        wide_tables(np.random.default_rng(0)),
        every=0,
        register_inputs=False,
        register_outputs=False,
    )
    assert {vector.module for vector in plan.vectors} == {TOP}


def test_dead_gates_are_left_out() -> None:
    builder = Builder()
    a, b = builder.input("x", count=2, kind="bit").ravel().tolist()
    builder.xor(a, b)
    builder.output("y", [builder.table(0b1000, a, b)])
    plan = schedule(builder.finish(), every=0, register_inputs=False, register_outputs=False)
    assert len(plan.gates) == 1


def test_many_tables_are_one_vector() -> None:
    circuit = wide_tables(np.random.default_rng(0))
    plan = schedule(circuit, every=1, register_inputs=False, register_outputs=True)
    assert sum(vector.mixed for vector in plan.vectors) == 2
    check(plan)


def test_mirrored_tables_share_a_vector() -> None:
    builder = Builder()
    a, b, c = builder.input("x", count=3, kind="bit").ravel().tolist()
    builder.output("y", [builder.table(0b0010, a, b), builder.table(0b0100, c, b)])
    plan = schedule(builder.finish(), every=0, register_inputs=False, register_outputs=False)
    assert [v.width for v in plan.vectors if v.kind == GATES] == [2]
    check(plan)


def test_origins_are_given_up_where_every_gate_has_its_own() -> None:
    builder = Builder()
    x = builder.input("x", count=40, kind="bit").ravel().tolist()
    made = []
    for i in range(600):
        with builder.origin(f"layers.{i}", "core"):
            made.append(builder.xor(x[i % 40], x[(i // 40 + i + 1) % 40]))
    builder.output("y", made)
    plan = schedule(builder.finish(), every=0, register_inputs=False, register_outputs=False)
    vectors = [vector for vector in plan.vectors if vector.kind == GATES]
    assert [vector.origin for vector in vectors] == [-1]
    check(plan)


def test_ignored_fanins_are_not_read() -> None:
    builder = Builder(fold=False)
    a, b = builder.input("x", count=2, kind="bit").ravel().tolist()
    unread = builder.xor(a, b)
    builder.output("y", [builder.table(0b1010, a, unread)])
    plan = schedule(builder.finish(), every=1, register_inputs=False, register_outputs=True)
    assert plan.gates.tolist() == [1]
    assert plan.latency == 2
    check(plan)
