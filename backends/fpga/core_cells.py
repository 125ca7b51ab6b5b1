"""The core of a folded design among the cells of a chip: cut out of the rest, or alone.

Synthesis keeps the hierarchy until the end, so that the ports of the core are nets of the flat
netlist by name, and the names of its cells begin as theirs do. Block RAMs are cells of it alone.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from lithify.backends.fpga.cell_kinds import Bit
from lithify.backends.fpga.families import Family
from lithify.backends.fpga.top import CORE, CORE_MODULE
from lithify.backends.fpga.yosys_script import run_script
from lithify.backends.verilog.description import Description
from lithify.backends.verilog.machine import CHOICE, Machine, read_machine
from lithify.backends.verilog.machine import SCRIPT as MACHINE
from lithify.ir.errors import FormatError

BEGINNING = f"{CORE}."

PORTS = """\
read_rtlil top.il
hierarchy -top {core}
proc
opt_clean
write_json core.json
"""

SCRIPT = """\
read_json cells.json
read_verilog -defer -nooverwrite -D NO_ICE40_DEFAULT_ASSIGNMENTS {library}
read_verilog -defer -overwrite models.v
hierarchy -check -top core
proc
flatten -noscopeinfo
opt_expr
"""
"""Every cell does what the library says of it, or in its place our models: tables, and memories."""


def table_module(kind: str, output: str, pins: str, parameter: str) -> str:
    """A table as a tree of multiplexers, which choose between equals whatever they are told."""
    lines = [
        "(* blackbox *)",
        f"module {CHOICE}(output Y, input A, input B, input S);",
        "endmodule",
        f"module {kind}(output {output}, input {', input '.join(pins.split())});",
        f"  parameter [15:0] {parameter} = 0;",
        f"  wire [15:0] level0 = {parameter};",
    ]
    for number, pin in enumerate(reversed(pins.split())):
        size = 8 >> number
        above = f"level{number + 1}"
        lines.append(f"  wire [{size - 1}:0] {above};")
        lines += [
            f"  {CHOICE} {above}_{at}(.A(level{number}[{at}]), .B(level{number}[{at + size}]), "
            f".S({pin}), .Y({above}[{at}]));"
            for at in range(size)
        ]
    return "\n".join([*lines, f"  assign {output} = level4[0];", "endmodule", ""])


@dataclass(frozen=True, slots=True)
class CorePorts:
    """The core's own ports in the design before synthesis, and which of their bits are which.

    `bits` has for every name of the description, and of the handshake, ports and places in them, or
    constants.
    """

    directions: Mapping[str, str]
    widths: Mapping[str, int]
    bits: Mapping[str, tuple[str, Sequence[tuple[str, int] | str]]]


def core_ports(folder: Path, core: Description) -> CorePorts:
    """Those of the design in top.il."""
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        place = Path(name)
        shutil.copy(folder / "top.il", place)
        run_script(place, "ports.ys", PORTS.format(core=CORE_MODULE))
        module = json.loads(place.joinpath("core.json").read_bytes())["modules"][CORE_MODULE]
    ports, names = module["ports"], module["netnames"]
    where = {bit: (name, at) for name, port in ports.items() for at, bit in enumerate(port["bits"])}
    inputs = ["clk", "in_valid", "out_ready", *(bus.signal for bus in core.inputs)]
    inputs += ["rst"] if "rst" in ports else []
    outputs = ["out_valid", *(bus.signal for bus in core.outputs)]
    bits = {}
    for direction, signals in (("input", inputs), ("output", outputs)):
        for signal in signals:
            found = [where.get(bit, bit) for bit in names[signal]["bits"]]
            if any(isinstance(one, int) for one in found):
                raise FormatError(f"{signal} of the folded core does not lead to its ports")
            bits[signal] = direction, found
    return CorePorts(
        {name: port["direction"] for name, port in ports.items()},
        {name: len(port["bits"]) for name, port in ports.items()},
        bits,
    )


def without_core(module: Mapping[str, Any], ports: CorePorts) -> Mapping[str, Any]:
    """A flat netlist in which one cell with the ports of the core stands for the core's cells."""
    cells = {n: cell for n, cell in module["cells"].items() if not n.startswith(BEGINNING)}
    cells[CORE] = {
        "type": CORE_MODULE,
        "port_directions": ports.directions,
        "connections": {name: _net(module, name, ports) for name in ports.directions},
    }
    return {**module, "cells": cells}


def core_alone(module: Mapping[str, Any], ports: CorePorts, family: Family) -> Machine:
    """The core's cells of a flat netlist as a machine, with ports as the description names them."""
    cells = {n: cell for n, cell in module["cells"].items() if n.startswith(BEGINNING)}
    models = family.models
    if models is None:
        raise FormatError(f"nothing says what {family.memories[0]} and its like do")
    for name, cell in cells.items():
        pins = cell["connections"] if cell["type"] in family.memories else {}
        if used := [pin for pin in models.tied if pins.get(pin, ["0"]) != ["0"]]:
            raise FormatError(f"{name} uses the pin {used[0]}, of which its model knows nothing")
    nets = {name: _net(module, name, ports) for name in ports.directions}
    named = {
        signal: {
            "direction": direction,
            "bits": [one if isinstance(one, str) else nets[one[0]][one[1]] for one in bits],
        }
        for signal, (direction, bits) in ports.bits.items()
    }
    alone = {"modules": {"core": {**module, "ports": named, "cells": cells}}}
    ours = [file for file in family.library if not file.startswith("+/")]
    texts = [files("lithify.backends.fpga").joinpath(file).read_text("utf-8") for file in ours]
    with tempfile.TemporaryDirectory(prefix="lithify-") as place:
        folder = Path(place)
        folder.joinpath("cells.json").write_text(json.dumps(alone))
        folder.joinpath("models.v").write_text("\n".join([table_module(*models.table), *texts]))
        library = " ".join(file for file in family.library if file not in ours)
        script = SCRIPT.format(library=library) + MACHINE
        done = run_script(folder, "machine.ys", script, check=False)
        if not done.ok:
            last = done.output.strip().rsplit("\n", 1)[-1]
            raise FormatError(f"the cells of the core are not read: {last}")
        return read_machine(folder.joinpath("design.json").read_bytes(), "core", "clk")


def _net(module: Mapping[str, Any], name: str, ports: CorePorts) -> Sequence[Bit]:
    """The bits of a flat netlist that are a port of the core."""
    net = module["netnames"].get(f"{BEGINNING}{name}")
    if net is None or len(net["bits"]) != ports.widths[name]:
        raise FormatError(f"the netlist has lost the port {name} of the folded core")
    bits: Sequence[Bit] = net["bits"]
    return bits
