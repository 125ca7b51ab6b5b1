"""Binary convolutions: windows of an image, normed sums, their signs, and perhaps a max-pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.binary.dense import read_flag, trained_norm_
from lithify.compiler.nets.binary.latent import LatentWeights, as_signs
from lithify.compiler.nets.binary.norm import SignNorm
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
    row_blocks,
)
from lithify.compiler.nets.space import Shape, Window
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

# Inputs of windows that the hard form gathers at a time.
GATHER_CELLS = 2**24


class BinaryConv(Layer):
    """A channel is the sign of the batch norm of sums over windows of all channels of an image.

    Beyond the edge of the image are bits 0, which stand for -1. With `pool` the greatest sum in a
    square of `pool` positions each way is normed; squares do not overlap, and what is left over at
    the far edges is dropped.
    """

    kind = "binary_conv"

    def __init__(
        self,
        image: Shape,
        channels: int,
        window: Window,
        *,
        pool: int = 1,
        affine: bool = True,
        spread: float = 0.1,
        generator: np.random.Generator,
    ) -> None:
        """Start at random."""
        super().__init__()
        if pool < 1:
            raise InputError(f"pool is {pool}; it must be at least 1")
        fan_in = image.channels * window.kernel**2
        self.sums = window.over(image, channels)
        self.pool = Window(pool, stride=pool)
        self.out = self.pool.over(self.sums, channels)
        self.weights = LatentWeights(channels, fan_in, spread=spread, generator=generator)
        self.norm = SignNorm(channels, affine=affine)
        self.image, self.window = image, window
        self.inputs, self.outputs = image.rows, self.out.rows

    def forward(self, x: Tensor) -> Tensor:
        """The signs of the normed sums, as bits."""
        image, kernel, margin = self.image, self.window.kernel, self.window.padding
        pixels = (2 * x - 1).t().reshape(-1, image.channels, image.height, image.width)
        filters = self.weights().view(-1, image.channels, kernel, kernel)
        padded = functional.pad(pixels, (margin,) * 4, value=-1.0)
        sums = functional.conv2d(padded, filters, stride=self.window.stride)
        if not self.training:
            # Some ways to convolve multiply by fractions; whole sums are a matter of rounding.
            sums = sums + (sums.round() - sums).detach()
        sums = functional.max_pool2d(sums, self.pool.kernel)
        rows = sums.permute(1, 2, 3, 0).reshape(self.out.channels, -1)
        bits: Tensor = self.norm(rows)
        return bits.view(self.outputs, -1)

    def hard(self, bits: Bits) -> Bits:
        """The greatest sums of each square that reach their channel's bound."""
        taps = self._taps()
        filters = self.weights.signs().astype(np.float32)
        bounds = self.norm.fold(filters.shape[1])
        values = as_signs(np.concatenate((bits, np.zeros((1, bits.shape[1]), np.bool_))))
        result = np.empty((self.outputs, bits.shape[1]), np.bool_)
        for part in row_blocks(bits.shape[1], max(1, GATHER_CELLS // taps[0].size // len(taps))):
            best: NDArray[np.float32] | None = None
            for one in taps:
                sums = np.tensordot(filters, values[:, part][one], axes=1)
                best = sums if best is None else np.maximum(best, sums)
            assert best is not None
            result[:, part] = bounds.bits(best).reshape(self.outputs, -1)
        return result

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """A threshold for each channel and position; in a square any of them, or all.

        Rising channels reach their bound where any sum of the square does. Falling ones must not
        reach theirs, which the greatest sum does not where none does.
        """
        taps, channels = self._taps(), self.out.channels
        rows = np.concatenate((signals, [0])).astype(np.int32)
        unit = np.repeat(np.arange(channels, dtype=np.int32), self.out.cells)
        outputs = np.arange(self.outputs, dtype=np.int32)
        weights = self.weights.signs()
        with builder.origin(path, "core"):
            bounds = self.norm.fold(weights.shape[1])
            found = [
                bounds.lower(builder, np.tile(rows[one].T, (channels, 1)), weights, unit)
                for one in taps
            ]
            if len(found) == 1:
                return found[0]
            least = np.where(bounds.inverted, len(found), 1)[unit]
            return builder.thresholds(least, np.stack(found, axis=1), units=outputs)

    def _taps(self) -> list[Signals]:
        """For each place in a square of the pool the inputs `[fan-in, cells]` of its windows.

        What lies beyond the edge is the row -1, the last one.
        """
        rows = self.window.rows(self.image)
        places = self.pool.cells(self.sums)
        return [rows[:, one] for one in places]

    def harden_(self) -> None:
        """Make the latent weights -1 or 1."""
        self.weights.harden_()

    def check(self, path: str) -> None:
        """Weights and norm are numbers."""
        self.weights.check(path)
        self.norm.check(path)

    def project_(self) -> None:
        """Bring the latent weights back within their limit."""
        self.weights.project_()

    def describe(self) -> Description:
        """Kind, shape, window and pool, and whether the norm learns."""
        return {
            "kind": self.kind,
            "image": self.image.to_list(),
            "channels": self.out.channels,
            "kernel": self.window.kernel,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "pool": self.pool.kernel,
            "affine": self.norm.affine,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Latent weights and the norm's values."""
        image = Shape.read(description, "image", path)
        kernel, channels = (read_size(description, key, path) for key in ("kernel", "channels"))
        norm = {f"norm.{name}": shape for name, shape in SignNorm.shapes(channels).items()}
        return {"weights.real": ("F32", (channels, image.channels * kernel**2)), **norm}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state, in evaluation: it norms as it was trained to."""
        image = Shape.read(description, "image", path)
        names = ("channels", "kernel", "stride", "pool")
        channels, kernel, stride, pool = (read_size(description, key, path) for key in names)
        padding = description.get("padding")
        if type(padding) is not int:
            raise FormatError(f"{path}: padding is {padding!r}; an integer is needed")
        affine = read_flag(description, "affine", path)
        rng = np.random.default_rng(0)
        try:
            window = Window(kernel, stride, padding)
            layer = cls(image, channels, window, pool=pool, affine=affine, generator=rng)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        layer.load_state_dict(dict(state))
        return layer.eval()

    @classmethod
    def examples(cls) -> list[Layer]:
        """With and without margin, steps, pools and leftovers; rising, falling, constant units."""
        layers: list[Layer] = []
        for index, (sides, channels, window, pool, affine) in enumerate(
            [
                ((1, 3, 3), 5, Window(2), 1, True),
                ((2, 5, 4), 6, Window(3, padding=1), 1, True),
                ((3, 6, 7), 9, Window(3, 2, 2), 1, False),
                ((1, 4, 4), 8, Window(2, padding=1), 2, True),
                ((2, 7, 6), 12, Window(3, padding=1), 2, True),
                ((2, 6, 6), 4, Window(2, 1, 1), 3, False),
            ]
        ):
            rng = np.random.default_rng(index)
            shape = Shape(*sides)
            layer = cls(shape, channels, window, pool=pool, affine=affine, generator=rng)
            trained_norm_(layer.norm, layer.weights.real.shape[1], rng)
            layers.append(layer.eval())
        return layers
