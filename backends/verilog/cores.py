"""The core of a design: pipelined, or folded where cycles are given."""

from lithify.backends.verilog.core import Core
from lithify.backends.verilog.folded import Folded
from lithify.backends.verilog.folding import fold
from lithify.backends.verilog.interface import Interface
from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Netlist


def core_of(
    design: Circuit | Netlist,
    *,
    every: int = 0,
    cells: bool = False,
    retime: bool = False,
    cycles: int = 0,
) -> Core | Folded:
    """A `Core`, or with `cycles` a `Folded` one that takes at most so many for a sample."""
    if not cycles:
        return Core(design, every=every, cells=cells, retime=retime)
    interface = Interface.of(design)
    return Folded(interface, fold(interface.circuit, cycles))
