"""The interpreter, bit-parallel on 64-bit words: it is the meaning of a circuit.

Sample s of a plane is bit s % 64 of word s // 64.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.jit import njit
from lithify.ir.ports import element_names

Planes = NDArray[np.uint64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a circuit answers: its words by name, its scores and the argmax of the scores."""

    words: dict[str, Integers]
    scores: Integers
    classes: Integers


def run(circuit: Circuit, codes: ArrayLike) -> Answers:
    """The answers to codes[samples, elements]."""
    array = np.asarray(codes)
    planes = run_planes(circuit, pack(circuit, array))
    samples = len(array)
    words = {w.name: unpack_word(planes[w.signals], w.kind, samples) for w in circuit.words}
    scores = read_scores(circuit, planes, samples)
    classes = scores.argmax(1) if scores.shape[1] else np.zeros(samples, np.int64)
    return Answers(words, scores, classes.astype(np.int64))


def pack(circuit: Circuit, codes: ArrayLike) -> Planes:
    """The input planes[input bits, words] of codes[samples, elements], which must be in range."""
    array = _integers(circuit, codes)
    samples = len(array)
    planes = np.zeros((circuit.num_input_bits, -(-samples // 64)), np.uint64)
    bit, element = 0, 0
    for port in circuit.inputs:
        columns = array[:, element : element + port.count].T
        rows = planes[bit : bit + port.bits].reshape(port.count, port.width, -1)
        for i in range(port.width):
            rows[:, i] = pack_bits((columns >> i) & 1)
        bit, element = bit + port.bits, element + port.count
    return planes


def pack_bits(bits: ArrayLike) -> Planes:
    """The planes[..., words] of bits[..., samples]."""
    array = np.asarray(bits).astype(np.uint8)
    samples = array.shape[-1]
    padded = np.zeros((*array.shape[:-1], -(-samples // 64) * 64), np.uint8)
    padded[..., :samples] = array
    octets = np.packbits(padded, axis=-1, bitorder="little")
    planes: Planes = octets.view("<u8").astype(np.uint64, copy=False)
    return planes


def unpack_bits(planes: Planes, samples: int) -> NDArray[np.uint8]:
    """The bits[..., samples] of planes[..., words]."""
    octets = np.ascontiguousarray(planes.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=samples, bitorder="little")


def unpack_word(planes: Planes, kind: str, samples: int) -> Integers:
    """The integers[samples, count] whose bits are planes[count, width, words]."""
    bits = unpack_bits(planes, samples).astype(np.int64)
    width = bits.shape[1]
    places = np.left_shift(np.int64(1), np.arange(width, dtype=np.int64))
    if kind == "int" and width:
        places[-1] = -places[-1]
    integers: Integers = np.einsum("cws,w->sc", bits, places)
    return integers


def run_planes(circuit: Circuit, planes: Planes) -> Planes:
    """The planes[signals, words] of every signal, given those of the input bits."""
    if planes.shape[0] != circuit.num_input_bits:
        raise InputError(
            f"{planes.shape[0]} input planes; the circuit has {circuit.num_input_bits} input bits"
        )
    values = np.empty((circuit.num_signals, planes.shape[1]), np.uint64)
    values[0] = 0
    values[1] = ~np.uint64(0)
    values[2 : circuit.first_gate] = planes
    weights = circuit.weights
    rows = (circuit.kinds, circuit.bounds, circuit.offsets, circuit.fanins, weights)
    _evaluate(*rows, circuit.first_gate, values)
    return values


def read_scores(circuit: Circuit, values: Planes, samples: int) -> Integers:
    """The scores[samples, scores], given the planes of all signals."""
    scores = np.empty((samples, len(circuit.scores)), np.int64)
    for i, score in enumerate(circuit.scores):
        column = np.full(samples, score.bias, np.int64)
        _accumulate(values, score.signals, score.weights, column)
        scores[:, i] = column
    return scores


def random_codes(circuit: Circuit, samples: int, rng: np.random.Generator) -> Integers:
    """Codes[samples, elements], uniform over what every element can be."""
    columns = [
        rng.integers(*port.bounds, size=(samples, port.count), dtype=np.int64, endpoint=True)
        if port.pattern == "any"
        else rng.choice(port.codes, (samples, port.count))
        for port in circuit.inputs
    ]
    return np.concatenate(columns, axis=1) if columns else np.zeros((samples, 0), np.int64)


def _integers(circuit: Circuit, codes: ArrayLike) -> Integers:
    """The codes as int64, after a check of shape, type and range."""
    array = np.asarray(codes)
    if array.ndim != 2 or array.shape[1] != circuit.elements:
        raise InputError(
            f"inputs of shape {array.shape}; the circuit takes [samples, {circuit.elements}]"
        )
    if array.dtype.kind not in "biu":
        raise InputError(
            f"inputs of type {array.dtype}; the circuit takes integers: encode raw features first"
        )
    element = 0
    for port in circuit.inputs:
        columns = array[:, element : element + port.count]
        low, high = port.bounds
        bad = (columns < low) | (columns > high)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise InputError(
                f"sample {row}, input {element_names(port)[column]}: "
                f"{columns[row, column]} is not in {low}..{high}"
            )
        if port.pattern != "any" and (bad := ~np.isin(columns, port.codes)).any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise InputError(
                f"sample {row}, input {element_names(port)[column]}: "
                f"{columns[row, column]} is no {port.pattern} code of {port.width} bits"
            )
        element += port.count
    return array.astype(np.int64)


@njit
def _evaluate(
    kinds: NDArray[np.uint8],
    tables: Integers,
    offsets: Integers,
    fanins: NDArray[np.int32],
    weights: NDArray[np.int32],
    first: int,
    values: Planes,
) -> None:
    """Fill in the planes of the gates, in order."""
    rows = np.empty(64, np.uint64)
    ones = ~np.uint64(0)
    for g in range(kinds.size):
        begin, k = offsets[g], offsets[g + 1] - offsets[g]
        if kinds[g] == 1:
            pulls = weights[begin : begin + k] if weights.size else np.ones(k, np.int32)
            _threshold(tables[g], fanins[begin : begin + k], pulls, values, first + g)
            continue
        for word in range(values.shape[1]):
            for p in range(1 << k):
                rows[p] = ones if (tables[g] >> p) & 1 else np.uint64(0)
            for j in range(k):
                x = values[fanins[begin + j], word]
                for p in range(1 << (k - 1 - j)):
                    rows[p] = (rows[2 * p] & ~x) | (rows[2 * p + 1] & x)
            values[first + g, word] = rows[0]


@njit
def _threshold(
    bound: int, fanins: NDArray[np.int32], weights: NDArray[np.int32], values: Planes, out: int
) -> None:
    """Fill in one threshold gate: a bit-sliced sum that starts at -bound, then its sign."""
    reach = abs(bound) + 1
    for w in weights:
        reach += int(abs(np.int64(w)))
    width = 1
    while (1 << (width - 1)) < reach:
        width += 1
    total = np.empty(width, np.uint64)
    for word in range(values.shape[1]):
        for b in range(width):
            total[b] = ~np.uint64(0) if ((-bound) >> b) & 1 else np.uint64(0)
        for j in range(fanins.size):
            x, w, carry = values[fanins[j], word], np.int64(weights[j]), np.uint64(0)
            for b in range(width):
                y = x if (w >> b) & 1 else np.uint64(0)
                old = total[b]
                total[b] = old ^ y ^ carry
                carry = (old & y) | (carry & (old ^ y))
        values[out, word] = ~total[width - 1]


@njit
def _accumulate(
    values: Planes, signals: NDArray[np.int32], weights: NDArray[np.int32], column: Integers
) -> None:
    """Add the weighted signals to one column of scores."""
    for i in range(signals.size):
        for s in range(column.size):
            if (values[signals[i], s >> 6] >> np.uint64(s & 63)) & np.uint64(1):
                column[s] += weights[i]
