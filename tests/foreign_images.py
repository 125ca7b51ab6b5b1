"""Stand-ins for the convolutions of other tools: what they compute, stated anew in torch."""

from __future__ import annotations

import torch
from foreign_nets import (
    LightLUTParametrization,
    LogicDense,
    RawLUTParametrization,
    WarpLUTParametrization,
)
from torch import Tensor, nn

KINDS = {
    "raw": RawLUTParametrization,
    "warp": WarpLUTParametrization,
    "light": LightLUTParametrization,
}


class TreeConnections(nn.Module):
    """torchlogix: the places of the leaves for every position, and who reads whom above."""

    def __init__(self, indices: list[Tensor]) -> None:
        super().__init__()
        self.indices = indices


class LogicConv2d(nn.Module):
    """torchlogix: a tree of gates over places of a window that slides over the image."""

    def __init__(
        self,
        in_dim: tuple[int, int],
        channels: int,
        kernels: int,
        window: int,
        generator: torch.Generator,
        *,
        depth: int,
        padding: int = 0,
        stride: int = 1,
        kind: str = "raw",
        arity: int = 2,
    ) -> None:
        super().__init__()
        self.in_dim, self.channels, self.padding, self.arity = in_dim, channels, padding, arity
        self.receptive_field_size, self.stride = (window, window), stride
        self.parametrization, self.kind = KINDS[kind](), kind
        self.counts = [(size + 2 * padding - window) // stride + 1 for size in in_dim]
        entries = 16 if kind == "raw" else 1 << arity
        self.tree_weights = nn.ParameterList(
            torch.randn(arity**level, kernels, entries, generator=generator)
            for level in reversed(range(depth))
        )
        gates = arity ** (depth - 1)
        high = [window, window, channels]
        leaves = torch.stack(
            [torch.randint(n, (arity, kernels, gates), generator=generator) for n in high], -1
        )
        starts = [torch.arange(count) * stride for count in self.counts]
        grid = torch.cartesian_prod(*starts)
        moved = torch.cat([grid, torch.zeros(len(grid), 1, dtype=torch.long)], 1)
        first = leaves[:, :, None] + moved[None, None, :, None]
        above = [
            torch.arange(arity**level).reshape(-1, arity).T for level in reversed(range(1, depth))
        ]
        self.connections = TreeConnections([first, *above])

    def forward(self, x: Tensor) -> Tensor:
        image = nn.functional.pad(x, (self.padding,) * 4)
        first, *above = self.connections.indices
        pins = image[:, first[..., 2], first[..., 0], first[..., 1]]
        bits = self._level(pins, self.tree_weights[0])
        for reads, weights in zip(above, self.tree_weights[1:], strict=True):
            bits = self._level(bits[..., reads].movedim(-2, 1), weights)
        return bits.reshape(len(x), -1, *self.counts)

    def _level(self, pins: Tensor, weights: Tensor) -> Tensor:
        """The level of gates over pins [samples, wire, kernel, position, gate]."""
        gates, kernels, _ = weights.shape
        flat = pins.movedim(4, 2).flatten(2, 3).movedim(3, 1).flatten(0, 1)
        layer = LogicDense(1, 1, torch.Generator(), kind=self.kind, arity=self.arity)
        layer.weight = nn.Parameter(weights.reshape(gates * kernels, -1))
        layer.connections = nn.Identity()  # type: ignore[assignment]
        made: Tensor = layer(flat).reshape(len(pins), -1, gates, kernels)
        return made.permute(0, 3, 1, 2)


class OrPooling2d(nn.Module):
    """torchlogix: whether any bit of a window is high."""

    def __init__(self, kernel_size: int, stride: int, padding: int) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)


def gates_of(numbers: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The gates of difflogic by their numbers, on bits that are 0 or 1."""
    entry = 3 - (2 * a + b).long()
    return (numbers >> entry & 1).float()


class ConvLayer(nn.Module):
    """CompactLogic: for each channel the best of some candidates, a gate with two places."""

    gate_sequence: Tensor

    def __init__(
        self,
        in_shape: tuple[int, int, int],
        channels: int,
        geometry: tuple[int, int, int],
        generator: torch.Generator,
        candidates: int = 7,
    ) -> None:
        super().__init__()
        self.in_shape = in_shape
        self.stride, self.ks, self.padding = geometry
        self.weights = nn.Parameter(torch.randn(channels, candidates, generator=generator))
        shape = (2, channels, candidates)
        gates = torch.randint(16, shape[1:], generator=generator).to(torch.uint8)
        self.register_buffer("gate_sequence", gates)
        for name, high, shift in (
            ("offsets_ch", in_shape[0], 0),
            ("offsets_h", self.ks, self.padding),
            ("offsets_w", self.ks, self.padding),
        ):
            drawn = torch.randint(high, shape, generator=generator) - shift
            self.register_buffer(name, drawn.to(torch.int32 if shift == 0 else torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        _, height, width = self.in_shape
        size = [(n + 2 * self.padding - self.ks) // self.stride + 1 for n in (height, width)]
        image = nn.functional.pad(x, (self.padding,) * 4)
        best = self.weights.argmax(1)
        channels = []
        for unit, slot in enumerate(best.tolist()):
            sides = []
            for side in range(2):
                channel, down, across = (
                    int(getattr(self, name)[side, unit, slot])
                    for name in ("offsets_ch", "offsets_h", "offsets_w")
                )
                at = [down + self.padding, across + self.padding]
                rows, columns = (
                    slice(a, a + self.stride * (n - 1) + 1, self.stride)
                    for a, n in zip(at, size, strict=True)
                )
                sides.append(image[:, channel, rows, columns])
            channels.append(gates_of(self.gate_sequence[unit, slot].long(), *sides))
        return torch.stack(channels, 1)


def compact_dense(
    inputs: int, units: int, generator: torch.Generator, candidates: int = 7
) -> nn.Module:
    """CompactLogic: for each unit the best of some candidates, a gate with two wires."""

    class LogicLayer(nn.Module):
        indices: Tensor
        gate_sequence: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.in_dim = inputs
            self.weights = nn.Parameter(torch.randn(units, candidates, generator=generator))
            wires = torch.randint(inputs, (2, units, candidates), generator=generator)
            self.register_buffer("indices", wires)
            gates = torch.randint(16, (units, candidates), generator=generator)
            self.register_buffer("gate_sequence", gates.to(torch.uint8))

        def forward(self, x: Tensor) -> Tensor:
            best = self.weights.argmax(1)
            rows = torch.arange(units)
            a, b = (x[:, wires[rows, best]] for wires in self.indices)
            return gates_of(self.gate_sequence[rows, best].long(), a, b)

    return LogicLayer()
