"""Where cells come from: the origins of what they behave like, else of what reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.signatures import classify
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import pack, random_codes, run_planes

I64 = NDArray[np.int64]

VECTORS = 512
NONE = np.iinfo(np.int64).max


def with_origins(cells: Circuit, circuit: Circuit) -> Circuit:
    """The cells with the origins and units of the circuit that they were mapped from.

    A cell that behaves like a gate of the circuit on test vectors has that gate's; another one has
    those of the first gate in the net that reads it. They serve reports, and no proof.
    """
    marks = _spread(_alike(cells, circuit), cells)
    known = marks < NONE
    return replace(
        cells,
        origins=circuit.origins,
        origin_of=np.where(known, marks >> 32, -1).astype(np.int32),
        unit_of=np.where(known, marks & 0xFFFFFFFF, 0).astype(np.int32),
    )


def _alike(cells: Circuit, circuit: Circuit) -> I64:
    """For every cell the least mark (origin, unit) of the gates that it behaves like."""
    codes = random_codes(circuit, VECTORS, np.random.default_rng(0))
    planes = pack(circuit, codes)
    first = circuit.first_gate
    ours, theirs = (run_planes(c, planes)[first:] for c in (circuit, cells))
    number = classify(np.concatenate([ours, theirs])).number
    named = np.flatnonzero(circuit.origin_of >= 0)
    marks = circuit.origin_of[named].astype(np.int64) << 32 | circuit.unit_of[named].clip(0)
    least = np.full(number.max(initial=-1) + 1, NONE)
    np.minimum.at(least, number[named], marks)
    alike: I64 = least[number[circuit.num_gates :]]
    return alike


def _spread(marks: I64, cells: Circuit) -> I64:
    """The marks where cells without one take the least of the cells that read them."""
    readers = np.repeat(np.arange(marks.size), np.diff(cells.offsets))
    inner = cells.fanins >= cells.first_gate
    sources, readers = cells.fanins[inner] - cells.first_gate, readers[inner]
    while True:
        best = np.full(marks.size, NONE)
        np.minimum.at(best, sources, marks[readers])
        found = (marks == NONE) & (best < NONE)
        if not found.any():
            return marks
        marks = np.where(found, best, marks)
