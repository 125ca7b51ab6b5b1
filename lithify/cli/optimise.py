"""`lithify optimise`: a circuit from anywhere, made smaller and proved to be the same."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lithify.cli.compile import EFFORT
from lithify.cli.export import WRITERS, rendered
from lithify.cli.screen import Screen
from lithify.ir.errors import InputError
from lithify.ir.files import require_file, write_atomically

if TYPE_CHECKING:
    from lithify.compiler.design import Design
    from lithify.compiler.pipeline import Step
    from lithify.compiler.proof.certificate import Certificate

DESIGN = ".lith"  # holds the circuit before as well, so that `lithify verify` can prove it again
SUFFIXES = (*WRITERS, DESIGN)
HEAD = 1 << 16  # bytes in which a circuit's file says its name and size
EXAMPLE = (
    "lithify optimise adder.aig -o small.aig",
    "lithify optimise net.blif -o small.blif --effort 3",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which circuit, where to, and how hard."""
    parser.add_argument(
        "circuit", type=Path, help="a circuit, design or model in any format of docs/import.md"
    )
    parser.add_argument(
        "-o", "--file", type=Path, required=True, help=f"a file called {', '.join(SUFFIXES)}"
    )
    parser.add_argument("--effort", type=int, default=2, help=EFFORT)
    parser.add_argument("--passes", help="the passes to run instead, such as 'fold; strash; prune'")
    parser.add_argument(
        "--time-limit", type=float, default=60.0, help="CPU seconds for the proof (60)"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What every pass did; the circuit and, as FILE.certificate.json, its certificate."""
    from lithify.compiler.driver import compile
    from lithify.compiler.proof.certificate import Subjects, certify, require_time_limit
    from lithify.compiler.proof.verdict import explain

    file: Path = arguments.file
    if file.suffix not in SUFFIXES:
        raise InputError(f"{file}: the name says the format, which is one of {', '.join(SUFFIXES)}")
    require_file(file)
    require_time_limit(arguments.time_limit)
    design = compile(arguments.circuit, effort=arguments.effort, pipeline=arguments.passes)
    screen.say("  proving the circuit equal to the one before")
    certificate = certify(
        Subjects(optimised=design.circuit, lowered=design.lowered, netlist=design.netlist),
        time_limit=arguments.time_limit,
        progress=lambda stage, verdict: screen.say(f"  {explain(verdict, design.circuit)}"),
    )
    head = _head(arguments.circuit)
    data, certificate = _written(design, certificate, file, model_name(head) or design.name)
    write_atomically(file, data)
    proof = file.with_name(f"{file.name}.certificate.json")
    write_atomically(proof, certificate.to_bytes())
    screen.table(HEADINGS, [_row(step) for step in design.steps])
    before, after = design.lowered.num_gates, design.circuit.num_gates
    screen.show(f"{before:,} gates before, {after:,} after")
    ands = {"read": num_ands(head), "written": num_ands(data)}
    if counts := [f"{count:,} {what}" for what, count in ands.items() if count is not None]:
        screen.show(f"ANDs of AIGER: {', '.join(counts)}")
    for line in certificate.lines():
        screen.show(f"proof: {line}")
    for one in certificate.files:
        screen.show(f"file: {one.line()}")
    screen.show(f"written: {file} ({len(data):,} bytes) and {proof}")
    return {
        "file": str(file),
        "certificate": str(proof),
        "gates": {"before": before, "after": after},
        "ands": ands,
        "levels": {"before": design.lowered.depth, "after": design.circuit.depth},
        "steps": [
            {"pass": s.text, "seconds": s.seconds, "gates": s.gates, "levels": s.depth}
            for s in design.steps
        ],
        "proof": certificate.lines(),
        "ok": certificate.ok,
    }


def _written(
    design: "Design", certificate: "Certificate", file: Path, name: str
) -> "tuple[bytes, Certificate]":
    """The bytes of the file, and the certificate that says how these were checked."""
    from lithify.compiler.design_file import to_bytes
    from lithify.compiler.proof.files import Sides, check_files

    if file.suffix == DESIGN:
        return to_bytes(replace(design, certificate=certificate)), certificate
    data = rendered(design.circuit, design.code, file.suffix, name)
    sides = Sides(design.name, design.circuit, design.netlist.circuit, {file.name: data})
    return data, replace(certificate, files=check_files({file.name: data}, sides))


def _head(path: Path) -> bytes:
    """How a file starts; nothing of what is no file."""
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(HEAD)


def model_name(head: bytes) -> str:
    """The name of the model in a BLIF file that starts so; "" where it has none.

    >>> model_name(b"# made by hand\\n.model adder\\n.inputs a b\\n")
    'adder'
    """
    start = re.match(rb"(?:\s*(?:#[^\n]*)?\n)*\s*\.model[ \t]+([^\s#]+)", head)
    return start[1].decode(errors="replace") if start else ""


def num_ands(data: bytes) -> int | None:
    """The ANDs that the header of an AIGER file counts; None where it is another file.

    >>> num_ands(b"aig 7 3 0 2 4\\n14\\n"), num_ands(b".model adder")
    (4, None)
    """
    words = data[:HEAD].split(b"\n", 1)[0].split()
    is_aiger = len(words) > 5 and words[0] in (b"aig", b"aag") and words[5].isdigit()
    return int(words[5]) if is_aiger else None


HEADINGS = ("pass", "gates before", "gates", "score terms", "levels", "seconds")


def _row(step: "Step") -> tuple[str, ...]:
    """One pass as a row of the table."""
    counts = (step.gates[0], step.gates[1], step.terms[1], step.depth[1])
    return (step.text, *(f"{count:,}" for count in counts), f"{step.seconds:.2f}")
