"""What computes a net in the exported C: its gates, or where it is layers of sums its counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.counting import below, places
from lithify.backends.c.layers import Layer, Layers
from lithify.backends.c.pooled import FIRST_POOL
from lithify.backends.c.program import Program, schedule
from lithify.backends.c.reading import COMPARED, dense_reading
from lithify.backends.c.schedule import PAIRS
from lithify.backends.c.source_text import input_type, table
from lithify.ir.circuit import Circuit

WINDOW = 1024
WORD = 32
MOST_NARROW = 1 << 30
SHAPE_NAMES = ("X_AND", "X_LESS", "B_LESS", "X_OR", "X_XOR")
SINGLE_NAMES = ("X_AND", "X_LESS", "X_OR", "X_XOR")
AT_ONCE = """\
/* Samples that run at once, one a bit: 8, 16, 32 or 64. The stack holds {slots} such integers. */
#ifndef @UPPER@_LANES
#define @UPPER@_LANES 64
#endif

"""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The part of the C file that differs: its template, what fills it, and its size."""

    template: str
    loads: str
    """The template of what reads the inputs, where that is not in the other one."""
    values: dict[str, str]
    biases: NDArray[np.int64]
    said: str
    gates: int
    table_bytes: int
    """Of its own tables."""
    stack_bytes: tuple[int, int]
    """Compiled for 64 samples at once, and for 8."""
    at_once: str
    """What the header says of how many samples run at once."""


def gate_body(circuit: Circuit) -> Body:
    """Two-input gates, many samples at once."""
    over = dense_reading(circuit)
    planes = over[1] if over else np.empty((0, 3), np.int64)
    element_type, element_bytes = _element_type(circuit)
    program = schedule(over[0] if over else circuit, window=WINDOW)
    kinds = np.flatnonzero(program.rounds.any(0)).tolist() or [len(PAIRS)]
    modes = np.where(program.word_masks[:, 0] == 0, 0, 2) + (program.word_masks[:, 1] != 0)
    slot_type, slots = f"{program.operands.dtype.name}_t", max(1, program.slots)
    values = {
        "PLANES": str(len(planes)),
        "COMPARED": str(COMPARED),
        "ELEMENT_TABLE": table("plane_elements", element_type, planes[:, 0]),
        "FORM_TABLE": table("plane_forms", "uint8_t", planes[:, 1:], 2),
        "ROUNDS": str(len(program.rounds)),
        "SLOTS": str(slots),
        "RUNS": str(len(program.runs)),
        "SCORE_BITS": str(program.score_bits),
        "OPERAND_TYPE": slot_type,
        "SLOT_TYPE": slot_type,
        "OPERANDS": table("operands", slot_type, program.operands),
        "ROUND_TABLE": table("rounds", "uint16_t", program.rounds[:, kinds]),
        "UNITS": "\n".join(f"        {_unit(kind)}" for kind in kinds),
        "RUN_TABLE": table("runs", "uint32_t", program.runs, 4),
        "TERM_TABLE": table("terms", slot_type, program.terms),
        "WORD_TABLE": table("word_forms", "uint8_t", program.word_fields, 2),
        "WORD_SLOT_TABLE": table("word_slots", slot_type, program.word_slots),
        "WORD_MODE_TABLE": table("word_modes", "uint8_t", modes),
    }
    rounds = f"in {len(program.rounds)} rounds over {program.slots} slots"
    return Body(
        template="export_gates.c.in",
        loads="export_planes.c.in" if over else "export_bits.c.in",
        values=values,
        biases=program.biases,
        said=f"{program.num_gates} two-input gates {rounds}",
        gates=program.num_gates,
        table_bytes=_gate_bytes(program) + len(planes) * (element_bytes + 2),
        stack_bytes=(8 * slots, slots),
        at_once=AT_ONCE.format(slots=slots),
    )


