"""The compact dense layer: every unit mixes candidate gates, each with operands of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from lithify.compiler.nets.gates.candidates import (
    CandidateLayer,
    require_candidates,
    require_tables,
    start_logits,
    start_tables,
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
from lithify.compiler.nets.wiring import Wires, even_pairs
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError


class CompactLayer(CandidateLayer):
    """Two-input gates that learn which inputs they read, by trying candidates."""

    kind = "compact"
    wires: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        candidates: int = 16,
        residual: float = 0.9,
        noise: float = 1.0,
        generator: np.random.Generator,
    ) -> None:
        """Wire and start at random; `residual` is then the probability of "pass the first"."""
        super().__init__()
        if min(inputs, outputs) < 1 or max(inputs, outputs) >= 2**30:
            raise InputError(
                f"a compact layer of {inputs} inputs and {outputs} outputs; both are 1 to "
                f"{2**30 - 1}"
            )
        require_candidates(candidates, residual, noise)
        pairs = [even_pairs(inputs, outputs, generator) for _ in range(candidates)]
        self._build(
            inputs,
            torch.from_numpy(np.ascontiguousarray(np.stack(pairs, axis=2))),
            torch.from_numpy(start_tables(outputs, candidates, generator)),
            torch.from_numpy(start_logits(outputs, candidates, residual, noise, generator)),
        )

    def _build(
        self,
        inputs: int,
        wires: Tensor,
        tables: Tensor,
        weights: Tensor,
        frozen: Tensor | None = None,
    ) -> None:
        self.inputs = inputs
        self.outputs, self.candidates = weights.shape
        self._keep(weights, tables, frozen)
        self.register_buffer("wires", wires)

    @property
    def spread(self) -> int:
        """Every unit has a row of its own."""
        return 1

    def operands(self, chosen: Tensor | None = None) -> Tensor:
        """The inputs that candidates read."""
        if chosen is None:
            return self.wires
        return self.wires.gather(2, chosen[None, :, None].expand(2, -1, -1))

    def redraw_(self, changed: Tensor, generator: np.random.Generator) -> None:
        """Two different inputs, all pairs equally likely, for every changed candidate."""
        count = int(changed.sum())
        first = generator.integers(self.inputs, size=count, dtype=np.int32)
        step = generator.integers(1, max(self.inputs, 2), size=count, dtype=np.int32)
        second = (first + step) % self.inputs
        pairs = torch.from_numpy(np.stack((first, second))).to(self.wires.device)
        self.wires[:, changed] = pairs

    def sources(self) -> Wires:
        """The inputs `[2, outputs]` that the likeliest gates read."""
        return np.ascontiguousarray(to_numpy(self.operands(self.chosen()))[:, :, 0])

    def forward(self, x: Tensor) -> Tensor:
        """The activations; exact bits where the layer is frozen."""
        return self.soft(x)

    def hard(self, bits: Bits) -> Bits:
        """The outputs of the likeliest gates."""
        first, second = self.sources()
        return table_outputs(self.chosen_tables(), bits[first], bits[second])

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One table a unit."""
        with builder.origin(path, "core"):
            return builder.tables(self.chosen_tables(), signals[self.sources().T])

    def hardened(self) -> Self:
        """One candidate a unit: the likeliest."""
        tables = torch.from_numpy(self.chosen_tables().astype(np.int32)[:, None])
        state = {
            "wires": torch.from_numpy(self.sources()[:, :, None]),
            "tables": tables,
            "weights": torch.full(tables.shape, FAR),
            "frozen": torch.ones(1, dtype=torch.int32),
        }
        return self.restore({**self.describe(), "candidates": 1}, state, self.kind)

    def describe(self) -> Description:
        """Kind, sizes and the number of candidates."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "candidates": self.candidates,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights, candidates, and whether the layer is frozen."""
        rows = read_size(description, "outputs", path)
        count = read_size(description, "candidates", path)
        return {
            "weights": ("F32", (rows, count)),
            "tables": ("I32", (rows, count)),
            "wires": ("I32", (2, rows, count)),
            "frozen": ("I32", (1,)),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; operands must be inputs that exist, tables of two inputs."""
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        inputs = read_size(description, "inputs", path)
        wires = to_numpy(state["wires"])
        bad = np.argwhere((wires < 0) | (wires >= inputs))
        if len(bad):
            side, unit, k = bad[0]
            raise FormatError(
                f"{path}: candidate {k} of gate {unit} reads input {wires[side, unit, k]}, but the "
                f"layer has inputs 0 to {inputs - 1}; the file is damaged"
            )
        require_tables(to_numpy(state["tables"]), path)
        parts = (state[name].clone() for name in ("wires", "tables", "weights", "frozen"))
        layer._build(inputs, *parts)
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Few and many candidates, both starts, more and fewer outputs than inputs."""
        rng = np.random.default_rng(7)
        return [
            cls(inputs, outputs, candidates=count, residual=residual, generator=rng)
            for count in (2, 16, 19)
            for residual in (0.9, 0.0)
            for inputs, outputs in ((6, 40), (7, 3), (1, 2))
        ]
