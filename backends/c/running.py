"""Programs handed to the kernel: what an engine calls for a span of samples."""

from __future__ import annotations

import ctypes
from typing import Protocol

import numpy as np

from lithify.backends.c.counting import WORD, CountProgram
from lithify.backends.c.library import CountNet, Kernel, NetJob, NetProgram, aligned_bytes
from lithify.backends.c.program import Program, Tables


class Runner(Protocol):
    """A program on one kind of vectors."""

    workspace_bytes: int
    """What every call needs for itself alone."""

    def __call__(self, job: NetJob, first: int, last: int) -> bool:
        """Whether a code of samples first to last - 1 was out of range, after running them."""


class GateRunner:
    """A program of gates; `program` must outlive it, as its arrays are read in place."""

    def __init__(self, gates: Program, kernel: Kernel, vector: int) -> None:
        """Prepare vectors of `vector` bits."""
        self.net = NetProgram(
            **_addresses(gates),
            num_stages=len(gates.stages),
            slots=gates.slots,
            wide=int(gates.operands.itemsize == 4),
            num_chunks=len(gates.chunks),
            input_bits=gates.num_input_bits,
            num_runs=len(gates.runs),
            num_scores=len(gates.scores),
            score_bits=gates.score_bits,
            wide_scores=int(gates.wide_scores),
            num_word_elements=len(gates.word_fields),
        )
        self.words = vector // 64
        self.kernel = kernel
        self.program = gates
        self.workspace_bytes = kernel.workspace(ctypes.byref(self.net), self.words)

    def __call__(self, job: NetJob, first: int, last: int) -> bool:
        """Run these samples."""
        return bool(self.kernel.run(ctypes.byref(self.net), job, first, last, self.words))


class CountRunner:
    """A program of counts, likewise; the widest vectors up to `vector` bits that count."""

    def __init__(self, counts: CountProgram, kernel: Kernel, vector: int) -> None:
        """Prepare vectors of at most `vector` bits."""
        self.weights = aligned_bytes(counts.weights.nbytes).view(np.uint64)
        self.weights[:] = counts.weights
        addresses = _addresses(counts)
        addresses["weights"] = self.weights.ctypes.data
        if not counts.above.size:
            addresses["above"] = 0
        self.net = CountNet(
            **addresses,
            input_words=len(counts.chunks),
            elements=counts.elements,
            num_layers=len(counts.layers),
            num_scores=len(counts.scores),
            row_words=counts.row_words,
            high=_common_high(counts),
        )
        self.words = max(width for width in kernel.counting_vectors if width <= vector) // 64
        self.kernel = kernel
        self.program = counts
        self.workspace_bytes = counts.workspace_bytes

    def __call__(self, job: NetJob, first: int, last: int) -> bool:
        """Run these samples."""
        return bool(self.kernel.counts(ctypes.byref(self.net), job, first, last, self.words))


class BatchRunner:
    """A net as counts for small batches, and as gates for larger ones and for planes."""

    def __init__(self, counts: CountRunner, gates: GateRunner) -> None:
        """Both are of the same net."""
        self.counts, self.gates = counts, gates
        self.workspace_bytes = max(counts.workspace_bytes, gates.workspace_bytes)

    def __call__(self, job: NetJob, first: int, last: int) -> bool:
        """Run these samples."""
        few = last - first <= self.counts.program.most_samples and not job.planes
        return (self.counts if few else self.gates)(job, first, last)


def _addresses(tables: Tables) -> dict[str, int]:
    return {name: getattr(tables, name).ctypes.data for name in tables.ARRAYS}


def _common_high(counts: CountProgram) -> int:
    """The highest code, where all elements are read, start at 0 and end at the same; else -1."""
    bounds = {port.bounds for port in counts.inputs}
    low, high = bounds.pop()
    every = len(np.unique(counts.chunks)) == -(-counts.elements // WORD)
    return high if low == 0 and not bounds and every else -1
