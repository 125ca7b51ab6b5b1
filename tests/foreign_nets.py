"""Stand-ins for the modules of other tools: what their layers compute, stated anew in torch.

They carry the names and attributes by which the importers know the originals.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn


class LogicLayer(nn.Module):
    """difflogic: sixteen real-valued gates of two inputs, the one of the largest weight."""

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.in_dim = inputs
        self.weights = nn.Parameter(torch.randn(units, 16, generator=generator))
        self.indices = tuple(torch.randint(inputs, (units,), generator=generator) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        a, b = (x[:, wires] for wires in self.indices)
        ab = a * b
        gates = [
            0 * a, ab, a - ab, a, b - ab, b, a + b - 2 * ab, a + b - ab,
            1 - (a + b - ab), 1 - (a + b - 2 * ab), 1 - b, 1 - b + ab, 1 - a, 1 - a + ab, 1 - ab,
            1 + 0 * a,
        ]  # fmt: skip
        chosen = nn.functional.one_hot(self.weights.argmax(-1), 16).float()
        return (torch.stack(gates, -1) * chosen).sum(-1)


class Connections(nn.Module):
    """torchlogix: fixed wires, or candidates with weights."""

    indices: Tensor
    weights: Tensor

    def __init__(
        self, inputs: int, units: int, arity: int, candidates: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        shape = (candidates, arity, units) if candidates else (arity, units)
        self.register_buffer("indices", torch.randint(inputs, shape, generator=generator))
        if candidates:
            self.weights = nn.Parameter(torch.rand(shape, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "weights"):
            return x[:, self.indices]
        best = self.weights.argmax(0, keepdim=True)
        return x[:, self.indices.gather(0, best)[0]]


class RawLUTParametrization:
    """A weight for each of the sixteen gates."""


class WarpLUTParametrization:
    """A weight for each product of inputs that are 1 and -1."""


class LightLUTParametrization:
    """A weight for each entry of the table."""


class LogicDense(nn.Module):
    """torchlogix: gates of any arity in one of three parametrisations."""

    def __init__(
        self,
        inputs: int,
        units: int,
        generator: torch.Generator,
        *,
        kind: str = "raw",
        arity: int = 2,
        candidates: int = 0,
    ) -> None:
        super().__init__()
        kinds = (RawLUTParametrization, WarpLUTParametrization, LightLUTParametrization)
        self.in_dim = inputs
        self.parametrization = dict(zip(("raw", "warp", "light"), kinds, strict=True))[kind]()
        entries = 16 if kind == "raw" else 1 << arity
        self.weight = nn.Parameter(torch.randn(units, entries, generator=generator))
        self.connections = Connections(inputs, units, arity, candidates, generator)
        self.arity = arity

    def forward(self, x: Tensor) -> Tensor:
        pins = self.connections(x)
        kind = type(self.parametrization)
        if kind is WarpLUTParametrization:
            total = torch.zeros(len(x), pins.shape[2])
            for k, taken in enumerate(product((0, 1), repeat=self.arity)):
                term = torch.ones(len(x), pins.shape[2])
                for j, one in enumerate(taken):
                    term = term * (1 - 2 * pins[:, j]) if one else term
                total = total + self.weight[:, k] * term
            return (total < 0).float()
        table = self.weight > 0
        if kind is RawLUTParametrization:
            bits = 2 ** torch.arange(3, -1, -1)
            table = (self.weight.argmax(-1, keepdim=True) & bits) > 0
        powers = 2 ** torch.arange(self.arity - 1, -1, -1)
        entry = (pins.long() * powers[:, None]).sum(1)
        return table[torch.arange(table.shape[0]), entry].float()


class GroupSum(nn.Module):
    """difflogic and torchlogix: sums of equal groups, plus beta, over tau."""

    def __init__(self, k: int, tau: float = 1.0, beta: float = 0.0) -> None:
        super().__init__()
        self.k, self.tau, self.beta = k, tau, beta

    def forward(self, x: Tensor) -> Tensor:
        return (x.reshape(len(x), self.k, -1).sum(-1) + self.beta) / self.tau


class LearnableMapping(nn.Module):
    """torch-dwn: for each wire the input of the largest weight."""

    def __init__(self, inputs: int, wires: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.rand(inputs, wires, generator=generator))


class LUTLayer(nn.Module):
    """torch-dwn: tables that are looked up at what their wires say."""

    def __init__(
        self, inputs: int, units: int, n: int, generator: torch.Generator, *, learned: bool = False
    ) -> None:
        super().__init__()
        self.input_size, self.n, self.ste = inputs, n, True
        self.luts = nn.Parameter(2 * torch.rand(units, 2**n, generator=generator) - 1)
        wires = torch.randint(inputs, (units, n), generator=generator, dtype=torch.int32)
        self.mapping = (
            LearnableMapping(inputs, units * n, generator)
            if learned
            else nn.Parameter(wires, requires_grad=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.mapping, LearnableMapping):
            wires = self.mapping.weights.argmax(0).reshape(-1, self.n)
        else:
            wires = self.mapping.long()
        entry = sum((x[:, wires[:, j]] > 0).long() << j for j in range(self.n))
        assert isinstance(entry, Tensor)
        return (self.luts[torch.arange(len(self.luts)), entry] > 0).float()


class Thermometer:
    """torch-dwn: whether a feature exceeds each of its thresholds."""

    def __init__(self, thresholds: Tensor) -> None:
        self.thresholds = thresholds

    def binarize(self, x: Tensor) -> Tensor:
        """Bits [samples, features, thresholds]."""
        return (x[..., None] > self.thresholds).float()


def dwn_group_sum(k: int, tau: float, order: Tensor | None = None) -> nn.Module:
    """torch-dwn: sums of groups, zeros added where the bits do not divide."""

    class GroupSum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.k, self.tau, self.randperm = k, tau, order

        def forward(self, x: Tensor) -> Tensor:
            x = x if order is None else x[:, order]
            padded = nn.functional.pad(x, (0, -x.shape[1] % k))
            return padded.reshape(len(x), k, -1).sum(-1) / tau

    return GroupSum()
