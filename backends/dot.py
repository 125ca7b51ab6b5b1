"""Small circuits as DOT graphs, for Graphviz to draw."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Score
from lithify.ir.text import signal_names

MOST_GATES = 2000
WORDS = {
    (1, 0b01): "not", (2, 0b1000): "and", (2, 0b0111): "nand", (2, 0b1110): "or",
    (2, 0b0001): "nor", (2, 0b0110): "xor", (2, 0b1001): "xnor",
}  # fmt: skip


def write(circuit: Circuit) -> bytes:
    """The gates that outputs depend on, from the inputs on the left to the outputs on the right."""
    live = np.flatnonzero(circuit.live())
    if live.size > MOST_GATES:
        raise InputError(
            f"a drawing of {live.size} gates shows nothing; at most {MOST_GATES} are drawn: choose "
            "one output"
        )
    names = signal_names(circuit)
    lines = ["digraph circuit {", "  rankdir=LR;"]
    for signal in _read_inputs(circuit, live).tolist():
        lines.append(f"  s{signal} [shape=plaintext, label={json.dumps(names[signal])}];")
    for gate in live.tolist():
        lines += _gate(circuit, gate)
    for index, output in enumerate(circuit.outputs):
        label = json.dumps(output.name)
        lines.append(f"  o{index} [shape=plaintext, label={label}];")
        weights = output.weights.tolist() if isinstance(output, Score) else None
        for place, signal in enumerate(output.signals.ravel().tolist()):
            lines.append(f"  s{signal} -> o{index}{_edge(weights, place)};")
    return "\n".join([*lines, "}", ""]).encode()


def _read_inputs(circuit: Circuit, live: NDArray[np.int64]) -> NDArray[np.int32]:
    """The constants and input bits that are read."""
    rows = [circuit.fanins[circuit.offsets[g] : circuit.offsets[g + 1]] for g in live.tolist()]
    every = np.unique(np.concatenate([circuit.output_signals, *rows]))
    return every[every < circuit.first_gate]


def _gate(circuit: Circuit, gate: int) -> list[str]:
    """A gate and what it reads."""
    signal, pins = circuit.first_gate + gate, circuit.gate_fanins(gate)
    weights = None
    if circuit.kinds[gate] == TABLE:
        table = int(circuit.tables[gate])
        label, shape = WORDS.get((len(pins), table), f"{table:#x}"), "box"
    else:
        label, shape = f">= {int(circuit.bounds[gate])}", "ellipse"
        start = circuit.offsets[gate]
        weights = circuit.full_weights()[start : start + len(pins)].tolist()
    lines = [f"  s{signal} [shape={shape}, label={json.dumps(label)}];"]
    return lines + [f"  s{p} -> s{signal}{_edge(weights, k)};" for k, p in enumerate(pins)]


def _edge(weights: list[int] | None, place: int) -> str:
    """What is written beside an edge: its weight where that is not 1."""
    if weights is None or weights[place] == 1:
        return ""
    return f' [label="{weights[place]}"]'
