"""A written design in the cells of a chip, as Verilog with the library's models of the cells.

It has the ports of the design it was made of, so that whatever simulates one simulates the other.
"""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from lithify.backends.artifacts import Artifacts
from lithify.backends.fpga.families import FAMILIES
from lithify.backends.fpga.yosys_script import run_script
from lithify.backends.toolchain import failure
from lithify.backends.verilog.description import FILE
from lithify.backends.verilog.simulate import open_design
from lithify.ir.errors import InputError, MappingError
from lithify.ir.files import make_folder

SCRIPT = """\
read_verilog design.v
{synthesis} -top {top}
techmap -map {tables_of} t:$lut
opt_clean
delete =A:blackbox =A:whitebox t:$scopeinfo
tee -q -o cells.stat stat -json
read_verilog -defer -nooverwrite -D NO_ICE40_DEFAULT_ASSIGNMENTS {library}
hierarchy -top {top}
delete =A:blackbox
hierarchy -check -top {top}
proc
memory -nomap
opt_clean
write_verilog -noattr cells.v
"""
"""Of a cell the first model counts: ours, where there is one."""
UNKNOWN = "nor part of the design"


class InCells(NamedTuple):
    """The description and Verilog of a design, and how many cells it has."""

    design: Artifacts
    cells: int


def in_cells(
    design: Path, family: str, folder: Path, *, progress: Callable[[str], None] = lambda text: None
) -> InCells:
    """What yosys makes, in `folder`, of the Verilog that `lithify compile` wrote."""
    if family not in FAMILIES:
        raise InputError(f"{family!r} is no family of chips; there are {', '.join(FAMILIES)}")
    chips = FAMILIES[family]
    described, texts, _ = open_design(design)
    place = make_folder(folder).resolve()
    place.joinpath("design.v").write_bytes(texts[described.file])
    beside = [name for name in (chips.tables_of, *chips.library) if not name.startswith("+/")]
    for name in beside:
        text = files("lithify.backends.fpga").joinpath(name).read_bytes()
        place.joinpath(name).write_bytes(text)
    script = SCRIPT.format(
        synthesis=chips.synthesis,
        top=described.name,
        tables_of=chips.tables_of,
        library=" ".join(reversed(chips.library)),
    )
    progress(f"synthesising the Verilog in cells of {family}")
    done = run_script(place, "cells.ys", script, log=place / "yosys.log", check=False)
    if not done.ok:
        if UNKNOWN in done.output:
            raise MappingError(
                f"yosys has no model of all the cells of {family} in this design, such as of its "
                "block RAMs; simulate the Verilog itself, or cells of another family"
            )
        raise failure("yosys", done, place)
    counts = json.loads(place.joinpath("cells.stat").read_text("utf-8"))["design"]
    made = {FILE: described.to_json(), described.file: place.joinpath("cells.v").read_bytes()}
    return InCells(Artifacts(made), counts["num_cells"])
