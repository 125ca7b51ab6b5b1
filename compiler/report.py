"""What a design is made of: encoder, core and head at every stage, as data and as text."""

from collections.abc import Mapping
from typing import Any

from lithify.compiler.design import Design
from lithify.ir.circuit import Circuit

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
            "optimised": stage(design.circuit),
            "netlist": stage(design.netlist.circuit),
        },
        "layers": layers(design.circuit),
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


def rows(design: Design) -> list[tuple[str, ...]]:
    """The table of the stages: one row a stage, one column a part."""
    return [
        (name, *(f"{stage[key]:,}" for key in (*PARTS, "score terms", "depth")))
        for name, stage in data(design)["stages"].items()
    ]


HEADINGS = ("stage", *(f"{part} gates" for part in PARTS), "score terms", "depth")


def text(design: Design) -> str:
    """The report as plain text."""
    lines = [f"{design.name}: {describe_inputs(design.circuit)}, {len(design.classes)} classes"]
    lines += [f"  {key}: {value}" for key, value in flat(design.provenance).items()]
    table = [HEADINGS, *rows(design)]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADINGS))]
    for row in table:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells))
    return "\n".join(lines) + "\n"


def describe_inputs(circuit: Circuit) -> str:
    """The inputs in words."""
    said = [
        f"{p.count} bits" if p.kind == "bit" else f"{p.count} integers of {p.width} bits"
        for p in circuit.inputs
    ]
    return " and ".join(said) or "no inputs"


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result.update(flat(value, f"{prefix}{key}."))
        else:
            result[f"{prefix}{key}"] = value
    return result
