"""What runs a net where no C compiler is found: the interpreter, with the engine's methods."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.c.engine import Engine
from lithify.ir import simulate
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, ToolMissing

log = logging.getLogger(__name__)


class Interpreter:
    """A net run by the interpreter: the engine's answers, far slower and on one thread."""

    def __init__(self, circuit: Circuit) -> None:
        """Keep the circuit."""
        self.circuit = circuit

    def run(self, codes: ArrayLike) -> simulate.Answers:
        """Words, scores and classes for codes[samples, elements]."""
        return simulate.run(self.circuit, codes)

    def scores(self, codes: ArrayLike) -> NDArray[np.int64]:
        """The scores[samples, scores]."""
        return self.run(codes).scores

    def predict(self, codes: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: the lowest of those with the highest score."""
        if not self.circuit.scores:
            raise InputError(
                "the circuit has no scores, so it has no classes to predict; use words() instead"
            )
        return self.run(codes).classes

    def words(self, codes: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """The words by name, each [samples, count]."""
        return self.run(codes).words


def engine_for(
    circuit: Circuit, *, threads: int = 1, vector: int | Literal["auto"] = "auto"
) -> Engine | Interpreter:
    """The C engine, or the interpreter and a warning where there is no compiler to build it."""
    try:
        return Engine(circuit, threads=threads, vector=vector)
    except ToolMissing as missing:
        log.warning(
            "%s Until then the interpreter runs the net: with the same answers, "
            "hundreds of times slower, on one thread.",
            missing,
        )
        return Interpreter(circuit)
