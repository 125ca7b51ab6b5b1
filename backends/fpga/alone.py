"""The clock of the net alone: laid out between registers, without the shell and its pins.

A shift register feeds the inputs and another takes the outputs away, one pin each, so that a path
from flip-flop to flip-flop is one of the net's, or crosses a single table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lithify.backends.fpga.placement import Routed, cpu_limit, place_and_route, refuse_too_large
from lithify.backends.fpga.synthesis import Cells, synthesise
from lithify.backends.fpga.targets import Board
from lithify.backends.verilog.cells import cell_modules
from lithify.backends.verilog.core import Core
from lithify.backends.verilog.cores import core_of
from lithify.backends.verilog.folded import Folded
from lithify.ir.circuit import Circuit
from lithify.ir.errors import MappingError
from lithify.ir.files import make_folder, write_atomically
from lithify.ir.netlist import Netlist

FOLDER = "alone"


@dataclass(frozen=True, slots=True)
class Alone:
    """What was found of the net alone: its clock for each placement seed, cells and latency."""

    runs: tuple[Routed, ...]
    latency: int
    interval: int
    block_rams: int
    every: int

    @property
    def fmax_mhz(self) -> float:
        """The median over the seeds."""
        return median(one.fmax_mhz for one in self.runs)

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        middle = min(self.runs, key=lambda one: abs(one.fmax_mhz - self.fmax_mhz))
        return {
            "fmax_mhz": round(self.fmax_mhz, 2),
            "seeds": {str(one.seed): round(one.fmax_mhz, 2) for one in self.runs},
            "cells_used": middle.cells_used,
            "critical_path": middle.critical_path.replace("the shell", "the registers around it"),
            "latency": self.latency,
            "interval": self.interval,
            "block_rams": self.block_rams,
            "every": self.every,
        }


class Harness(wiring.Component):
    """A core between two shift registers: `shift_in`, `shift_out`, and `take` to load outputs."""

    def __init__(self, core: Core | Folded) -> None:
        """`core` runs on the same clock."""
        self._core = core
        super().__init__({"shift_in": In(1), "take": In(1), "shift_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Every input bit is a flip-flop, and every output bit is taken by one."""
        m = Module()
        m.submodules.core = core = self._core
        entering: Value = self.shift_in
        vectors = core.input_signals()
        if isinstance(core, Folded):
            vectors += [core.in_valid, core.out_ready]
        for vector in vectors:
            before = Signal(len(vector), name="before", reset_less=True)
            m.d.comb += vector.eq(before)
            m.d.sync += before.eq(Cat(entering, before[:-1]))
            entering = before[-1]
        outputs = Cat(*core.output_signals())
        after = Signal(len(outputs), reset_less=True)
        take = Signal(reset_less=True)
        m.d.sync += [
            take.eq(self.take),
            after.eq(Mux(take, outputs, Cat(after[1:], after[0]))),
            self.shift_out.eq(after[0]),
        ]
        return m


def lay_out(
    design: Circuit | Netlist,
    board: Board,
    folder: Path,
    *,
    every: int,
    seeds: Sequence[int],
    cells: bool = False,
    retime: bool = False,
    cycles: int = 0,
    limit_s: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Alone | None:
    """The clock of the net alone for some seeds; None where there are none, or it cannot be."""
    if not seeds:
        return None
    core = core_of(design, every=every, cells=cells, retime=retime, cycles=cycles)
    harness = Harness(core)
    place = make_folder(folder / FOLDER)
    domain = ClockDomain("sync", reset_less=True)
    top = Module()
    top.domains += domain
    top.submodules.shell = harness
    ports = [domain.clk, harness.shift_in, harness.take, harness.shift_out]
    text = rtlil.convert(top, ports=ports, emit_src=False)
    text += cell_modules(core)
    write_atomically(place / "top.il", text.encode())
    if board.family.pin:
        names = [port.name for port in ports]
        write_atomically(place / f"top.{board.family.pins}", _on_pins(board, names).encode())
    progress("synthesising the net alone")
    parts = synthesise(place, board.family, chains=not (every or cycles))
    total = sum(parts.values(), Cells())
    try:
        refuse_too_large(total, board)
        limit_s = limit_s or cpu_limit(board)
        runs = tuple(
            place_and_route(place, board, seed=seed, limit_s=limit_s, progress=_alone(progress))
            for seed in seeds
        )
    except MappingError:
        return None
    for one in runs:
        one.placed.unlink(missing_ok=True)
    return Alone(runs, core.latency, core.interval, total.block_rams, every)


def _on_pins(board: Board, ports: Sequence[str]) -> str:
    """Constraints that put ports on the first pins that the board's platform has for anything."""
    resources = board.new_platform().resources.values()
    pins = dict.fromkeys(pin for one in resources for pin in _pins(one))
    chosen = zip(ports, pins, strict=False)
    return "".join(board.family.pin.format(port=port, pin=pin) + "\n" for port, pin in chosen)


def _pins(resource: Any) -> Iterator[str]:
    """The pins of a resource, and those of what is in it."""
    for one in getattr(resource, "ios", ()):
        yield from getattr(one, "names", ()) or _pins(one)


def _alone(progress: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: progress(f"the net alone: {text}")
