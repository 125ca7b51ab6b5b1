"""Modules of table cells in RTLIL, yosys' own format: one cell for each gate of a vector."""

from typing import TYPE_CHECKING

from lithify.backends.verilog.schedule import MODULES, Vector

if TYPE_CHECKING:
    from lithify.backends.verilog.core import Core
    from lithify.backends.verilog.folded import Folded

PREFIX = "cells"
PIN, OUT = "pin", "out"


def cell_module(vector: Vector, name: str) -> str:
    """What the module of a vector of gates is called, after the part that it lives in."""
    return f"{PREFIX}.{MODULES[vector.module] or 'core'}.{name}"


def cell_modules(core: "Core | Folded") -> str:
    """The modules that a core of cells has instances of; one that is folded has none."""
    if core.interval > 1 or not core.cells:
        return ""
    tables = core.schedule.tables
    return "".join(
        _module(cell_module(vector, name), vector, tables[vector.first : vector.last].tolist())
        for vector, name in zip(core.schedule.vectors, core.vector_names(), strict=True)
        if vector.mixed
    )


def _module(kind: str, vector: Vector, tables: list[int]) -> str:
    """One module: pins as wide as the vector has gates, and a cell for each of these."""
    width, arity = vector.width, vector.arity
    pins = [f"{PIN}{number}" for number in range(arity)]
    lines = ["", f"module \\{kind}"]
    lines += [f"  wire width {width} input {at} \\{pin}" for at, pin in enumerate(pins, 1)]
    lines += [f"  wire width {width} output {arity + 1} \\{OUT}"]
    read = " ".join(f"\\{pin} [{{i}}]" for pin in reversed(pins))
    form = (
        "  cell $lut \\cell_{i}\n"
        f"    parameter \\LUT {1 << arity}'{{table:0{1 << arity}b}}\n"
        f"    parameter \\WIDTH {arity}\n"
        f"    connect \\A {{{{ {read} }}}}\n"
        f"    connect \\Y \\{OUT} [{{i}}]\n"
        "  end"
    )
    lines += [form.format(i=i, table=table) for i, table in enumerate(tables)]
    return "\n".join([*lines, "end", ""])
