"""Layers of sums as the data that the C kernel counts by: rows of bits instead of gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.backends.c.layers import Layer, Layers, find_layers
from lithify.backends.c.program import Tables, WordShape
from lithify.ir.circuit import Circuit
from lithify.ir.ports import Port

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

NEVER = int(np.iinfo(np.int64).max)
MOST_BYTE = 255
STEPS_A_FANIN = 16
"""A step counts 64 bits of eight neurons, in about the time that gates take for so many fan-ins."""
SAMPLES_A_STEP = 400
"""Gates take so many samples at once, each fan-in in about the time of a step for one sample."""
GROUP, WORD = 8, 64


@dataclass(frozen=True, slots=True, eq=False)
class CountProgram(Tables):
    """Everything the kernel needs to know of a net of sums, as frozen arrays (see kernel.h)."""

    ARRAYS = ("chunks", "above", "least", "layers", "planes", "weights", "offsets", "added")

    inputs: tuple[Port, ...]
    scores: tuple[str, ...]
    chunks: NDArray[np.int32]
    above: NDArray[np.uint8]
    """Empty where a bound is not one of bytes."""
    least: I64
    layers: I64
    planes: I64
    weights: U64
    offsets: I64
    added: I64
    row_words: int
    wide_scores: bool
    """Whether a score can leave the 32-bit integers."""
    most_samples: int
    """Batches of more are faster as gates; NEVER where none are."""

    @property
    def words(self) -> tuple[WordShape, ...]:
        """None: a net of sums has scores alone."""
        return ()

    @property
    def workspace_bytes(self) -> int:
        """Bytes that one call works in: for two samples, two rows of bits and the counts."""
        return 2 * 8 * (2 * self.row_words + GROUP * int(self.layers[-1, 0]))


def counting(circuit: Circuit) -> CountProgram | None:
    """The program of a circuit that is layers of sums and runs faster as such; else None."""
    found = sum_layers(circuit)
    if found is None:
        return None
    chunks, least, columns = _input_words(found)
    words, rows = len(chunks), []
    planes: list[list[int]] = []
    weights, offsets = [np.empty(0, np.uint64)], []
    for layer in found.layers:
        packed = _planes(layer, columns, WORD * words)
        groups = -(-len(layer.offsets) // GROUP)
        rows.append([groups, words, len(planes), len(packed)])
        for shift, masked, plane in packed:
            planes.append([shift, masked, sum(part.size for part in weights)])
            weights.append(plane)
        offsets.append(np.full(GROUP * groups, NEVER))
        offsets[-1][: len(layer.offsets)] = layer.offsets + below(layer)
        words, columns = -(-groups * GROUP // WORD), np.arange(len(layer.offsets))
    ranges = [score.range() for score in circuit.scores]
    most = circuit.fanins.size // max(1, _steps(found))
    bytes_do = bool((least > 0).all())
    return CountProgram(
        inputs=circuit.inputs,
        scores=tuple(score.name for score in circuit.scores),
        chunks=chunks,
        above=np.minimum(least - 1, MOST_BYTE).astype(np.uint8)[: None if bytes_do else 0],
        least=least,
        layers=np.array(rows, np.int64),
        planes=np.array(planes, np.int64).reshape(-1, 3),
        weights=np.concatenate(weights),
        offsets=np.concatenate(offsets[:-1]),
        added=found.layers[-1].offsets - below(found.layers[-1]),
        row_words=max(max(row[1], -(-row[0] * GROUP // WORD)) for row in rows),
        wide_scores=any(low < -(1 << 31) or high >= 1 << 31 for low, high in ranges),
        most_samples=most if most < SAMPLES_A_STEP else NEVER,
    )


def sum_layers(circuit: Circuit) -> Layers | None:
    """The layers of sums that a circuit is made of, where they run faster than its gates."""
    found = find_layers(circuit)
    if found is None or STEPS_A_FANIN * _steps(found) > circuit.fanins.size:
        return None
    return found


def _steps(found: Layers) -> int:
    """How often 64 bits of eight neurons are counted for one sample, or nearly."""
    steps = 0
    for layer in found.layers:
        rows, columns = layer.weights.shape
        steps += -(-rows // GROUP) * -(-columns // WORD) * len(places(layer))
    return steps


def places(layer: Layer) -> list[int]:
    """The powers of two that its weights are made of."""
    seen = int(np.bitwise_or.reduce(np.abs(layer.weights), axis=None, initial=0))
    return [place for place in range(32) if seen >> place & 1]


def below(layer: Layer) -> I64:
    """How far the count of agreements is above the sum, for each neuron."""
    below: I64 = np.minimum(layer.weights, 0).sum(1, dtype=np.int64)
    return -below


def _input_words(found: Layers) -> tuple[NDArray[np.int32], I64, I64]:
    """First element of each word, the bound of each of its bits, and where the sources are.

    A word has one bound of each of 64 elements; the second bounds of elements have words of their
    own, and so on.
    """
    elements = found.elements
    rank = np.arange(len(elements)) - np.searchsorted(elements, elements)
    keys = np.stack([rank, elements // WORD], 1)
    words, word_of = np.unique(keys, axis=0, return_inverse=True)
    columns = WORD * word_of.ravel() + elements % WORD
    least = np.full(WORD * len(words), NEVER, np.int64)
    least[columns] = found.least
    return (WORD * words[:, 1]).astype(np.int32), least.reshape(-1, WORD), columns


def _planes(layer: Layer, columns: I64, width: int) -> list[tuple[int, bool, U64]]:
    """Place, whether it is masked, and words [group][word][8] for each power of two."""
    planes = []
    for place in places(layer):
        present = np.abs(layer.weights) >> place & 1 == 1
        masked = not present.all()
        parts = [_words(present & (layer.weights < 0), columns, width)]
        if masked:
            parts.append(_words(present, columns, width))
        planes.append((place, masked, np.stack(parts, 2).ravel()))
    return planes


def _words(bits: NDArray[np.bool_], columns: I64, width: int) -> U64:
    """Rows of bits as words [group, word, 8], bit j of a row in its column j."""
    groups = -(-len(bits) // GROUP)
    placed = np.zeros((GROUP * groups, width), np.bool_)
    placed[: len(bits), columns] = bits
    octets = np.ascontiguousarray(np.packbits(placed, axis=1, bitorder="little"))
    words: U64 = octets.view("<u8").astype(np.uint64).reshape(groups, GROUP, -1).swapaxes(1, 2)
    return words
