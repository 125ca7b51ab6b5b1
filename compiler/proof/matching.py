"""Proof that a file read back is the netlist it was written from, one gate at a time.

Every gate of the netlist is looked for among the signals that behave like it; one whose cone, cut
at what the gate's own fan-ins were found to be, has the gate's table, is the gate. That is a proof
by induction, linear in the gates, with no search, adders included.
"""

import time

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.proof.equivalence import check_interfaces, prove_equal
from lithify.compiler.proof.matching_loop import Gates, Readers, match
from lithify.compiler.proof.simulation import difference, planes_of, vectors_for
from lithify.compiler.proof.verdict import Proved, Verdict, timed
from lithify.compiler.signatures import classify
from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_FANINS, TABLE, Circuit
from lithify.ir.errors import InputError

METHOD = "gate-by-gate matching"
ENGINE = "lithify"
MOST_WORDS = 1 << 24
INVERTER, BUFFER = np.uint64(0b01), np.uint64(0b10)


def prove_same_gates(
    expected: Circuit,
    seen: Circuit,
    *,
    time_limit: float = 60.0,
    vectors: int = 2048,
    samples: ArrayLike | None = None,
    seed: int = 0,
) -> Verdict:
    """Whether two circuits of tables and words, of one interface, say the same.

    Meant for the same gates written another way; where matching them leaves an output open,
    `prove_equal` tries for `time_limit` CPU seconds, with what was matched in place of its gates.
    """
    start = time.perf_counter()
    for circuit in (expected, seen):
        if circuit.scores or (circuit.kinds != TABLE).any():
            raise InputError("only circuits of tables and words can be matched; expand them first")
    check_interfaces(expected, seen)
    codes = vectors_for(expected, vectors, np.random.default_rng(seed), samples)
    if refuted := difference(expected, seen, codes):
        return timed(refuted, time.perf_counter() - start)
    hashed = _hashed(seen)
    pairs, owner = _matched(expected, hashed, codes)
    if pairs is not None:
        return Proved(METHOD, (ENGINE,), pairs, len(codes), time.perf_counter() - start)
    left = _joined(expected, hashed, owner)
    verdict = prove_equal(
        expected, left, time_limit=time_limit, vectors=vectors, samples=samples, seed=seed
    )
    return timed(verdict, time.perf_counter() - start)


def _joined(expected: Circuit, seen: Circuit, owner: NDArray[np.int64]) -> Circuit:
    """What was seen, signals that equal literals of the expected circuit made as these are."""
    b = Builder(fold=False, hash=False)
    for port in expected.inputs:
        b.port(port)
    ours = b.copy(expected)
    inverse = owner & 1 == 1
    inverses = np.unique(owner[(owner >= 0) & inverse] >> 1)
    place = np.zeros(expected.num_signals, np.int32)
    place[inverses] = b.tables(np.full(inverses.size, INVERTER), ours[inverses][:, None])
    own = b.num_signals + np.arange(seen.num_signals) - seen.first_gate
    image = np.where(owner < 0, own, np.where(inverse, place[owner >> 1], ours[owner >> 1]))
    image = image.astype(np.int32)
    fanins = image[seen.fanins]
    b.gates(seen.kinds, seen.tables, seen.offsets, fanins, np.ones(fanins.size, np.int32))
    for word in seen.words:
        b.output(word.name, image[word.signals], kind=word.kind)
    return b.finish(readout=seen.readout)


def _matched(
    expected: Circuit, seen: Circuit, codes: NDArray[np.int64]
) -> tuple[int | None, NDArray[np.int64]]:
    """How many gates were found, or None where an output is not among them.

    Also the literal that each signal that was seen is proved to equal, or -1.
    """
    ours, theirs = expected.num_signals, seen.num_signals
    # The last ones, which are random: on samples alone too many signals behave alike.
    codes = codes[-64 * max(4, MOST_WORDS // (ours + theirs)) :]
    everything = [np.arange(n, dtype=np.int32) for n in (ours, theirs)]
    planes = [planes_of(c, e, codes) for c, e in zip((expected, seen), everything, strict=True)]
    numbers = classify(np.concatenate(planes)).number
    classes, found = numbers[:ours], numbers[ours:]
    members = np.argsort(found, kind="stable").astype(np.int32)
    starts = np.searchsorted(found[members], np.arange(numbers.max() + 2))
    outputs = [
        np.concatenate([np.empty(0, np.int32), *(w.signals.ravel() for w in c.words)])
        for c in (expected, seen)
    ]
    hints = np.full(ours, -1, np.int32)
    roots, inverted = _without_inverters(seen, outputs[1])
    hints[outputs[0]] = roots
    known, owner = np.full(ours, -1, np.int64), np.full(theirs, -1, np.int64)
    inputs = 2 * np.arange(expected.first_gate)
    inputs[1] = 1  # constant 1 is the inverse of constant 0
    known[: inputs.size] = owner[: inputs.size] = inputs
    readers = _readers(seen, found)
    match(_gates(expected), _gates(seen), classes, starts, members, hints, known, owner, readers)
    same = (owner[roots] >= 0) & (known[outputs[0]] == owner[roots] ^ inverted)
    return int((known >= 0).sum()) - inputs.size if same.all() else None, owner


def _without_inverters(
    circuit: Circuit, signals: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """What the signals merely buffer or invert, else themselves, and whether they invert it.

    A gate without fan-ins buffers the constant that its table says.
    """
    if not circuit.num_gates:
        return signals, np.zeros(signals.size, np.bool_)
    gates = np.maximum(signals - circuit.first_gate, 0)
    arity = np.where(signals >= circuit.first_gate, np.diff(circuit.offsets)[gates], MOST_FANINS)
    tables = np.where(arity == 1, circuit.tables[gates] & np.uint64(3), np.uint64(0))
    inverted = tables == INVERTER
    through = inverted | (tables == BUFFER)
    pins = np.append(circuit.fanins, 0)[np.where(through, circuit.offsets[gates], 0)]
    constants = circuit.tables[gates] & np.uint64(1)
    roots = np.where(through, pins, np.where(arity == 0, constants, signals))
    return roots.astype(np.int32), inverted


def _hashed(circuit: Circuit) -> Circuit:
    """The circuit with every gate once: what reads a file writes out shared gates many times."""
    b = Builder(fold=False, hash=True)
    for port in circuit.inputs:
        b.port(port)
    renamed = b.copy(circuit)
    for word in circuit.words:
        b.output(word.name, renamed[word.signals], kind=word.kind)
    return b.finish(readout=circuit.readout)


def _readers(circuit: Circuit, classes: NDArray[np.int64]) -> Readers:
    order = np.argsort(circuit.fanins, kind="stable")
    owners = np.repeat(np.arange(circuit.num_gates), np.diff(circuit.offsets))[order]
    starts = np.searchsorted(circuit.fanins[order], np.arange(circuit.num_signals + 1))
    return Readers(starts, (circuit.first_gate + owners).astype(np.int32), classes)


def _gates(circuit: Circuit) -> Gates:
    return Gates(circuit.first_gate, circuit.tables, circuit.offsets, circuit.fanins)