def _unit(kind: int) -> str:
    """The C loop over the units of a kind."""
    if kind < len(PAIRS):
        first, second = PAIRS[kind]
        return f"PAIRS({SHAPE_NAMES[first]}, {SHAPE_NAMES[second]})"
    operation = kind - len(PAIRS)
    if operation < FIRST_POOL:
        return f"SINGLES({SINGLE_NAMES[operation]})"
    inner, join = divmod(operation - FIRST_POOL, 2)
    return f"POOLS({SINGLE_NAMES[inner]}, {'X_OR' if join else 'X_AND'})"


def _element_type(circuit: Circuit) -> tuple[str, int]:
    """The C type of an element's number, and its bytes."""
    return ("uint16_t", 2) if circuit.elements <= 1 << 16 else ("uint32_t", 4)


def _gate_bytes(program: Program) -> int:
    slot_bytes = program.operands.dtype.itemsize
    return int(
        program.operands.nbytes
        + 2 * np.count_nonzero(program.rounds.any(0)) * len(program.rounds)
        + 16 * len(program.runs)
        + slot_bytes * len(program.terms)
        + 2 * len(program.word_fields)
        + (slot_bytes + 1) * len(program.word_slots)
    )


def count_body(circuit: Circuit, found: Layers) -> Body:
    """Neurons that count where a row of bits agrees with their weights, a sample at a time."""
    rows: list[list[int]] = []
    planes: list[list[int]] = []
    weights, size = [np.empty(0, np.uint32)], 0
    for layer in found.layers:
        neurons, columns = layer.weights.shape
        rows.append([neurons, -(-columns // WORD), len(places(layer))])
        for place, masked, words in _planes(layer):
            planes.append([place, masked, size])
            weights.append(words)
            size += words.size
    bounds = [layer.offsets + below(layer) for layer in found.layers[:-1]]
    joined = np.concatenate(bounds)
    narrow = bool((np.abs(joined) < MOST_NARROW).all())
    bound_type, code = "int32_t" if narrow else "int64_t", input_type(circuit.inputs)
    element_type, element_bytes = _element_type(circuit)
    row_words = max(-(-neurons // WORD) for neurons, _, _ in rows)
    row_words = max(row_words, max(words for _, words, _ in rows))
    values = {
        "SOURCES": str(len(found.elements)),
        "LAYERS": str(len(rows)),
        "ROW_WORDS": str(row_words),
        "SOURCE_TABLE": table("sources", element_type, found.elements),
        "LEAST_TABLE": table("least", code, found.least),
        "LAYER_TABLE": table("layers", "uint32_t", np.array(rows), 3),
        "PLANE_TABLE": table("planes", "uint32_t", np.array(planes).reshape(-1, 3), 3),
        "WEIGHT_TABLE": table("weights", "uint32_t", np.concatenate(weights)),
        "BOUND_TABLE": table("bounds", bound_type, joined),
        "BOUND_TYPE": bound_type,
    }
    per_source = element_bytes + int(code.strip("uint_")) // 8
    table_bytes = 12 * (len(rows) + len(planes)) + 4 * size + (4 if narrow else 8) * len(joined)
    neurons = ", ".join(str(layer.weights.shape[0]) for layer in found.layers)
    return Body(
        template="export_counts.c.in",
        loads="",
        values=values,
        biases=found.layers[-1].offsets - below(found.layers[-1]),
        said=f"counts of bits in layers of {neurons} neurons",
        gates=0,
        table_bytes=table_bytes + per_source * len(found.elements),
        stack_bytes=(8 * row_words, 8 * row_words),
        at_once="",
    )


def _planes(layer: Layer) -> list[tuple[int, bool, NDArray[np.uint32]]]:
    """Place, whether it is masked, and words [neuron][word], masks after each neuron's weights."""
    planes = []
    for place in places(layer):
        present = np.abs(layer.weights) >> place & 1 == 1
        parts = [_words(present & (layer.weights < 0))]
        if not present.all():
            parts.append(_words(present))
        planes.append((place, len(parts) > 1, np.concatenate(parts, axis=1).ravel()))
    return planes


def _words(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Rows of bits as words of 32."""
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % WORD)))
    octets = np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little"))
    words: NDArray[np.uint32] = octets.view("<u4")
    return words
