"""Equal gates over equal fan-ins become one."""

from dataclasses import dataclass
from typing import ClassVar

from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import Circuit


@dataclass(frozen=True, slots=True)
class Strash:
    """Make every gate once (structural hashing), folding what that lays open."""

    name: ClassVar[str] = "strash"

    def __call__(self, circuit: Circuit) -> Circuit:
        """The hashed circuit."""
        return rebuild(circuit, fold=True, hash=True)
