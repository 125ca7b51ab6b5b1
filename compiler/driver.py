"""From a trained net to a design, step by step."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.backends.verilog.emit import VerilogOptions
from lithify.compiler import pipeline as pipelines
from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.pipeline import EFFORTS, Step
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

if TYPE_CHECKING:
    from lithify.compiler.nets import Net


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the compiler starts from: a circuit and what is known of it."""

    name: str
    circuit: Circuit
    code: InputCode | None = None
    classes: tuple[str, ...] = ()
    provenance: Mapping[str, Any]


def compile(
    source: "Net | Circuit | str | Path",
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
    """The design of a net, a circuit, or a file that holds one of them.

    `effort` 0 to 2 chooses how hard to optimise; `pipeline` says it pass by pass instead.
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
    run = pipelines.run(
        passes,
        start.circuit,
        check=check,
        dump_to=dump_to,
        stop_after=stop_after,
        progress=progress,
    )
    return Design(
        name=_identifier(name or start.name),
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


def _open(source: "Net | Circuit | str | Path") -> Source:
    """The circuit of whatever was handed in, and what is known of it."""
    if isinstance(source, Circuit):
        return Source(name="net", circuit=source, provenance={})
    if isinstance(source, str | Path):
        return _open_file(Path(source))
    from lithify.compiler.nets import Net

    if isinstance(source, Net):
        return _of_net(source, "net", {})
    kind = type(source)
    graph = any(one.__module__.partition(".")[0] == "networkx" for one in kind.__mro__)
    hint = "; lithify.Circuit.from_graph makes a circuit of this graph" if graph else ""
    raise InputError(
        f"a {kind.__name__} cannot be compiled; hand in a net, a circuit or the path of a file "
        f"that holds one{hint}"
    )


def _of_net(net: "Net", name: str, provenance: Mapping[str, Any]) -> Source:
    from lithify.compiler.lowering import lower

    return Source(
        name=name,
        circuit=lower(net),
        code=net.code,
        classes=net.classes,
        provenance=provenance,
    )


def _open_file(path: Path) -> Source:
    """A saved model, or a circuit in one of the forms that hold one."""
    from lithify.ir import binary, text

    match path.suffix:
        case ".safetensors":
            from lithify.compiler.nets.model_file import load

            model = load(path)
            return _of_net(model.net, path.stem, model.provenance)
        case ".circuit":
            return Source(name=path.stem, circuit=text.load(path), provenance={})
        case ".npz" | ".bin":
            return Source(name=path.stem, circuit=binary.load(path), provenance={})
        case ".aig" | ".aag" | ".blif":
            return Source(name=path.stem, circuit=_exchange(path), provenance={})
        case _:
            raise InputError(
                f"{path}: what `{path.suffix}` holds is not known; there are .safetensors models, "
                ".circuit texts, .npz circuits, .aig, .aag and .blif"
            )


def _exchange(path: Path) -> Circuit:
    from lithify.backends import aiger, blif

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    read = blif.read if path.suffix == ".blif" else aiger.read
    return read(data, str(path))


def _identifier(name: str) -> str:
    """A name that is also good as a file, a Verilog module and a C function."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return plain if plain and not plain[0].isdigit() else f"net_{plain}".rstrip("_")
