"""A circuit as C99 source for others: one file and its header, from a microcontroller upwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.artifacts import Artifacts
from lithify.backends.c.program import Program, schedule
from lithify.backends.c.schedule import KINDS
from lithify.ir import simulate
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while main".split()
)
NUMBERS_A_LINE = 24
EXPORT_WINDOW = 1024


@dataclass(frozen=True, slots=True)
class ExportSize:
    """What the exported C needs of a machine, code apart."""

    gates: int
    table_bytes: int
    """Constant tables, which can stay in flash."""
    stack_bytes_64: int
    """Stack for the slots when 64 samples run at once."""
    stack_bytes_8: int
    """The same compiled for 8 at once (NAME_LANES=8), for small machines."""


def emit(
    circuit: Circuit, *, name: str = "net", test_vectors: ArrayLike | None = None
) -> Artifacts:
    """`name`.c and `name`.h; with test vectors also the codes and the lines that main prints.

    The vectors are codes[samples, elements]; the answers are the interpreter's.
    """
    if not NAME.fullmatch(name) or name in KEYWORDS:
        raise InputError(
            f"{name!r} cannot be the prefix of C names; use lower-case letters, digits and _, "
            "a letter first, and no word of the language"
        )
    program = schedule(circuit, window=EXPORT_WINDOW)
    values = _values(program, name)
    files = {f"{name}.{kind}": _filled(f"export.{kind}.in", values) for kind in ("c", "h")}
    if test_vectors is not None:
        codes = np.asarray(test_vectors)
        files[f"{name}_vectors.txt"] = _lines(codes)
        files[f"{name}_expected.txt"] = expected_lines(circuit, codes)
    return Artifacts({path: text.encode() for path, text in files.items()})


def export_size(circuit: Circuit) -> ExportSize:
    """How much memory the exported C needs."""
    program = schedule(circuit, window=EXPORT_WINDOW)
    return ExportSize(
        gates=program.num_gates,
        table_bytes=_table_bytes(program),
        stack_bytes_64=8 * max(1, program.slots),
        stack_bytes_8=max(1, program.slots),
    )


def expected_lines(circuit: Circuit, codes: ArrayLike) -> str:
    """What the exported program prints for these codes: class, scores and words of each sample."""
    answers = simulate.run(circuit, codes)
    words = [answers.words[word.name] for word in circuit.words]
    return _lines(np.concatenate([answers.classes[:, None], answers.scores, *words], axis=1))


def _lines(rows: NDArray[np.int64]) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist())


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with every @NAME@ replaced."""
    text = (Path(__file__).parent / template).read_text()
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], text)


def _values(program: Program, name: str) -> dict[str, str]:
    """What each mark of the templates stands for."""
    scores, words = program.scores, len(program.word_fields)
    return {
        "NAME": name,
        "UPPER": name.upper(),
        "GATES": str(program.num_gates),
        "ROUNDS": str(len(program.rounds)),
        "SLOTS": str(max(1, program.slots)),
        "TABLE_BYTES": str(_table_bytes(program)),
        "FIELDS": str(len(program.inputs)),
        "RUNS": str(len(program.runs)),
        "SCORE_BITS": str(program.score_bits),
        "SCORES": str(len(scores)),
        "WORDS": str(words),
        "INPUTS": str(program.elements),
        "INPUT_TYPE": _input_type(program),
        "SCORE_TYPE": "int64_t" if program.wide_scores else "int32_t",
        "OPERAND_TYPE": _type_of(program.operands),
        "SLOT_TYPE": _slot_type(program),
        "PORTS": _ports(program),
        "SCORE_NAMES": _listed(scores),
        "WORD_NAMES": _listed([f"{w.name} ({w.count} of {w.width} bits)" for w in program.words]),
        **_tables(program),
    }


