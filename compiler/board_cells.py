"""What a board design is made of: the circuit over levels of its inputs, as table cells."""

from collections.abc import Callable
from dataclasses import dataclass

from lithify.backends.verilog.levels import Arriving
from lithify.compiler.levels import AtLevels, at_levels, rejoined
from lithify.compiler.mapping import Cells, map_cells
from lithify.compiler.mapping.clocked import map_clocked
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted, Verdict, explain
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MismatchError

Judged = Proved | NotProved
Arrow = tuple[str, str, str, Callable[[], Judged]]
"""A stage of a certificate: its name, its two sides, and its proof."""


@dataclass(frozen=True, slots=True, eq=False)
class BoardCells:
    """A circuit and its cells; `over` is the circuit between them where inputs come as levels."""

    circuit: Circuit
    over: AtLevels | None
    cells: Cells

    @property
    def arriving(self) -> Arriving | None:
        """What the shell compares before the cells see it."""
        return self.over.arriving if self.over else None

    def digests(self) -> dict[str, str]:
        """SHA-256 of the circuits before the cells, by the names in `arrows`."""
        over = {"over levels": self.over.circuit.digest} if self.over else {}
        return {"optimised": self.circuit.digest, **over}

    def arrows(self, *, time_limit: float = 60.0) -> tuple[Arrow, ...]:
        """The proofs that the cells are the circuit."""
        over = self.over
        if over is None:
            return (("mapping", "optimised", "netlist", self._prove(self.circuit, time_limit)),)
        return (
            (
                "levels",
                "optimised",
                "over levels",
                lambda: _judged(
                    prove_equal(self.circuit, rejoined(over), time_limit=time_limit),
                    self.circuit,
                    "levels are",
                ),
            ),
            ("mapping", "over levels", "netlist", self._prove(over.circuit, time_limit)),
        )

    def _prove(self, circuit: Circuit, time_limit: float) -> Callable[[], Judged]:
        return lambda: _judged(
            prove_cells(circuit, self.cells, time_limit=time_limit), circuit, "table cells are"
        )


def _judged(verdict: Verdict, circuit: Circuit, what: str) -> Judged:
    """The verdict; MismatchError where it is that something is wrong."""
    if isinstance(verdict, Refuted):
        raise MismatchError(f"the {what} not the circuit; {explain(verdict, circuit)}")
    return verdict


def board_cells(
    circuit: Circuit, *, chains: bool = False, folded: bool = False, encoder: bool = False
) -> BoardCells:
    """The cells of a circuit for a board, whose inputs arrive one element at a time.

    They are made for rows of registers between them, or with `chains` for carry chains, or to be
    looked up in memories where the design is `folded`. What inputs are compared with is left to
    the shell that they arrive in, or with `encoder` is in the cells.
    """
    over = None if encoder else at_levels(circuit)
    mapped = over.circuit if over else circuit
    if chains or folded:
        return BoardCells(circuit, over, map_cells(mapped, inputs=4, carries=chains))
    return BoardCells(circuit, over, map_clocked(mapped))
