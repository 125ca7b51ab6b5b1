"""The dense logic-gate layer: every unit is a two-input gate whose truth table is learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from lithify.compiler.nets.gates.relax import PLAIN, Relaxation, relaxation_of
from lithify.compiler.nets.gates.soft import SoftGates
from lithify.compiler.nets.gates.tables import (
    PARAMETRISATIONS,
    TableLayer,
    columns_of,
    require_parts,
    require_sources,
    start_weights,
)
from lithify.compiler.nets.layer import Description, Layer, Shapes, read_size, to_numpy
from lithify.compiler.nets.wiring import Wires, even_pairs, readers
from lithify.ir.errors import InputError


class LogicLayer(TableLayer):
    """Two-input gates over fixed wiring."""

    kind = "logic"
    wires: Tensor
    _places: Tensor
    _first: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        parametrisation: str = "softmax16",
        residual: float = 0.9,
        noise: float = 1.0,
        relaxation: Relaxation = PLAIN,
        wires: Wires | None = None,
        generator: np.random.Generator,
    ) -> None:
        """Start at random; `residual` is then the probability of "pass the first".

        Without `wires` the wiring is random, and reads every input equally often.
        """
        super().__init__()
        require_parts(inputs, outputs, parametrisation)
        if wires is not None and wires.shape != (2, outputs):
            raise InputError(f"wires of shape {list(wires.shape)}; [2, {outputs}] is needed")
        start = start_weights(outputs, parametrisation, residual, noise, generator)
        drawn = even_pairs(inputs, outputs, generator) if wires is None else wires
        self._build(inputs, drawn, start, parametrisation, relaxation)

    def _build(
        self,
        inputs: int,
        wires: Wires,
        start: Tensor,
        parametrisation: str,
        relaxation: Relaxation,
    ) -> None:
        self._tabulate(inputs, start, parametrisation, relaxation)
        self.register_buffer("wires", torch.from_numpy(wires))
        self.register_buffer("_places", torch.empty(0), persistent=False)
        self.register_buffer("_first", torch.empty(0), persistent=False)
        self._find_readers()
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda layer, _: layer._find_readers()
        )

    def _find_readers(self) -> None:
        """Note who reads each input, for the backward; wiring that is loaded changes it."""
        places, first = readers(to_numpy(self.wires), self.inputs)
        self._places = torch.from_numpy(places).to(self.wires.device)
        self._first = torch.from_numpy(first).to(self.wires.device)

    def sources(self) -> Wires:
        """The wiring."""
        wires: Wires = to_numpy(self.wires)
        return wires

    def activations(self, x: Tensor) -> Tensor:
        """The soft activations."""
        soft, chosen = self.coefficients()
        activations: Tensor = SoftGates.apply(  # type: ignore[no-untyped-call]
            x, soft, self.wires, self._places, self._first, chosen
        )
        return activations

    def hardened(self) -> Self:
        """The entries of the tables alone, however they were learned."""
        state = {"weights": self.entries(), "wires": self.wires.cpu()}
        return self.restore(self.description_of_entries(), state, self.kind)

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights and wires."""
        columns = columns_of(description, path)
        outputs = read_size(description, "outputs", path)
        return {
            "weights": ("F32", (outputs, columns)),
            "wires": ("I32", (2, outputs)),
            **relaxation_of(description, path).shapes("choice"),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; wires must point at inputs that exist."""
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        wires = to_numpy(state["wires"])
        inputs = read_size(description, "inputs", path)
        require_sources(wires, inputs, path)
        relaxation = relaxation_of(description, path)
        weights = state["weights"].clone()
        layer._build(inputs, wires.copy(), weights, str(description["parametrisation"]), relaxation)
        layer.choice.take(state, "choice")
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Both parametrisations, both starts, more and fewer outputs than inputs, relaxations."""
        rng = np.random.default_rng(7)
        relaxations = (
            Relaxation(estimator="straight_through", gumbel=1.0),
            Relaxation(sharpness=4.0),
        )
        plain: list[Layer] = [
            cls(inputs, outputs, parametrisation=name, residual=residual, generator=rng)
            for name in PARAMETRISATIONS
            for residual in (0.9, 0.0)
            for inputs, outputs in ((6, 40), (7, 3), (1, 2))
        ]
        return plain + [
            cls(6, 40, parametrisation=name, relaxation=one, generator=rng)
            for name in PARAMETRISATIONS
            for one in relaxations
        ]
