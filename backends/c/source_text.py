"""Pieces of C source: constant tables, types and comments."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.ir.ports import Port

NUMBERS_A_LINE = 24


def table(name: str, kind: str, numbers: NDArray[np.integer], columns: int = 0) -> str:
    """One constant array; where it has no numbers, one of a single zero that nobody reads."""
    if numbers.size == 0:
        numbers = np.zeros(max(columns, 1), np.int64)
    flat = numbers.ravel().tolist()
    texts = [_long(number) for number in flat] if kind == "int64_t" else list(map(str, flat))
    step = NUMBERS_A_LINE if columns < 2 else columns
    lines = [",".join(texts[at : at + step]) for at in range(0, len(texts), step)]
    if columns < 2:
        return f"static const {kind} {name}[] = {{\n" + ",\n".join(lines) + "\n};"
    rows = ",\n".join(f"{{{line}}}" for line in lines)
    return f"static const {kind} {name}[][{columns}] = {{\n{rows}\n}};"


def _long(number: int) -> str:
    """A 64-bit constant; the lowest has no literal of its own."""
    return f"INT64_C({number})" if number > -(1 << 63) else f"INT64_C({number + 1}) - 1"


def input_type(inputs: Sequence[Port]) -> str:
    """The smallest C integer that holds every input."""
    low = min((port.bounds[0] for port in inputs), default=0)
    high = max((port.bounds[1] for port in inputs), default=0)
    for bits in (8, 16, 32, 64):
        if low >= 0 and high < 1 << bits:
            return f"uint{bits}_t"
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return f"int{bits}_t"
    raise AssertionError("ports are narrower than 64 bits")


def plain(name: str) -> str:
    """A name as it may stand in a comment."""
    return re.sub(r"[^A-Za-z0-9_.()\[\] -]", "_", name)


def ports_text(inputs: Sequence[Port]) -> str:
    """What the header says of the inputs, a line each."""
    lines = []
    for port in inputs:
        low, high = port.bounds
        lines.append(f"   {plain(port.name)}: {port.count} in {low}..{high}")
    return "\n".join(lines) or "   none"


def listed(names: Sequence[str]) -> str:
    """`: a, b, c.` for a comment, shortened where there are many."""
    if not names:
        return "."
    shown = [plain(name) for name in names[:10]]
    return f": {', '.join(shown)}{' and so on' if len(names) > 10 else ''}."
