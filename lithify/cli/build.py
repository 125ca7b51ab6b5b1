"""`lithify build`: from a design to a bitstream for a board."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.backends.verilog.description import EVERY
from lithify.cli.screen import Screen
from lithify.ir.errors import InputError
from lithify.ir.wording import counted

if TYPE_CHECKING:
    from lithify.backends.fpga.build import BuildResult
    from lithify.compiler.design import Design

EXAMPLE = (
    "lithify build build --board icebreaker",
    "lithify build digits.lith --board hx8k-evn -o fpga --seeds 1 2 3",
)
RECORD = "build.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design, which board, how."""
    parser.add_argument("design", type=Path, help="a .lith file, or a folder of `lithify compile`")
    parser.add_argument("--board", help="see `lithify boards`; the design's own by default")
    parser.add_argument("-o", "--output", type=Path, help="where to (DESIGN/BOARD by default)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1], metavar="N", help="placement seeds (1)"
    )
    parser.add_argument(
        "--every", type=int, help="gate levels between registers (as compiled; comb designs: 3)"
    )
    parser.add_argument(
        "--line",
        choices=("uart", "spi"),
        default="uart",
        help="what the board is asked over: its serial port, or pins as an SPI bus (uart)",
    )
    parser.add_argument("--baud", type=int, help="of the serial port (115200)")
    parser.add_argument(
        "--alone",
        type=int,
        default=1,
        metavar="N",
        help="placement seeds for the clock of the net without its shell (1; 0: none)",
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="S",
        help="CPU seconds for each run of place and route (by size of the chip: 728 to 8964)",
    )
    parser.add_argument(
        "--no-proof", action="store_true", help="do not prove the bitstream equal to the design"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was built; its folder holds the bitstream, the record and every tool's log."""
    from lithify.compiler.design import Design

    design = Design.load(arguments.design)
    if design.cycles and arguments.every is not None:
        raise InputError(
            f"--every {arguments.every}: {arguments.design} is folded, and has no rows of "
            "registers; compile it again without --cycles to have some"
        )
    board = arguments.board or ("" if design.in_software else design.target)
    if not board:
        raise InputError("no board: name one with --board; `lithify boards` lists them")
    folder = arguments.output or home(arguments.design) / board
    every = arguments.every
    if every is None:
        every = EVERY if design.interface == "comb" else design.every
        if design.interface == "comb":
            screen.say(f"  the design is comb: registers every {every} levels of gates here")
    result, record = run(
        design,
        board,
        folder,
        seeds=arguments.seeds,
        every=every,
        line=arguments.line,
        baud=arguments.baud,
        alone=range(1, arguments.alone + 1),
        limit_s=arguments.limit,
        retime=bool(design.mhz) and arguments.every is None,
        proof=not arguments.no_proof,
        progress=lambda text: screen.say(f"  {text}"),
    )
    show(record, screen)
    if arguments.no_proof:
        screen.show("nothing is proved of the bitstream: --no-proof")
    screen.show(f"written: {result.bitstream}")
    return {**record, "ok": result.meets_clock, "folder": str(folder)}


def run(
    design: "Design",
    board: str,
    folder: Path,
    *,
    every: int = EVERY,
    proof: bool = True,
    **options: Any,
) -> "tuple[BuildResult, Mapping[str, object]]":
    """A build and the record of it that was left in its folder."""
    from lithify.backends.fpga import targets
    from lithify.backends.fpga.build import build
    from lithify.backends.fpga.folder import write_page
    from lithify.backends.fpga.testbench import write_testbench
    from lithify.backends.verilog.lines import rate_of
    from lithify.compiler.board_cells import board_cells
    from lithify.compiler.design_file import NAME, to_bytes
    from lithify.compiler.proof.board import certify_build
    from lithify.compiler.proof.certificate import FILE
    from lithify.ir.files import write_atomically

    say = options.get("progress", lambda text: None)
    target = targets.board(board)
    content = to_bytes(design)
    clock_hz = float(target.new_platform().default_clk_frequency)
    rate_of(options.get("line", "uart"), clock_hz, options.get("baud"))
    _require_place(folder, content)
    say("making table cells of the circuit")
    folded = bool(design.cycles)
    chains = target.family.chains and not (every or folded)
    made = board_cells(design.circuit, chains=chains, folded=folded)
    netlist = made.cells.circuit
    options = {**options, "every": every, "cells": True, "arriving": made.arriving}
    options["cycles"] = design.cycles
    result = build(netlist, target, folder, **options)
    record = {**result.as_dict(), **origin(design)}
    if proof:
        certificate = certify_build(
            netlist, result.core, folder, result.board, before=made, progress=say
        )
        write_atomically(folder / FILE, certificate.to_bytes())
        beyond = list(certificate.beyond)
        record["proof"] = {"lines": certificate.lines(), "ok": certificate.ok, "beyond": beyond}
    elif (folder / RECORD).is_file():  # the certificate beside it is of an earlier bitstream
        (folder / FILE).unlink(missing_ok=True)
    data = json.dumps(record, indent=1, sort_keys=True).encode()
    write_atomically(folder / RECORD, data)
    write_atomically(folder / NAME, content)
    write_testbench(folder, design.netlist, result)
    write_page(folder, result)
    return result, record


def _require_place(folder: Path, content: bytes) -> None:
    """Refuse a folder that cannot be written, or in which another design was compiled."""
    from lithify.compiler.design_file import NAME
    from lithify.ir.files import require_folder

    require_folder(folder)
    there = folder / NAME
    if there.is_file() and not (folder / RECORD).is_file() and there.read_bytes() != content:
        raise InputError(f"{folder}: holds another design; name another folder with -o")


def origin(design: "Design") -> dict[str, object]:
    """What a record says of the design that it is of: its circuit, and how it is clocked."""
    rows = design.interface != "comb" and not design.cycles
    clocking = {
        "interface": design.interface,
        "every": design.every if rows else 0,
        "mhz": design.mhz,
        "cycles": design.cycles,
    }
    return {"circuit": design.circuit.digest, "compiled": clocking}


def is_of(record: Mapping[str, object], design: "Design") -> bool:
    """Whether a record is of this very design."""
    return {key: record.get(key) for key in ("circuit", "compiled")} == origin(design)


def home(design: Path) -> Path:
    """The folder that a design stands in."""
    return design if design.is_dir() else design.parent


def show(record: Mapping[str, object], screen: Screen) -> None:
    """The cells by part, the clock and the latency."""
    parts = record["parts"]
    assert isinstance(parts, Mapping)
    keys = ("luts", "flip_flops", "carries", "block_rams")
    rows = [(name, *(part[key] for key in keys)) for name, part in parts.items()]
    screen.table(("part", "LUT4", "flip-flops", "carries", "block RAMs"), rows)
    screen.show(
        f"{record['board']}: {record['cells_used']} of {record['cells_available']} logic cells, "
        f"{record['fmax_mhz']} MHz routed (board clock {record['clock_mhz']} MHz), "
        f"{record['latency']} cycles of latency{_folded(record)}"
    )
    pins = record["pins"]
    if isinstance(pins, Mapping) and pins:
        where = ", ".join(f"{name} on {pin}" for name, pin in pins.items())
        screen.show(f"SPI bus: {where}; mode 0, at most {int(str(record['rate'])) / 1e6:g} MHz")
    seeds = record["seeds"]
    if isinstance(seeds, Mapping) and len(seeds) > 1:
        each = ", ".join(f"seed {seed} {fmax} MHz" for seed, fmax in seeds.items())
        screen.show(f"{each}; seed {record['seed']} was chosen")
    screen.show(f"critical path: {record['critical_path']}")
    alone = record.get("alone")
    if isinstance(alone, Mapping):
        screen.show(
            f"net alone, without its shell: {alone['fmax_mhz']} MHz (median of "
            f"{counted(len(alone['seeds']), 'placement seed')}), {alone['cells_used']} logic "
            f"cells with the registers around it; {alone['critical_path']}"
        )
        _show_predicted(record, alone, screen)
    proof = record.get("proof")
    if isinstance(proof, Mapping):
        for line in proof["lines"]:
            screen.show(f"proof: {line}")
        screen.show(f"not proved: {', '.join(proof['beyond'])}")


def _folded(record: Mapping[str, object]) -> str:
    """How often samples are taken, where that is not in every cycle."""
    interval = record["interval"]
    return "" if interval == 1 else f", a sample each {interval} cycles"


def _show_predicted(
    record: Mapping[str, object], alone: Mapping[str, object], screen: Screen
) -> None:
    """How far the clock that was expected is from the routed one."""
    expected, routed = record.get("predicted_mhz"), alone["fmax_mhz"]
    if isinstance(expected, float) and isinstance(routed, float):
        off = routed / expected - 1
        screen.show(
            f"expected of the net alone: {expected} MHz; its period is {abs(off):.0%} "
            f"{'shorter' if off < 0 else 'longer'} than the routed one"
        )


def find_record(folder: Path, board: str | None) -> tuple[Path, Mapping[str, object]]:
    """The record of the only build below a folder, or of the one for a board."""
    found = sorted([*folder.glob(f"*/{RECORD}"), *folder.glob(RECORD)])
    kept = [path for path in found if board in (None, path.parent.name) or path.parent == folder]
    if len(kept) != 1:
        raise InputError(f"{folder}: holds {_builds(kept or found, board)}")
    place = kept[0].parent
    try:
        record = json.loads(kept[0].read_bytes())
        if not {"board", "bitstream", "line", "rate"} <= record.keys():
            raise ValueError("it lacks a field")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{kept[0]}: damaged; run `lithify build` again") from error
    if place == folder and board not in (None, record["board"]):
        raise InputError(f"{folder}: holds a build for {record['board']}, not for {board}")
    design = _design(folder, place)
    if design and not is_of(record, design):
        raise InputError(f"{kept[0]}: built from another design: run `lithify build` again")
    return place, record


def _builds(found: list[Path], board: str | None) -> str:
    """What is said of a folder that holds no build of the board, or more than one."""
    boards = ", ".join(path.parent.name for path in found)
    if not found:
        return "no build; `lithify build` makes one for a board"
    if board is not None:
        return f"no build for {board}, but for {boards}"
    return f"{len(found)} builds ({boards}); choose one with --board"


def _design(*folders: Path) -> "Design | None":
    """The design in the first folder that holds one."""
    from lithify.compiler.design import Design
    from lithify.compiler.design_file import NAME

    there = [folder for folder in folders if (folder / NAME).is_file()]
    return Design.load(there[0]) if there else None
