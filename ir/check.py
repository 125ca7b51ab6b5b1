"""The checker: every rule that a circuit keeps, judged on whole arrays at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import (
    MOST_BOUND,
    MOST_FANINS,
    MOST_SIGNALS,
    MOST_WEIGHT,
    TABLE,
    THRESHOLD,
    Circuit,
)
from lithify.ir.errors import CheckError
from lithify.ir.ports import Score, Word

MOST_WIDTH = 62
ALL_ONES = np.uint64(2**64 - 1)


def check(circuit: Circuit) -> None:
    """Nothing where the circuit keeps every rule; raises CheckError naming the first breach."""
    _check_shapes(circuit)
    _check_fanins(circuit)
    _check_tables(circuit)
    _check_thresholds(circuit)
    _check_origins(circuit)
    _check_names("input", (port.name for port in circuit.inputs))
    _check_names("output", (output.name for output in circuit.outputs))
    for output in circuit.outputs:
        _check_signals(circuit, output)
        if isinstance(output, Word):
            _check_word(output)
        else:
            _check_score(output)
    if circuit.readout != "bits" and not circuit.scores:
        raise CheckError(f"readout {circuit.readout}: there is no score to read")


def _gate(circuit: Circuit, wrong: NDArray[np.bool_]) -> tuple[int, str]:
    """The first wrong gate: its number, and its name for a message."""
    gate = int(np.argmax(wrong))
    name = f"gate %{circuit.first_gate + gate}"
    origin = int(circuit.origin_of[gate]) if gate < circuit.origin_of.size else -1
    if 0 <= origin < len(circuit.origins):
        name += f" (unit {circuit.unit_of[gate]} of {circuit.origins[origin].path})"
    return gate, name


def _check_shapes(circuit: Circuit) -> None:
    """Arrays of the right lengths, rows that follow one another, known kinds."""
    gates, pins = circuit.kinds.size, circuit.fanins.size
    lengths = {"kinds": gates, "tables": gates, "offsets": gates + 1, "fanins": pins}
    lengths |= {"origin_of": gates, "unit_of": gates}
    lengths["weights"] = pins if circuit.weights.size else 0
    for name, length in lengths.items():
        shape = getattr(circuit, name).shape
        if shape != (length,):
            raise CheckError(f"array {name} has shape {shape}; {gates} gates need ({length},)")
    if 2 + circuit.num_input_bits + gates > MOST_SIGNALS:
        raise CheckError(f"{circuit.num_signals} signals; a circuit holds at most 2^31 - 1")
    ends = circuit.offsets
    if ends[0] != 0 or ends[-1] != pins or (ends[1:] < ends[:-1]).any():
        raise CheckError(f"array offsets does not rise from 0 to {pins}, the number of fan-ins")
    unknown = circuit.kinds > THRESHOLD
    if unknown.any():
        gate, name = _gate(circuit, unknown)
        raise CheckError(f"{name}: kind {circuit.kinds[gate]} is neither table nor threshold")


def _check_fanins(circuit: Circuit) -> None:
    """Every fan-in is an earlier signal."""
    arities = np.diff(circuit.offsets)
    limits = np.arange(circuit.first_gate, circuit.num_signals, dtype=np.int32)
    wrong = (circuit.fanins < 0) | (circuit.fanins >= np.repeat(limits, arities))
    if wrong.any():
        pin = int(np.argmax(wrong))
        _, name = _gate(circuit, circuit.offsets[1:] > pin)
        raise CheckError(f"{name}: fan-in %{circuit.fanins[pin]} is not an earlier signal")


def _check_tables(circuit: Circuit) -> None:
    """Tables are of few fan-ins and no longer than these ask."""
    arities = np.diff(circuit.offsets)
    tables = circuit.kinds == TABLE
    wide = tables & (arities > MOST_FANINS)
    if wide.any():
        gate, name = _gate(circuit, wide)
        raise CheckError(f"{name}: a table of {arities[gate]} fan-ins; at most {MOST_FANINS} fit")
    rows = np.left_shift(1, np.minimum(arities, MOST_FANINS)).astype(np.uint64)
    long = tables & (circuit.tables > (ALL_ONES >> (np.uint64(64) - rows)))
    if long.any():
        gate, name = _gate(circuit, long)
        raise CheckError(
            f"{name}: table {int(circuit.tables[gate]):#x} does not fit {arities[gate]} fan-ins, "
            f"which take {rows[gate]} bits"
        )


def _check_thresholds(circuit: Circuit) -> None:
    """Bounds and weights from which no sum overflows; weights stored only where they say more."""
    far = (circuit.kinds == THRESHOLD) & (
        (circuit.bounds > MOST_BOUND) | (circuit.bounds < -MOST_BOUND)
    )
    if far.any():
        gate, name = _gate(circuit, far)
        raise CheckError(f"{name}: bound {circuit.bounds[gate]} is beyond 2^61")
    weights = circuit.weights
    if not weights.size:
        return
    if (weights == 1).all():
        raise CheckError("array weights holds only ones; it is empty in such a circuit")
    table_pins = np.repeat(circuit.kinds == TABLE, np.diff(circuit.offsets))
    wrong = (weights == 0) | (weights < -MOST_WEIGHT) | (table_pins & (weights != 1))
    if wrong.any():
        pin = int(np.argmax(wrong))
        gate, name = _gate(circuit, circuit.offsets[1:] > pin)
        rule = (
            "the fan-ins of a table have weight 1"
            if circuit.kinds[gate] == TABLE
            else "a weight is not 0 and at most 2^31 - 1"
        )
        raise CheckError(f"{name}: weight {weights[pin]} of fan-in %{circuit.fanins[pin]}; {rule}")


def _check_origins(circuit: Circuit) -> None:
    """Origins that exist, each declared once."""
    if len(set(circuit.origins)) < len(circuit.origins):
        twice = next(o for o in circuit.origins if circuit.origins.count(o) > 1)
        raise CheckError(f"origin {twice.path} ({twice.part or 'no part'}) is declared twice")
    wrong = (circuit.origin_of < -1) | (circuit.origin_of >= len(circuit.origins))
    if wrong.any():
        gate, name = _gate(circuit, wrong)
        raise CheckError(f"{name}: origin {circuit.origin_of[gate]} of {len(circuit.origins)}")
    negative = circuit.unit_of < 0
    if negative.any():
        gate, _ = _gate(circuit, negative)
        raise CheckError(
            f"gate %{circuit.first_gate + gate}: unit {circuit.unit_of[gate]}; units count from 0"
        )


def _check_names(what: str, names: Iterable[str]) -> None:
    """Names that are there and differ."""
    seen: set[str] = set()
    for name in names:
        if not name:
            raise CheckError(f"an {what} has no name")
        if name in seen:
            raise CheckError(f"two {what}s are called {name}")
        seen.add(name)


def _check_signals(circuit: Circuit, output: Word | Score) -> None:
    wrong = (output.signals < 0) | (output.signals >= circuit.num_signals)
    if wrong.any():
        raise CheckError(
            f"output {output.name}: signal %{output.signals[wrong][0]} does not exist; "
            f"there are {circuit.num_signals}"
        )


def _check_word(word: Word) -> None:
    most = 1 if word.kind == "bit" else MOST_WIDTH
    if word.count < 1 or not 1 <= word.width <= most:
        raise CheckError(
            f"output {word.name}: {word.count} elements of {word.width} bits; "
            f"a {word.kind} output has at least one element of 1 to {most} bits"
        )


def _check_score(score: Score) -> None:
    if abs(score.bias) > MOST_BOUND:
        raise CheckError(f"score {score.name}: bias {score.bias} is beyond 2^61")
    if (score.weights < -MOST_WEIGHT).any():
        raise CheckError(f"score {score.name}: weight {-MOST_WEIGHT - 1} is beyond 2^31 - 1")
