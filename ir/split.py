"""Tables of many fan-ins written as tables of few."""

from __future__ import annotations

from lithify.ir.circuit import Circuit


def split(circuit: Circuit, arity: int = 2) -> Circuit:
    """The same function with tables of at most `arity` fan-ins; thresholds and scores are kept."""
    raise NotImplementedError
