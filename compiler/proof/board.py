"""The certificate of a build for a board: from the netlist of the design to the bits of the chip.

The netlist is the circuit, where its table cells were made for the board; the netlist with its
pipeline is what yosys was given; the cells that yosys made do what this whole design does; and the
bitstream, unpacked, does what the cells do.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lithify.backends.fpga.build import CELLS, DESIGN
from lithify.backends.fpga.cell_netlist import CellNetlist, read_netlist
from lithify.backends.fpga.chip_database import PACKAGE, find_database, open_database
from lithify.backends.fpga.core_cells import core_alone, core_ports, without_core
from lithify.backends.fpga.families import Family
from lithify.backends.fpga.sites import FILE as SITES
from lithify.backends.fpga.sites import pin_sites, read_sites
from lithify.backends.fpga.synthesis import read_before
from lithify.backends.fpga.targets import Board
from lithify.backends.fpga.top import CORE_MODULE
from lithify.backends.fpga.unpacked import Unpacked, read_tiles
from lithify.backends.toolchain import run
from lithify.backends.verilog.description import Description
from lithify.compiler.board_cells import Arrow, BoardCells
from lithify.compiler.proof.bitstream import METHOD, prove_synthesis, prove_unpacked
from lithify.compiler.proof.certificate import Certificate, Stage, record
from lithify.compiler.proof.readback import prove_machine, prove_verilog
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted, explain, timed
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError, ToolFailed, ToolMissing

BEYOND = (
    "that the clock reaches every flip-flop, and its frequency",
    "that flip-flops start with 0",
    "the modes of pins",
    "timing",
    "the chip database of nextpnr",
)
"""What no stage speaks of."""

BEYOND_FOLDED = ("that block RAMs do what their models say",)

UNPACK_S = 300.0
Verdict = Proved | NotProved


def certify_build(
    netlist: Circuit,
    core: Description,
    folder: Path,
    board: Board,
    *,
    before: BoardCells | None = None,
    time_limit: float = 60.0,
    progress: Callable[[str], None] = lambda text: None,
) -> Certificate:
    """What is proved of the build in a folder; MismatchError where anything is refuted.

    `core` describes the circuit's module in the design that was synthesised. With what came
    `before` the netlist, it is proved too that the netlist is the circuit.
    """
    digests = {"netlist": netlist.digest}
    if before:
        digests |= before.digests()
    for name, file in (("design", DESIGN), ("cells", CELLS), ("bitstream", board.family.bitstream)):
        digests[name] = hashlib.sha256(folder.joinpath(file).read_bytes()).hexdigest()

    def core_stage() -> Verdict:
        text = folder.joinpath(DESIGN).read_bytes()
        verdict = prove_verilog(netlist, text, core, module=CORE_MODULE, time_limit=time_limit)
        if isinstance(verdict, Refuted):
            raise MismatchError(f"the design is not the netlist; {explain(verdict, netlist)}")
        return verdict

    def synthesis_stage() -> Verdict:
        if core.folded:
            return prove_folded_cells(netlist, core, folder, board.family, time_limit=time_limit)
        return prove_cells(folder, time_limit=time_limit)

    limit = time_limit
    plan: tuple[Arrow, ...] = (
        *(before.arrows(time_limit=limit) if before else ()),
        ("core", "netlist", "design", core_stage),
        ("synthesis", "design", "cells", synthesis_stage),
        (
            "bitstream",
            "cells",
            "bitstream",
            lambda: prove_bitstream(folder, board, time_limit=limit),
        ),
    )
    stages: list[Stage] = []
    seconds = {}
    for name, left, right, prove in plan:
        progress(f"proving {right} = {left}")
        start = time.perf_counter()
        stages.append(record(name, left, right, prove()))
        seconds[name] = time.perf_counter() - start
    beyond = (*BEYOND, *(BEYOND_FOLDED if core.folded else ()))
    return Certificate(digests, tuple(stages), seconds, beyond=beyond)


def prove_cells(folder: Path, *, time_limit: float = 60.0) -> Verdict:
    """Whether the cells in a folder do what the design did before synthesis."""
    start = time.perf_counter()
    try:
        cells = read_netlist(folder / CELLS)
        return prove_synthesis(read_before(folder), cells, time_limit=time_limit)
    except FormatError as error:
        return NotProved(str(error), 0, time.perf_counter() - start)


def prove_folded_cells(
    netlist: Circuit, core: Description, folder: Path, family: Family, *, time_limit: float = 60.0
) -> Verdict:
    """The same of a folded design: that of all but the core, and the core's cells cycle by cycle.

    Of these it is proved that they answer every sample as the netlist does, where samples come
    while they wait, as those of the shell do.
    """
    start = time.perf_counter()
    try:
        module = json.loads(folder.joinpath(CELLS).read_bytes())["modules"]["top"]
        ports = core_ports(folder, core)
        shell = CellNetlist(without_core(module, ports), CELLS)
        around = prove_synthesis(read_before(folder, whole=False), shell, time_limit=time_limit)
        if isinstance(around, NotProved):
            return around
        machine = core_alone(module, ports, family)
        verdict = prove_machine(netlist, core, machine, time_limit=time_limit)
    except (FormatError, ToolFailed) as error:
        return NotProved(str(error), 0, time.perf_counter() - start)
    if isinstance(verdict, Refuted):
        raise MismatchError(f"the cells of the core differ; {explain(verdict, netlist)}")
    if isinstance(verdict, Proved):
        engines = tuple(dict.fromkeys((*around.engines, *verdict.engines)))
        method = f"{METHOD}, and the core's cells run cycle by cycle"
        verdict = Proved(method, engines, around.pairs + verdict.pairs, verdict.vectors, 0.0)
    done = timed(verdict, time.perf_counter() - start)
    assert not isinstance(done, Refuted)
    return done


def prove_bitstream(folder: Path, board: Board, *, time_limit: float = 60.0) -> Verdict:
    """Whether the bitstream in a folder, unpacked, does what its cells do."""
    if not board.family.read_back:
        return NotProved(f"a bitstream of {board.device.title} is not read back", 0, 0.0)
    start = time.perf_counter()
    database = find_database(board.device.database)
    if database is None:
        reason = f"no chip database {board.device.database}: it comes with the package {PACKAGE}"
        return NotProved(reason, 0, 0.0)
    try:
        chip = open_database(database)
        cells = read_netlist(folder / CELLS)
        text = unpack(folder / board.family.bitstream)
        pins = pin_sites(
            folder.joinpath(f"top.{board.family.pins}").read_text("utf-8"), board.package, chip
        )
        sites = read_sites(folder / SITES)
        unpacked = Unpacked(chip, read_tiles(text, chip), {at: pin for pin, at in pins.items()})
    except (FormatError, ToolMissing) as error:
        return NotProved(str(error), 0, time.perf_counter() - start)
    verdict = prove_unpacked(cells, unpacked, sites, pins, time_limit=time_limit)
    if isinstance(verdict, Proved):
        engines = (*verdict.engines, f"chip database {chip.name}")
        verdict = Proved(verdict.method, engines, verdict.pairs, 0, 0.0)
    done = timed(verdict, time.perf_counter() - start)
    assert not isinstance(done, Refuted)
    return done


def unpack(bitstream: Path) -> str:
    """The bits of a bitstream tile by tile, as iceunpack writes them."""
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        place = Path(name)
        (place / "design.bin").write_bytes(bitstream.read_bytes())
        run("iceunpack", ["design.bin", "design.asc"], cwd=place, timeout_s=UNPACK_S)
        return (place / "design.asc").read_text("utf-8")
