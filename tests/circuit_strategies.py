"""Random circuits for property tests."""

import numpy as np
from hypothesis import strategies as st

from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit


@st.composite
def circuits(
    draw: st.DrawFn,
    *,
    most_gates: int = 40,
    arity: int = 6,
    thresholds: bool = True,
    readout: str | None = None,
    odd_names: bool = False,
    fold: bool | None = None,
) -> Circuit:
    """Circuits of lithify.ir.generate.random_circuit; without `fold`, folded and exact ones."""
    gates = draw(st.integers(0, most_gates))
    seed = draw(st.integers(0, 2**32 - 1))
    return random_circuit(
        np.random.default_rng(seed),
        gates=gates,
        arity=arity,
        thresholds=thresholds,
        readout=readout,
        odd_names=odd_names,
        fold=draw(st.booleans()) if fold is None else fold,
    )
