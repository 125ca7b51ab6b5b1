"""Verilog read back through yosys, as an and-inverter graph for the proof.

Nothing of what was emitted is remembered: the bytes of the file are all that counts. A pipeline
becomes the combinational circuit that it computes: first it is checked that the rising edge of
clk alone moves the registers, that they hold while the pipeline stands, and that each path
crosses as many of them as the latency says; then each register is replaced by a wire. (How the
handshake bits of a stream behave is not part of this: simulation checks that.)
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from lithify.backends.bitnames import bit_names
from lithify.backends.toolchain import failure, run
from lithify.backends.verilog.description import Bus, Description
from lithify.backends.verilog.registers import hold, read_aiger, without_registers, write_aiger
from lithify.ir.errors import MismatchError

SECONDS = 1800.0

SCRIPT = """\
read_verilog design.v
hierarchy -check -top {top}
proc
flatten
opt_clean
select -set clocked w:clk %co1:+$dff[CLK] t:$dff r:CLK_POLARITY=1'1 %i %i
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
    "stream": {"rst": 0, "out_ready": 1, "in_valid": 1},
}


def read_back(verilog: bytes, description: Description) -> bytes:
    """Binary AIGER of what the Verilog computes, with ports in the order of the circuit's.

    The symbols are those that `lithify.backends.aiger` gives the bits of the circuit.
    """
    with tempfile.TemporaryDirectory(prefix="lithify-") as name:
        folder = Path(name)
        (folder / "design.v").write_bytes(verilog)
        (folder / "script.ys").write_text(SCRIPT.format(top=description.name))
        done = run("yosys", ["-s", "script.ys"], cwd=folder, timeout_s=SECONDS, check=False)
        if "Assertion failed" in done.output:
            raise MismatchError(
                "the Verilog read back has a memory, a latch, or a register that something else "
                "than the rising edge of clk changes"
            )
        if not done.ok:
            raise failure("yosys", done, folder)
        graph = read_aiger((folder / "design.aig").read_bytes(), where="what yosys wrote")
    interface = description.interface
    if description.latency:
        full = "out_valid" if interface == "stream" else ""
        hold(graph, STANDING[interface], full=full)
    flat = without_registers(
        graph,
        inputs=_signals(description.inputs),
        outputs=_signals(description.outputs),
        fixed=MOVING[interface] if description.latency else {},
        latency=description.latency,
    )
    inputs, outputs = _names(description.inputs), _names(description.outputs)
    return write_aiger(replace(flat, inputs=inputs, outputs=outputs))


def _signals(buses: tuple[Bus, ...]) -> list[str]:
    """The names of all bits of the ports, as yosys writes them."""
    names = []
    for bus in buses:
        names += [bus.signal] if bus.bits == 1 else [f"{bus.signal}[{i}]" for i in range(bus.bits)]
    return names


def _names(buses: tuple[Bus, ...]) -> tuple[str, ...]:
    """The names of all bits, as every format of bits writes them."""
    return tuple(name for bus in buses for name in bit_names(bus.name, bus.count, bus.width))
