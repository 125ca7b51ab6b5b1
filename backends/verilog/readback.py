"""Verilog read back through yosys, as an and-inverter graph for the proof.

Nothing of what was emitted is remembered: the bytes of the file are all that counts. A pipeline
becomes the combinational circuit that it computes: first it is checked that the rising edge of
clk alone moves the registers, that they hold while the pipeline stands, and that each path
crosses as many of them as the latency says; then each register is replaced by a wire. A stream
moves when `out_ready` is 1 or `out_valid` 0: in both cases, whatever the other handshake bits are,
its outputs have to be the same and `out_valid` is `in_valid` of as many moves ago. After a cycle
of `rst` the stream is empty: `out_valid` is 0 until something came in. A folded design is run
cycle by cycle instead (`lithify.backends.verilog.unfold`). Text that another tool may
read otherwise than yosys is refused before all.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lithify.backends.bitnames import bit_names
from lithify.backends.toolchain import failure, run
from lithify.backends.verilog.description import Bus, Description
from lithify.backends.verilog.machine import SCRIPT as MACHINE
from lithify.backends.verilog.machine import Machine, read_machine
from lithify.backends.verilog.plain import require_plain
from lithify.backends.verilog.registers import (
    Graph,
    hold,
    read_aiger,
    require_emptied,
    without_registers,
    write_aiger,
)
from lithify.backends.verilog.unfold import unfold
from lithify.ir.errors import MismatchError

SECONDS = 1800.0

VERILOG = "read_verilog design"
RTLIL = "read_rtlil design; hierarchy -top {module}; rename {module} {top}; expose {outputs}"
"""How a file is read, and a module of one made a top with the ports of its description."""

SCRIPT = """\
proc
flatten
opt_clean
select -set clocked w:clk %co1:+$dff[CLK] t:$dff r:CLK_POLARITY=1'1 r:CLK_POLARITY=1 %u %i %i
select -assert-none t:$*ff* t:$*latch* %u t:$mem* %u t:$_* %u @clocked %d
simplemap
opt_clean
aigmap
write_aiger -symbols design.aig
"""

STANDING = {
    "comb": {},
    "pipeline": {"en": 0},
    "stream": {"rst": 0, "out_ready": 0},
}
MOVING = {
    "comb": {},
    "pipeline": {"en": 1},
    "stream": {"rst": 0, "out_ready": 1},
}
UNREAD = {"comb": (), "pipeline": ("clk",), "stream": ("clk", "in_valid")}


def read_back(verilog: bytes, description: Description, *, module: str = "") -> bytes:
    """Binary AIGER of what the Verilog computes, with ports in the order of the circuit's.

    The symbols are those that `lithify.backends.aiger` gives the bits of the circuit. With
    `module` the file is yosys' RTLIL, and that module of it, which never stands, is read.
    """
    if not module:
        require_plain(verilog)
    signals = [bus.signal for bus in description.outputs]
    signals += ["in_ready", "out_valid"] if description.folded else []
    exposed = " ".join(f"w:{signal}" for signal in signals)
    read = RTLIL if module else VERILOG
    read = read.format(module=module, top=description.name, outputs=exposed)
    begun = f"{read.replace('; ', chr(10))}\nhierarchy -check -top {description.name}\n"
    script = begun + (MACHINE if description.folded else SCRIPT)
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder = Path(name)
        (folder / "design").write_bytes(verilog)
        (folder / "script.ys").write_text(script)
        done = run("yosys", ["-s", "script.ys"], cwd=folder, timeout_s=SECONDS, check=False)
        if "Assertion failed" in done.output:
            raise MismatchError(
                "the Verilog read back has a memory, a latch, or a register that something else "
                "than the rising edge of clk changes"
            )
        if not done.ok:
            raise failure("yosys", done, folder)
        flat = _flat(folder, description, bool(module))
    return write_aiger(_named(flat, description))


def unfolded(machine: Machine, description: Description, *, ready: bool = True) -> Graph:
    """What a folded design computes, named as the circuit's bits are; for `ready` see `unfold`."""
    inputs, outputs = _signals(description.inputs), _signals(description.outputs)
    latency = description.latency
    flat = unfold(machine, inputs=inputs, outputs=outputs, latency=latency, ready=ready)
    return _named(flat, description)


