"""Registers are as few as can be, and no path between them is too long."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from verilog_nets import parted_net

from lithify.backends.verilog import retiming
from lithify.backends.verilog.retiming import fewest_registers
from lithify.backends.verilog.schedule import schedule
from lithify.ir import walks
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit

Int32 = NDArray[np.int32]


def net(seed: int) -> Circuit:
    if seed == 0:
        return expand(parted_net(np.random.default_rng(4))).circuit
    return expand(random_circuit(np.random.default_rng(seed), gates=80)).circuit


def live_gates(circuit: Circuit) -> NDArray[np.bool_]:
    return walks.live(circuit.offsets, circuit.fanins, circuit.first_gate, circuit.output_signals)


def edges(circuit: Circuit) -> list[tuple[int, int]]:
    """Every live gate with each signal that it reads, constants apart."""
    live = live_gates(circuit)
    return [
        (source, circuit.first_gate + gate)
        for gate in np.flatnonzero(live).tolist()
        for source in circuit.fanins[circuit.offsets[gate] : circuit.offsets[gate + 1]].tolist()
        if source >= 2
    ]


def lives(circuit: Circuit, stages: list[int], rows: int) -> int:
    """How many registers there are between the stages of signals and their last readers."""
    last = dict(enumerate(stages))
    for source, reader in edges(circuit):
        last[source] = max(last[source], stages[reader])
    for word in circuit.words:
        for signal in word.signals.ravel().tolist():
            last[signal] = rows
    return sum(last[one] - stages[one] for one in range(2, circuit.num_signals))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("every", [1, 2, 4])
def test_no_path_is_too_long_and_no_signal_comes_too_late(seed: int, every: int) -> None:
    circuit = net(seed)
    stages = fewest_registers(circuit, circuit.fanins, live_gates(circuit), every)
    assert stages is not None
    assert not stages[: circuit.first_gate].any()
    assert stages.max() <= (circuit.depth - 1) // every
    depth = dict.fromkeys(range(circuit.num_signals), 0)
    for source, reader in sorted(edges(circuit), key=lambda edge: edge[1]):
        assert stages[source] <= stages[reader]
        same = source >= circuit.first_gate and stages[source] == stages[reader]
        depth[reader] = max(depth[reader], 1 + (depth[source] if same else 0))
    assert max(depth.values()) <= every


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("every", [2, 3])
def test_registers_are_not_more_than_between_levels(seed: int, every: int) -> None:
    circuit = net(seed)
    level, fewest = (
        schedule(circuit, every=every, register_inputs=False, register_outputs=True, retime=retime)
        for retime in (False, True)
    )
    assert fewest.latency == level.latency
    assert fewest.registers.bits.size <= level.registers.bits.size


def test_a_net_with_sums_has_fewer() -> None:
    counts = [
        schedule(
            net(0), every=2, register_inputs=False, register_outputs=True, retime=retime
        ).registers.bits.size
        for retime in (False, True)
    ]
    assert counts[1] < counts[0]


@pytest.mark.parametrize("seed", range(1, 9))
def test_no_other_stages_of_a_tiny_circuit_have_fewer_registers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = expand(random_circuit(rng, gates=5, readout="bits")).circuit
    live, every = live_gates(circuit), 2
    gates = np.flatnonzero(live).tolist()
    assert len(gates) <= 9, "too many to try all; choose another seed"
    stages = fewest_registers(circuit, circuit.fanins, live, every)
    assert stages is not None
    rows = max(circuit.depth - 1, 0) // every
    found = lives(circuit, stages.tolist(), rows)
    for choice in product(range(rows + 1), repeat=len(gates)):
        tried = [0] * circuit.num_signals
        for gate, stage in zip(gates, choice, strict=True):
            tried[circuit.first_gate + gate] = stage
        depth = [0] * circuit.num_signals
        legal = True
        for source, reader in sorted(edges(circuit), key=lambda edge: edge[1]):
            legal &= tried[source] <= tried[reader]
            same = source >= circuit.first_gate and tried[source] == tried[reader]
            depth[reader] = max(depth[reader], 1 + (depth[source] if same else 0))
        if legal and max(depth) <= every:
            assert found <= lives(circuit, tried, rows)


def test_rows_stand_between_levels_where_paths_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    circuit = net(0)
    monkeypatch.setattr(retiming, "MOST_PAIRS", 10)
    assert fewest_registers(circuit, circuit.fanins, live_gates(circuit), 2) is None
    plans = [
        schedule(circuit, every=2, register_inputs=True, register_outputs=True, retime=retime)
        for retime in (False, True)
    ]
    assert plans[0].vectors == plans[1].vectors
