"""The top of a board design: the core in its shell on the board's clock and pins."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import io, wiring

from lithify.backends.fpga.platforms import add_spi
from lithify.backends.fpga.targets import Board
from lithify.backends.verilog.cells import PREFIX, cell_modules
from lithify.backends.verilog.cores import core_of
from lithify.backends.verilog.description import Description
from lithify.backends.verilog.emit import VerilogOptions, describe
from lithify.backends.verilog.frames import Layout
from lithify.backends.verilog.levels import Arriving
from lithify.backends.verilog.lines import line_of, rate_of
from lithify.backends.verilog.shell import Shell, shell_of
from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Netlist

PARTS = ("encoder", "core", "head", "shell")
"""What every cell of a board design belongs to; the shell is all that is not the circuit."""

CORE = "shell.core"
CORE_MODULE = f"top.{CORE}"
"""The module of a board design that is the circuit with its pipeline."""


class Top(wiring.Component):
    """A shell, wired to the board: its line, and two LEDs that say busy and failed."""

    def __init__(self, shell: Shell, line: str) -> None:
        """`shell` runs on the board's clock, and has that kind of line."""
        self._shell, self._line = shell, line
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        """`platform` is an Amaranth platform that has the line as a resource, by its kind."""
        m = Module()
        m.submodules.shell = shell = self._shell
        ports = platform.request(self._line, 0, dir="-")
        for name, pin in shell.pins.items():
            out = shell.signature.members[name].flow is wiring.Out
            buffer = io.Buffer("o" if out else "i", getattr(ports, name))
            m.submodules[name] = buffer
            m.d.comb += buffer.o.eq(pin) if out else pin.eq(buffer.i)
        for number, state in enumerate((shell.busy, shell.failed)):
            if ("led", number) in platform.resources:
                port = platform.request("led", number, dir="-")
                m.submodules[f"led_{number}"] = led = io.Buffer("o", port)
                m.d.comb += led.o.eq(state)
        return m


@dataclass(frozen=True, slots=True)
class Sources:
    """A board design as text for the tools, and what its frames and pipeline are."""

    rtlil: str
    constraints: str
    clock_hz: float
    layout: Layout
    latency: int
    core: Description
    rate: int


def sources(
    design: Circuit | Netlist,
    board: Board,
    *,
    every: int,
    line: str = "uart",
    baud: int | None = None,
    cells: bool = False,
    arriving: Arriving | None = None,
    retime: bool = False,
    cycles: int = 0,
) -> Sources:
    """The RTLIL and pin constraints of a design with registers every `every` levels.

    With `cells` every gate is a table cell that synthesis keeps. A design over levels needs to be
    told what is `arriving`. With `retime` registers are fewest (see `Core`). With `cycles` it
    is folded instead, to take at most so many for a sample. The `line` is a serial one ("uart") or
    an SPI bus ("spi").
    """
    platform = board.new_platform()
    clock_hz = float(platform.default_clk_frequency)
    rate = rate_of(line, clock_hz, baud)
    if line == "spi":
        add_spi(platform, board.spi_pins)
    core = core_of(design, every=every, cells=cells, retime=retime, cycles=cycles)
    shell, layout = shell_of(core, line=line_of(line, round(clock_hz / rate)), arriving=arriving)
    plan = platform.prepare(Top(shell, line), "top", emit_src=False)
    return Sources(
        rtlil=plan.files["top.il"] + cell_modules(core),
        constraints=plan.files[f"top.{board.family.pins}"],
        clock_hz=clock_hz,
        layout=layout,
        latency=core.latency,
        core=describe(core, _options(every, cycles)),
        rate=rate,
    )


def _options(every: int, cycles: int) -> VerilogOptions:
    """How the core is clocked; one that is folded has a handshake."""
    interface = "stream" if cycles else "pipeline"
    return VerilogOptions(name="core", interface=interface, every=every, cycles=cycles)


def part_of(path: str) -> str:
    """The part that a module or a cell belongs to, by its hierarchical name or that of its cells.

    >>> part_of("shell.core.head.l3_and"), part_of("top.shell.core.row_2"), part_of("shell.sender")
    ('head', 'core', 'shell')
    """
    if path.startswith(f"{PREFIX}."):
        return path.split(".")[1]
    inside = path.removeprefix("top.")
    if inside != CORE and not inside.startswith(f"{CORE}."):
        return "shell"
    part = inside[len(CORE) + 1 :].split(".")[0]
    return part if part in PARTS else "core"
