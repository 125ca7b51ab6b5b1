"""A bitstream of a net as an AXI4-Stream component on pins, read back: what is proved, and flips.

Every bit of the two ports has a pin of the board's chip, in beats of 8 bits with TLAST. The
design as synthesis got it, its cells, and the bitstream are proved equal; then single bits of used
logic cells are flipped, and each flip is refuted or proved to change nothing. Without a design a
random net of the demo's shape is built.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from amaranth.build import Pins, Resource
from amaranth.hdl import Module
from amaranth.lib import io, wiring

from benchmarks.hardware.bitstreams import design_of, flip
from lithify.backends.fpga.build import keep_sites, pack
from lithify.backends.fpga.chip_database import find_database, open_database
from lithify.backends.fpga.placement import cpu_limit, place_and_route
from lithify.backends.fpga.synthesis import Cells, synthesise
from lithify.backends.fpga.targets import Board, board
from lithify.backends.verilog.axi import AxiStream
from lithify.backends.verilog.cells import cell_modules
from lithify.backends.verilog.core import Core
from lithify.compiler.mapping.clocked import map_clocked
from lithify.compiler.proof.board import prove_bitstream, prove_cells
from lithify.compiler.proof.verdict import Proved
from lithify.ir.circuit import Circuit

WIDTH = 8
IN = ("s_axis_tdata", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready")
OUT = ("m_axis_tdata", "m_axis_tvalid", "m_axis_tlast", "m_axis_tuser", "s_axis_tready")


class Top(wiring.Component):
    """An AXI4-Stream component, each bit of its ports a resource `d` of the platform."""

    def __init__(self, shell: AxiStream) -> None:
        """`shell` runs on the board's clock, and is reset when that starts."""
        self._shell = shell
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        """`platform` has a resource for every bit."""
        m = Module()
        m.submodules.shell = self._shell
        number = 0
        for way, names in (("i", IN), ("o", OUT)):
            for name in names:
                port = getattr(self._shell, name)
                for bit in range(len(port)):
                    pad = platform.request("d", number, dir="-")
                    m.submodules[f"pin_{number}"] = buffer = io.Buffer(way, pad)
                    wire = port[bit]
                    m.d.comb += wire.eq(buffer.i) if way == "i" else buffer.o.eq(wire)
                    number += 1
        return m


def sources(circuit: Circuit, target: Board, every: int) -> tuple[str, str, AxiStream]:
    """The RTLIL and the pin constraints, and the component."""
    core = Core(circuit, every=every, cells=True)
    shell = AxiStream(core, width=WIDTH)
    platform = target.new_platform()
    file = find_database(target.device.database)
    assert file is not None
    used = {pin for one in platform.resources.values() for pin in _pins(one)}
    free = sorted(set(open_database(file).pins(target.package)) - used)
    bits = sum(len(getattr(shell, name)) for name in (*IN, *OUT))
    platform.add_resources(
        [Resource("d", i, Pins(pin, dir="io")) for i, pin in enumerate(free[:bits])]
    )
    plan = platform.prepare(Top(shell), "top", emit_src=False)
    text: str = plan.files["top.il"]
    constraints: str = plan.files[f"top.{target.family.pins}"]
    return text + cell_modules(core), constraints, shell


def _pins(resource: Any) -> set[str]:
    """All pins of a resource and of what is in it."""
    found = set()
    for one in resource.ios:
        found |= set(getattr(one, "names", ())) | (_pins(one) if hasattr(one, "ios") else set())
    return found


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and anything was not proved or decided."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--design", help="a .lith file, or a folder that `lithify compile` made")
    parser.add_argument("--board", default="hx8k-evn", help="an iCE40 board (hx8k-evn)")
    parser.add_argument("--every", type=int, default=3, help="levels between registers (3)")
    parser.add_argument("--count", type=int, default=20, help="flips of the bitstream (20)")
    parser.add_argument("--check", action="store_true", help="fail unless all is proved")
    options = parser.parse_args(arguments)
    target = board(options.board)
    circuit = map_clocked(design_of(options.design)).circuit
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder = Path(name)
        text, constraints, shell = sources(circuit, target, options.every)
        folder.joinpath("top.il").write_text(text)
        folder.joinpath(f"top.{target.family.pins}").write_text(constraints)
        total = sum(synthesise(folder, target.family).values(), Cells())
        limit = cpu_limit(target)
        run = place_and_route(folder, target, seed=1, limit_s=limit, progress=lambda text: None)
        bitstream = pack(folder, run, target)
        keep_sites(folder, run)
        print(
            f"AXI4-Stream of {WIDTH} bits on the {target.device.title}: {total.luts} tables, "
            f"{run.cells_used} logic cells, {run.fmax_mhz:.1f} MHz; a frame each {shell.interval} "
            f"cycles, latency {shell.latency}",
            flush=True,
        )
        verdicts = {"cells = design": prove_cells(folder)}
        verdicts["bitstream = cells"] = prove_bitstream(folder, target)
        for what, verdict in verdicts.items():
            said = f"proved, {verdict.pairs} equalities" if isinstance(verdict, Proved) else verdict
            print(f"  {what}: {said}")
        refuted, without_effect, undecided = flip(target, bitstream, folder, options.count)
        print(
            f"  flipped bits: {refuted} refuted, {without_effect} proved to change nothing, "
            f"{undecided} undecided"
        )
    good = all(isinstance(one, Proved) for one in verdicts.values()) and not undecided
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
