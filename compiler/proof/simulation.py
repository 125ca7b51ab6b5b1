"""The first stage of every proof: both sides on the same test vectors, by the interpreter."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.proof.verdict import Refuted
from lithify.ir.arithmetic import CLASS, SCORES
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import pack, random_codes, read_scores, run_planes, unpack_word

MOST_WORDS = 1 << 24  # of simulation results held at a time

Integers = NDArray[np.int64]


def observe(circuit: Circuit, codes: Integers) -> dict[str, Integers]:
    """Every output[samples, count] by name: words, then all `scores`, and the `class`.

    A circuit and the netlist that it was expanded to are observed under the same names.
    """
    planes = run_planes(circuit, pack(circuit, codes))
    samples = len(codes)
    seen = {w.name: unpack_word(planes[w.signals], w.kind, samples) for w in circuit.words}
    if circuit.scores:
        seen[SCORES] = read_scores(circuit, planes, samples)
        if circuit.readout == "argmax":
            seen[CLASS] = seen[SCORES].argmax(1).astype(np.int64).reshape(-1, 1)
    return seen


def difference(expected: Circuit, seen: Circuit, codes: ArrayLike) -> Refuted | None:
    """The first of codes[samples, elements] on which two circuits differ, or None."""
    array = np.asarray(codes)
    for begin, chunk in _chunks(array, max(expected.num_signals, seen.num_signals)):
        left, right = observe(expected, chunk), observe(seen, chunk)
        for name, values in left.items():
            rows = np.flatnonzero((values != right[name]).any(1))
            if rows.size:
                return confirm(expected, seen, array[begin + rows[0]])
    return None


def confirm(expected: Circuit, seen: Circuit, code: Integers) -> Refuted | None:
    """The refutation by one input, or None where the interpreter sees both sides agree."""
    left, right = observe(expected, code[None]), observe(seen, code[None])
    for name, values in left.items():
        if not np.array_equal(values, right[name]):
            return Refuted(
                codes=tuple(code.tolist()),
                output=name,
                expected=tuple(values[0].tolist()),
                seen=tuple(right[name][0].tolist()),
            )
    return None


def vectors_for(
    circuit: Circuit, vectors: int, rng: np.random.Generator, samples: ArrayLike | None = None
) -> Integers:
    """Legal codes[vectors, elements]: the given samples, the ends of the ranges, random ones."""
    bounds = [port.bounds for port in circuit.inputs for _ in range(port.count)]
    corners = np.array(bounds, np.int64).reshape(-1, 2).T
    parts = [corners, random_codes(circuit, vectors, rng)]
    if samples is not None:
        parts.insert(0, np.asarray(samples, np.int64))
    return np.concatenate(parts)


def _chunks(codes: Integers, signals: int) -> Iterator[tuple[int, Integers]]:
    """The codes in pieces whose simulation fits the memory: where each starts, and the piece."""
    size = 64 * max(1, MOST_WORDS // signals)
    for begin in range(0, len(codes), size):
        yield begin, codes[begin : begin + size]


def planes_of(circuit: Circuit, signals: NDArray[np.int32], codes: Integers) -> NDArray[np.uint64]:
    """The planes[signals, words] of some signals; the last code fills up the last word."""
    padding = -len(codes) % 64
    whole = np.concatenate([codes, np.repeat(codes[-1:], padding, axis=0)])
    parts = [
        run_planes(circuit, pack(circuit, chunk))[signals]
        for _, chunk in _chunks(whole, circuit.num_signals)
    ]
    return np.concatenate(parts, axis=1)
