"""Windows over an image of bits: wiring alone, every window's bits side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from lithify.compiler.nets.layer import Bits, Description, Layer, Signals, read_size, to_numpy
from lithify.compiler.nets.soft_bits.fixed import Chances, FixedLayer
from lithify.compiler.nets.space import Shape, Window
from lithify.ir.errors import FormatError, InputError


class Windows(FixedLayer):
    """The bits of each position of a square window in turn, so that later layers can group them."""

    kind = "windows"

    def __init__(self, image: Shape, size: int, stride: int = 1) -> None:
        """Refuse windows that do not fit."""
        super().__init__(image.rows)
        self.image, self.window = image, Window(size, stride)
        rows = torch.from_numpy(self.window.rows(image).T.ravel().copy())
        self.register_buffer("rows", rows, persistent=False)
        self.outputs = len(rows)

    def forward(self, x: Tensor) -> Tensor:
        """Rows of the image, copied."""
        return x.index_select(0, self.get_buffer("rows"))

    def hard(self, bits: Bits) -> Bits:
        """Rows of the image, copied."""
        chosen: Bits = bits[to_numpy(self.get_buffer("rows"))]
        return chosen

    def chances(self, chances: Chances) -> Chances:
        """Rows of the image, copied."""
        chosen: Chances = chances[to_numpy(self.get_buffer("rows"))]
        return chosen

    def lower(self, builder: object, signals: Signals, path: str) -> Signals:
        """Wires."""
        chosen: Signals = signals[to_numpy(self.get_buffer("rows"))]
        return chosen

    def describe(self) -> Description:
        """The image and the window."""
        return {
            "kind": self.kind,
            "image": self.image.to_list(),
            "size": self.window.kernel,
            "stride": self.window.stride,
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this description."""
        image = Shape.read(description, "image", path)
        size, stride = (read_size(description, key, path) for key in ("size", "stride"))
        try:
            return cls(image, size, stride)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error

    @classmethod
    def examples(cls) -> list[Layer]:
        """Windows that overlap, that do not, that miss an edge, of several channels."""
        return [
            cls(Shape(1, 3, 4), 2),
            cls(Shape(1, 4, 4), 2, 2),
            cls(Shape(2, 5, 5), 2, 2),
            cls(Shape(1, 2, 2), 2),
        ]
