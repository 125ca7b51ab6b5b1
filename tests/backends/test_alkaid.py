"""Programs of alkaid: its form's meaning, stated anew here, gives what the interpreter gives."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lithify.backends import alkaid
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.generate import random_circuit, random_layered
from lithify.ir.simulate import random_codes, run

Integers = NDArray[np.int64]


def evaluated(whole: dict[str, Any], codes: Integers) -> Integers:
    """The outputs of a program for codes [samples, inputs]."""
    _, _, outputs, _, _, operations, *_ = whole["model"]
    values: list[Integers] = []
    for reads, code, data, _, _, _ in operations:
        given = [values[place] for place in reads]
        match code:
            case -1:
                made = codes[:, data[0]]
            case 3:
                made = codes[:, reads[0]] >> -data[0] & 1
            case 4:
                made = given[0] + data[0]
            case 5:
                made = np.full(len(codes), data[0])
            case 9:
                made = 1 - given[0]
            case 10:
                made = given[0] & given[1]
            case 11:
                signs = [2 * plus - 1 for plus in data[::2]]
                made = sum(
                    (s * (v << k) for s, k, v in zip(signs, data[1::2], given, strict=True)),
                    np.zeros(len(codes), np.int64),
                )
        values.append(made)
    return np.stack([values[place] for place in outputs], axis=1)


def wanted(circuit: Circuit, codes: Integers) -> Integers:
    """The elements of the words, then the scores."""
    answers = run(circuit, codes)
    return np.concatenate([*answers.words.values(), answers.scores], axis=1)


def test_strange_circuits() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        circuit = random_circuit(rng, gates=40)
        codes = random_codes(circuit, 200, rng)
        found = evaluated(json.loads(alkaid.write(circuit)), codes)
        assert np.array_equal(found, wanted(circuit, codes))


def test_alkaid_itself_gives_the_same() -> None:
    from alkaid import types

    rng = np.random.default_rng(1)
    for circuit in (
        random_circuit(rng, gates=40),
        random_layered(rng, inputs=100, layers=[300, 300], classes=10),
    ):
        program = types.CombLogic.from_dict(json.loads(alkaid.write(circuit)))
        codes = random_codes(circuit, 10_000, rng)
        found = program.predict(codes.astype(np.float64), n_threads=1)
        assert np.array_equal(found, wanted(circuit, codes))


def test_what_cannot_be_written() -> None:
    builder = Builder()
    builder.output("y", builder.input("x", width=31)[0][:1])
    with pytest.raises(InputError) as caught:
        alkaid.write(builder.finish())
    assert str(caught.value) == "input x has 31 bits; at most 30 fit"
    builder = Builder()
    builder.score("s", builder.input("x", count=2).ravel(), [2**30, 1])
    with pytest.raises(InputError) as caught:
        alkaid.write(builder.finish(readout="scores"))
    assert str(caught.value) == "a sum of 0 to 1073741825; at most 30 bits can be written"


def test_too_large_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alkaid, "MOST_GATES", 3)
    with pytest.raises(InputError, match=r"a program of \d+ gates; at most 3 are written"):
        alkaid.write(random_layered(np.random.default_rng(1), inputs=9, layers=[30], classes=2))
