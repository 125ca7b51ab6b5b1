"""Inverters vanish into the gates and scores that read them."""

from dataclasses import dataclass
from typing import ClassVar

from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import Circuit


@dataclass(frozen=True, slots=True)
class Absorb:
    """Let gates and scores read what an inverter inverts, instead of the inverter."""

    name: ClassVar[str] = "absorb"

    def __call__(self, circuit: Circuit) -> Circuit:
        """The circuit whose inverters, if any, feed nothing but word outputs."""
        return rebuild(circuit, fold=True, hash=True, absorb=True)
