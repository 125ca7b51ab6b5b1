"""The public face of Lithify; every name loads its module when first used.

>>> import lithify
>>> net = lithify.nets.logic(inputs=8, layers=[12, 12], classes=3)
>>> lithify.compile(net).circuit.readout
'argmax'
"""

import importlib
from typing import TYPE_CHECKING

import lithify.ir  # noqa: F401 - decides first where compiled code is kept

if TYPE_CHECKING:
    from pathlib import Path

    from lithify.compiler import nets as nets
    from lithify.compiler.design import Design as Design
    from lithify.compiler.driver import compile as compile
    from lithify.compiler.importers.modules import from_torch as from_torch
    from lithify.compiler.importers.tables import from_tables as from_tables
    from lithify.compiler.training import run_recipe as run_recipe
    from lithify.compiler.training import train as train
    from lithify.ir.builder import Builder as Builder
    from lithify.ir.circuit import Circuit as Circuit
    from lithify.ir.errors import LithifyError as LithifyError

__version__ = "0.1.0"

# Public name: the module that has it.
_HOMES = {
    "Builder": "lithify.ir.builder",
    "Circuit": "lithify.ir.circuit",
    "Design": "lithify.compiler.design",
    "LithifyError": "lithify.ir.errors",
    "compile": "lithify.compiler.driver",
    "from_tables": "lithify.compiler.importers.tables",
    "from_torch": "lithify.compiler.importers.modules",
    "nets": "lithify.compiler",
    "run_recipe": "lithify.compiler.training",
    "train": "lithify.compiler.training",
}

__all__ = ["__version__", "load", *_HOMES]


def __getattr__(name: str) -> object:
    """The public object of that name, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "nets":
        return importlib.import_module("lithify.compiler.nets")
    return getattr(importlib.import_module(_HOMES[name]), name)


def load(
    path: "str | Path",
    *,
    classes: "int | tuple[str, ...] | None" = None,
    inputs: int | None = None,
    wiring: "str | Path | None" = None,
    parametrisation: str | None = None,
) -> "Design":
    """The design in a `.lith` file, in a folder of `lithify compile`, or in any file it can read.

    What is no design yet (a model, a net of another tool, a circuit in an exchange format) becomes
    one in which nothing is optimised; `lithify.compile` takes it from there. The options are for
    nets whose files do not say all of themselves: see docs/import.md.
    """
    from pathlib import Path

    from lithify.compiler.importers.hints import Hints
    from lithify.compiler.source import load

    hints = Hints(
        classes=classes,
        inputs=inputs,
        wiring=None if wiring is None else Path(wiring),
        parametrisation=parametrisation,
    )
    return load(path, hints)


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted(__all__)
