"""The or of the pixels of a window: what is anywhere in it is in the smaller image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from lithify.compiler.nets.gates.convolution import read_window
from lithify.compiler.nets.layer import Bits, Description, Layer, Shapes, Signals
from lithify.compiler.nets.space import OUTSIDE, Shape, Window
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class OrPool(Layer):
    """One bit for each channel and position of a window: whether any pixel in it is high.

    The soft bit is the largest.
    """

    kind = "or_pool"
    _rows: Tensor

    def __init__(self, image: Shape, window: Window) -> None:
        """Refuse a window that does not fit."""
        super().__init__()
        self.image = image
        self.window = window
        self.places = window.over(image, image.channels)
        self.inputs = image.rows
        self.outputs = self.places.rows
        filters = window.rows(image).reshape(image.channels, window.kernel**2, -1)
        rows = filters.transpose(1, 0, 2).reshape(window.kernel**2, -1)
        inside = np.where(rows == OUTSIDE, np.int32(self.inputs), rows)
        self.register_buffer("_rows", torch.from_numpy(inside), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The soft activations."""
        highest: Tensor = _Highest.apply(x, self._rows)  # type: ignore[no-untyped-call]
        return highest

    def hard(self, bits: Bits) -> Bits:
        """Whether any pixel in the window is high."""
        padded = np.concatenate([bits, np.zeros((1, bits.shape[1]), np.bool_)])
        highest: Bits = np.logical_or.reduce([padded[rows] for rows in self._rows.cpu().numpy()])
        return highest

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One or a channel and position; the channel is the unit."""
        padded = np.append(signals, np.int32(0))
        units = np.repeat(np.arange(self.places.channels), self.places.cells)
        fanins = padded[self._rows.cpu().numpy().T]
        with builder.origin(path, "core"):
            return builder.thresholds(np.ones(self.outputs, np.int64), fanins, units=units)

    def harden_(self) -> None:
        """There is nothing to harden."""

    def check(self, path: str) -> None:
        """There is always a hard form."""

    def describe(self) -> Description:
        """Kind, image and window."""
        return {
            "kind": self.kind,
            "image": self.image.to_list(),
            "kernel": self.window.kernel,
            "stride": self.window.stride,
            "padding": self.window.padding,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """No tensors."""
        return {}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this description."""
        image, window = Shape.read(description, "image", path), read_window(description, path)
        try:
            return cls(image, window)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error

    @classmethod
    def examples(cls) -> list[Layer]:
        """Windows that tile, that overlap and that reach beyond the edge."""
        return [
            cls(Shape(2, 2, 2), Window(2, 2)),
            cls(Shape(1, 2, 4), Window(2)),
            cls(Shape(3, 4, 5), Window(3, 2, 1)),
        ]


class _Highest(torch.autograd.Function):
    """The largest of some rows each, taken one after another; equal ones share the gradient.

    A row beyond all is constant 0.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor) -> Tensor:
        """Note which of two was larger, at every step."""
        padded = torch.cat((x, x.new_zeros((1, x.shape[1]))))
        highest = padded.index_select(0, rows[0])
        steps = []
        for one in rows[1:]:
            other = padded.index_select(0, one)
            steps.append((other > highest, other == highest))
            highest = torch.maximum(highest, other)
        ctx.save_for_backward(rows, *(mask for step in steps for mask in step))
        ctx.inputs = len(x)
        return highest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """To the larger of each step, the last one first."""
        rows, *masks = ctx.saved_tensors
        left = gradients[0]
        found = left.new_zeros((ctx.inputs + 1, left.shape[1]))
        for one, above, equal in reversed(
            list(zip(rows[1:], masks[::2], masks[1::2], strict=True))
        ):
            part = left * (above.to(left.dtype) + 0.5 * equal)
            found.index_add_(0, one, part)
            left = left - part
        found.index_add_(0, rows[0], left)
        return found[:-1], None
