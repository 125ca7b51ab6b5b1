"""A circuit as C99 source for others: one file and its header, from a microcontroller upwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.artifacts import Artifacts
from lithify.backends.c import source_text
from lithify.backends.c.body import Body, count_body, gate_body
from lithify.backends.c.counting import sum_layers
from lithify.backends.templates import filled
from lithify.ir import simulate
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while main".split()
)

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ExportSize:
    """What the exported C needs of a machine, code apart."""

    gates: int
    """Gates of two inputs; none where layers of sums run as counts of bits."""
    table_bytes: int
    """Constant tables, which can stay in flash."""
    stack_bytes_64: int
    """Stack for the bits of 64 samples at once; of one sample where bits are counted."""
    stack_bytes_8: int
    """The same compiled for 8 at once (NAME_LANES=8), for small machines."""


def emit(
    circuit: Circuit, *, name: str = "net", test_vectors: ArrayLike | None = None
) -> Artifacts:
    """`name`.c, `name`.h and a CMakeLists.txt that builds them.

    With test vectors, codes[samples, elements], also the codes and the lines that main prints,
    which are the interpreter's answers; CMake's test compares them.
    """
    if not NAME.fullmatch(name) or name in KEYWORDS:
        raise InputError(
            f"{name!r} cannot be the prefix of C names; use lower-case letters, digits and _, "
            "a letter first, and no word of the language"
        )
    body = _body(circuit)
    values = _values(circuit, body, name)
    if body.loads:
        values["LOAD"] = filled(_HERE / body.loads, values)
    values["BODY"] = filled(_HERE / body.template, values)
    files = {f"{name}.{kind}": filled(_HERE / f"export.{kind}.in", values) for kind in "ch"}
    tested = test_vectors is not None
    if test_vectors is not None:
        codes = np.asarray(test_vectors)
        files[f"{name}_vectors.txt"] = _lines(codes)
        files[f"{name}_expected.txt"] = expected_lines(circuit, codes)
    files["CMakeLists.txt"] = filled(_HERE / "export.cmake.in", values | _tests(name, tested))
    return Artifacts({path: text.encode() for path, text in files.items()})


def export_size(circuit: Circuit) -> ExportSize:
    """How much memory the exported C needs."""
    body = _body(circuit)
    return ExportSize(
        gates=body.gates,
        table_bytes=body.table_bytes + _common_bytes(circuit),
        stack_bytes_64=body.stack_bytes[0],
        stack_bytes_8=body.stack_bytes[1],
    )


def expected_lines(circuit: Circuit, codes: ArrayLike) -> str:
    """What the exported program prints for these codes: class, scores and words of each sample."""
    answers = simulate.run(circuit, codes)
    words = [answers.words[word.name] for word in circuit.words]
    return _lines(np.concatenate([answers.classes[:, None], answers.scores, *words], axis=1))


def _lines(rows: NDArray[np.int64]) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist())


def _body(circuit: Circuit) -> Body:
    """What computes the net: counts of bits where it is layers of sums, else gates."""
    layers = sum_layers(circuit)
    return gate_body(circuit) if layers is None else count_body(circuit, layers)


def _values(circuit: Circuit, body: Body, name: str) -> dict[str, str]:
    """What each mark of the templates stands for."""
    scores, inputs = circuit.scores, circuit.inputs
    words = [f"{w.name} ({w.count} of {w.width} bits)" for w in circuit.words]
    slots = np.cumsum([0, *(port.bits for port in inputs)])
    fields = [[p.count, p.width, int(at)] for p, at in zip(inputs, slots, strict=False)]
    bounds = np.array([port.bounds for port in inputs], np.int64).reshape(-1, 2)
    size = f"{body.said}; {body.table_bytes + _common_bytes(circuit)}"
    common = {
        "NAME": name,
        "UPPER": name.upper(),
        "SIZE": size,
        "FIELDS": str(len(inputs)),
        "SCORES": str(len(scores)),
        "WORDS": str(sum(word.count for word in circuit.words)),
        "INPUTS": str(circuit.elements),
        "INPUT_TYPE": source_text.input_type(inputs),
        "SCORE_TYPE": "int64_t" if _wide(circuit) else "int32_t",
        "PORTS": source_text.ports_text(inputs),
        "SCORE_NAMES": source_text.listed([score.name for score in scores]),
        "WORD_NAMES": source_text.listed(words),
        "FIELD_TABLE": source_text.table("fields", "uint32_t", np.array(fields, np.int64), 3),
        "LOW_TABLE": source_text.table("lows", "int64_t", bounds[:, 0]),
        "HIGH_TABLE": source_text.table("highs", "int64_t", bounds[:, 1]),
        "BIAS_TABLE": source_text.table("biases", "int64_t", body.biases),
    }
    at_once = re.sub("@UPPER@", name.upper(), body.at_once)
    return common | body.values | {"AT_ONCE_PART": at_once}


def _common_bytes(circuit: Circuit) -> int:
    """Bytes of the tables that every export has."""
    return (12 + 16) * len(circuit.inputs) + 8 * len(circuit.scores)


def _wide(circuit: Circuit) -> bool:
    """Whether a score can leave the 32-bit integers."""
    ranges = [score.range() for score in circuit.scores]
    return any(low < -(1 << 31) or high >= 1 << 31 for low, high in ranges)


def _tests(name: str, tested: bool) -> dict[str, str]:
    """The part of the CMake file that runs the test vectors, where there are some."""
    if not tested:
        return {"TESTS": ""}
    return {"TESTS": filled(_HERE / "export_tests.cmake.in", {"NAME": name})}
