"""Carry chains in netlists of tables: the same function, fewer cells, as nextpnr counts them."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lithify.backends.bitnames import input_names, output_names
from lithify.backends.fpga.carries import CODES, saved_cells
from lithify.backends.fpga.chained import CARRY, TABLE, chain_carries, circuit_of
from lithify.backends.toolchain import run as run_tool
from lithify.compiler.cones import cone
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError
from lithify.ir.simulate import pack, random_codes, run_planes


def output_bits(circuit: Circuit) -> NDArray[np.int32]:
    """The signals of all words, bit by bit."""
    return np.concatenate([word.signals.ravel() for word in circuit.words])


def module_of(circuit: Circuit) -> dict[str, Any]:
    """A circuit of tables as yosys writes it for an iCE40, every gate a cell."""
    ports = {
        name: {"direction": "input", "bits": [2 + at]}
        for at, name in enumerate(input_names(circuit))
    }
    outputs = zip(output_names(circuit), output_bits(circuit).tolist(), strict=True)
    ports |= {
        name: {"direction": "output", "bits": [signal if signal > 1 else str(signal)]}
        for name, signal in outputs
    }
    cells = {}
    for gate in range(circuit.num_gates):
        pins = [int(pin) for pin in circuit.gate_fanins(gate)]
        table, size = int(circuit.tables[gate]), 1 << len(pins)
        rows = sum((table >> (row % size) & 1) << row for row in range(16))
        wired = {f"I{j}": [pins[j] if j < len(pins) else "0"] for j in range(4)}
        cells[f"cell_{gate}"] = {
            "type": TABLE,
            "parameters": {"LUT_INIT": f"{rows:016b}"},
            "attributes": {},
            "port_directions": {**dict.fromkeys(wired, "input"), "O": "output"},
            "connections": {**wired, "O": [circuit.first_gate + gate]},
        }
    return {"attributes": {"top": f"{1:032b}"}, "ports": ports, "cells": cells, "netnames": {}}


def logic_cells(folder: Path, module: dict[str, Any]) -> int:
    """The logic cells that nextpnr packs a module into."""
    netlist = {"creator": "test", "modules": {"top": module}}
    folder.joinpath("top.json").write_text(json.dumps(netlist))
    args = ["--hx8k", "--package", "ct256", "--json", "top.json", "--pack-only"]
    done = run_tool("nextpnr-ice40", args, cwd=folder, log=folder / "nextpnr.log", timeout_s=100)
    found = re.search(r"ICESTORM_LC:\s*(\d+)/", done.output)
    assert found is not None
    return int(found[1])


def assert_same(circuit: Circuit, module: dict[str, Any]) -> None:
    """The cells compute the circuit's words."""
    seen = circuit_of(module, input_names(circuit), output_names(circuit))
    planes = pack(circuit, random_codes(circuit, 640, np.random.default_rng(0)))
    ours, theirs = (run_planes(one, planes)[output_bits(one)] for one in (circuit, seen))
    assert np.array_equal(ours, theirs)


def kinds(module: dict[str, Any]) -> dict[str, int]:
    """How many cells of each kind there are."""
    return Counter(cell["type"] for cell in module["cells"].values())


def counted(bits: int, *, negative: int = 0, chains: bool = True) -> Circuit:
    """How many of some bits are set, in tables; some count as -1."""
    b = Builder()
    b.score("ones", b.input("x", count=bits), [-1] * negative + [1] * (bits - negative))
    return expand(b.finish(readout="scores"), chains=chains).circuit


def best_of(scores: int, bits: int) -> Circuit:
    """The class of some scores in tables, as only the class is wanted."""
    b = Builder()
    for k, own in enumerate(b.input("x", count=scores * bits).reshape(scores, bits)):
        b.score(f"class{k}", own)
    made = expand(b.finish(readout="argmax"), chains=True).circuit
    return cone(made, made.words[-1].signals.ravel())


