"""Proof that cells compute the circuit that they were mapped from."""

from __future__ import annotations

import time

import numpy as np

from lithify.compiler.mapping.cells import Cells
from lithify.compiler.mapping.cut import cut
from lithify.compiler.proof.conservation import prove_netlist
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.simulation import difference, vectors_for
from lithify.compiler.proof.verdict import NotProved, Proved, Verdict, timed
from lithify.ir.circuit import Circuit


def prove_cells(
    circuit: Circuit, cells: Cells, *, time_limit: float = 60.0, vectors: int = 1024, seed: int = 0
) -> Verdict:
    """Whether the cells compute the circuit's words, all bits of its scores, and its class.

    The netlist between them is proved to be the circuit by weight conservation. Then both the
    netlist and the cells are cut at the gates that were not left to the mapper: these are inputs to
    what reads them, so that each is compared over the same signals on both sides. As neither side
    has a cycle, equal pieces make equal wholes.
    """
    start = time.perf_counter()
    counted = prove_netlist(circuit, cells.netlist, vectors=vectors, seed=seed)
    if not isinstance(counted, Proved):
        return counted
    if fault := _broken(cells):
        return NotProved(fault, 0, time.perf_counter() - start)
    rng = np.random.default_rng(seed)
    codes = vectors_for(cells.netlist.circuit, vectors, rng)
    if refuted := difference(cells.netlist.circuit, cells.circuit, codes):
        return timed(refuted, time.perf_counter() - start)
    made = cells.netlist.circuit
    outputs = np.union1d(cells.cuts, made.output_signals[made.output_signals >= made.first_gate])
    pieces = prove_equal(
        cut(made, cells.cuts, outputs.astype(np.int32)),
        cut(cells.circuit, cells.image[cells.cuts], cells.image[outputs]),
        time_limit=time_limit,
        vectors=vectors,
        seed=seed,
    )
    spent = time.perf_counter() - start
    if not isinstance(pieces, Proved):
        reason = "the cells differ from the netlist between two cuts"
        if isinstance(pieces, NotProved):
            reason = pieces.reason
        return NotProved(reason, vectors, spent)
    method = f"{counted.method}, then {pieces.method} piece by piece"
    engines = tuple(dict.fromkeys((*counted.engines, *pieces.engines)))
    return Proved(method, engines, counted.pairs + pieces.pairs, counted.vectors, spent)


def _broken(cells: Cells) -> str:
    """What keeps the cells from being compared piece by piece, or nothing."""
    made, image = cells.netlist.circuit, cells.image
    if image.shape != (made.num_signals,) or made.inputs != cells.circuit.inputs:
        return "the cells are of another netlist"
    if not np.array_equal(image[: made.first_gate], np.arange(made.first_gate)):
        return "constants and inputs have other signals in the cells"
    if (image[cells.cuts] < made.first_gate).any() or np.unique(
        image[cells.cuts]
    ).size < cells.cuts.size:
        return "a gate to cut at is no gate of its own in the cells"
    ours = [(w.name, w.kind, image[w.signals].tolist()) for w in made.words]
    theirs = [(w.name, w.kind, w.signals.tolist()) for w in cells.circuit.words]
    return "" if ours == theirs else "the cells have other outputs than the netlist"
