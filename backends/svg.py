"""Small circuits as SVG drawings: inputs on the left, a column a level, outputs on the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from lithify.backends.dot import label, read_inputs, weight_labels
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Score
from lithify.ir.text import signal_names

MOST_GATES = 500
ACROSS, DOWN, WIDE, HIGH, MARGIN = 130, 34, 76, 22, 12
STYLE = (
    "text{font:11px sans-serif;text-anchor:middle;dominant-baseline:central}"
    "rect,ellipse{fill:#fff;stroke:#333}path{fill:none;stroke:#999}.w{fill:#666;font-size:9px}"
)


class _Box(NamedTuple):
    """What is drawn at a place: its text, and `rect`, `ellipse` or nothing around it."""

    text: str
    shape: str
    column: int


class _Wire(NamedTuple):
    """A line from one box to another, and what stands beside it."""

    source: str
    target: str
    text: str


def write(circuit: Circuit) -> bytes:
    """The drawing of the gates that outputs depend on."""
    live = np.flatnonzero(circuit.live())
    if live.size > MOST_GATES:
        raise InputError(
            f"a drawing of {live.size} gates shows nothing; at most {MOST_GATES} are drawn: choose "
            "one output"
        )
    boxes, wires = _boxes(circuit, live.tolist()), list(_wires(circuit, live.tolist()))
    rows = _rows(boxes, wires)
    at = {
        name: (MARGIN + WIDE // 2 + ACROSS * box.column, MARGIN + HIGH // 2 + DOWN * rows[name])
        for name, box in boxes.items()
    }
    width = max((x for x, _ in at.values()), default=0) + WIDE // 2 + MARGIN
    height = max((y for _, y in at.values()), default=0) + HIGH // 2 + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        *(_line(at[wire.source], at[wire.target], wire.text) for wire in wires),
        *(_drawn(box, *at[name]) for name, box in boxes.items()),
        "</svg>\n",
    ]
    return "\n".join(parts).encode()


def _boxes(circuit: Circuit, live: list[int]) -> dict[str, _Box]:
    """What is drawn, by name, with its column."""
    names, levels = signal_names(circuit), circuit.levels()
    boxes = {f"s{s}": _Box(names[s], "", 0) for s in read_inputs(circuit, live).tolist()}
    for gate in live:
        shape = "rect" if circuit.kinds[gate] == TABLE else "ellipse"
        level = int(levels[circuit.first_gate + gate])
        boxes[f"s{circuit.first_gate + gate}"] = _Box(label(circuit, gate), shape, level)
    last = 1 + max((box.column for box in boxes.values()), default=0)
    for index, output in enumerate(circuit.outputs):
        boxes[f"o{index}"] = _Box(output.name, "", last)
    return boxes


def _wires(circuit: Circuit, live: list[int]) -> Iterator[_Wire]:
    for gate in live:
        pins, texts = circuit.gate_fanins(gate), weight_labels(circuit, gate)
        for pin, text in zip(pins, texts, strict=True):
            yield _Wire(f"s{pin}", f"s{circuit.first_gate + gate}", text)
    for index, output in enumerate(circuit.outputs):
        signals = output.signals.ravel().tolist()
        weights = output.weights.tolist() if isinstance(output, Score) else [1] * len(signals)
        for signal, weight in zip(signals, weights, strict=True):
            yield _Wire(f"s{signal}", f"o{index}", "" if weight == 1 else str(weight))


def _rows(boxes: dict[str, _Box], wires: list[_Wire]) -> dict[str, int]:
    """The row of each box: a column is sorted by the mean row of what its boxes read."""
    sources: dict[str, list[str]] = {name: [] for name in boxes}
    for wire in wires:
        sources[wire.target].append(wire.source)
    columns: dict[int, list[str]] = {}
    for name, box in boxes.items():
        columns.setdefault(box.column, []).append(name)
    rows: dict[str, int] = {}
    for column in sorted(columns):

        def mean(name: str) -> float:
            read = [rows[source] for source in sources[name]]
            return sum(read) / len(read) if read else 0.0

        for row, name in enumerate(sorted(columns[column], key=mean)):
            rows[name] = row
    return rows


def _line(start: tuple[int, int], end: tuple[int, int], text: str) -> str:
    (x, y), (right, down) = start, end
    x, right = x + WIDE // 2, right - WIDE // 2
    middle = (x + right) // 2
    path = f'<path d="M{x} {y}C{middle} {y} {middle} {down} {right} {down}"/>'
    beside = f'<text class="w" x="{right - 10}" y="{down - 6}">{escape(text)}</text>'
    return path + beside if text else path


def _drawn(box: _Box, x: int, y: int) -> str:
    around = {
        "rect": f'<rect x="{x - WIDE // 2}" y="{y - HIGH // 2}" width="{WIDE}" height="{HIGH}"/>',
        "ellipse": f'<ellipse cx="{x}" cy="{y}" rx="{WIDE // 2}" ry="{HIGH // 2}"/>',
    }.get(box.shape, "")
    return f'{around}<text x="{x}" y="{y}">{escape(box.text)}</text>'
