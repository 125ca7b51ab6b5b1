"""What yosys makes of a written design for Xilinx chips, which it does not place: cells by kind."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lithify.backends.fpga.yosys_script import run_script
from lithify.backends.verilog.simulate import open_design
from lithify.ir.errors import InputError

FAMILIES = ("xc7", "xcu", "xcup")
LUTS = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6")

SCRIPT = """\
read_verilog design.v
synth_xilinx -family {family} -top {top} -flatten -noiopad -noclkbuf
delete t:$scopeinfo
tee -q -o cells.stat stat -json
"""


def xilinx_cells(design: Path, family: str) -> Mapping[str, int]:
    """How many cells of each kind yosys needs for the Verilog in the folder of a design."""
    if family not in FAMILIES:
        raise InputError(f"{family!r} is no family of Xilinx here; there are {', '.join(FAMILIES)}")
    described, texts, _ = open_design(design)
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        place = Path(name)
        place.joinpath("design.v").write_bytes(texts[described.file])
        script = SCRIPT.format(family=family, top=described.name)
        run_script(place, "cells.ys", script)
        counts = json.loads(place.joinpath("cells.stat").read_text("utf-8"))["design"]
    found: dict[str, int] = counts["num_cells_by_type"]
    return dict(sorted(found.items()))


def luts(cells: Mapping[str, int]) -> int:
    """The tables among them."""
    return sum(cells.get(kind, 0) for kind in LUTS)
