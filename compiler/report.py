"""What a design is made of: encoder, core and head at every stage, as data and as text."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lithify.backends.c.emit import export_size
from lithify.backends.verilog.folding import fold
from lithify.compiler.design import Design
from lithify.ir.circuit import Circuit
from lithify.ir.wording import counted

PARTS = ("encoder", "core", "head")


def data(design: Design) -> dict[str, Any]:
    """The report as JSON-able values."""
    return {
        "name": design.name,
        "digest": design.circuit.digest,
        "target": design.target,
        "classes": list(design.classes),
        "inputs": [
            {"name": p.name, "count": p.count, "width": p.width, "low": p.low, "high": p.high}
            for p in design.circuit.inputs
        ],
        "readout": design.circuit.readout,
        "pipeline": design.pipeline,
        "provenance": dict(design.provenance),
        "stages": {
            "lowered": stage(design.lowered),
            **(
                {"approximated": stage(design.approximated)}
                if design.approximated is not None
                else {}
            ),
            "optimised": stage(design.circuit),
            **({} if design.in_software else {"netlist": stage(design.netlist.circuit)}),
        },
        **({"folded": folded(design)} if design.cycles else {}),
        **({"c": asdict(export_size(design.circuit))} if design.in_software else {}),
        "layers": layers(design.circuit),
    }


def folded(design: Design) -> dict[str, Any]:
    """What folding made of a design: tables at once, cycles of a sample, memory; `said` in words.

    The bits that are made are kept once for every input of every table looked up at once.
    """
    made = fold(design.cells.circuit, design.cycles)
    said = (
        f"folded: {design.cells.circuit.num_gates:,} tables of four inputs, {made.lanes} at a "
        f"time; {made.cycles:,} clock cycles a sample; memories of {made.program_bits:,} bits for "
        f"the tables, and {made.copies} of {made.word_bits:,} bits for what they make"
    )
    return {
        "lanes": made.lanes,
        "cycles": made.cycles,
        "program_bits": made.program_bits,
        "copies": made.copies,
        "copy_bits": made.word_bits,
        "said": said,
    }


def stage(circuit: Circuit) -> dict[str, int]:
    """Gates by part, terms of the scores, and depth of one circuit."""
    sizes = circuit.size_by_part()
    return {
        **{part: sizes[part] for part in PARTS},
        "other": sizes[""],
        "gates": circuit.num_gates,
        "score terms": sum(score.signals.size for score in circuit.scores),
        "depth": circuit.depth,
    }


def layers(circuit: Circuit) -> dict[str, int]:
    """How many gates each layer has left, in the order of the net."""
    counts: dict[str, int] = {}
    named = circuit.origin_of[circuit.origin_of >= 0]
    for i, origin in enumerate(circuit.origins):
        counts[origin.path] = counts.get(origin.path, 0) + int((named == i).sum())
    return counts


def table(design: Design) -> list[tuple[str, ...]]:
    """The headings and a row for each stage; gates of no part have a column where there are any."""
    stages = data(design)["stages"]
    others = ("other",) if any(one["other"] for one in stages.values()) else ()
    parts = (*PARTS, *others)
    keys = (*parts, "score terms", "depth")
    headings = ("stage", *(f"{part} gates" for part in parts), *keys[len(parts) :])
    rows = [(name, *(f"{one[key]:,}" for key in keys)) for name, one in stages.items()]
    return [headings, *rows]


def text(design: Design) -> str:
    """The report as plain text."""
    lines = [describe(design)]
    lines += [f"  {key}: {value}" for key, value in flat(design.provenance).items()]
    rows = table(design)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells))
    if design.in_software:
        lines.append(in_c(design))
    return "\n".join(lines) + "\n"


def in_c(design: Design) -> str:
    """What the exported C takes, in words."""
    size = export_size(design.circuit)
    what = f"{size.gates:,} gates of two inputs" if size.gates else "counts of bits"
    stack = f"{size.stack_bytes_8:,} bytes of stack"
    if size.gates:
        stack += f" with {design.name.upper()}_LANES=8, {size.stack_bytes_64:,} with 64"
    return f"in C: {what}, {size.table_bytes:,} bytes of tables, {stack}"


def describe(design: Design) -> str:
    """The inputs and outputs in words."""
    circuit = design.circuit
    inputs = [
        counted(p.count, "bit")
        if p.kind == "bit"
        else f"{counted(p.count, 'integer')} of {counted(p.width, 'bit')}"
        for p in circuit.inputs
    ]
    kinds = (("word", len(circuit.words)), ("score", len(circuit.scores)))
    outputs = [counted(number, one) for one, number in kinds if number]
    return (
        f"{design.name}: {' and '.join(inputs) or 'no inputs'}, "
        f"{' and '.join(outputs) or 'no outputs'}, readout {circuit.readout}"
    )


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result.update(flat(value, f"{prefix}{key}."))
        else:
            result[f"{prefix}{key}"] = value
    return result
