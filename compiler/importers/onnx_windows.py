"""Convolutions and pooling of binary nets in ONNX files, over levels in the order of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.importers.lookup import Array
from lithify.compiler.importers.onnx_values import (
    HALF_ULP,
    Levels,
    Real,
    Sums,
    grain,
    whole_multiples,
)
from lithify.compiler.importers.windows import Shape, flat
from lithify.ir.builder import Builder
from lithify.ir.errors import HardenError

MOST_PINS = 1 << 27
MOST_PLACES = 1 << 24  # in all windows of an image


def convolve(
    path: str, levels: Levels, kernel: Array, shape: Shape, attributes: Mapping[str, Any]
) -> tuple[Sums, Shape]:
    """The sums of windows of an image of levels with kernels [outputs, channels, rows, columns]."""
    weights = np.asarray(kernel, np.float64)
    if weights.ndim != 4 or weights.shape[1] != shape[0] or not weights.size:
        raise HardenError(f"{path}: kernels {list(weights.shape)} for an image {list(shape)}")
    if attributes.get("group", 1) != 1:
        raise HardenError(f"{path}: its channels are in groups; one group is read")
    wires, counts = _windows(path, shape, weights.shape[2:], attributes)
    rows = weights.reshape(len(weights), -1)
    if not np.isfinite(rows).all() or (levels.step != levels.step[0]).any():
        raise HardenError(f"{path}: its weights, or the steps of its inputs, are not alike")
    whole, sizes = whole_multiples(path, rows)
    k, places = levels.signals.shape[1], len(wires)
    if rows.size * k * places > MOST_PINS:
        raise HardenError(f"{path}: it is over {MOST_PINS} products; that is too large")
    inside = wires >= 0
    signed = np.round(whole).astype(np.int64) * int(np.sign(levels.step[0]))
    pulls = np.repeat(signed[:, None] * inside, k, axis=2).reshape(len(rows) * places, -1)
    pins = np.where(inside[..., None], levels.signals[wires], 0).reshape(places, -1)
    base = np.where(inside, levels.base[wires], 0.0)
    reach = np.where(inside, np.abs(levels.base[wires]) + abs(levels.step[0]) * k, 0.0)
    offset, most = base @ rows.T, reach @ np.abs(rows.T)
    step = grain(weights) * grain(levels.base, levels.step)
    exact = bool((most < 2**24 * step).all())
    error = HALF_ULP * (rows.shape[1] + 2) * most.T.ravel()
    sums = Sums(
        np.tile(pins, (len(rows), 1)),
        pulls,
        offset.T.ravel(),
        np.repeat(sizes * abs(levels.step[0]), places),
        np.zeros(len(pulls)) if exact else error,
    )
    return sums, (len(rows), *counts)


def pool(
    path: str, builder: Builder, levels: Levels, shape: Shape, attributes: Mapping[str, Any]
) -> tuple[Levels, Shape]:
    """The largest level of each window, channel by channel."""
    alike = (levels.step == levels.step[0]).all() and (levels.base == levels.base[0]).all()
    if not alike or levels.step[0] <= 0 or attributes.get("ceil_mode", 0):
        raise HardenError(f"{path}: it is read of levels that rise alike, and with ceil_mode 0")
    size = _numbers(path, attributes, "kernel_shape", [])
    single, counts = _windows(path, (1, *shape[1:]), tuple(size), attributes)
    area = math.prod(shape[1:])
    if single.size * levels.signals.size > MOST_PINS * area:
        raise HardenError(f"{path}: it is over {MOST_PINS} bits; that is too large")
    shifts = np.arange(shape[0])[:, None, None] * area
    wires = np.where(single >= 0, single + shifts, -1).reshape(-1, single.shape[1])
    pins = np.where((wires >= 0)[..., None], levels.signals[wires], 0)
    columns = [
        builder.thresholds(np.ones(len(wires), np.int64), pins[:, :, k])
        for k in range(pins.shape[2])
    ]
    made, ones = np.stack(columns, axis=1), np.ones(len(wires))
    return Levels(made, levels.base[0] * ones, levels.step[0] * ones), (shape[0], *counts)


def spread(values: Array, shape: Shape, *, by_channel: bool) -> Array:
    """A constant that has a number, or row, a channel, for each value of an image."""
    area = math.prod(shape[1:])
    per_channel = values.ndim >= 3 and values.shape[-3] == values.size and values.size > 1
    if by_channel or per_channel:
        rows = values if by_channel else values.reshape(-1)
        return np.repeat(rows, area, axis=0) if len(rows) == shape[0] else rows
    return values


def _windows(
    path: str, shape: Shape, size: Sequence[int], attributes: Mapping[str, Any]
) -> tuple[NDArray[np.int64], Shape]:
    """The wires [window, channel and place in it] of all windows, and how many there are."""
    strides = _numbers(path, attributes, "strides", [1, 1])
    pads = _numbers(path, attributes, "pads", [0, 0, 0, 0])
    dilated = _numbers(path, attributes, "dilations", [1, 1]) != [1, 1]
    if attributes.get("auto_pad", "NOTSET") != "NOTSET" or dilated or len(shape) != 3:
        raise HardenError(f"{path}: only images with given padding, and no dilation, are read")
    if len(size) != 2 or len(strides) != 2 or len(pads) != 4 or min(*size, *strides) < 1:
        raise HardenError(f"{path}: its windows have not two sizes")
    axes, counts = [], []
    for axis in range(2):
        around = shape[axis + 1] + pads[axis] + pads[axis + 2]
        count = (around - size[axis]) // strides[axis] + 1
        if count < 1 or min(pads) < 0 or max(pads) >= max(size):
            raise HardenError(f"{path}: windows {list(size)} do not fit an image {list(shape)}")
        counts.append(count)
        axes.append(np.arange(count)[:, None] * strides[axis] - pads[axis] + np.arange(size[axis]))
    if math.prod((shape[0], *counts, *size)) > MOST_PLACES:
        raise HardenError(f"{path}: its windows have over {MOST_PLACES} places; that is too large")
    rows, columns = axes
    place = np.broadcast_arrays(
        np.arange(shape[0])[:, None, None],
        rows[:, None, None, :, None],
        columns[None, :, None, None, :],
    )
    wires = flat(path, shape, place[0], place[1:])
    return wires.reshape(math.prod(counts), -1), tuple(counts)


def _numbers(path: str, attributes: Mapping[str, Any], name: str, usual: list[int]) -> list[int]:
    value = attributes.get(name, usual)
    if not isinstance(value, list) or any(not 0 <= one < 1 << 16 for one in value):
        raise HardenError(f"{path}: its {name} are not small numbers")
    return [int(one) for one in value]


def channels_of(bias: Array, shape: Shape) -> Real:
    """A number a channel, for each value of an image."""
    return np.repeat(np.asarray(bias, np.float64).ravel(), math.prod(shape[1:]))
