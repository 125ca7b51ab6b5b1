"""Images as flat rows: shapes, and the rows that a window reads at each of its positions.

Row `(channel * height + y) * width + x` is the pixel (channel, y, x).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import FormatError, InputError

Rows = NDArray[np.int32]
# The row of a tap that lies beyond the edge of the image, where constant 0 is read.
OUTSIDE = -1
MOST_ROWS = 2**30


@dataclass(frozen=True, slots=True)
class Shape:
    """The channels, height and width of an image."""

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse an image of nothing, and one whose rows have no numbers."""
        sides = (self.channels, self.height, self.width)
        if min(sides) < 1 or self.rows > MOST_ROWS:
            raise InputError(
                f"an image of {self}; every side is at least 1, and all pixels at most {MOST_ROWS}"
            )

    @property
    def rows(self) -> int:
        """How many rows the image takes."""
        return self.channels * self.cells

    @property
    def cells(self) -> int:
        """How many pixels a channel has."""
        return self.height * self.width

    def __str__(self) -> str:
        """The three sides."""
        return f"{self.channels} x {self.height} x {self.width}"

    def to_list(self) -> list[int]:
        """What `read` makes the shape from."""
        return [self.channels, self.height, self.width]

    @classmethod
    def read(cls, description: Mapping[str, Any], key: str, path: str) -> Self:
        """The shape in a description; FormatError for anything else."""
        plain = description.get(key)
        if not isinstance(plain, list) or len(plain) != 3 or any(type(n) is not int for n in plain):
            raise FormatError(f"{path}: {key} is {plain!r}; [channels, height, width] are needed")
        try:
            return cls(*plain)
        except InputError as error:
            raise FormatError(f"{path}: {key}: {error}") from error


@dataclass(frozen=True, slots=True)
class Window:
    """A square of pixels that moves over an image: its side, its step and the margin around."""

    kernel: int
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        """Refuse a window that never reads the image."""
        if self.kernel < 1 or self.stride < 1 or not 0 <= self.padding < self.kernel:
            raise InputError(
                f"a window of kernel {self.kernel}, stride {self.stride} and padding "
                f"{self.padding}; kernel and stride are at least 1, padding is 0 to kernel - 1"
            )

    def over(self, image: Shape, channels: int) -> Shape:
        """The image of `channels` channels whose pixels are the positions of the window."""
        room = min(image.height, image.width) + 2 * self.padding - self.kernel
        if room < 0:
            raise InputError(
                f"a window of kernel {self.kernel} and padding {self.padding} does not fit into an "
                f"image of {image}"
            )
        sides = (
            (side + 2 * self.padding - self.kernel) // self.stride + 1
            for side in (image.height, image.width)
        )
        return Shape(channels, *sides)

    def cells(self, image: Shape) -> Rows:
        """The rows `[kernel * kernel, positions]` of channel 0; OUTSIDE beyond the edge.

        Taps and positions run along a line first, then down.
        """
        places = self.over(image, 1)
        reach = np.arange(self.kernel, dtype=np.int32) - np.int32(self.padding)
        y = reach[:, None] + self.stride * np.arange(places.height, dtype=np.int32)
        x = reach[:, None] + self.stride * np.arange(places.width, dtype=np.int32)
        rows = y[:, None, :, None] * np.int32(image.width) + x[None, :, None, :]
        inside_y, inside_x = ((0 <= y) & (y < image.height)), ((0 <= x) & (x < image.width))
        inside = inside_y[:, None, :, None] & inside_x[None, :, None, :]
        cells: Rows = np.where(inside, rows, np.int32(OUTSIDE)).reshape(self.kernel**2, -1)
        return cells

    def rows(self, image: Shape) -> Rows:
        """The rows `[channels * kernel * kernel, positions]` of all channels, channel by channel.

        That is the order of the weights of one filter of a convolution.
        """
        cells = self.cells(image)
        offsets = np.arange(image.channels, dtype=np.int32) * np.int32(image.cells)
        rows = np.where(cells == OUTSIDE, np.int32(OUTSIDE), cells + offsets[:, None, None])
        return rows.reshape(-1, cells.shape[1])
