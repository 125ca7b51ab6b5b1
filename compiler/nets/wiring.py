"""Which inputs each gate reads, as index arrays: from anywhere, or from a neighbourhood.

Neighbours are near in a layout that all layers share: every unit has a point `(y, x)` in the unit
square, and a source is drawn about the point of the unit that reads it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import InputError

Wires = NDArray[np.int32]
Points = NDArray[np.float64]
REACH = 8


def even_pairs(inputs: int, outputs: int, generator: np.random.Generator) -> Wires:
    """Operands `[2, outputs]`: every input is read equally often (give or take one), never twice
    by one gate unless there is only one input.
    """
    slots = _shares(inputs, 2 * outputs, generator)
    pairs = slots.astype(np.int32).reshape(2, outputs)
    _part_twins(pairs, generator)
    return pairs


def near_pairs(
    sources: Points, targets: Points, locality: float, generator: np.random.Generator
) -> Wires:
    """Operands `[2, targets]` as those of `even_pairs`, from the neighbourhood of each target.

    Where that holds one source alone, the second operand is the next source.
    """
    both = np.concatenate([targets, targets], axis=1)
    pairs = near_evenly(sources, both, locality, generator).reshape(2, -1)
    # Gates that follow each other in bands are neighbours, so that what they exchange stays near.
    _part_twins(pairs, generator, _in_bands(targets, math.isqrt(targets.shape[1])))
    return pairs


def near_evenly(
    sources: Points, targets: Points, locality: float, generator: np.random.Generator
) -> Wires:
    """A source for each target, from its neighbourhood; all are read equally often, but for one.

    Sources and displaced targets are put into one order, and paired by their place in it.
    """
    require_locality(locality)
    count = targets.shape[1]
    copies = _shares(sources.shape[1], count, generator)
    # Narrow bands hold few targets, whose places by chance are uneven: this many err least.
    bands = max(1, round((4 * count) ** (1 / 3)))
    drawn = np.empty(count, np.int32)
    drawn[_in_bands(_displaced(targets, locality, generator), bands)] = copies[
        _in_bands(sources[:, copies], bands)
    ]
    return drawn


def near(
    sources: Points, targets: Points, locality: float, generator: np.random.Generator
) -> Wires:
    """A source for each target, drawn from its neighbourhood without regard to the others."""
    require_locality(locality)
    count = sources.shape[1]
    bands = max(1, math.isqrt(count))
    # Shuffled first, so that chance decides between sources that share a point.
    shuffled = generator.permutation(count)
    order = shuffled[_in_bands(sources[:, shuffled], bands, turning=False)]
    y, x = np.minimum(_displaced(targets, locality, generator), 1 - 1e-9)
    band = (y * bands).astype(np.int64)
    first, after = (-(-one * count // bands) for one in (band, band + 1))
    drawn: Wires = order[first + (x * (after - first)).astype(np.int64)].astype(np.int32)
    return drawn


def grid(units: int) -> Points:
    """The points of units that stand line by line on a grid as square as can be."""
    columns = math.isqrt(max(units - 1, 0)) + 1
    rows = -(-units // columns)
    y, x = np.divmod(np.arange(units), columns)
    return np.stack(((y + 0.5) / rows, (x + 0.5) / columns))


def grids(units: int, groups: int) -> Points:
    """The points of consecutive groups of units, each group a grid over the whole square."""
    return np.tile(grid(units // groups), groups)


def require_locality(locality: float) -> None:
    """Refuse what is no share of the layout's side."""
    if not 0 < locality <= 1:
        raise InputError(
            f"locality is {locality}; it must be above 0, and at most 1 for the whole layout"
        )


def readers(wires: Wires, inputs: int) -> tuple[Wires, Wires]:
    """For each input the places in the flattened wires that read it: (places, first place)."""
    flat = wires.reshape(-1)
    places = np.argsort(flat, kind="stable").astype(np.int32)
    counts = np.bincount(flat, minlength=inputs)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    return places, first


def _shares(inputs: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """So many inputs in random order, all equally often, give or take one."""
    rounds = -(-count // inputs)
    return np.concatenate([generator.permutation(inputs) for _ in range(rounds)])[:count]


def _displaced(points: Points, locality: float, generator: np.random.Generator) -> Points:
    """The points moved at random within squares of side `locality`, thrown back at the edge."""
    moved = np.abs(points + generator.uniform(-0.5, 0.5, points.shape) * locality)
    return np.where(moved > 1, 2 - moved, moved)


def _in_bands(points: Points, bands: int, *, turning: bool = True) -> NDArray[np.int64]:
    """The points in order of bands of equal count from low to high y, in a band of x.

    With `turning`, x runs the other way in every other band, so that the order never jumps.
    """
    count = points.shape[1]
    band = np.empty(count, np.int64)
    band[np.argsort(points[0], kind="stable")] = np.arange(count) * bands // count
    x = np.where(band % 2 == 1, -points[1], points[1]) if turning else points[1]
    return np.lexsort((x, band))


def _part_twins(
    pairs: Wires, generator: np.random.Generator, order: NDArray[np.int64] | None = None
) -> None:
    """Exchange second operands until no gate reads one input twice, where that is possible.

    With an `order` of the gates, each exchanges with one at most REACH places away in it.
    """
    gates = pairs.shape[1]
    place = None if order is None else np.argsort(order)
    for _ in range(64):
        twins = np.flatnonzero(pairs[0] == pairs[1])
        if not twins.size:
            return
        for gate in twins.tolist():
            if order is None or place is None:
                other = int(generator.integers(gates))
            else:
                away = int(generator.integers(-REACH, REACH + 1))
                other = int(order[min(max(int(place[gate]) + away, 0), gates - 1)])
            pairs[1, [gate, other]] = pairs[1, [other, gate]]
    twins = np.flatnonzero(pairs[0] == pairs[1])
    inputs = int(pairs.max()) + 1
    if inputs > 1:
        pairs[1, twins] = (pairs[0, twins] + 1) % inputs
