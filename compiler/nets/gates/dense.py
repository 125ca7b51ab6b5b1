"""The dense logic-gate layer: every unit is a two-input gate whose truth table is learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.soft import SoftGates, corner_coefficients, table_corners
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Shapes,
    Signals,
    read_size,
    require_finite,
    to_numpy,
)
from lithify.compiler.nets.wiring import Wires, even_pairs, readers
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

# Columns of the weights: a logit for each of the 16 tables, or one for each entry of the table.
PARAMETRISATIONS = {"softmax16": 16, "table4": 4}
PASS_FIRST = 0b1010
FAR = 1e4  # the logit of a choice that is made


class LogicLayer(Layer):
    """Two-input gates over fixed wiring.

    `softmax16` mixes all 16 gates by a softmax and hardens to the likeliest; `table4` learns the
    four truth-table entries as sigmoids and hardens each at one half.
    """

    kind = "logic"
    _basis: Tensor
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
        generator: np.random.Generator,
    ) -> None:
        """Wire and start at random; `residual` is then the probability of "pass the first"."""
        super().__init__()
        if min(inputs, outputs) < 1 or max(inputs, outputs) >= 2**30:
            raise InputError(
                f"a logic layer of {inputs} inputs and {outputs} outputs; both are 1 to {2**30 - 1}"
            )
        if parametrisation not in PARAMETRISATIONS:
            raise InputError(
                f"parametrisation {parametrisation!r} is none of {', '.join(PARAMETRISATIONS)}"
            )
        if not 0 <= residual < 1 or not 0 <= noise < float("inf"):
            raise InputError(
                f"residual is {residual} and noise {noise}; residual is a probability below 1, "
                "noise is not negative"
            )
        start = start_weights(outputs, parametrisation, residual, noise, generator)
        self._build(inputs, even_pairs(inputs, outputs, generator), start, parametrisation)

    def _build(self, inputs: int, wires: Wires, start: Tensor, parametrisation: str) -> None:
        self.inputs = inputs
        self.outputs = wires.shape[1]
        self.parametrisation = parametrisation
        self.weights = nn.Parameter(start)
        self.register_buffer("wires", torch.from_numpy(wires))
        self.register_buffer("_places", torch.empty(0), persistent=False)
        self.register_buffer("_first", torch.empty(0), persistent=False)
        self.register_buffer("_basis", corner_coefficients(table_corners()), persistent=False)
        self._find_readers()
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda layer, _: layer._find_readers()
        )

    def _find_readers(self) -> None:
        """Note who reads each input, for the backward; wiring that is loaded changes it."""
        places, first = readers(to_numpy(self.wires), self.inputs)
        self._places = torch.from_numpy(places).to(self.wires.device)
        self._first = torch.from_numpy(first).to(self.wires.device)

    def coefficients(self) -> Tensor:
        """The multilinear coefficients `[4, outputs]` of the soft gates."""
        if self.parametrisation == "table4":
            return corner_coefficients(torch.sigmoid(self.weights))
        return self._basis.to(self.weights.dtype) @ torch.softmax(self.weights, 1).t()

    def forward(self, x: Tensor) -> Tensor:
        """The soft activations."""
        soft: Tensor = SoftGates.apply(  # type: ignore[no-untyped-call]
            x, self.coefficients(), self.wires, self._places, self._first
        )
        return soft

    def tables(self) -> NDArray[np.uint64]:
        """The truth table of each hardened gate; a draw goes to the lower table."""
        weights = to_numpy(self.weights)
        if self.parametrisation == "table4":
            chosen = (weights > 0) @ np.array([1, 2, 4, 8])
        else:
            chosen = weights.argmax(axis=1)
        tables: NDArray[np.uint64] = chosen.astype(np.uint64)
        return tables

    def hard(self, bits: Bits) -> Bits:
        """The outputs by exclusive-or of the table's algebraic normal form."""
        f0, f1, f2, f3 = (
            (self.tables()[:, None] >> np.uint64(i)) & np.uint64(1) == 1 for i in range(4)
        )
        first, second = to_numpy(self.wires)
        a, b = bits[first], bits[second]
        out: Bits = f0 ^ (a & (f0 ^ f1)) ^ (b & (f0 ^ f2)) ^ (a & b & (f0 ^ f1 ^ f2 ^ f3))
        return out

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One table a gate."""
        with builder.origin(path, "core"):
            return builder.tables(self.tables(), signals[to_numpy(self.wires).T])

    def harden_(self) -> None:
        """Make the choice that hardening makes certain: probabilities of exactly 0 and 1."""
        with torch.no_grad():
            if self.parametrisation == "table4":
                self.weights.copy_(torch.where(self.weights > 0, FAR, -FAR))
            else:
                chosen = torch.from_numpy(self.tables().astype(np.int64)).to(self.weights.device)
                self.weights.zero_().scatter_(1, chosen[:, None], FAR)

    def hardened(self) -> Layer:
        """The entries of the tables alone, however they were learned."""
        entries = self.tables()[:, None] >> np.arange(4, dtype=np.uint64) & np.uint64(1)
        state = {
            "weights": torch.from_numpy(np.where(entries, FAR, -FAR).astype(np.float32)),
            "wires": self.wires.cpu(),
        }
        return self.restore(self.describe() | {"parametrisation": "table4"}, state, self.kind)

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        require_finite(to_numpy(self.weights), path, "weights")

    def describe(self) -> Description:
        """Kind, sizes and parametrisation."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "parametrisation": self.parametrisation,
        }

    @classmethod
    def shapes(cls, description: Description, path: str) -> Shapes:
        """Weights and wires."""
        columns = PARAMETRISATIONS.get(str(description.get("parametrisation")))
        if columns is None:
            raise FormatError(
                f"{path}: parametrisation {description.get('parametrisation')!r} is none of "
                f"{', '.join(PARAMETRISATIONS)}"
            )
        outputs = read_size(description, "outputs", path)
        return {"weights": ("F32", (outputs, columns)), "wires": ("I32", (2, outputs))}

    @classmethod
    def restore(cls, description: Description, state: Mapping[str, Tensor], path: str) -> Self:
        """The layer of this state; wires must point at inputs that exist."""
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        wires = to_numpy(state["wires"])
        inputs = read_size(description, "inputs", path)
        if wires.min() < 0 or wires.max() >= inputs:
            bad = int(np.flatnonzero(((wires < 0) | (wires >= inputs)).any(axis=0))[0])
            raise FormatError(
                f"{path}: gate {bad} reads inputs {wires[0, bad]} and {wires[1, bad]}, but the "
                f"layer has inputs 0 to {inputs - 1}; the file is damaged"
            )
        layer._build(
            inputs, wires.copy(), state["weights"].clone(), str(description["parametrisation"])
        )
        return layer

    @classmethod
    def examples(cls) -> list[Layer]:
        """Both parametrisations, both starts, more and fewer outputs than inputs."""
        rng = np.random.default_rng(7)
        return [
            cls(inputs, outputs, parametrisation=name, residual=residual, generator=rng)
            for name in PARAMETRISATIONS
            for residual in (0.9, 0.0)
            for inputs, outputs in ((6, 40), (7, 3), (1, 2))
        ]


def start_weights(
    outputs: int,
    parametrisation: str,
    residual: float,
    noise: float,
    generator: np.random.Generator,
) -> Tensor:
    """Normal logits of deviation `noise`, and on top what gives "pass a" its probability.

    All gates are equally likely at 1/16; a lower `residual` counts as that.
    """
    columns = PARAMETRISATIONS[parametrisation]
    start = generator.standard_normal((outputs, columns), dtype=np.float32) * np.float32(noise)
    share = max(residual, 1 / 16)
    if parametrisation == "softmax16":
        start[:, PASS_FIRST] += math.log(share * 15 / (1 - share))
    else:
        entry = share**0.25
        odds = math.log(entry / (1 - entry))
        start += np.array([-odds, odds, -odds, odds], dtype=np.float32)
    return torch.from_numpy(start)
