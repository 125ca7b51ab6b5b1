"""The compact convolution: every channel mixes candidate gates, each over taps of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.candidates import (
    CandidateLayer,
    require_candidates,
    require_tables,
    start_logits,
    start_tables,
)
from lithify.compiler.nets.gates.convolution import (
    beyond_edge,
    draw_operands,
    read_window,
    require_operands,
    unrolled,
)
from lithify.compiler.nets.gates.hard import table_outputs
from lithify.compiler.nets.gates.tables import FAR
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
    to_numpy,
)
from lithify.compiler.nets.space import Shape, Window
from lithify.compiler.nets.wiring import Wires
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class CompactConvolutionLayer(CandidateLayer):
    """A two-input gate for each channel that learns which taps of a window it reads.

    Channel `c` reads channel `c mod channels of the image`; where it is `mixed` candidates may read
    any channels. Beyond the edge of the image is constant 0.
    """

    kind = "compact_convolution"
    taps: Tensor
    channels: Tensor
    _wires: Tensor

    def __init__(
        self,
        image: Shape,
        channels: int,
        window: Window,
        *,
        mixed: bool = False,
        candidates: int = 16,
        residual: float = 0.9,
        noise: float = 0.0,
        generator: np.random.Generator,
    ) -> None:
        """Choose taps and start at random; `residual` is the probability of "pass the first"."""
        super().__init__()
        require_candidates(candidates, residual, noise)
        window.over(image, channels)
        drawn = [
            draw_operands(image, channels, window, mixed, generator) for _ in range(candidates)
        ]
        self._build(
            image,
            window,
            mixed,
            tuple(
                torch.from_numpy(np.ascontiguousarray(np.stack(part, axis=2)))
                for part in zip(*drawn, strict=True)
            ),
            torch.from_numpy(start_tables(channels, candidates, generator)),
            torch.from_numpy(start_logits(channels, candidates, residual, noise, generator)),
        )

    def _build(
        self,
        image: Shape,
        window: Window,
        mixed: bool,
        operands: tuple[Tensor, ...],
        tables: Tensor,
        weights: Tensor,
        frozen: Tensor | None = None,
    ) -> None:
        self.image = image
        self.window = window
        self.mixed = mixed
        self.places = window.over(image, len(weights))
        self.inputs = image.rows
        self.outputs = self.places.rows
        self._keep(weights, tables, frozen)
        taps, channels = operands
        self.register_buffer("taps", taps)
        self.register_buffer("channels", channels)
        self.register_buffer("_wires", torch.empty(0), persistent=False)
        self._unroll()
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda layer, _: layer._unroll()
        )

    def _unroll(self) -> None:
        """Note what every candidate reads at every position; taps that change change it."""
        wires = self._rows(to_numpy(self.taps), to_numpy(self.channels))
        self._wires = torch.from_numpy(wires).to(self.weights.device)

    def _rows(self, taps: Wires, channels: Wires) -> Wires:
        """The rows `[2, units, K]` that taps and channels `[2, rows, K]` are of."""
        rows = unrolled(taps, channels, self.image, self.window)
        inside = beyond_edge(rows, self.inputs)
        wires = np.moveaxis(inside, 3, 2).reshape(2, -1, taps.shape[2])
        return np.ascontiguousarray(wires)

    @property
    def spread(self) -> int:
        """The positions of a channel share its candidates."""
        return self.places.cells

    def operands(self, chosen: Tensor | None = None) -> Tensor:
        """The inputs that candidates read; one past the last is constant 0."""
        if chosen is None:
            return self._wires
        each = chosen.repeat_interleave(self.spread)
        return self._wires.gather(2, each[None, :, None].expand(2, -1, -1))

    def redraw_(self, changed: Tensor, generator: np.random.Generator) -> None:
        """Other taps for changed candidates, of the same channels; of a lone tap other channels."""
        lone = self.window.kernel == 1
        held, size = (
            (self.channels, self.image.channels) if lone else (self.taps, self.window.kernel**2)
        )
        if lone and not self.mixed:
            return
        count = int(changed.sum())
        first = generator.integers(size, size=count, dtype=np.int32)
        step = generator.integers(1, max(size, 2), size=count, dtype=np.int32)
        pairs = torch.from_numpy(np.stack((first, (first + step) % np.int32(size))))
        held[:, changed] = pairs.to(held.device)
        self._unroll()

    def sources(self) -> Wires:
        """The inputs `[2, outputs]` that the likeliest gates read."""
        return np.ascontiguousarray(to_numpy(self.operands(self.chosen()))[:, :, 0])

    def forward(self, x: Tensor) -> Tensor:
        """The activations; exact bits where the layer is frozen."""
        return self.soft(torch.cat((x, x.new_zeros((1, x.shape[1])))))

    def _tables(self) -> NDArray[np.uint64]:
        """The truth table of each channel at each position."""
        return np.repeat(self.chosen_tables(), self.spread)

    def hard(self, bits: Bits) -> Bits:
        """The outputs of the likeliest gates."""
        padded = np.concatenate([bits, np.zeros((1, bits.shape[1]), np.bool_)])
        first, second = self.sources()
        return table_outputs(self._tables(), padded[first], padded[second])

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One table a channel and position; the channel is the unit."""
        padded = np.append(signals, np.int32(0))
        units = np.repeat(np.arange(self.places.channels), self.spread)
        with builder.origin(path, "core"):
            return builder.tables(self._tables(), padded[self.sources().T], units=units)

    def hardened(self) -> Self:
        """One candidate a channel: the likeliest."""
        chosen = self.chosen()[None, :, None].expand(2, -1, -1)
        tables = torch.from_numpy(self.chosen_tables().astype(np.int32)[:, None])
        state = {
            "taps": self.taps.gather(2, chosen).cpu(),
            "channels": self.channels.gather(2, chosen).cpu(),
            "tables": tables,
            "weights": torch.full(tables.shape, FAR),
            "frozen": torch.ones(1, dtype=torch.int32),
        }
        return self.restore({**self.describe(), "candidates": 1}, state, self.kind)

    def describe(self) -> Description:
        """Kind, image, window and the number of candidates."""
        return {
            "kind": self.kind,
            "image": self.image.to_list(),
            "channels": self.places.channels,
            "kernel": self.window.kernel,
            "stride": self.window.stride,
            "padding": self.window.padding,
            "mixed": self.mixed,
            "candidates": self.weights.shape[1],
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights, candidates, and whether the layer is frozen."""
        rows = read_size(description, "channels", path)
        count = read_size(description, "candidates", path)
        return {
            "weights": ("F32", (rows, count)),
            "tables": ("I32", (rows, count)),
            "taps": ("I32", (2, rows, count)),
            "channels": ("I32", (2, rows, count)),
            "frozen": ("I32", (1,)),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; operands must be inside the window and the image."""
        image, window = Shape.read(description, "image", path), read_window(description, path)
        mixed = description.get("mixed") is True
        taps, channels = state["taps"].clone(), state["channels"].clone()
        require_operands(to_numpy(taps), to_numpy(channels), image, window, mixed, path)
        require_tables(to_numpy(state["tables"]), path)
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        parts = (state[name].clone() for name in ("tables", "weights", "frozen"))
        try:
            layer._build(image, window, mixed, (taps, channels), *parts)
        except InputError as error:
            raise FormatError(f"{path}: {error}") from error
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Strides, paddings, few and many candidates, mixed and not."""
        rng = np.random.default_rng(7)
        return [
            cls(Shape(2, 2, 2), 5, Window(2), candidates=3, generator=rng),
            cls(Shape(1, 2, 4), 30, Window(3, 1, 1), generator=rng, residual=0.0),
            cls(Shape(3, 5, 6), 7, Window(3, 2, 1), candidates=19, noise=1.0, generator=rng),
            cls(Shape(2, 2, 2), 4, Window(1), mixed=True, candidates=2, generator=rng),
            cls(Shape(4, 4, 3), 9, Window(2, 2, 1), mixed=True, noise=1.0, generator=rng),
        ]
