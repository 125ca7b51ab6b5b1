"""What yosys makes of a net's plain Verilog, in cells.

With tables of four the cells are the logic cells of an iCE40 as nextpnr packs them. Each holds a
table and a carry, and yosys adds and compares with carries: of those, some find no table that they
can share a cell with, and a chain needs a cell at its ends. Tables alone would leave that out.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.optimise.plain import Sources
from lithify.backends import blif
from lithify.backends.toolchain import run
from lithify.ir.circuit import Circuit

CPU_LIMIT_S = 900
FLOWS = {
    6: "synth_xilinx -family xcup -noiopad -noclkbuf",
    4: "synth_ice40",
}
LUTS = {
    6: ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV"),
    4: ("SB_LUT4",),
}


@dataclass(frozen=True, slots=True)
class Count:
    """Tables, and what else there is: carries and wide multiplexers; and how many cells these are.

    With tables of six the others, which are few, are not counted among the cells.
    """

    luts: int
    others: int
    cells: int


def best(sources: Sources, inputs: int) -> tuple[Count, Count]:
    """The cells of the whole and of the head alone, each by the flow that needs fewer."""
    whole = [_synthesise(sources.whole, "top", flow, inputs) for flow in _flows(inputs)]
    alone = sources.body + sources.head
    head = [_synthesise(alone, "head", flow, inputs) for flow in _flows(inputs)]
    return min(whole, key=lambda c: c.cells), min(head, key=lambda c: c.cells)


def _flows(inputs: int) -> tuple[str, str]:
    return FLOWS[inputs], f"{FLOWS[inputs]} -abc9"


def packed(circuit: Circuit) -> int:
    """The logic cells of an iCE40 that a circuit of tables of four takes."""
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("ours.blif").write_bytes(blif.write(circuit, rename=True))
        made = (
            "read_verilog -lib +/ice40/cells_sim.v\nproc =*\nread_blif ours.blif\nrename -top top\n"
        )
        made += "techmap -map +/ice40/cells_map.v\nclean\nwrite_json top.json\n"
        _yosys(folder, made)
        return _logic_cells(folder)


def _synthesise(verilog: str, top: str, flow: str, inputs: int) -> Count:
    """The cells of one run of yosys."""
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("plain.v").write_text(verilog, "utf-8")
        made = f"read_verilog plain.v\n{flow} -top {top}\ntee -q -o cells.json stat -json\n"
        _yosys(folder, made + "write_json top.json\n")
        found = json.loads(folder.joinpath("cells.json").read_text("utf-8"))
        kinds: dict[str, int] = found["design"]["num_cells_by_type"]
        luts = sum(kinds.get(kind, 0) for kind in LUTS[inputs])
        cells = _logic_cells(folder) if inputs == 4 else luts
    return Count(luts, sum(kinds.values()) - luts, cells)


def _yosys(folder: Path, script: str) -> None:
    """Run a script of yosys in a folder."""
    folder.joinpath("run.ys").write_text(script, "utf-8")
    log = folder / "yosys.log"
    run(
        "yosys", ["-s", "run.ys"], cwd=folder, log=log, timeout_s=4 * CPU_LIMIT_S,
        cpu_s=CPU_LIMIT_S,
    )  # fmt: skip


def _logic_cells(folder: Path) -> int:
    """The logic cells of top.json as nextpnr packs it."""
    args = ["--hx8k", "--package", "ct256", "--json", "top.json", "--pack-only"]
    done = run("nextpnr-ice40", args, cwd=folder, log=folder / "nextpnr.log", timeout_s=CPU_LIMIT_S)
    found = re.search(r"ICESTORM_LC:\s*(\d+)/", done.output)
    assert found is not None, done.output[-500:]
    return int(found[1])
