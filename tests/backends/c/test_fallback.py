"""The interpreter in the engine's place."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from c_nets import layered

from lithify.backends.c import engine, fallback
from lithify.backends.c.engine import Engine
from lithify.backends.c.fallback import Interpreter, engine_for
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError, ToolMissing


def no_compiler() -> None:
    raise ToolMissing("cc was not found.")


def test_where_there_is_a_compiler_the_engine_runs() -> None:
    made = engine_for(layered(np.random.default_rng(0)), threads=2, vector=64)
    assert isinstance(made, Engine)
    assert (made.threads, made.vector) == (2, 64)


def test_without_a_compiler_the_interpreter_answers_alike_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    circuit = layered(np.random.default_rng(0), words=True)
    codes = simulate.random_codes(circuit, 70, np.random.default_rng(1))
    right = Engine(circuit)
    monkeypatch.setattr(engine, "load", no_compiler)
    with caplog.at_level(logging.WARNING):
        made = fallback.engine_for(circuit)
    assert caplog.messages == [
        "cc was not found. Until then the interpreter runs the net: with the same answers, "
        "hundreds of times slower, on one thread."
    ]
    assert isinstance(made, Interpreter)
    assert np.array_equal(made.scores(codes), right.scores(codes))
    assert np.array_equal(made.predict(codes), right.predict(codes))
    words = right.words(codes)
    assert all(np.array_equal(values, words[name]) for name, values in made.words(codes).items())


def test_a_net_without_scores_has_no_classes() -> None:
    b = Builder()
    b.output("y", b.input("x", count=2).ravel())
    with pytest.raises(InputError) as caught:
        Interpreter(b.finish()).predict([[0, 1]])
    assert str(caught.value) == (
        "the circuit has no scores, so it has no classes to predict; use words() instead"
    )
