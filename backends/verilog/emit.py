"""A circuit as a Verilog file and its description."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.description import FILE, INTERFACES, Description
from lithify.backends.verilog.names import identifier
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import Netlist

if TYPE_CHECKING:
    from lithify.backends.verilog.core import Core
    from lithify.backends.verilog.folded import Folded


HANDSHAKE = ("in_valid", "in_ready", "out_valid", "out_ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerilogOptions:
    """How a circuit becomes Verilog.

    `interface`: "comb" has neither clock nor registers; "pipeline" has `clk` and the enable `en`;
    "stream" has `clk`, `rst` and a valid/ready handshake on both sides. The two with a clock have a
    row of registers every `every` levels of gates (0: none), and at the inputs or outputs. With
    `retime` gates move between the rows so that registers are fewest.

    With `cycles` a stream is folded: it takes at most so many clock cycles for a sample, in which a
    few tables at a time are looked up in memories. The design is then one of tables of at most four
    inputs, and `every` and the rows do not matter.
    """

    name: str = "net"
    interface: str = "comb"
    every: int = 0
    register_inputs: bool = False
    register_outputs: bool = True
    retime: bool = False
    cycles: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.name != identifier(self.name):
            raise InputError(
                f"name {self.name!r} cannot be a Verilog module; "
                f"{identifier(self.name)!r} could: letters, digits and _, and no Verilog word"
            )
        if self.interface not in INTERFACES:
            raise InputError(f"interface {self.interface!r} is none of {', '.join(INTERFACES)}")
        if self.every < 0:
            raise InputError(f"every={self.every}: a row of registers each N levels; 0 for none")
        if self.cycles < 0 or (self.cycles and self.interface != "stream"):
            raise InputError(
                f"cycles={self.cycles} of interface {self.interface}: a folded design is a stream, "
                "and takes a number of clock cycles for each sample"
            )
        if self.interface == "comb" and self.every:
            raise InputError(
                f"every={self.every}: the comb interface has no clock; "
                'choose interface "pipeline" or "stream"'
            )


def emit(design: Circuit | Netlist, options: VerilogOptions | None = None) -> Artifacts:
    """`NAME.v` and `design.json`; the same bytes for the same circuit and options."""
    from amaranth.hdl import ClockDomain, Fragment

    from lithify.backends.verilog.core import Core
    from lithify.backends.verilog.interface import Interface
    from lithify.backends.verilog.schedule import latency
    from lithify.backends.verilog.stream import Stream
    from lithify.backends.verilog.text import verilog

    options = options or VerilogOptions()
    if options.cycles:
        return _folded(design, options)
    clocked = options.interface != "comb"
    inputs = clocked and options.register_inputs
    outputs = clocked and options.register_outputs
    circuit = Interface.of(design).circuit
    if options.interface == "stream" and not latency(circuit, options.every, inputs, outputs):
        raise InputError(
            "the stream interface needs at least one row of registers: "
            "register the outputs, the inputs, or every few levels"
        )
    core = Core(
        circuit,
        every=options.every,
        register_inputs=inputs,
        register_outputs=outputs,
        retime=options.retime,
    )
    described = describe(core, options)
    component = Stream(core) if options.interface == "stream" else core
    fragment = Fragment.get(component, None)
    ports = [*component.input_signals(), *component.output_signals()]
    if options.interface == "stream":
        ports = [*(getattr(component, name) for name in HANDSHAKE), *ports]
    elif core.latency:
        ports = [core.en, *ports]
    if core.latency:
        domain = ClockDomain("sync", reset_less=options.interface == "pipeline")
        domain.clk.name = "clk"
        fragment.add_domains(domain)
        ports = [domain.clk, *([] if domain.rst is None else [domain.rst]), *ports]
    text = verilog(
        fragment,
        name=options.name,
        ports=ports,
        header=header(described),
        partly_read=core.partly_read(),
    )
    return Artifacts({described.file: text, FILE: described.to_json()})


def _folded(design: Circuit | Netlist, options: VerilogOptions) -> Artifacts:
    """The folded design as Verilog."""
    from amaranth.hdl import ClockDomain, Fragment

    from lithify.backends.verilog.cores import core_of
    from lithify.backends.verilog.folded import Folded
    from lithify.backends.verilog.text import verilog

    machine = core_of(design, cycles=options.cycles)
    assert isinstance(machine, Folded)
    described = describe(machine, options)
    fragment = Fragment.get(machine, None)
    domain = ClockDomain("sync")
    domain.clk.name, domain.rst.name = "clk", "rst"
    fragment.add_domains(domain)
    handshake = [getattr(machine, name) for name in HANDSHAKE]
    text = verilog(
        fragment,
        name=options.name,
        ports=[
            *(domain.clk, domain.rst, *handshake),
            *(*machine.input_signals(), *machine.output_signals()),
        ],
        header=[*header(described), machine.said],
        partly_read=None,
    )
    return Artifacts({described.file: text, FILE: described.to_json()})


def describe(core: "Core | Folded", options: VerilogOptions) -> Description:
    """What a core is, wrapped as the options say."""
    return Description(
        name=options.name,
        file=f"{options.name}.v",
        interface=options.interface,
        every=0 if options.cycles else options.every,
        latency=core.latency,
        registers=core.registers,
        gates=dict(sorted(core.gates_by_part().items())),
        inputs=core.interface.inputs,
        outputs=core.interface.outputs,
        interval=core.interval,
    )


def header(described: Description) -> list[str]:
    """What a reader of the file should know first."""
    parts = ", ".join(f"{count} in the {part}" for part, count in described.gates.items())
    when = "combinational"
    if described.latency:
        when = f"latency {described.latency}, {described.registers} registers"
    lines = [f"{described.name}: written by Lithify; {when}; gates: {parts or 'none'}."]
    lines += ["Element i of a port is at bits [i * width, (i + 1) * width)."]
    for direction, buses in (("input", described.inputs), ("output", described.outputs)):
        for bus in buses:
            size = f"{bus.count} x {bus.width} bit, {bus.kind}"
            lines.append(f"{direction} {bus.signal}: {' '.join(bus.name.split())}, {size}")
    return lines
