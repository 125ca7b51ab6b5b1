"""Two-input gates whose truth tables are learned, whatever they read."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.hard import table_outputs
from lithify.compiler.nets.gates.relax import Choice, Relaxation
from lithify.compiler.nets.gates.soft import corner_coefficients, table_corners
from lithify.compiler.nets.layer import (
    Bits,
    Description,
    Layer,
    Signals,
    require_finite,
    to_numpy,
)
from lithify.compiler.nets.wiring import Wires
from lithify.ir.builder import Builder
from lithify.ir.errors import FormatError, InputError

# Columns of the weights: a logit for each of the 16 tables, or one for each entry of the table.
PARAMETRISATIONS = {"softmax16": 16, "table4": 4}
PASS_FIRST = 0b1010
FAR = 1e4  # the logit of a choice that is made


class TableLayer(Layer):
    """Gates with a learned table each.

    `softmax16` mixes all 16 gates by a softmax and hardens to the likeliest; `table4` learns the
    four truth-table entries as sigmoids and hardens each at one half.
    """

    weights: nn.Parameter
    _basis: Tensor

    def _tabulate(
        self, inputs: int, start: Tensor, parametrisation: str, relaxation: Relaxation
    ) -> None:
        """Take over the weights that a layer starts from."""
        self.inputs = inputs
        self.outputs = len(start)
        self.parametrisation = parametrisation
        self.weights = nn.Parameter(start)
        self.choice = Choice(relaxation, lone=parametrisation == "table4")
        self.register_buffer("_basis", corner_coefficients(table_corners()), persistent=False)

    @abstractmethod
    def sources(self) -> Wires:
        """The inputs `[2, outputs]` that the hardened gates read."""

    @abstractmethod
    def activations(self, x: Tensor) -> Tensor:
        """The soft activations of a layer that learns."""

    def forward(self, x: Tensor) -> Tensor:
        """The soft activations; once choices are made those of the hard gates, without gradient."""
        if not self.choice.is_made:
            return self.activations(x)
        with torch.no_grad():
            return self.activations(x.detach())

    def coefficients(self) -> tuple[Tensor, Tensor | None]:
        """The multilinear coefficients `[4, outputs]` of the soft gates, and of chosen ones."""
        logits = self.choice.logits(self.weights)
        if self.parametrisation == "table4":
            soft = corner_coefficients(torch.sigmoid(logits))
        else:
            soft = self._basis.to(logits.dtype) @ torch.softmax(logits, 1).t()
        if not self.choice.chooses:
            return soft, None
        if self.parametrisation == "table4":
            return soft, corner_coefficients((logits.detach() > 0).to(logits.dtype))
        return soft, self._basis.to(logits.dtype)[:, logits.detach().argmax(1)]

    def tables(self) -> NDArray[np.uint64]:
        """The truth table of each hardened gate; a draw goes to the lower table."""
        weights = to_numpy(self.weights)
        if self.parametrisation == "table4":
            chosen = (weights > 0) @ np.array([1, 2, 4, 8])
        else:
            chosen = weights.argmax(axis=1)
        tables: NDArray[np.uint64] = chosen.astype(np.uint64)
        return tables

    def entries(self) -> Tensor:
        """The weights `[outputs, 4]` of the hardened tables where each entry is one."""
        entries = self.tables()[:, None] >> np.arange(4, dtype=np.uint64) & np.uint64(1)
        return torch.from_numpy(np.where(entries, FAR, -FAR).astype(np.float32))

    def description_of_entries(self) -> Description:
        """The description of the layer whose weights are `entries`, with nothing to learn."""
        plain = {key: value for key, value in self.describe().items() if key != "relaxation"}
        return plain | {"parametrisation": "table4"}

    def hard(self, bits: Bits) -> Bits:
        """The outputs of the hardened gates."""
        first, second = self.sources()
        return table_outputs(self.tables(), bits[first], bits[second])

    def lower(self, builder: Builder, signals: Signals, path: str) -> Signals:
        """One table a gate."""
        with builder.origin(path, "core"):
            return builder.tables(self.tables(), signals[self.sources().T])

    def harden_(self) -> None:
        """Make the choice that hardening makes certain: probabilities of exactly 0 and 1."""
        with torch.no_grad():
            if self.parametrisation == "table4":
                self.weights.copy_(torch.where(self.weights > 0, FAR, -FAR))
            else:
                chosen = torch.from_numpy(self.tables().astype(np.int64)).to(self.weights.device)
                self.weights.zero_().scatter_(1, chosen[:, None], FAR)

    def begin_(self, noise: torch.Generator) -> None:
        """Draw noise, where there is any, from this stream."""
        self.choice.noise = noise

    def settle_(self, done: float, optimiser: torch.optim.Optimizer) -> None:
        """Sharpen, and make the choices that are due."""
        self.choice.settle_(done)
        if self.choice.is_made:
            self.harden_()

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        require_finite(to_numpy(self.weights), path, "weights")

    def describe(self) -> Description:
        """Kind, sizes, parametrisation and what training does to the logits."""
        return {
            "kind": self.kind,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "parametrisation": self.parametrisation,
            **self.choice.describe(),
        }


def require_parts(inputs: int, outputs: int, parametrisation: str) -> None:
    """InputError where there can be no layer of these sizes or of this parametrisation."""
    if min(inputs, outputs) < 1 or max(inputs, outputs) >= 2**30:
        raise InputError(
            f"a logic layer of {inputs} inputs and {outputs} outputs; both are 1 to {2**30 - 1}"
        )
    if parametrisation not in PARAMETRISATIONS:
        raise InputError(
            f"parametrisation {parametrisation!r} is none of {', '.join(PARAMETRISATIONS)}"
        )


def columns_of(description: Description, path: str) -> int:
    """How many weights a gate has by a description; FormatError where it does not say."""
    columns = PARAMETRISATIONS.get(str(description.get("parametrisation")))
    if columns is None:
        raise FormatError(
            f"{path}: parametrisation {description.get('parametrisation')!r} is none of "
            f"{', '.join(PARAMETRISATIONS)}"
        )
    return columns


def require_sources(sources: NDArray[Any], inputs: int, path: str) -> None:
    """FormatError where a gate, a column of `sources`, reads an input that does not exist."""
    wrong = (sources < 0) | (sources >= inputs)
    if wrong.any():
        gate = int(np.flatnonzero(wrong.any(axis=0))[0])
        read = sources[:, gate].tolist()
        raise FormatError(
            f"{path}: gate {gate} reads inputs {', '.join(map(str, read[:-1]))} and {read[-1]}, "
            f"but the layer has inputs 0 to {inputs - 1}; the file is damaged"
        )


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
    if not 0 <= residual < 1 or not 0 <= noise < float("inf"):
        raise InputError(
            f"residual is {residual} and noise {noise}; residual is a probability below 1, "
            "noise is not negative"
        )
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
