"""Layers of CompactLogic: each unit chooses one of its candidates, a gate with wires of its own.

A convolution has candidates for each channel that it gives, at places of a window relative to the
image without its padding; what lies beside the image is 0. Classes sum consecutive bits; where they
do not divide, the last classes have fewer. A checkpoint leaves out the shape of the image and the
strides: the `meta_data.json` beside it says them, by the names of data set and architecture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lithify.compiler.importers.difflogic import chosen, require_finite, require_whole, rows_of
from lithify.compiler.importers.lookup import Array, Lookup
from lithify.compiler.importers.windows import MOST_WIRES, Geometry, Shape, flat
from lithify.ir.errors import FormatError

# Stride, window and padding of each convolution, by the name of the architecture.
ARCHITECTURES = {
    "regular": (),
    "conv_chm": ((2, 3, 1), (1, 1, 0), (2, 3, 1), (1, 1, 0)),
    "conv_spm": ((2, 3, 1), (1, 3, 1), (2, 3, 1), (1, 3, 1)),
}


@dataclass(frozen=True, slots=True)
class Described:
    """What a `meta_data.json` says: input shape, classes, tau, and each convolution's numbers."""

    shape: Shape
    classes: int
    tau: float
    windows: tuple[tuple[int, int, int], ...]


def described(data: bytes, filename: str) -> Described:
    """What the description beside a checkpoint says."""
    try:
        given: Mapping[str, Any] = json.loads(data)["args"]
        windows, tau = ARCHITECTURES[given["struct"]], float(given["tau"])
        name = str(given["dataset"])
        shape, classes = _data_set(name)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{filename}: no description of a net of CompactLogic that is known here ({error!r})"
        ) from error
    return Described(shape, classes, tau, windows)


def _data_set(name: str) -> tuple[Shape, int]:
    """The shape of the inputs, and the classes, of a data set as its name has them."""
    words = name.split("-")
    if name == "mnist":
        return (1, 28, 28), 10
    if name.startswith("cifar-10"):
        return (3 * int(words[2]), 32, 32), 10
    if name.startswith("tiny-imagenet"):
        return (3 * int(words[2]), 64, 64), 200
    if words[0] == "ECG2D":
        return (1, int(words[1]), 187), 5
    if words[0] == "ECG":
        return (1, 1, int(words[1]) * 187), 5
    raise ValueError(f"data set {name}")


def dense(
    path: str, weights: Array, indices: Array, gates: Array, inputs: int | None = None
) -> Lookup:
    """The layer of weights[units, candidates], indices[2, units, candidates] and their gates."""
    best = _best(path, weights, gates, [indices])
    a, b = (_pick(one, best) for one in np.asarray(indices))
    return chosen(path, _pick(np.asarray(gates), best), a, b, inputs)


def convolution(
    path: str,
    weights: Array,
    gates: Array,
    offsets: tuple[Array, Array, Array],
    shape: Shape,
    geometry: Geometry,
) -> tuple[Lookup, Shape]:
    """The layer over an image of this shape, and the shape of what it gives.

    `offsets` are channels, rows and columns [2, channels, candidates].
    """
    best = _best(path, weights, gates, list(offsets))
    stride, window, padding = geometry
    counts = [(size + 2 * padding - window) // max(stride, 1) + 1 for size in shape[1:]]
    units = len(best)
    if stride < 1 or min(counts) < 1 or units * counts[0] * counts[1] > MOST_WIRES:
        raise FormatError(f"{path}: windows of {window} every {stride} on an image {list(shape)}")
    rows, columns = (np.arange(count) * stride for count in counts)
    wires = []
    for side in range(2):
        channel, down, across = (
            _pick(require_whole(path, np.asarray(one[side])), best)[:, None, None]
            for one in offsets
        )
        place = np.broadcast_arrays(channel, rows[:, None] + down, columns + across)
        wires.append(flat(path, shape, place[0], place[1:]).ravel())
    numbers = _pick(np.asarray(gates), best)
    tables = np.repeat(rows_of(require_whole(path, numbers)), counts[0] * counts[1], axis=0)
    made = Lookup(path, tables, np.stack(wires, axis=1), int(np.prod(shape)), padded=True)
    return made, (units, *counts)


def _best(path: str, weights: Array, gates: Array, wires: list[Array]) -> Array:
    """The chosen candidate of each unit."""
    numbers, kinds = np.asarray(weights), np.asarray(gates)
    shapes = {np.asarray(one).shape for one in wires}
    if numbers.ndim != 2 or kinds.shape != numbers.shape or shapes != {(2, *numbers.shape)}:
        raise FormatError(
            f"{path}: weights of shape {list(numbers.shape)}, gates of shape {list(kinds.shape)} "
            f"and wires of shape {sorted(shapes)}; [units, candidates] and [2, units, candidates] "
            "are needed"
        )
    require_finite(path, numbers)
    if kinds.size and not 0 <= require_whole(path, kinds).min() <= kinds.max() < 16:
        raise FormatError(f"{path}: gate {kinds.max()}; there are the gates 0 to 15")
    return np.asarray(numbers.argmax(axis=1))


def _pick(values: Array, best: Array) -> Array:
    return np.asarray(np.take_along_axis(values, best[:, None], axis=1)[:, 0])
