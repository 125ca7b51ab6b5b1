"""From a trained net to a design, step by step."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lithify.backends.verilog.description import EVERY
from lithify.backends.verilog.emit import VerilogOptions
from lithify.backends.verilog.folding import check_cycles, fold
from lithify.compiler import pipeline as pipelines
from lithify.compiler.approximate import approximate
from lithify.compiler.clock import check_clock, levels_for
from lithify.compiler.design import SOFTWARE, Design
from lithify.compiler.pipeline import EFFORTS, Step
from lithify.compiler.source import Source, identifier, of_design, of_net, open_file
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lithify.compiler.nets import Net


def compile(
    source: "Net | Circuit | Design | str | Path",
    *,
    name: str | None = None,
    target: str = "",
    effort: int = 2,
    pipeline: str | None = None,
    allow_error: float | None = None,
    data: "tuple[ArrayLike, ArrayLike | None] | None" = None,
    interface: str = "stream",
    every: int = EVERY,
    mhz: float | None = None,
    cycles: int = 0,
    check: bool | None = None,
    dump_to: Path | None = None,
    stop_after: int | str | None = None,
    progress: Callable[[Step], None] = lambda step: None,
) -> Design:
    """The design of a net, a circuit, a design as it came, or a file that holds one of them.

    `effort` chooses how hard to optimise: 0 and 1 take seconds, 2 up to minutes, 3 goes on for as
    long as it finds something; `pipeline` says it pass by pass instead.
    With `allow_error` gates may go although so large a share of answers changes, judged on `data`,
    raw features and perhaps class numbers: the certificate then claims no equality with the net.
    `interface` and `every` say how the Verilog is clocked (see `VerilogOptions`); `mhz` chooses
    `every` for a clock on the target instead, by `lithify.backends.fpga.delay`; with `cycles` a
    stream is folded, to take at most so many clock cycles for a sample. `target` is a
    board, or "c" for a design without hardware: no netlist, no Verilog, and so far sooner proved.
    """
    _check_clocking(target, interface, every, mhz, cycles)
    if not 0 <= effort < len(EFFORTS):
        raise InputError(f"effort {effort}: there are 0 to {len(EFFORTS) - 1}")
    passes = pipelines.parse(EFFORTS[effort] if pipeline is None else pipeline)
    start, between = _open(source), None
    if cycles:
        check_cycles(start.circuit, cycles)
    if allow_error is not None:
        start, between = _approximated(start, allow_error, data)
    first = start.circuit if between is None else between
    if pipeline is None and stop_after is None:
        run = pipelines.run_effort(effort, first, check=check, dump_to=dump_to, progress=progress)
    else:
        run = pipelines.run(
            passes,
            first,
            check=check,
            dump_to=dump_to,
            stop_after=stop_after,
            progress=progress,
        )
    if mhz is not None:
        every = levels_for(run.circuit, target, mhz)
    design = Design(
        name=identifier(name or start.name),
        lowered=start.circuit,
        circuit=run.circuit,
        pipeline="; ".join(step.text for step in run.steps),
        code=start.code,
        classes=start.classes,
        provenance=start.provenance,
        target=target,
        interface=interface,
        every=every,
        mhz=mhz or 0.0,
        cycles=cycles,
        steps=run.steps,
        approximated=between,
    )
    if cycles:
        fold(design.cells.circuit, cycles)  # refuses too few
    return design


def _check_clocking(
    target: str, interface: str, every: int, mhz: float | None, cycles: int
) -> None:
    """Refuse what no Verilog can be, or none for that target."""
    if target and target != SOFTWARE:
        from lithify.backends.fpga.targets import board

        board(target)
    VerilogOptions(interface=interface, every=0 if interface == "comb" else every, cycles=cycles)
    if cycles and target == SOFTWARE:
        raise InputError(f"cycles={cycles}: a design for C alone is not clocked")
    if cycles and mhz is not None:
        raise InputError(
            f"cycles={cycles} for {mhz:g} MHz: a folded design has no rows of registers to choose "
            "for a clock"
        )
    if mhz is not None:
        check_clock(mhz, "" if target == SOFTWARE else target, interface)


def _approximated(
    start: Source, allow_error: float, data: "tuple[ArrayLike, ArrayLike | None] | None"
) -> tuple[Source, Circuit]:
    """The source, which says what the approximation cost, and the approximated circuit."""
    if data is None:
        raise InputError("an allowed error needs data to be judged on; none was given")
    x, y = data
    codes = start.design().codes(x)
    labels = None if y is None else np.asarray(y)
    exact = pipelines.run_effort(1, start.circuit).circuit
    circuit, price = approximate(exact, codes, labels, allow_error=allow_error)
    said = {"approximation": asdict(price) | {"said": price.line()}}
    return replace(start, provenance={**start.provenance, **said}), circuit


def _open(source: "Net | Circuit | Design | str | Path") -> Source:
    """The circuit of whatever was handed in, and what is known of it."""
    if isinstance(source, Circuit):
        return Source(name="net", circuit=source)
    if isinstance(source, Design):
        return of_design(source)
    if isinstance(source, str | Path):
        return open_file(source)
    from lithify.compiler.nets import Net

    if isinstance(source, Net):
        return of_net(source, "net", {})
    kind = type(source)
    graph = any(one.__module__.partition(".")[0] == "networkx" for one in kind.__mro__)
    hint = "; lithify.Circuit.from_graph makes a circuit of this graph" if graph else ""
    raise InputError(
        f"a {kind.__name__} cannot be compiled; hand in a net, a circuit or the path of a file "
        f"that holds one{hint}"
    )
