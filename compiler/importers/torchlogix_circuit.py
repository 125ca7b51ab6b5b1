"""Circuits that torchlogix wrote as JSON: two-input gates, and sums of them with tau and beta.

What its `simplify()` folded away stays in `beta`, a number for each sum that is added to the count.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.backends.ordering import topological
from lithify.compiler.codes import InputCode
from lithify.compiler.importers.hints import Hints
from lithify.compiler.importers.lookup import Imported
from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_SIGNALS
from lithify.ir.errors import FormatError, InputError
from lithify.ir.ports import Signals

# The table of each gate, and which of its two wires it reads.
GATES: dict[str, tuple[int, tuple[str, ...]]] = {
    "CONST_FALSE": (0, ()),
    "CONST_TRUE": (1, ()),
    "WIRE": (0b10, ("in0",)),
    "NOT": (0b01, ("in0",)),
    "NOT_A": (0b01, ("in0",)),
    "NOT_B": (0b01, ("in1",)),
    "AND": (0b1000, ("in0", "in1")),
    "OR": (0b1110, ("in0", "in1")),
    "XOR": (0b0110, ("in0", "in1")),
    "NAND": (0b0111, ("in0", "in1")),
    "NOR": (0b0001, ("in0", "in1")),
    "XNOR": (0b1001, ("in0", "in1")),
    "AND_NOT_B": (0b0010, ("in0", "in1")),
    "AND_NOT_A": (0b0100, ("in0", "in1")),
    "OR_NOT_B": (0b1011, ("in0", "in1")),
    "OR_NOT_A": (0b1101, ("in0", "in1")),
}
MISFITS = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
Plain = Mapping[str, Any]


def read(data: bytes, filename: str, hints: Hints) -> Imported:
    """The circuit: scores read by argmax where its outputs are sums, else one word of bits `y`."""
    try:
        whole = json.loads(data)
        return _circuit(whole, hints)
    except MISFITS as error:
        raise FormatError(f"{filename}: no circuit of torchlogix ({error!r})") from error
    except FormatError as error:
        raise FormatError(f"{filename}: {error}") from error


def _circuit(whole: Plain, hints: Hints) -> Imported:
    count = _natural("n_inputs", whole["n_inputs"])
    code = InputCode.identity(count, low=0, high=1)
    builder = Builder()
    signals = dict(enumerate(builder.port(code.ports()[0]).ravel().tolist()))
    with builder.origin("circuit", "core"):
        signals |= _gates(builder, whole["gates"], signals)
    sums = {int(one["node_id"]): one for one in whole.get("sum_nodes", ())}
    outputs = [int(node) for node in whole["outputs"]]
    if not outputs or (any(node in sums for node in outputs) and not sums.keys() >= {*outputs}):
        raise FormatError("its outputs are neither all sums nor all gates")
    if outputs[0] not in sums:
        builder.output("y", [_signal(signals, node) for node in outputs])
        return Imported(builder.finish(), code, (), {"format": "torchlogix"})
    return _scored(builder, code, signals, [sums[node] for node in outputs], hints)


def _gates(builder: Builder, given: list[Plain], inputs: Mapping[int, int]) -> dict[int, int]:
    """The signals of the gates by their numbers."""
    place = {int(gate["gate_id"]): index for index, gate in enumerate(given)}
    if len(place) < len(given) or place.keys() & inputs.keys():
        raise FormatError("two of its gates and inputs have one number")
    first = builder.num_signals
    known = dict(inputs) | {number: first + index for number, index in place.items()}
    tables, pins, ends = [], [], [0]
    for gate in given:
        name = str(gate["op"])
        if name not in GATES:
            raise FormatError(f"gate {gate['gate_id']}: {name} is no gate that is known here")
        table, wires = GATES[name]
        tables.append(table)
        pins += [_signal(known, gate[wire]) for wire in wires]
        ends.append(len(pins))
    offsets, fanins = np.array(ends, np.int64), np.array(pins, np.int32)
    order, stuck = topological(offsets, fanins, first)
    if stuck >= 0:
        raise FormatError(f"gate {given[stuck]['gate_id']} depends on itself")
    made = _built(builder, np.array(tables, np.uint64), offsets, fanins, order)
    return {number: int(made[index]) for number, index in place.items()}


def _built(
    builder: Builder,
    tables: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    fanins: NDArray[np.int32],
    order: NDArray[np.int32],
) -> Signals:
    """The signals of tables that may read one another, in an order in which they can be made."""
    plain = Builder(fold=False, hash=False)
    plain.input("x", count=builder.num_signals - 2)
    first, arities = plain.num_signals, np.diff(offsets)[order]
    renamed = np.arange(first + order.size, dtype=np.int32)
    renamed[first + order] = np.arange(first, first + order.size, dtype=np.int32)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(arities)])
    at = np.repeat(offsets[:-1][order] - ends[:-1], arities) + np.arange(fanins.size)
    kinds = np.zeros(order.size, np.uint8)
    plain.gates(kinds, tables[order], ends, renamed[fanins[at]], np.empty(0, np.int32))
    made: Signals = builder.copy(plain.finish())[renamed[first:]]
    return made


def _scored(
    builder: Builder,
    code: InputCode,
    signals: Mapping[int, int],
    sums: list[Plain],
    hints: Hints,
) -> Imported:
    """The circuit with a score for each sum; what they have in common is kept beside it."""
    from lithify.compiler.lowering import score_names

    names = hints.names(len(sums))
    if len(names) != len(sums):
        raise InputError(f"{len(names)} class names for {len(sums)} classes")
    taus = {float(one.get("tau", 1.0)) for one in sums}
    betas = [float(one.get("beta", 0.0)) for one in sums]
    tau, rest = taus.pop(), betas[0] - math.floor(betas[0])
    biases = [beta - rest for beta in betas]
    if taus or not 0 < tau < math.inf or any(bias != round(bias) for bias in biases):
        raise FormatError("its sums have different tau, or beta that differ by parts of a vote")
    for name, one, bias in zip(score_names(names), sums, biases, strict=True):
        votes = [_signal(signals, node) for node in one["input_ids"]]
        builder.score(name, np.array(votes, np.int32), bias=round(bias))
    notes = {"format": "torchlogix", "tau": tau, "beta": rest}
    return Imported(builder.finish(readout="argmax"), code, names, notes)


def _signal(signals: Mapping[int, int], node: Any) -> int:
    if type(node) is not int or node not in signals:
        raise FormatError(f"it reads {node!r}, which is neither an input nor a gate")
    return signals[node]


def _natural(name: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value < min(1 << 20, MOST_SIGNALS):
        raise FormatError(f"{name} is {value!r}; a number from 1 is needed")
    return value
