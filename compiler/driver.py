"""From a trained net to a design, step by step."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lithify.backends.verilog.emit import VerilogOptions
from lithify.compiler import pipeline as pipelines
from lithify.compiler.design import Design
from lithify.compiler.pipeline import EFFORTS, Step
from lithify.compiler.source import Source, identifier, of_design, of_net, open_file
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

if TYPE_CHECKING:
    from lithify.compiler.nets import Net


def compile(
    source: "Net | Circuit | Design | str | Path",
    *,
    name: str | None = None,
    target: str = "",
    effort: int = 2,
    pipeline: str | None = None,
    interface: str = "stream",
    every: int = 3,
    check: bool | None = None,
    dump_to: Path | None = None,
    stop_after: int | str | None = None,
    progress: Callable[[Step], None] = lambda step: None,
) -> Design:
    """The design of a net, a circuit, a design as it came, or a file that holds one of them.

    `effort` chooses how hard to optimise: 0 and 1 take seconds, 2 up to minutes, 3 goes on for as
    long as it finds something; `pipeline` says it pass by pass instead.
    `interface` and `every` say how the Verilog is clocked (see `VerilogOptions`).
    """
    if target:
        from lithify.backends.fpga.targets import board

        board(target)
    VerilogOptions(interface=interface, every=0 if interface == "comb" else every)
    if not 0 <= effort < len(EFFORTS):
        raise InputError(f"effort {effort}: there are 0 to {len(EFFORTS) - 1}")
    passes = pipelines.parse(EFFORTS[effort] if pipeline is None else pipeline)
    start = _open(source)
    if pipeline is None and stop_after is None:
        run = pipelines.run_effort(
            effort, start.circuit, check=check, dump_to=dump_to, progress=progress
        )
    else:
        run = pipelines.run(
            passes,
            start.circuit,
            check=check,
            dump_to=dump_to,
            stop_after=stop_after,
            progress=progress,
        )
    return Design(
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
        steps=run.steps,
    )


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
