"""`lithify export`: a design, a model or a circuit in a format of another tool."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lithify.cli.screen import Screen
from lithify.ir.errors import InputError
from lithify.ir.files import require_file, write_atomically

if TYPE_CHECKING:
    from lithify.compiler.codes import InputCode
    from lithify.ir.circuit import Circuit

EXAMPLE = (
    "lithify export build -o net.bench",
    "lithify export digits.lith -o seven.dot --output 7",
    "lithify export build -o digits_axi.v --axi 32",
    "lithify export build -o digits_registers.v --axi-lite 32",
)
VERILOG = ".v"


def configure(parser: argparse.ArgumentParser) -> None:
    """What, where to, and how much of it."""
    parser.add_argument("design", type=Path, help="a design, or any file that can be imported")
    parser.add_argument(
        "-o", "--file", type=Path, required=True, help=f"a file called {', '.join(SUFFIXES)}"
    )
    parser.add_argument("--output", help="only this word or score, and what it depends on")
    bus = parser.add_mutually_exclusive_group()
    bus.add_argument(
        "--axi", type=int, metavar="W", help=".v: an AXI4-Stream component with beats of W bits"
    )
    bus.add_argument(
        "--axi-lite", type=int, metavar="W", help=".v: registers of W bits (32, 64) on AXI4-Lite"
    )
    parser.add_argument(
        "--every", type=int, default=3, help="with a bus: gate levels between registers (3)"
    )
    parser.add_argument(
        "--no-last", action="store_true", help="for --axi: frames are counted, without TLAST"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The file; thresholds, scores and the argmax are written out where a format has only gates."""
    from lithify.compiler.source import load

    suffix = arguments.file.suffix
    if suffix not in SUFFIXES:
        raise InputError(
            f"{arguments.file}: the name says the format, which is one of {', '.join(SUFFIXES)}"
        )
    for option, width in (("--axi", arguments.axi), ("--axi-lite", arguments.axi_lite)):
        if width is not None and suffix != VERILOG:
            raise InputError(
                f"{option} writes Verilog: {arguments.file} would have to be called .v"
            )
    require_file(arguments.file)
    design = load(arguments.design)
    for option, width in (("--axi", arguments.axi), ("--axi-lite", arguments.axi_lite)):
        if width is not None and design.cycles:
            raise InputError(
                f"{option} {width}: {arguments.design} is folded, and a bus takes rows of "
                "registers; compile it again without --cycles to have some"
            )
    circuit = design.circuit
    if arguments.output is not None:
        circuit = only(circuit, arguments.output)
    if suffix == VERILOG:
        data = _verilog(circuit, arguments)
    else:
        data = rendered(circuit, design.code, suffix)
    write_atomically(arguments.file, data)
    screen.show(f"written: {arguments.file} ({len(data):,} bytes)")
    return {"file": str(arguments.file), "bytes": len(data), "gates": circuit.num_gates}


def rendered(
    circuit: "Circuit", code: "InputCode | None", suffix: str, name: str | None = None
) -> bytes:
    """The bytes of a file of one of the WRITERS; a BLIF model has the name, if one is given."""
    if suffix == ".blif" and name is not None:
        from lithify.backends import blif

        return blif.write(circuit, blif.FORBIDDEN.sub("_", name), rename=True)
    return _onnx(circuit, code) if suffix == ".onnx" else WRITERS[suffix](circuit)


def only(circuit: "Circuit", name: str) -> "Circuit":
    """The circuit with one of its outputs, and without gates that this does not depend on."""
    from dataclasses import replace

    from lithify.compiler.pipeline import parse, run

    kept = tuple(output for output in circuit.outputs if output.name == name)
    if not kept:
        kinds = (("words", circuit.words), ("scores", circuit.scores))
        there = [
            f"{what}: {', '.join(one.name for one in found)}" for what, found in kinds if found
        ]
        raise InputError(f"no output is called {name} ({'; '.join(there)})")
    readout = "scores" if circuit.scores and kept[0] in circuit.scores else "bits"
    return run(parse("prune"), replace(circuit, outputs=kept, readout=readout)).circuit


def _verilog(circuit: "Circuit", arguments: argparse.Namespace) -> bytes:
    """The module that the file is called after: combinational, or with the ports of a bus."""
    from lithify.backends.verilog.emit import VerilogOptions, emit

    name = arguments.file.stem
    if arguments.axi_lite is not None:
        from lithify.backends.verilog.axi_lite import emit_axi_lite

        lite = emit_axi_lite(circuit, name=name, width=arguments.axi_lite, every=arguments.every)
        return lite.verilog
    if arguments.axi is None:
        return emit(circuit, VerilogOptions(name=name))[f"{name}.v"]
    from lithify.backends.verilog.axi import emit_axi

    return emit_axi(
        circuit,
        name=name,
        width=arguments.axi,
        every=arguments.every,
        last=not arguments.no_last,
    ).verilog


def _aiger(circuit: "Circuit") -> bytes:
    from lithify.backends import aiger

    return aiger.write(circuit, rename=True)


def _ascii_aiger(circuit: "Circuit") -> bytes:
    from lithify.backends import aiger

    return aiger.write_ascii(circuit, rename=True)


def _alkaid(circuit: "Circuit") -> bytes:
    from lithify.backends import alkaid

    return alkaid.write(circuit)


def _bench(circuit: "Circuit") -> bytes:
    from lithify.backends import bench

    return bench.write(circuit)


def _blif(circuit: "Circuit") -> bytes:
    from lithify.backends import blif

    return blif.write(circuit, rename=True)


def _dot(circuit: "Circuit") -> bytes:
    from lithify.backends import dot

    return dot.write(circuit)


def _onnx(circuit: "Circuit", code: "InputCode | None" = None) -> bytes:
    """The model, which takes features where the design says how they become codes."""
    from lithify.backends import onnx

    ranked = code is not None and code.kind == "rank"
    return onnx.write(circuit, thresholds=code.thresholds if code and ranked else None)


def _node_link(circuit: "Circuit") -> bytes:
    from lithify.ir import graph_files

    return graph_files.node_link(circuit)


def _graphml(circuit: "Circuit") -> bytes:
    from lithify.ir import graph_files

    return graph_files.graphml(circuit)


def _svg(circuit: "Circuit") -> bytes:
    from lithify.backends import svg

    return svg.write(circuit)


def _text(circuit: "Circuit") -> bytes:
    return str(circuit).encode()


def _binary(circuit: "Circuit") -> bytes:
    from lithify.ir import binary

    return binary.to_bytes(circuit)


WRITERS: Mapping[str, Callable[["Circuit"], bytes]] = {
    ".aag": _ascii_aiger,
    ".aig": _aiger,
    ".alir": _alkaid,
    ".bench": _bench,
    ".blif": _blif,
    ".circuit": _text,
    ".dot": _dot,
    ".graphml": _graphml,
    ".json": _node_link,
    ".npz": _binary,
    ".onnx": _onnx,
    ".svg": _svg,
}
SUFFIXES = (*WRITERS, VERILOG)
