"""Layers of torchlogix: gates of 2, 4 or 6 inputs in three parametrisations.

The first wire is the highest bit of the number of a table's entry. `raw` has a weight for each of
the sixteen gates of two inputs; `light` one for each entry of the table, which is high where it is
positive; `warp` one for each product of inputs (Walsh functions, inputs as 1 and -1), and the gate
is high where their sum is negative, added one after the other in the precision of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lithify.compiler.importers.difflogic import require_finite, require_whole, rows_of
from lithify.compiler.importers.lookup import MOST_ARITY, Array, Bits, Lookup
from lithify.compiler.importers.windows import Geometry, Shape, tree
from lithify.ir.errors import FormatError, InputError

PARAMETRISATIONS = ("raw", "warp", "light")


def layer(
    path: str, weight: Array, indices: Array, parametrisation: str | None, inputs: int | None = None
) -> Lookup:
    """The layer of weights[units, ...] and indices[arity, units], or candidates of these."""
    numbers, wires = np.asarray(weight), require_whole(path, np.asarray(indices))
    if numbers.ndim != 2 or wires.ndim != 2 or wires.shape[1] != len(numbers):
        raise FormatError(
            f"{path}: weights of shape {list(numbers.shape)} and wires of shape "
            f"{list(wires.shape)}; [units, entries] and [inputs of a gate, units] are needed"
        )
    made = tables(path, numbers, len(wires), parametrisation)
    return Lookup(path, made, wires[::-1].T, inputs)


def tables(path: str, weight: Array, arity: int, parametrisation: str | None) -> Bits:
    """The tables [units, entries] of weights [units, ...], the first wire of the highest value."""
    numbers = np.asarray(weight)
    require_finite(path, numbers)
    plain = (numbers.shape[1], arity) == (16, 2)  # which no other has
    kind = "raw" if plain else parametrisation
    if kind is None:
        raise InputError(
            f"{path}: {numbers.shape[1]} weights a gate of {arity} inputs are those of warp or of "
            "light; say which with --parametrisation"
        )
    if kind not in PARAMETRISATIONS:
        raise InputError(f"parametrisation {kind!r} is none of {', '.join(PARAMETRISATIONS)}")
    entries = 16 if kind == "raw" else 1 << min(arity, MOST_ARITY)
    if numbers.shape[1] != entries or (kind == "raw" and arity != 2):
        raise FormatError(
            f"{path}: {numbers.shape[1]} weights for a gate of {arity} inputs; {kind} has {entries}"
        )
    return {"raw": _raw, "warp": _warp, "light": _light}[kind](numbers)


def resolved(path: str, indices: Array, weights: Array | None) -> Array:
    """The wires [inputs of a gate, units], chosen by weights where there are candidates."""
    if weights is None:
        return np.asarray(indices)
    numbers, wires = np.asarray(weights), require_whole(path, np.asarray(indices))
    if numbers.ndim != 3 or wires.shape != numbers.shape:
        raise FormatError(
            f"{path}: candidates of shape {list(wires.shape)} and their weights of shape "
            f"{list(numbers.shape)}; both are [candidates, inputs of a gate, units]"
        )
    require_finite(path, numbers)
    best = np.take_along_axis(wires, numbers.argmax(axis=0)[None], axis=0)[0]
    return np.asarray(best)


def convolution(
    path: str,
    weights: Sequence[Array],
    coordinates: Array,
    levels: Sequence[Array],
    image: tuple[Shape, Geometry],
    parametrisation: str | None,
) -> tuple[list[Lookup], Shape]:
    """The layers of gate trees over an image of a shape, and what shape they give.

    weights[n] are [gate, kernel, ...] of the n-th level of gates, first the ones that read the
    image at coordinates[wire, kernel, position, gate]; levels[n] are what the next level reads.
    """
    made = []
    for level, weight in enumerate(weights):
        numbers = np.asarray(weight)
        if numbers.ndim != 3:
            raise FormatError(f"{path}: weights of shape {list(numbers.shape)} in a gate tree")
        arity = len(coordinates) if np.ndim(coordinates) else 0
        flat = numbers.reshape(-1, numbers.shape[2])
        rows = tables(f"{path}.{level}", flat, arity, parametrisation)
        made.append(rows.reshape(*numbers.shape[:2], -1))
    if not made or len(levels) != len(made) - 1:
        raise FormatError(f"{path}: {len(made)} levels of gates and {len(levels)} of wires")
    return tree(path, *image, coordinates, levels, made)


def _raw(numbers: Array) -> Bits:
    rows: Bits = rows_of(numbers.argmax(axis=1))[:, [0, 2, 1, 3]]
    return rows


def _light(numbers: Array) -> Bits:
    rows: Bits = numbers > 0
    return rows


def _warp(numbers: Array) -> Bits:
    entries = numbers.shape[1]
    pattern = np.arange(entries)
    total = np.zeros((len(numbers), entries), numbers.dtype)
    for k in range(entries):
        odd = np.bitwise_count(pattern & k) & 1
        total += numbers[:, k : k + 1] * (1 - 2 * odd.astype(numbers.dtype))
    rows: Bits = total < 0
    return rows
