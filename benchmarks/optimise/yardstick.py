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
from typing import NamedTuple

from benchmarks.optimise.plain import Sources
from lithify.backends import blif
from lithify.backends.bitnames import input_names, output_names
from lithify.backends.fpga.chained import chain_file, circuit_of
from lithify.backends.toolchain import run
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.readback import with_ports_of
from lithify.compiler.proof.verdict import Verdict
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ToolFailed

CPU_LIMIT_S = 3600


class Flow(NamedTuple):
    """A synthesis command of yosys, which maps by abc9, and how it maps by abc instead."""

    command: str
    by_abc: str
    after: str


FLOWS = {
    6: Flow(
        "synth_xilinx -family xcup -noiopad -noclkbuf",
        "opt_expr -mux_undef -noclkinv\nabc -luts 2:2,3,6:5,10,20\nclean\n"
        "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6\n"
        "opt_lut_ins -tech xilinx\n",
        "finalize",
    ),
    4: Flow(
        "synth_ice40",
        "abc -dress -lut 4\nice40_wrapcarry -unwrap\ntechmap -map +/ice40/ff_map.v\nclean\n"
        "opt_lut -tech ice40\n",
        "map_cells",
    ),
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


def best(sources: Sources, inputs: int) -> tuple[Count | None, Count | None]:
    """The cells of the whole and of the head alone, each mapped by abc or abc9, as is better.

    None where yosys needs more than `CPU_LIMIT_S` CPU seconds.
    """
    alone = sources.body + sources.head
    return _synthesise(sources.whole, "top", inputs), _synthesise(alone, "head", inputs)


def packed(circuit: Circuit, *, time_limit: float = 120.0) -> tuple[int, Verdict]:
    """The logic cells of an iCE40 that a circuit of tables of four takes, with carry chains.

    And whether these cells are proved to be the circuit.
    """
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("ours.blif").write_bytes(blif.write(circuit, rename=True))
        made = "read_verilog -lib +/ice40/cells_sim.v\nproc =*\n"
        made += "read_blif ours.blif\nrename -top top\n"
        made += "techmap -map +/ice40/cells_map.v\nclean\nwrite_json top.json\n"
        _yosys(folder, made)
        chain_file(folder / "top.json")
        module = json.loads(folder.joinpath("top.json").read_text("utf-8"))["modules"]["top"]
        seen = with_ports_of(
            circuit, circuit_of(module, input_names(circuit), output_names(circuit))
        )
        verdict = prove_equal(circuit, seen, time_limit=time_limit)
        return _logic_cells(folder, "top.json"), verdict


def _synthesise(verilog: str, top: str, inputs: int) -> Count | None:
    """The fewest cells of one module, mapped by abc9 and by abc; None where that takes too long."""
    flow = FLOWS[inputs]
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("plain.v").write_text(verilog, "utf-8")
        made = f"read_verilog plain.v\n{flow.command} -top {top} -run begin:map_luts\n"
        made += f"design -save common\n{flow.command} -run map_luts:\n{_report('abc9')}"
        made += f"design -load common\n{flow.by_abc}{flow.command} -run {flow.after}:\n"
        try:
            _yosys(folder, made + _report("abc"))
        except ToolFailed as error:
            if "CPU time" not in str(error):
                raise
            return None
        return min((_count(folder, by, inputs) for by in ("abc", "abc9")), key=lambda c: c.cells)


def _report(name: str) -> str:
    """What writes the cells and their statistics."""
    return f"tee -q -o {name}.stat stat -json\nwrite_json {name}.json\n"


def _count(folder: Path, name: str, inputs: int) -> Count:
    """The cells that one way of mapping left."""
    found = json.loads(folder.joinpath(f"{name}.stat").read_text("utf-8"))
    kinds: dict[str, int] = found["design"]["num_cells_by_type"]
    luts = sum(kinds.get(kind, 0) for kind in LUTS[inputs])
    cells = _logic_cells(folder, f"{name}.json") if inputs == 4 else luts
    return Count(luts, sum(kinds.values()) - luts, cells)


def _yosys(folder: Path, script: str) -> None:
    """Run a script of yosys in a folder."""
    folder.joinpath("run.ys").write_text(script, "utf-8")
    log = folder / "yosys.log"
    run(
        "yosys", ["-s", "run.ys"], cwd=folder, log=log, timeout_s=4 * CPU_LIMIT_S,
        cpu_s=CPU_LIMIT_S,
    )  # fmt: skip


def _logic_cells(folder: Path, netlist: str) -> int:
    """The logic cells of a netlist as nextpnr packs it."""
    args = ["--hx8k", "--package", "ct256", "--json", netlist, "--pack-only"]
    done = run("nextpnr-ice40", args, cwd=folder, log=folder / "nextpnr.log", timeout_s=CPU_LIMIT_S)
    found = re.search(r"ICESTORM_LC:\s*(\d+)/", done.output)
    assert found is not None, done.output[-500:]
    return int(found[1])
