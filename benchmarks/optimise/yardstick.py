"""What yosys makes of a net's plain Verilog, in cells."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.optimise.plain import Sources
from lithify.backends.toolchain import run

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
    """Tables, and what else there is: carry cells and wide multiplexers."""

    luts: int
    others: int


def best(sources: Sources, inputs: int) -> tuple[Count, Count]:
    """The cells of the whole and of the head alone, each by the flow that needs fewer tables."""
    whole = [_synthesise(sources.whole, "top", flow, inputs) for flow in _flows(inputs)]
    alone = sources.body + sources.head
    head = [_synthesise(alone, "head", flow, inputs) for flow in _flows(inputs)]
    return min(whole, key=lambda c: c.luts), min(head, key=lambda c: c.luts)


def _flows(inputs: int) -> tuple[str, str]:
    return FLOWS[inputs], f"{FLOWS[inputs]} -abc9"


def _synthesise(verilog: str, top: str, flow: str, inputs: int) -> Count:
    """The cells of one run of yosys."""
    with tempfile.TemporaryDirectory(prefix="lithify-yardstick-") as name:
        folder = Path(name)
        folder.joinpath("plain.v").write_text(verilog, "utf-8")
        script = f"read_verilog plain.v\n{flow} -top {top}\ntee -q -o cells.json stat -json\n"
        folder.joinpath("run.ys").write_text(script, "utf-8")
        log = folder / "yosys.log"
        run(
            "yosys", ["-s", "run.ys"], cwd=folder, log=log, timeout_s=4 * CPU_LIMIT_S,
            cpu_s=CPU_LIMIT_S,
        )  # fmt: skip
        found = json.loads(folder.joinpath("cells.json").read_text("utf-8"))
    kinds: dict[str, int] = found["design"]["num_cells_by_type"]
    luts = sum(kinds.get(kind, 0) for kind in LUTS[inputs])
    return Count(luts, sum(kinds.values()) - luts)
