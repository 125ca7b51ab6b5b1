"""The exported C, compiled and asked: what it answers is what the interpreter says."""

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings

from lithify.backends.c import exported
from lithify.backends.c.emit import emit
from lithify.backends.c.exported import answers_of
from lithify.backends.toolchain import run
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MismatchError


def expected(circuit: Circuit, codes: np.ndarray) -> np.ndarray:
    right = simulate.run(circuit, codes)
    words = [right.words[word.name] for word in circuit.words]
    return np.concatenate([right.classes[:, None], right.scores, *words], axis=1)


@settings(max_examples=10, deadline=None)
@given(circuits(most_gates=25))
def test_answers_are_the_interpreters(circuit: Circuit) -> None:
    codes = simulate.random_codes(circuit, 130, np.random.default_rng(0))
    found = answers_of(circuit, emit(circuit, name="net"), codes, name="net")
    assert np.array_equal(found, expected(circuit, codes))


def small() -> Circuit:
    b = Builder()
    x = b.input("x", width=4, count=3, kind="int", low=-3, high=5)
    wide = b.input("y", width=17)
    b.score("a", x.ravel())
    b.score("b", wide.ravel(), weights=np.full(17, -(2**30)))
    b.output("z", wide, kind="uint")
    return b.finish(readout="argmax")


def test_little_stack_runs_fewer_samples_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = small()
    codes = simulate.random_codes(circuit, 70, np.random.default_rng(1))
    calls: list[list[str]] = []

    def seen(tool: str, words: list[str], **named: object) -> object:
        calls.append(words)
        return run(tool, words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(exported, "run", seen)
    for stack, lanes in ((1 << 22, 64), (8, 8)):
        monkeypatch.setattr(exported, "MOST_STACK", stack)
        found = answers_of(circuit, emit(circuit, name="tiny"), codes, name="tiny")
        assert np.array_equal(found, expected(circuit, codes))
        assert f"-DTINY_LANES={lanes}" in calls[-1]


def test_codes_that_the_c_refuses_are_said() -> None:
    circuit = small()
    codes = np.array([[0, 0, 6, 0]])
    with pytest.raises(MismatchError) as caught:
        answers_of(circuit, emit(circuit, name="net"), codes, name="net")
    assert str(caught.value) == "net.c refuses codes that are in the ranges of its ports"
