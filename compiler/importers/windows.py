"""Layers over images, written out as layers of lookup tables: windows, gate trees and OR-pooling.

Images are flat, channel after channel, each by rows. A wire of -1 reads the constant 0, which is
what lies around an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.importers.difflogic import require_whole
from lithify.compiler.importers.lookup import Array, Bits, Lookup
from lithify.ir.errors import FormatError

Shape = tuple[int, ...]  # channels, then the sizes of the image
Geometry = tuple[int, int, int]  # stride, size of the window, padding
MOST_WIRES = 1 << 27
MOST_POOLED = 1 << 25
POOLED = 4  # bits that one table of an OR takes in


def whole_shape(path: str, shape: Sequence[int]) -> Shape:
    """Channels and sizes of an image, all of them positive."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) not in (3, 4) or min(sizes) < 1 or math.prod(sizes) > MOST_WIRES:
        raise FormatError(f"{path}: an image of shape {list(sizes)}; channels and 2 or 3 sizes")
    return sizes


def flat(path: str, shape: Shape, channel: Array, places: Sequence[Array]) -> NDArray[np.int64]:
    """The wires of places in an image, -1 for those that lie beside it."""
    channels, sizes = shape[0], shape[1:]
    chosen = require_whole(path, channel)
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < channels:
        raise FormatError(f"{path}: it reads channels that an image of {channels} does not have")
    wires, inside = chosen, np.ones(chosen.shape, np.bool_)
    for place, size in zip(places, sizes, strict=True):
        at = require_whole(path, place)
        inside = inside & (at >= 0) & (at < size)
        wires = wires * size + np.clip(at, 0, size - 1)
    return np.where(inside, wires, -1)


def tree(
    path: str,
    shape: Shape,
    geometry: Geometry,
    coordinates: Array,
    levels: Sequence[Array],
    tables: Sequence[Bits],
) -> tuple[list[Lookup], Shape]:
    """The layers of gate trees that slide over an image, and the shape of what they give.

    coordinates[wire, kernel, position, gate] are the place, in the image with its padding, and the
    channel that the first gates read; levels[n] are the gates [wire, gate] of the level before that
    the next ones read; tables[n] are [gate, kernel, entries], the first wire of the highest value.
    """
    places = require_whole(path, np.asarray(coordinates))
    good = places.ndim == 5 and places.shape[-1] == len(shape)
    if not good or not 0 < places.size <= MOST_WIRES:
        raise FormatError(
            f"{path}: wires of shape {list(places.shape)} over an image {list(shape)}"
        )
    arity, kernels, positions, gates, _ = places.shape
    counts, padding = _counts(path, places, shape, geometry), geometry[2]
    own = [places[..., k] - padding for k in range(len(shape) - 1)]
    wires = flat(path, shape, places[..., -1], own)
    made = [_trees(f"{path}.0", wires, tables[0], positions, math.prod(shape))]
    for level, (reads, rows) in enumerate(zip(levels, tables[1:], strict=True), 1):
        pins = require_whole(path, np.asarray(reads))
        good = pins.ndim == 2 and pins.shape[0] == arity and pins.size > 0
        if not good or not 0 <= pins.min() <= pins.max() < gates:
            raise FormatError(f"{path}: level {level} reads gates that {gates} are not")
        first = np.arange(kernels * positions).reshape(kernels, positions, 1) * gates
        wires = first[None] + pins[:, None, None, :]
        made.append(_trees(f"{path}.{level}", wires, rows, positions, kernels * positions * gates))
        gates = pins.shape[1]
    if gates != 1:
        raise FormatError(f"{path}: its trees end in {gates} gates rather than one")
    return made, (kernels, *counts)


def _trees(path: str, wires: Array, rows: Bits, positions: int, inputs: int) -> Lookup:
    """A level of gates [wire, kernel, position, gate], whose tables repeat over positions."""
    arity, kernels, _, gates = wires.shape
    if rows.shape[:2] != (gates, kernels):
        raise FormatError(
            f"{path}: tables of shape {list(rows.shape)} for {gates} gates of {kernels}"
        )
    each = np.broadcast_to(
        rows.transpose(1, 0, 2)[:, None], (kernels, positions, gates, rows.shape[2])
    )
    pins = wires[::-1].reshape(arity, -1).T
    return Lookup(path, each.reshape(-1, rows.shape[2]), pins, inputs, padded=True)


def _counts(path: str, places: NDArray[np.int64], shape: Shape, geometry: Geometry) -> Shape:
    """How many windows there are along each axis, which the places must agree with."""
    stride, window, padding = geometry
    counts = tuple((size + 2 * padding - window) // max(stride, 1) + 1 for size in shape[1:])
    good = min(*counts, stride, window) >= 1 and padding >= 0
    if good and math.prod(counts) == places.shape[2]:
        starts = np.meshgrid(*(np.arange(count) * stride for count in counts), indexing="ij")
        offsets = places[..., :-1] - np.stack(starts, -1).reshape(1, 1, -1, 1, len(counts))
        alike = (offsets == offsets[:, :, :1]).all()
        if alike and 0 <= offsets.min() and offsets.max() < window:
            return counts
    raise FormatError(
        f"{path}: its wires are none of windows of {window} every {stride}, with padding "
        f"{padding}, on an image {list(shape)}; its shape or geometry is another, or a pooling is "
        "missing"
    )


def pool(
    path: str, shape: Shape, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> tuple[list[Lookup], Shape]:
    """The OR of each window of an image, and the shape of what that gives."""
    sizes, axes = shape[1:], []
    for size, window, step, beside in zip(sizes, kernel, stride, padding, strict=True):
        count = (size + 2 * beside - window) // step + 1 if step > 0 else 0
        if not (1 <= window <= size + 2 * beside and 0 <= 2 * beside <= window) or count < 1:
            raise FormatError(
                f"{path}: windows {list(kernel)} every {list(stride)} on {list(sizes)}"
            )
        axes.append(np.arange(count)[:, None] * step - beside + np.arange(window))
    counts = tuple(len(axis) for axis in axes)
    cells = math.prod(kernel)
    if math.prod((shape[0], *counts)) * cells > MOST_POOLED:
        raise FormatError(f"{path}: windows with over {MOST_POOLED} bits")
    grid = np.meshgrid(np.arange(shape[0]), *(axis.ravel() for axis in axes), indexing="ij")
    wires = flat(path, shape, grid[0], grid[1:])
    split = [shape[0], *(n for pair in zip(counts, kernel, strict=True) for n in pair)]
    outer = [0, *range(1, len(split), 2)]
    order = [*outer, *range(2, len(split), 2)]
    pins = wires.reshape(split).transpose(order).reshape(-1, cells)
    return _joined(path, pins, math.prod(shape)), (shape[0], *counts)


def _joined(path: str, pins: NDArray[np.int64], inputs: int) -> list[Lookup]:
    """The OR of each row of wires, as layers of tables of few wires."""
    made: list[Lookup] = []
    while not made or pins.shape[1] > 1:
        short = -pins.shape[1] % POOLED if pins.shape[1] > POOLED else 0
        pins = np.pad(pins, ((0, 0), (0, short)), constant_values=-1)
        arity = min(POOLED, pins.shape[1])
        reads = pins.reshape(-1, arity)
        rows = np.broadcast_to(np.arange(1 << arity) > 0, (len(reads), 1 << arity))
        made.append(Lookup(f"{path}.{len(made)}", rows, reads, inputs, padded=True))
        inputs = len(reads)
        pins = np.arange(inputs).reshape(len(pins), -1)
    return made
