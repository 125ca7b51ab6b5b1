"""Logic-gate layers that learn what to read: every operand chooses among candidate sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.mix import SoftSources
from lithify.compiler.nets.gates.relax import PLAIN, Choice, Relaxation, relaxation_of
from lithify.compiler.nets.gates.soft import SoftGates
from lithify.compiler.nets.gates.tables import (
    FAR,
    PARAMETRISATIONS,
    TableLayer,
    columns_of,
    require_parts,
    require_sources,
    start_weights,
)
from lithify.compiler.nets.layer import (
    Description,
    Layer,
    Shapes,
    read_size,
    require_finite,
    to_numpy,
)
from lithify.compiler.nets.wiring import Wires, readers
from lithify.ir.errors import InputError


class LearnedLayer(TableLayer):
    """Two-input gates whose operands are learned too.

    Of the candidates of an operand the soft layer mixes all, each by its probability; the hard
    layer reads the likeliest.
    """

    kind = "learned"
    candidates: Tensor
    _places: Tensor
    _first: Tensor
    _own: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        candidates: NDArray[np.int32],
        *,
        parametrisation: str = "softmax16",
        residual: float = 0.9,
        noise: float = 1.0,
        relaxation: Relaxation = PLAIN,
        generator: np.random.Generator,
    ) -> None:
        """Start at random among candidates `[2, outputs, k]`."""
        super().__init__()
        require_parts(inputs, outputs, parametrisation)
        shape = candidates.shape
        if len(shape) != 3 or shape[:2] != (2, outputs) or shape[2] < 1:
            raise InputError(f"candidates of shape {list(shape)}; [2, {outputs}, k] is needed")
        start = start_weights(outputs, parametrisation, residual, noise, generator)
        picks = generator.standard_normal(shape, dtype=np.float32) * np.float32(noise)
        self._build(inputs, candidates, start, torch.from_numpy(picks), parametrisation, relaxation)

    def _build(
        self,
        inputs: int,
        candidates: NDArray[np.int32],
        start: Tensor,
        picks: Tensor,
        parametrisation: str,
        relaxation: Relaxation,
    ) -> None:
        self._tabulate(inputs, start, parametrisation, relaxation)
        self.picks = nn.Parameter(picks)
        self.picking = Choice(relaxation)
        self.register_buffer("candidates", torch.from_numpy(candidates))
        self.register_buffer("_own", torch.arange(2 * self.outputs, dtype=torch.int32), False)
        self.register_buffer("_places", torch.empty(0), persistent=False)
        self.register_buffer("_first", torch.empty(0), persistent=False)
        self._find_readers()
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda layer, _: layer._find_readers()
        )

    def _find_readers(self) -> None:
        """Note who may read each input, for the backward; candidates that are loaded change it."""
        places, first = readers(to_numpy(self.candidates), self.inputs)
        self._places = torch.from_numpy(places).to(self.candidates.device)
        self._first = torch.from_numpy(first).to(self.candidates.device)

    def operands(self, x: Tensor) -> Tensor:
        """The soft operands `[2 * outputs, batch]`: the first ones of all gates, then the second.

        With straight-through estimation, and once the choice is made, they are rows of `x`.
        """
        flat = self.candidates.flatten(0, 1)
        if self.picking.is_made:
            return x[flat.gather(1, self.picks.flatten(0, 1).argmax(1, keepdim=True))[:, 0].long()]
        logits = self.picking.logits(self.picks).flatten(0, 1)
        chosen = None
        if self.picking.chooses:
            chosen = flat.gather(1, logits.detach().argmax(1, keepdim=True))[:, 0]
        mixed: Tensor = SoftSources.apply(  # type: ignore[no-untyped-call]
            x, torch.softmax(logits, 1), flat, self._places, self._first, chosen
        )
        return mixed

    def activations(self, x: Tensor) -> Tensor:
        """The soft activations."""
        soft, chosen = self.coefficients()
        wires = self._own.view(2, -1)
        activations: Tensor = SoftGates.apply(  # type: ignore[no-untyped-call]
            self.operands(x), soft, wires, self._own, self._own, chosen
        )
        return activations

    def sources(self) -> Wires:
        """The likeliest candidate of every operand; a draw goes to the first."""
        best = to_numpy(self.picks).argmax(axis=2)[:, :, None]
        wires: Wires = np.take_along_axis(to_numpy(self.candidates), best, axis=2)[:, :, 0]
        return wires

    def hardened(self) -> Self:
        """The entries of the tables, and of each operand the one candidate that is read."""
        state = {
            "weights": self.entries(),
            "picks": torch.full((2, self.outputs, 1), FAR),
            "candidates": torch.from_numpy(self.sources()[:, :, None]),
        }
        description = self.description_of_entries() | {"candidates": 1}
        return self.restore(description, state, self.kind)

    def harden_(self) -> None:
        """Make the choices that hardening makes certain."""
        super().harden_()
        with torch.no_grad():
            best = self.picks.argmax(2, keepdim=True)
            self.picks.zero_().scatter_(2, best, FAR)

    def begin_(self, noise: torch.Generator) -> None:
        """Draw noise, where there is any, from this stream."""
        super().begin_(noise)
        self.picking.noise = noise

    def settle_(self, done: float, optimiser: torch.optim.Optimizer) -> None:
        """Sharpen, and make the choices that are due."""
        self.picking.settle_(done)
        super().settle_(done, optimiser)

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        super().check(path)
        picks = to_numpy(self.picks).transpose(1, 0, 2).reshape(self.outputs, -1)
        require_finite(picks, path, "choices of sources")

    def describe(self) -> Description:
        """As of every layer of gates, and how many candidates there are."""
        return super().describe() | {"candidates": self.candidates.shape[2]}

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights, candidates, and the choice among them."""
        columns = columns_of(description, path)
        outputs = read_size(description, "outputs", path)
        shape = (2, outputs, read_size(description, "candidates", path))
        relaxation = relaxation_of(description, path)
        return {
            "weights": ("F32", (outputs, columns)),
            "picks": ("F32", shape),
            "candidates": ("I32", shape),
            **relaxation.shapes("choice"),
            **relaxation.shapes("picking"),
        }

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; candidates must be inputs that exist."""
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        candidates = to_numpy(state["candidates"])
        inputs = read_size(description, "inputs", path)
        columns = candidates.transpose(0, 2, 1).reshape(-1, candidates.shape[1])
        require_sources(columns, inputs, path)
        layer._build(
            inputs,
            candidates.copy(),
            state["weights"].clone(),
            state["picks"].clone(),
            str(description["parametrisation"]),
            relaxation_of(description, path),
        )
        layer.choice.take(state, "choice")
        layer.picking.take(state, "picking")
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Both parametrisations, every relaxation, few and many candidates."""
        rng = np.random.default_rng(8)
        relaxations = (PLAIN, Relaxation(estimator="straight_through", gumbel=1.0, sharpness=2.0))
        return [
            cls(
                6,
                outputs,
                rng.integers(0, 6, (2, outputs, count), np.int32),
                parametrisation=name,
                relaxation=relaxation,
                generator=rng,
            )
            for name in PARAMETRISATIONS
            for relaxation in relaxations
            for outputs, count in ((40, 3), (5, 8))
        ]
