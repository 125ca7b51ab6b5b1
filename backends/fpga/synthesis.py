"""Synthesis by yosys, and how many cells each part of a design takes."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lithify.backends.fpga.cell_netlist import CellNetlist, read_netlist
from lithify.backends.fpga.chained import chain_file
from lithify.backends.fpga.families import Family
from lithify.backends.fpga.top import CORE_MODULE, PARTS, part_of
from lithify.backends.fpga.yosys_script import run_script
from lithify.backends.verilog.cells import PREFIX

SCRIPT = """\
read_rtlil top.il
setattr -mod -set blackbox 1 {tables}.*
{synthesis} -top top -noflatten
setattr -mod -unset blackbox ={tables}.*
techmap -map {tables_of} t:$lut
opt_clean
tee -q -o cells.json stat -json
flatten -noscopeinfo
{pads}
blackbox =A:whitebox
delete =A:blackbox/c:* =A:whitebox/c:* =A:blackbox/w:$* =A:whitebox/w:$*
attrmap -remove src =*
attrmap -modattr -remove src =*
write_json top.json
design -reset
read_rtlil top.il
proc
opt_clean -purge
write_verilog -noattr top.v
"""
"""Tables that are there from the start become cells after synthesis, which does not look into them.
The hierarchy is kept until the cells of every part have been counted. What is left of the
cell library and of source positions would put absolute paths into top.json. top.v is for people and
simulators; it comes last, because what comes before decides the names of cells."""

BEFORE = """\
read_rtlil top.il
hierarchy -top top
{cut}
proc
flatten -noscopeinfo
memory
dffunmap
techmap t:$shift t:$shiftx
simplemap
aigmap
write_json design.json
"""
"""The design as it went into synthesis, in gates; nothing of it is optimised."""


@dataclass(frozen=True, slots=True)
class Cells:
    """How many four-input tables, flip-flops, carry cells and block RAMs."""

    luts: int = 0
    flip_flops: int = 0
    carries: int = 0
    block_rams: int = 0

    def __add__(self, other: "Cells") -> "Cells":
        """The cells of both together."""
        return Cells(
            self.luts + other.luts,
            self.flip_flops + other.flip_flops,
            self.carries + other.carries,
            self.block_rams + other.block_rams,
        )

    @property
    def at_least(self) -> int:
        """Logic cells that these take at least; each holds one of every kind but block RAMs."""
        return max(self.luts, self.flip_flops, self.carries)


def synthesise(folder: Path, family: Family, *, chains: bool = False) -> Mapping[str, Cells]:
    """The cells of each part, after top.json was made from top.il in `folder`.

    With `chains` tables become carries where the family has them and that saves cells.
    """
    script = SCRIPT.format(
        synthesis=family.synthesis, tables_of=family.tables_of, tables=PREFIX, pads=family.pads
    )
    if not family.tables_of.startswith("+/"):
        text = files("lithify.backends.fpga").joinpath(family.tables_of).read_text("utf-8")
        folder.joinpath(family.tables_of).write_text(text, "utf-8")
    run_script(folder, "synthesis.ys", script, log=folder / "synthesis.log")
    parts = cells_by_part(json.loads(folder.joinpath("cells.json").read_text("utf-8")), family)
    if chains and family.chains:
        made = chain_file(folder / "top.json")
        for name in made.carries:
            parts[part_of(name)] += Cells(luts=-1, carries=1)
        for name in made.added:
            parts[part_of(name)] += Cells(luts=1)
    return parts


def read_before(folder: Path, *, whole: bool = True) -> CellNetlist:
    """The design in top.il, before synthesis, as gates; where not `whole` without its core."""
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        place = Path(name)
        shutil.copy(folder / "top.il", place)
        cut = "" if whole else f"blackbox {CORE_MODULE}"
        run_script(place, "before.ys", BEFORE.format(cut=cut))
        return read_netlist(place / "design.json")


def cells_by_part(
    statistics: Mapping[str, Mapping[str, Mapping[str, object]]], family: Family
) -> dict[str, Cells]:
    """The cells of each part in the statistics of yosys, one module of the hierarchy once."""
    parts = dict.fromkeys(PARTS, Cells())
    for module, row in statistics["modules"].items():
        counts = row["num_cells_by_type"]
        assert isinstance(counts, dict)
        flip_flops = sum(n for kind, n in counts.items() if kind.startswith(family.flip_flops))
        tables = sum(counts.get(kind, 0) for kind in family.tables)
        memories = sum(counts.get(kind, 0) for kind in family.memories)
        cells = Cells(tables, flip_flops, counts.get(family.carries, 0), memories)
        parts[part_of(module.removeprefix("\\"))] += cells
    return parts
