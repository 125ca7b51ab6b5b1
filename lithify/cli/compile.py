"""`lithify compile`: from a model or circuit to a folder of Verilog, C and the design itself."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.backends.verilog.description import EVERY
from lithify.cli.screen import Screen
from lithify.cli.verify import prove, show_certificate
from lithify.ir.errors import InputError
from lithify.ir.files import require_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lithify.compiler.design import Design

EXAMPLE = (
    "lithify compile digits.safetensors -o build",
    "lithify compile digits.safetensors -o build --board icebreaker --interface pipeline",
    "lithify compile digits.safetensors -o build --board hx8k-evn --mhz 150",
    "lithify compile digits.safetensors -o firmware --target c",
    "lithify compile digits.safetensors -o build --cycles 1000",
    'lithify compile net.blif -o build --passes "fold; strash; prune" --dump stages',
)
EFFORT = (
    "how hard to optimise: 0 and 1 take seconds, 2 up to minutes, 3 goes on for as long as it "
    "finds something (2)"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Where from, where to, and how."""
    parser.add_argument(
        "model", type=Path, help="a model, a design, or a circuit in any format of docs/import.md"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    parser.add_argument("--name", help="name of the Verilog module and C functions")
    parser.add_argument("--board", default="", help="the board it is for (see `lithify boards`)")
    parser.add_argument(
        "--target",
        choices=("hardware", "c"),
        default="hardware",
        help="c: no Verilog and no netlist, for C and Python alone; large nets compile far sooner",
    )
    parser.add_argument("--effort", type=int, default=2, help=EFFORT)
    parser.add_argument("--passes", help="the passes to run instead, such as 'fold; strash; prune'")
    parser.add_argument(
        "--allow-error",
        type=float,
        metavar="SHARE",
        help="leave out gates although so large a share of answers changes, judged on --data",
    )
    parser.add_argument("--data", type=Path, help="an .npz file of x and perhaps y, for that")
    parser.add_argument("--dump", type=Path, metavar="FOLDER", help="write every stage as text")
    parser.add_argument("--stop-after", metavar="PASS", help="end after this pass, or so many")
    parser.add_argument("--no-proof", action="store_true", help="do not prove the stages equal")
    parser.add_argument(
        "--interface",
        choices=("comb", "pipeline", "stream"),
        default="stream",
        help="how the Verilog is clocked: not at all, enable, or valid/ready (stream)",
    )
    parser.add_argument("--every", type=int, help="gate levels between registers (3)")
    parser.add_argument(
        "--mhz", type=float, metavar="N", help="choose that for a clock of the net on --board"
    )
    parser.add_argument(
        "--cycles",
        type=int,
        default=0,
        metavar="N",
        help="fold the net: few tables at a time from memories, a sample in at most N clock cycles",
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The report; the folder holds the files."""
    from lithify.compiler import report
    from lithify.compiler.driver import compile

    require_folder(arguments.output)
    data = None
    if arguments.data or arguments.allow_error is not None:
        data = _data(arguments, screen)
    stop = arguments.stop_after
    design = compile(
        arguments.model,
        name=arguments.name,
        target=_target(arguments),
        effort=arguments.effort,
        pipeline=arguments.passes,
        allow_error=arguments.allow_error,
        data=data,
        dump_to=arguments.dump,
        interface=arguments.interface,
        every=_every(arguments),
        mhz=arguments.mhz,
        cycles=arguments.cycles,
        stop_after=int(stop) if stop and stop.lstrip("-").isdecimal() else stop,
        progress=lambda step: screen.say(
            f"  {step.text:<10} {step.gates[1]:>9,} gates {step.terms[1]:>9,} score terms "
            f"{step.seconds:7.2f} s"
        ),
    )
    if arguments.name not in (None, design.name):
        screen.warn(f"--name {arguments.name}: no name for Verilog and C; it is {design.name}")
    if not arguments.no_proof:
        screen.say("  proving every stage equal to the one before")
        design = prove(design, screen)
    kinds = "C" if design.in_software else "Verilog, C, AIGER, BLIF"
    screen.say(f"  writing {kinds} and the design")
    folder = design.write(arguments.output)
    headings, *rows = report.table(design)
    screen.table(headings, rows)
    clock = _clock(design, screen) if design.mhz else {}
    if design.cycles:
        screen.show(report.folded(design)["said"])
    if design.in_software:
        screen.show(report.in_c(design))
    if design.price:
        screen.show(f"approximated: {design.price}")
    show_certificate(design.certificate, screen)
    screen.show(f"written: {folder}")
    ok = design.certificate is None or design.certificate.ok
    return {**report.data(design), **clock, "folder": str(folder), "ok": ok}


def _clock(design: "Design", screen: Screen) -> Mapping[str, object]:
    """What is expected of the net on its board, shown and as data."""
    from lithify.compiler.clock import expected

    found = expected(design.circuit, design.target, design.every)
    screen.show(
        f"{design.target}: {design.mhz:g} MHz wished for, {found.mhz:.0f} MHz expected of the net "
        f"alone: {found.tables:,} tables, {design.every} of its {found.depth} levels between "
        "registers"
    )
    return {"clock": {"wished": design.mhz, "expected": round(found.mhz, 2), "every": design.every}}


def _every(arguments: argparse.Namespace) -> int:
    """The levels between registers, where there are any and nothing else decides them."""
    if arguments.every is None:
        return EVERY
    for given, option, why in (
        (arguments.cycles, "--cycles", "a folded design has no rows of registers"),
        (arguments.mhz, "--mhz", "it chooses where registers are"),
        (arguments.interface == "comb", "--interface comb", "such a design has no registers"),
    ):
        if given:
            raise InputError(f"--every {arguments.every}: {why}; leave out --every or {option}")
    return int(arguments.every)


def _target(arguments: argparse.Namespace) -> str:
    """The board, or what stands for C alone."""
    from lithify.compiler.design import SOFTWARE

    if arguments.target == "hardware":
        return str(arguments.board)
    if arguments.board:
        raise InputError(f"--board {arguments.board}: a design for C alone has no board")
    return SOFTWARE


def _data(
    arguments: argparse.Namespace, screen: Screen
) -> "tuple[NDArray[Any], NDArray[Any] | None]":
    """The samples that an allowed error is judged on."""
    from lithify.cli.samples import class_numbers, read_samples
    from lithify.compiler.source import load

    if arguments.allow_error is None or arguments.data is None:
        raise InputError(
            "--allow-error and --data are given together: the one is judged on the other"
        )
    x, y = read_samples(arguments.data)
    return x, class_numbers(arguments.data, y, load(arguments.model), screen)