def _named(flat: Graph, description: Description) -> Graph:
    inputs, outputs = _names(description.inputs), _names(description.outputs)
    return replace(flat, inputs=inputs, outputs=outputs)


def _flat(folder: Path, description: Description, always: bool) -> Graph:
    """What the design that yosys wrote computes, without registers."""
    if description.folded:
        machine = read_machine((folder / "design.json").read_bytes(), description.name, "clk")
        return unfolded(machine, description)
    graph = read_aiger((folder / "design.aig").read_bytes(), where="what yosys wrote")
    return _always_moving(graph, description) if always else _without_registers(graph, description)


def _always_moving(graph: Graph, description: Description) -> Graph:
    """What a pipeline computes that has no enable."""
    inputs, outputs = _signals(description.inputs), _signals(description.outputs)
    return without_registers(
        graph,
        inputs=inputs,
        outputs=outputs,
        fixed={},
        latency=description.latency,
        unread=(*UNREAD["pipeline"], "rst"),
    )


def _without_registers(graph: Graph, description: Description) -> Graph:
    """What the design computes once it moves, after a check of how it moves and stands."""
    inputs, outputs = _signals(description.inputs), _signals(description.outputs)
    latency, interface = description.latency, description.interface
    if not latency:
        return without_registers(graph, inputs=inputs, outputs=outputs, fixed={}, latency=0)
    stream = interface == "stream"
    hold(
        graph,
        STANDING[interface],
        full="out_valid" if stream else "",
        ready="in_ready" if stream else "",
    )
    flat = without_registers(
        graph,
        inputs=inputs,
        outputs=outputs,
        fixed=MOVING[interface],
        latency=latency,
        unread=UNREAD[interface],
    )
    if stream:
        _check_handshake(graph, flat, latency)
        require_emptied(graph, "out_valid", reset="rst", idle={"in_valid": 0})
    return flat


def _check_handshake(graph: Graph, moving: Graph, latency: int) -> None:
    """Nothing, if the stream moves as it says, and alike with `out_ready` or when it is empty."""
    valid = without_registers(
        graph,
        inputs=["in_valid"],
        outputs=["out_valid"],
        fixed=MOVING["stream"],
        latency=latency,
        unread=("clk", *moving.inputs),
    )
    if valid.output_literals.tolist() != [2]:
        raise MismatchError(
            f"output out_valid of the Verilog read back is not in_valid of {latency} moves ago"
        )
    first: dict[str, Any] = {"fixed": MOVING["stream"], "unread": UNREAD["stream"]}
    last: dict[str, Any] = {
        "fixed": {"rst": 0},
        "unread": (*UNREAD["stream"], "out_ready"),
        "empty": "out_valid",
    }
    for state in (first, last):
        ready = without_registers(
            graph, inputs=moving.inputs, outputs=["in_ready"], latency=0, **state
        )
        if ready.output_literals.tolist() != [1]:
            raise MismatchError(
                "output in_ready of the Verilog read back is not 1 while the pipeline moves"
            )
    empty = without_registers(
        graph, inputs=moving.inputs, outputs=moving.outputs, latency=latency, **last
    )
    same = np.array_equal(empty.output_literals, moving.output_literals)
    if not (same and np.array_equal(empty.gates, moving.gates)):
        raise MismatchError(
            "the outputs of the Verilog read back depend on out_ready while nothing waits"
        )


def _signals(buses: tuple[Bus, ...]) -> list[str]:
    """The names of all bits of the ports, as yosys writes them."""
    names = []
    for bus in buses:
        names += [bus.signal] if bus.bits == 1 else [f"{bus.signal}[{i}]" for i in range(bus.bits)]
    return names


def _names(buses: tuple[Bus, ...]) -> tuple[str, ...]:
    """The names of all bits, as every format of bits writes them."""
    return tuple(name for bus in buses for name in bit_names(bus.name, bus.count, bus.width))
