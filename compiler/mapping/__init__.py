"""From an optimised circuit to cells: tables of as many inputs as the device's.

>>> from lithify.ir.builder import Builder
>>> b = Builder()
>>> x = b.input("x", count=64)
>>> b.score("ones", x)
>>> cells = map_cells(b.finish(readout="scores"), inputs=6)
>>> cells.circuit.num_gates
60
"""

from lithify.compiler.mapping.cells import Cells
from lithify.compiler.mapping.choose import map_cells

__all__ = ["Cells", "map_cells"]
