"""The clock that a design is made for: how many levels stand between its registers."""

import math
from dataclasses import dataclass

from lithify.backends.fpga.delay import most_levels, predicted_ns
from lithify.backends.fpga.targets import board
from lithify.compiler.board_cells import board_cells
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a circuit on a board: its tables, and the clock of the net alone."""

    tables: int
    depth: int
    mhz: float


def check_clock(mhz: float, target: str, interface: str) -> None:
    """Nothing; InputError where no pipeline can be chosen for such a clock."""
    if not target:
        raise InputError(f"{mhz:g} MHz on which board? Name one; `lithify boards` lists them")
    if interface == "comb":
        raise InputError(
            f'{mhz:g} MHz: the comb interface has no clock; choose interface "pipeline" or "stream"'
        )
    if not (math.isfinite(mhz) and mhz > 0):
        raise InputError(f"{mhz:g} MHz is no clock; ask for a number above 0, such as 100")


def levels_for(circuit: Circuit, target: str, mhz: float) -> int:
    """Levels between two rows of registers for a clock, as expected of the circuit's tables."""
    tables = board_cells(circuit).cells.circuit
    device = board(target).device
    return most_levels(device, tables=tables.num_gates, depth=tables.depth, mhz=mhz)


def expected(circuit: Circuit, target: str, every: int) -> Expected:
    """What is expected of a circuit with so many levels between two rows."""
    tables = board_cells(circuit).cells.circuit
    levels = min(every or tables.depth, tables.depth)
    period = predicted_ns(board(target).device, tables=tables.num_gates, levels=levels)
    return Expected(tables.num_gates, tables.depth, 1000 / period)