@pytest.mark.parametrize(
    ("circuit", "least"),
    [
        (counted(64), 15),
        (counted(64, chains=False), 15),
        (counted(300), 65),
        (counted(300, negative=140), 60),
        (best_of(6, 31), 30),
    ],
)
def test_chains_save_cells_of_counters(circuit: Circuit, least: int, tmp_path: Path) -> None:
    module = module_of(circuit)
    before, tables = logic_cells(tmp_path, module), circuit.num_gates
    made = chain_carries(module)
    saved = made.saved
    assert saved >= least
    assert saved == saved_cells(circuit)
    assert logic_cells(tmp_path, module) == before - saved
    assert kinds(module)[CARRY] == len(made.carries) > saved
    assert kinds(module)[TABLE] == tables - len(made.carries) + len(made.added)
    assert_same(circuit, module)


def inverted(rng: np.random.Generator, circuit: Circuit) -> Circuit:
    """The circuit with some of its gates, and what reads them, the other way round."""
    flips = np.zeros(circuit.num_signals, np.int64)
    flips[circuit.first_gate :] = rng.integers(0, 2, circuit.num_gates)
    flips[circuit.output_signals] = 0
    tables = []
    for gate in range(circuit.num_gates):
        turned = flips[np.array(circuit.gate_fanins(gate), np.int64)]
        mask = int((turned << np.arange(turned.size)).sum())
        rows = range(1 << turned.size)
        table = sum((int(circuit.tables[gate]) >> (row ^ mask) & 1) << row for row in rows)
        whole = (1 << len(rows)) - 1
        tables.append(table ^ whole * int(flips[circuit.first_gate + gate]))
    return replace(circuit, tables=np.array(tables, np.uint64))


@pytest.mark.parametrize("seed", range(4))
def test_chains_store_inverted_what_they_need(seed: int) -> None:
    straight = best_of(4, 20)
    circuit = inverted(np.random.default_rng(seed), straight)
    module = module_of(circuit)
    assert chain_carries(module).saved == saved_cells(straight)
    assert_same(straight, module)


def adders(rng: np.random.Generator) -> Circuit:
    """Rows of majorities with inputs inverted at random, and tables that read what they read."""
    b = Builder(fold=False, hash=False)
    signals = b.input("x", count=12).ravel().tolist()
    for _ in range(6):
        *pins, carry = rng.choice(signals, 3, replace=False).tolist()
        for _ in range(int(rng.integers(2, 7))):
            arity = int(rng.choice([2, 3, 3, 3]))
            own = [*pins[: arity - 1], carry]
            strange = [one for one in signals if one not in own]
            read = [*own, *rng.choice(strange, int(rng.integers(0, 3))).tolist()][-4:]
            if rng.random() < 0.9:
                table = int(rng.integers(1, 1 << (1 << len(set(read)))))
                signals.append(b.table(table, *dict.fromkeys(read)))
            carry = b.table(int(rng.choice(np.flatnonzero(CODES[arity] >= 0))), *own)
            pins = rng.choice([one for one in signals if one != carry], 2, replace=False).tolist()
        signals.append(carry)
    b.output("y", [*signals[-3:], *rng.choice(signals[12:], 2)])
    return b.finish()


def test_any_tables_stay_the_same_function() -> None:
    saved = 0
    for seed in range(200):
        circuit = adders(np.random.default_rng(seed))
        module = module_of(circuit)
        saved += chain_carries(module).saved
        assert_same(circuit, module)
    assert saved > 100


def test_carries_that_are_there_keep_their_tables() -> None:
    module = module_of(counted(64))
    chain_carries(module)
    before = json.dumps(module, sort_keys=True)
    assert chain_carries(module).carries == ()
    assert json.dumps(module, sort_keys=True) == before


def test_other_cells_are_no_logic() -> None:
    module = module_of(counted(3))
    module["cells"]["memory"] = {"type": "SB_RAM40_4K", "connections": {}}
    with pytest.raises(FormatError, match="cell memory is a SB_RAM40_4K, which is no logic"):
        circuit_of(module, [], [])
