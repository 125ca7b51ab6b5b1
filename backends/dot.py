"""Small circuits as DOT graphs, for Graphviz to draw."""

from __future__ import annotations

import json
from collections.abc import Sequence

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
    for signal in read_inputs(circuit, live.tolist()).tolist():
        lines.append(f"  s{signal} [shape=plaintext, label={json.dumps(names[signal])}];")
    for gate in live.tolist():
        lines += _gate(circuit, gate)
    for index, output in enumerate(circuit.outputs):
        label = json.dumps(output.name)
        lines.append(f"  o{index} [shape=plaintext, label={label}];")
        signals = output.signals.ravel().tolist()
        weights = output.weights.tolist() if isinstance(output, Score) else [1] * len(signals)
        for signal, weight in zip(signals, weights, strict=True):
            lines.append(f"  s{signal} -> o{index}{_edge('' if weight == 1 else str(weight))};")
    return "\n".join([*lines, "}", ""]).encode()


def read_inputs(circuit: Circuit, live: Sequence[int]) -> NDArray[np.int32]:
    """The constants and input bits that outputs and these gates read."""
    rows = [circuit.fanins[circuit.offsets[g] : circuit.offsets[g + 1]] for g in live]
    every = np.unique(np.concatenate([circuit.output_signals, *rows]))
    return every[every < circuit.first_gate]


def label(circuit: Circuit, gate: int) -> str:
    """What a gate does, in a word or two."""
    if circuit.kinds[gate] != TABLE:
        return f">= {int(circuit.bounds[gate])}"
    table, arity = int(circuit.tables[gate]), len(circuit.gate_fanins(gate))
    return WORDS.get((arity, table), f"{table:#x}")


def weight_labels(circuit: Circuit, gate: int) -> list[str]:
    """What is written beside each fan-in of a gate: its weight where that is not 1."""
    row = slice(circuit.offsets[gate], circuit.offsets[gate + 1])
    weights = circuit.full_weights()[row].tolist()
    return ["" if w == 1 or circuit.kinds[gate] == TABLE else str(w) for w in weights]


def _gate(circuit: Circuit, gate: int) -> list[str]:
    """A gate and what it reads."""
    signal = circuit.first_gate + gate
    shape = "box" if circuit.kinds[gate] == TABLE else "ellipse"
    lines = [f"  s{signal} [shape={shape}, label={json.dumps(label(circuit, gate))}];"]
    texts = weight_labels(circuit, gate)
    pins = circuit.gate_fanins(gate)
    return lines + [f"  s{p} -> s{signal}{_edge(t)};" for p, t in zip(pins, texts, strict=True)]


def _edge(text: str) -> str:
    return f' [label="{text}"]' if text else ""
