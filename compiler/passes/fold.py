"""Constants, pass-through gates and fan-ins without effect go."""

from dataclasses import dataclass
from typing import ClassVar

from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import Circuit


@dataclass(frozen=True, slots=True)
class Fold:
    """Remove constants, pass-through gates and fan-ins without effect; merge equal score terms."""

    name: ClassVar[str] = "fold"

    def __call__(self, circuit: Circuit) -> Circuit:
        """The folded circuit."""
        return rebuild(circuit, fold=True)
