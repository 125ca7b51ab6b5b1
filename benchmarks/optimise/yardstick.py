"""What yosys makes of a net's plain Verilog, in cells.

With tables of four the cells are the logic cells of an iCE40 as nextpnr packs them. Each holds a
table and a carry, and yosys adds and compares with carries: of those, some find no table that they
can share a cell with, and a chain needs a cell at its ends. Tables alone would leave that out.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.optimise.plain import Sources
from lithify.backends import blif
from lithify.backends.bitnames import input_names, output_names
from lithify.backends.fpga.chained import chain_file, circuit_of
from lithify.backends.toolchain import Completed, failure, require_tool, run
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.readback import with_ports_of
from lithify.compiler.proof.verdict import Verdict
from lithify.ir.circuit import Circuit

CPU_LIMIT_S = 1800
OVER_LIMIT = "failed: return code 152"  # what yosys says of abc after SIGXCPU
TOO_LARGE = "thrown Wasm exception"  # nextpnr's end on a large netlist: it has 4 GB at most
RECORDS = Path(__file__).parents[1] / "results" / "yosys.jsonl"


class Flow(NamedTuple):
    """A synthesis command of yosys, and what its mapping by abc9 is where abc maps instead."""

    command: str
    by_abc: str
    after: str

    def script(self, by: str, top: str) -> str:
        """From the plain Verilog to cells and their statistics."""
        made = f"read_verilog plain.v\n{self.command} -top {top} -run begin:map_luts\n"
        if by == "abc9":
            made += f"{self.command} -run map_luts:\n"
        else:
            made += f"{self.by_abc}{self.command} -run {self.after}:\n"
        return made + "tee -q -o cells.stat stat -json\nwrite_json cells.json\n"


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

    With tables of six the others, which are few, are not counted among the cells. Nor are they
    where nextpnr cannot pack so large a netlist: then there are more cells than that.
    """

    luts: int
    others: int
    cells: int


class Yosys:
    """Counts what yosys needs, and keeps each count in a file, with the digest of what was asked.

    A run that takes more than `limit_s` CPU seconds is stopped; that is kept as well.
    """

    def __init__(self, records: Path = RECORDS, *, limit_s: int = CPU_LIMIT_S) -> None:
        self.records = records
        self.limit_s = limit_s
        self._known: dict[str, dict[str, Any]] = {}
        if records.exists():
            rows = [json.loads(one) for one in records.read_text("utf-8").splitlines()]
            self._known = {row["digest"]: row for row in rows}

    def best(self, net: str, sources: Sources, inputs: int) -> tuple[Count | None, Count | None]:
        """The cells of the whole and of the head alone, mapped by abc or abc9, as is better.

        None where neither ended in time.
        """
        whole = self._fewest(f"{net}, whole", sources.whole, "top", inputs)
        return whole, self._fewest(f"{net}, head", sources.body + sources.head, "head", inputs)

    def _fewest(self, name: str, verilog: str, top: str, inputs: int) -> Count | None:
        counts = [self._count(name, verilog, top, inputs, by) for by in ("abc", "abc9")]
        ended = [one for one in counts if one is not None]
        return min(ended, key=lambda count: count.cells) if ended else None

    def _count(self, name: str, verilog: str, top: str, inputs: int, by: str) -> Count | None:
        """What is kept of a module and a way of mapping, or else measured now and kept."""
        script = FLOWS[inputs].script(by, top)
        asked = "\n".join([require_tool("yosys").version, script, verilog])
        digest = hashlib.sha256(asked.encode()).hexdigest()
        row = self._known.get(digest)
        if row is None or row.get("limit_s", math.inf) < self.limit_s:
            count = synthesised(verilog, script, inputs, limit_s=self.limit_s)
            found = asdict(count) if count else {"limit_s": self.limit_s}
            row = {"name": name, "inputs": inputs, "by": by, **found, "digest": digest}
            self._known[digest] = row
            with self.records.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if "limit_s" in row:
            return None
        return Count(row["luts"], row["others"], row["cells"])


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
        _yosys(folder, made, CPU_LIMIT_S, check=True)
        chain_file(folder / "top.json")
        module = json.loads(folder.joinpath("top.json").read_text("utf-8"))["modules"]["top"]
        seen = with_ports_of(
            circuit, circuit_of(module, input_names(circuit), output_names(circuit))
        )
        verdict = prove_equal(circuit, seen, time_limit=time_limit)
        cells = _logic_cells(folder, "top.json")
        assert cells is not None
        return cells, verdict


def synthesised(verilog: str, script: str, inputs: int, *, limit_s: int) -> Count | None:
    """The cells that a script makes of plain Verilog; None where that takes too long."""
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("plain.v").write_text(verilog, "utf-8")
        done = _yosys(folder, script, limit_s, check=False)
        if not done.ok:
            if done.stopped or OVER_LIMIT in done.output:
                return None
            raise failure("yosys", done, folder)
        found = json.loads(folder.joinpath("cells.stat").read_text("utf-8"))
        kinds: dict[str, int] = found["design"]["num_cells_by_type"]
        luts = sum(kinds.get(kind, 0) for kind in LUTS[inputs])
        cells = _logic_cells(folder, "cells.json") if inputs == 4 else luts
        return Count(luts, sum(kinds.values()) - luts, luts if cells is None else cells)


def _yosys(folder: Path, script: str, cpu_s: int, *, check: bool) -> Completed:
    """What became of a script of yosys in a folder; yosys and abc get so much CPU time each."""
    folder.joinpath("run.ys").write_text(script, "utf-8")
    return run(
        "yosys", ["-s", "run.ys"], cwd=folder, log=folder / "yosys.log", check=check,
        timeout_s=4 * cpu_s, cpu_s=cpu_s,
    )  # fmt: skip


def _logic_cells(folder: Path, netlist: str) -> int | None:
    """The logic cells of a netlist as nextpnr packs it; None where it is too large for it."""
    args = ["--hx8k", "--package", "ct256", "--json", netlist, "--pack-only"]
    done = run(
        "nextpnr-ice40", args, cwd=folder, log=folder / "nextpnr.log",
        timeout_s=CPU_LIMIT_S, check=False,
    )  # fmt: skip
    if not done.ok:
        if TOO_LARGE in done.output:
            return None
        raise failure("nextpnr-ice40", done, folder)
    found = re.search(r"ICESTORM_LC:\s*(\d+)/", done.output)
    assert found is not None, done.output[-500:]
    return int(found[1])
