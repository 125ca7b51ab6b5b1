"""Dead gates go."""

from dataclasses import dataclass
from typing import ClassVar

from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import Circuit


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove the gates on which no output depends."""

    name: ClassVar[str] = "prune"

    def __call__(self, circuit: Circuit) -> Circuit:
        """The circuit of the living gates, otherwise as it was."""
        return rebuild(circuit, keep=circuit.live())
