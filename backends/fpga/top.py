"""The top of a board design: the core in its UART shell on the board's clock and pins."""

from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import wiring

from lithify.backends.fpga.targets import Board
from lithify.backends.verilog.core import Core
from lithify.backends.verilog.frames import Layout, layout_of
from lithify.backends.verilog.serial import cycles_per_bit
from lithify.backends.verilog.uart import UartShell, Wires
from lithify.ir.circuit import Circuit
from lithify.ir.netlist import Netlist

PARTS = ("encoder", "core", "head", "shell")
"""What every cell of a board design belongs to; the shell is all that is not the circuit."""

_CORE = "shell.core"


class Top(wiring.Component):
    """The shell, wired to the board: UART 0, and two LEDs that say busy and failed."""

    def __init__(self, core: Core, layout: Layout, *, baud: int) -> None:
        """`baud` is the rate of the serial line."""
        self._core, self._layout, self._baud = core, layout, baud
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        """`platform` is an Amaranth platform that has the resource `uart`."""
        m = Module()
        clock_hz = platform.default_clk_frequency  # type: ignore[attr-defined]
        wires = Wires(
            self._core,
            tuple(self._core.input_signals()),
            tuple(self._core.output_signals()),
            self._core.latency,
        )
        cycles = cycles_per_bit(clock_hz, self._baud)
        m.submodules.shell = shell = UartShell(wires, self._layout, cycles=cycles)
        uart = platform.request("uart", 0)  # type: ignore[attr-defined]
        m.d.comb += [shell.rx.eq(uart.rx.i), uart.tx.o.eq(shell.tx)]
        for number, state in enumerate((shell.busy, shell.failed)):
            if ("led", number) in platform.resources:  # type: ignore[attr-defined]
                led = platform.request("led", number)  # type: ignore[attr-defined]
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


def sources(design: Circuit | Netlist, board: Board, *, every: int, baud: int) -> Sources:
    """The RTLIL and pin constraints of a design with registers every `every` levels."""
    core = Core(design, every=every)
    layout = layout_of(core.interface.circuit)
    platform = board.new_platform()
    plan = platform.prepare(Top(core, layout, baud=baud), "top", emit_src=False)
    return Sources(
        plan.files["top.il"],
        plan.files["top.pcf"],
        platform.default_clk_frequency,
        layout,
        core.latency,
    )


def part_of(path: str) -> str:
    """The part that a module or a cell belongs to, by its hierarchical name.

    >>> part_of("shell.core.head.l3_and"), part_of("top.shell.core.row_2"), part_of("shell.sender")
    ('head', 'core', 'shell')
    """
    inside = path.removeprefix("top.")
    if inside != _CORE and not inside.startswith(f"{_CORE}."):
        return "shell"
    part = inside[len(_CORE) + 1 :].split(".")[0]
    return part if part in PARTS else "core"