def _tables(program: Program) -> dict[str, str]:
    """The constant tables as C."""
    ports = program.inputs
    slots = np.cumsum([0, *(port.bits for port in ports)])
    fields = [[p.count, p.width, int(at)] for p, at in zip(ports, slots, strict=False)]
    bounds = [port.bounds for port in ports]
    modes = np.where(program.word_masks[:, 0] == 0, 0, 2) + (program.word_masks[:, 1] != 0)
    slot_type = _slot_type(program)
    return {
        "OPERANDS": _table("operands", _type_of(program.operands), program.operands),
        "ROUND_TABLE": _table("rounds", "uint16_t", program.rounds, KINDS),
        "FIELD_TABLE": _table("fields", "uint32_t", np.array(fields, np.int64).reshape(-1, 3), 3),
        "LOW_TABLE": _table("lows", "int64_t", np.array([low for low, _ in bounds], np.int64)),
        "HIGH_TABLE": _table("highs", "int64_t", np.array([high for _, high in bounds], np.int64)),
        "RUN_TABLE": _table("runs", "uint32_t", program.runs, 4),
        "TERM_TABLE": _table("terms", slot_type, program.terms),
        "BIAS_TABLE": _table("biases", "int64_t", program.biases),
        "WORD_TABLE": _table("word_forms", "uint8_t", program.word_fields, 2),
        "WORD_SLOT_TABLE": _table("word_slots", slot_type, program.word_slots),
        "WORD_MODE_TABLE": _table("word_modes", "uint8_t", modes),
    }


def _table(name: str, kind: str, numbers: NDArray[np.integer], columns: int = 0) -> str:
    """One constant array; where it has no numbers, one of a single zero that nobody reads."""
    if numbers.size == 0:
        numbers = np.zeros(max(columns, 1), np.int64)
    flat = numbers.ravel().tolist()
    texts = [_long(number) for number in flat] if kind == "int64_t" else list(map(str, flat))
    step = NUMBERS_A_LINE if columns < 2 else columns
    lines = [",".join(texts[at : at + step]) for at in range(0, len(texts), step)]
    if columns < 2:
        return f"static const {kind} {name}[] = {{\n" + ",\n".join(lines) + "\n};"
    rows = ",\n".join(f"{{{line}}}" for line in lines)
    return f"static const {kind} {name}[][{columns}] = {{\n{rows}\n}};"


def _long(number: int) -> str:
    """A 64-bit constant; the lowest has no literal of its own."""
    return f"INT64_C({number})" if number > -(1 << 63) else f"INT64_C({number + 1}) - 1"


def _table_bytes(program: Program) -> int:
    """Bytes of the constant tables."""
    slot_bytes = program.operands.dtype.itemsize
    return int(
        program.operands.nbytes
        + 2 * program.rounds.size
        + (12 + 16) * len(program.inputs)
        + 16 * len(program.runs)
        + slot_bytes * len(program.terms)
        + 8 * len(program.biases)
        + 2 * len(program.word_fields)
        + (slot_bytes + 1) * len(program.word_slots)
    )


def _input_type(program: Program) -> str:
    """The smallest C integer that holds every input."""
    low = min((port.bounds[0] for port in program.inputs), default=0)
    high = max((port.bounds[1] for port in program.inputs), default=0)
    for bits in (8, 16, 32, 64):
        if low >= 0 and high < 1 << bits:
            return f"uint{bits}_t"
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return f"int{bits}_t"
    raise AssertionError("ports are narrower than 64 bits")


def _type_of(array: NDArray[np.uint16] | NDArray[np.uint32]) -> str:
    return f"{array.dtype.name}_t"


def _slot_type(program: Program) -> str:
    """The C integer that holds a slot number."""
    return _type_of(program.operands)


def _plain(name: str) -> str:
    """A name as it may stand in a comment."""
    return re.sub(r"[^A-Za-z0-9_.()\[\] -]", "_", name)


def _ports(program: Program) -> str:
    """What the header says of the inputs, a line each."""
    lines = []
    for port in program.inputs:
        low, high = port.bounds
        lines.append(f"   {_plain(port.name)}: {port.count} in {low}..{high}")
    return "\n".join(lines) or "   none"


def _listed(names: Sequence[str]) -> str:
    """`: a, b, c.` for a comment, shortened where there are many."""
    if not names:
        return "."
    shown = [_plain(name) for name in names[:10]]
    return f": {', '.join(shown)}{' and so on' if len(names) > 10 else ''}."
