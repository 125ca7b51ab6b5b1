"""Gates that stay cells: one table each, in modules named after the parts of the net."""

import re

import numpy as np
from amaranth.hdl import Fragment

from lithify.backends.fpga.top import part_of
from lithify.backends.verilog.cells import cell_modules
from lithify.backends.verilog.core import Core
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit


def net(gates: int) -> Circuit:
    """Gates of one to four inputs in two parts."""
    rng = np.random.default_rng(gates)
    b = Builder()
    x = b.input("x", kind="bit", count=40).ravel()
    with b.origin("layers.0", "core"):
        middle = b.tables(rng.integers(1, 1 << 16, gates), rng.choice(x, (gates, 4)))
    with b.origin("head", "head"):
        b.output("y", b.tables(rng.integers(1, 15, 9), rng.choice(middle, (9, 2))))
        b.output("z", middle)
    return b.finish(readout="bits")


def core_of(circuit: Circuit, *, every: int, cells: bool = True) -> Core:
    """A core in use: Amaranth warns of those that never are."""
    core = Core(circuit, every=every, cells=cells)
    Fragment.get(core, None)
    return core


def test_every_gate_is_one_cell_of_its_part() -> None:
    circuit = net(60)
    core = core_of(circuit, every=1)
    text = cell_modules(core)
    tables = re.findall(r"cell \$lut \\cell_\d+\n    parameter \\LUT (\d+)'([01]+)", text)
    assert len(tables) == core.schedule.gates.size
    assert all(len(bits) == int(size) for size, bits in tables)
    wanted = core.schedule.tables
    assert sorted(int(bits, 2) for _, bits in tables) == sorted(wanted.tolist())
    parts = {part_of(name) for name in re.findall(r"module \\(\S+)", text)}
    assert parts == {"core", "head"}


def test_a_level_of_a_part_is_one_module_for_each_arity() -> None:
    for gates in (5, 300):
        text = cell_modules(core_of(net(gates), every=0))
        assert text.count("\nmodule ") <= 2 * 4
    assert cell_modules(core_of(net(5), every=0, cells=False)) == ""
