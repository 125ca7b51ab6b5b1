"""The convolution of two-input gates: one gate a channel, shared by all positions of a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.hard import table_outputs
from lithify.compiler.nets.gates.relax import PLAIN, Relaxation, relaxation_of
from lithify.compiler.nets.gates.soft import SoftGates
from lithify.compiler.nets.gates.tables import (
    PARAMETRISATIONS,
    TableLayer,
    columns_of,
    require_parts,
    start_weights,
)
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
    to_numpy,
)
from lithify.compiler.nets.space import OUTSIDE, Shape, Window
from lithify.compiler.nets.wiring import Wires, even_pairs, readers
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class ConvolutionLayer(TableLayer):
    """A two-input gate for each channel, over fixed taps of a window that moves over an image.

    Channel `c` reads channel `c mod channels of the image`; where it is `mixed` its two operands
    may come from any channels. Beyond the edge of the image is constant 0.
    """

    kind = "convolution"
    taps: Tensor
    channels: Tensor
    _wires: Tensor
    _places: Tensor
    _first: Tensor

    def __init__(
        self,
        image: Shape,
        channels: int,
        window: Window,
        *,
        mixed: bool = False,
        parametrisation: str = "softmax16",
        residual: float = 0.9,
        noise: float = 1.0,
        relaxation: Relaxation = PLAIN,
        generator: np.random.Generator,
    ) -> None:
        """Choose taps and start at random; `residual` is the probability of "pass the first"."""
        super().__init__()
        require_parts(image.rows, window.over(image, channels).rows, parametrisation)
        start = start_weights(channels, parametrisation, residual, noise, generator)
        taps, sources = draw_operands(image, channels, window, mixed, generator)
        self._build(image, window, mixed, (taps, sources), start, parametrisation, relaxation)

    def _build(
        self,
        image: Shape,
        window: Window,
        mixed: bool,
        operands: tuple[Wires, Wires],
        start: Tensor,
        parametrisation: str,
        relaxation: Relaxation,
    ) -> None:
        self._tabulate(image.rows, start, parametrisation, relaxation)
        self.image = image
        self.window = window
        self.mixed = mixed
        self.places = window.over(image, len(start))
        self.outputs = self.places.rows
        taps, channels = operands
        self.register_buffer("taps", torch.from_numpy(taps))
        self.register_buffer("channels", torch.from_numpy(channels))
        for name in ("_wires", "_places", "_first"):
            self.register_buffer(name, torch.empty(0), persistent=False)
        self._unroll()
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda layer, _: layer._unroll()
        )

    def _unroll(self) -> None:
        """Note what every gate of every position reads; taps that are loaded change it."""
        wires = self.sources()
        inside = beyond_edge(wires, self.inputs)
        device = self.weights.device
        places, first = readers(inside, self.inputs + 1)
        self._wires, self._places, self._first = (
            torch.from_numpy(part).to(device) for part in (inside, places, first)
        )

    def sources(self) -> Wires:
        """The rows `[2, outputs]` that the gates read, OUTSIDE beyond the edge."""
        rows = unrolled(to_numpy(self.taps), to_numpy(self.channels), self.image, self.window)
        return rows.reshape(2, -1)

    def activations(self, x: Tensor) -> Tensor:
        """The soft activations."""
        soft, chosen = self.coefficients()
        padded = torch.cat((x, x.new_zeros((1, x.shape[1]))))
        activations: Tensor = SoftGates.apply(  # type: ignore[no-untyped-call]
            padded, soft, self._wires, self._places, self._first, chosen
        )
        return activations

    def _tables(self) -> NDArray[np.uint64]:
        """The truth table of each channel at each position."""
        return np.repeat(self.tables(), self.places.cells)

    def hard(self, bits: Bits) -> Bits:
        """The outputs of the hardened gates."""
        padded = np.concatenate([bits, np.zeros((1, bits.shape[1]), np.bool_)])
        first, second = self.sources()
        return table_outputs(self._tables(), padded[first], padded[second])

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One table a channel and position; the channel is the unit."""
        padded = np.append(signals, np.int32(0))
        units = np.repeat(np.arange(self.places.channels), self.places.cells)
        with builder.origin(path, "core"):
            return builder.tables(self._tables(), padded[self.sources().T], units=units)

    def describe(self) -> Description:
        """What the tables have, and the image and the window."""
        return super().describe() | {
            "image": self.image.to_list(),
            "channels": self.places.channels,
            "kernel": self.window.kernel,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "mixed": self.mixed,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights, and the tap and the channel of each operand."""
        columns = columns_of(description, path)
        channels = read_size(description, "channels", path)
        return {
            "weights": ("F32", (channels, columns)),
            "taps": ("I32", (2, channels)),
            "channels": ("I32", (2, channels)),
            **relaxation_of(description, path).shapes("choice"),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; its operands must be inside the window and the image."""
        image, window = Shape.read(description, "image", path), read_window(description, path)
        mixed = description.get("mixed") is True
        operands = to_numpy(state["taps"]).copy(), to_numpy(state["channels"]).copy()
        require_operands(*operands, image, window, mixed, path)
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        relaxation = relaxation_of(description, path)
        weights, name = state["weights"].clone(), str(description["parametrisation"])
        try:
            layer._build(image, window, mixed, operands, weights, name, relaxation)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        layer.choice.take(state, "choice")
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Strides, paddings, both parametrisations, mixed and not."""
        rng = np.random.default_rng(7)
        cases = [
            (Shape(2, 2, 2), 5, Window(2), False),
            (Shape(1, 2, 4), 30, Window(3, 1, 1), False),
            (Shape(3, 5, 6), 7, Window(3, 2, 1), False),
            (Shape(2, 2, 2), 4, Window(1), True),
            (Shape(4, 4, 3), 9, Window(2, 2, 1), True),
        ]
        plain: list[Layer] = [
            cls(*case[:3], mixed=case[3], parametrisation=name, generator=rng)
            for name in PARAMETRISATIONS
            for case in cases
        ]
        chosen = Relaxation(estimator="straight_through", gumbel=1.0, sharpness=2.0)
        return [*plain, cls(Shape(2, 4, 4), 8, Window(3), relaxation=chosen, generator=rng)]


def unrolled(taps: Wires, channels: Wires, image: Shape, window: Window) -> Wires:
    """The rows `[..., positions]` that taps of channels `[...]` are; OUTSIDE beyond the edge."""
    cells = window.cells(image)[taps]
    rows: Wires = np.where(
        cells == OUTSIDE, np.int32(OUTSIDE), cells + channels[..., None] * np.int32(image.cells)
    )
    return rows


def beyond_edge(rows: Wires, zero: int) -> Wires:
    """The rows, where those that are OUTSIDE are the row `zero`."""
    inside: Wires = np.where(rows == OUTSIDE, np.int32(zero), rows)
    return inside


def read_window(description: Description, path: str) -> Window:
    """The window in a description; FormatError for anything else."""
    padding = description.get("padding")
    if type(padding) is not int:
        raise FormatError(f"{path}: padding is {padding!r}; an integer is needed")
    kernel, stride = (read_size(description, key, path) for key in ("kernel", "stride"))
    try:
        return Window(kernel, stride, padding)
    except InputError as error:
        raise FormatError(f"{path}: {error}") from error


def require_operands(
    taps: Wires, channels: Wires, image: Shape, window: Window, mixed: bool, path: str
) -> None:
    """FormatError where an operand is beyond the window or the image."""
    own = np.arange(taps.shape[1]) % image.channels
    inside = (0 <= taps) & (taps < window.kernel**2)
    owned = channels == own.reshape(-1, *(1,) * (taps.ndim - 2))
    inside &= (0 <= channels) & (channels < image.channels) if mixed else owned
    if not inside.all():
        place = tuple(np.argwhere(~inside.all(axis=0))[0])
        raise FormatError(
            f"{path}: channel {place[0]} reads taps {taps[:, *place].tolist()} of channels "
            f"{channels[:, *place].tolist()}, which its window over an image of {image} does not "
            "have; the file is damaged"
        )


def draw_operands(
    image: Shape, channels: int, window: Window, mixed: bool, generator: np.random.Generator
) -> tuple[Wires, Wires]:
    """Taps and channels `[2, channels]` of the operands, all used about equally often."""
    if not mixed:
        own = np.arange(channels, dtype=np.int32) % np.int32(image.channels)
        return even_pairs(window.kernel**2, channels, generator), np.stack([own, own])
    pairs = even_pairs(image.channels * window.kernel**2, channels, generator)
    sources, taps = np.divmod(pairs, np.int32(window.kernel**2))
    return taps, sources
