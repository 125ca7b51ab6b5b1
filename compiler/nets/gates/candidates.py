"""Layers whose units choose among candidates: a gate, and where its two operands come from."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.gates.mixed import MixedGates
from lithify.compiler.nets.gates.tables import FAR, PASS_FIRST
from lithify.compiler.nets.layer import Layer, require_finite, to_numpy
from lithify.ir.errors import FormatError, InputError

Tables = NDArray[np.int32]
MOST_CANDIDATES = 64


class CandidateLayer(Layer):
    """Rows of K candidate gates, mixed by a softmax; hardening keeps the likeliest.

    A subclass says which inputs a candidate reads (`operands`) and draws that anew (`redraw_`). A
    row is a unit of a dense layer, or a channel of a convolution, whose `spread` positions are
    units. A frozen layer is its hard form: exact bits, and no gradient.
    """

    weights: nn.Parameter
    tables: Tensor
    frozen: Tensor

    def _keep(self, weights: Tensor, tables: Tensor, frozen: Tensor | None = None) -> None:
        """Hold what every layer of candidates holds: logits and tables, `[rows, K]`."""
        self.weights = nn.Parameter(weights)
        self.register_buffer("tables", tables)
        self.register_buffer(
            "frozen", torch.zeros(1, dtype=torch.int32) if frozen is None else frozen
        )

    @property
    @abstractmethod
    def spread(self) -> int:
        """How many consecutive units share a row."""

    @abstractmethod
    def operands(self, chosen: Tensor | None = None) -> Tensor:
        """The inputs that candidates read, `[2, units, K]`; only the `chosen`: `[2, units, 1]`."""

    @abstractmethod
    def redraw_(self, changed: Tensor, generator: np.random.Generator) -> None:
        """Draw the operands anew where `changed [rows, K]` says so."""

    def soft(self, x: Tensor) -> Tensor:
        """The activations `[units, batch]` of inputs `[inputs, batch]`: soft ones until frozen."""
        if self.is_frozen:
            with torch.no_grad():
                chosen = self.chosen()
                tables = self.tables.gather(1, chosen[:, None])
                certain = torch.ones_like(tables, dtype=x.dtype)
                return _mixed(x.detach(), certain, tables, self.operands(chosen), self.spread)
        shares = torch.softmax(self.weights, 1)
        return _mixed(x, shares, self.tables, self.operands(), self.spread)

    @property
    def is_frozen(self) -> bool:
        """Whether the layer has stopped learning."""
        return bool(self.frozen.item())

    def freeze_(self) -> None:
        """Become the hard form; the weights learn no more."""
        self.frozen.fill_(1)

    def chosen(self) -> Tensor:
        """The likeliest candidate of each row; the first in a draw."""
        return torch.from_numpy(to_numpy(self.weights).argmax(axis=1)).to(self.weights.device)

    def chosen_tables(self) -> NDArray[np.uint64]:
        """The truth table of each row's gate."""
        tables = to_numpy(self.tables.gather(1, self.chosen()[:, None]))[:, 0]
        return tables.astype(np.uint64)

    def restart_(self, rows: Tensor, keep: Tensor, generator: np.random.Generator) -> None:
        """Draw new candidates in these rows: all of them, or all but the likeliest where `keep`.

        A kept one has a probability of exactly 0.9 among the new; others start from normal logits.
        """
        kept = torch.zeros_like(self.tables, dtype=torch.bool)
        kept[rows[keep], self.chosen()[rows[keep]]] = True
        changed = torch.zeros_like(kept)
        changed[rows] = True
        changed &= ~kept
        count = self.tables.shape[1]
        size = (len(rows), count)
        drawn = torch.from_numpy(generator.integers(16, size=size, dtype=np.int32))
        normal = torch.from_numpy(generator.standard_normal(size, dtype=np.float32))
        at_nine_tenths = kept[rows] * math.log(9 * max(count - 1, 1))
        device = self.weights.device
        with torch.no_grad():
            self.tables[rows] = torch.where(changed[rows], drawn.to(device), self.tables[rows])
            self.weights[rows] = torch.where(keep[:, None], at_nine_tenths, normal.to(device))
        self.redraw_(changed, generator)

    def harden_(self) -> None:
        """Make the likeliest candidates certain."""
        with torch.no_grad():
            self.weights.copy_(
                torch.zeros_like(self.weights).scatter_(1, self.chosen()[:, None], FAR)
            )

    def check(self, path: str) -> None:
        """Refuse weights that are not finite."""
        require_finite(to_numpy(self.weights), path, "weights")


def _mixed(x: Tensor, shares: Tensor, tables: Tensor, wires: Tensor, spread: int) -> Tensor:
    mixed: Tensor = MixedGates.apply(x, shares, tables, wires, spread)  # type: ignore[no-untyped-call]
    return mixed


def start_tables(rows: int, count: int, generator: np.random.Generator) -> Tables:
    """Tables `[rows, count]`: "pass the first" is the first, the others come in random order.

    None comes twice in a row before all 16 have come.
    """
    others = np.array([k for k in range(16) if k != PASS_FIRST], dtype=np.int32)
    rounds = [generator.permuted(np.tile(others, (rows, 1)), axis=1)]
    for _ in range(count // 16):
        everything = np.tile(np.arange(16, dtype=np.int32), (rows, 1))
        rounds.append(generator.permuted(everything, axis=1))
    first = np.full((rows, 1), PASS_FIRST, np.int32)
    tables: Tables = np.concatenate([first, *rounds], axis=1)[:, :count]
    return np.ascontiguousarray(tables)


def start_logits(
    rows: int, count: int, residual: float, noise: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Normal logits of deviation `noise`; the first has on top what makes it `residual` likely.

    All are equally likely at 1 / count; a lower `residual` counts as that.
    """
    logits = generator.standard_normal((rows, count), dtype=np.float32) * np.float32(noise)
    share = max(residual, 1 / count)
    if count > 1:
        logits[:, 0] += math.log(share * (count - 1) / (1 - share))
    return logits


def require_candidates(count: int, residual: float, noise: float) -> None:
    """Raise InputError where no layer can start so."""
    if not 2 <= count <= MOST_CANDIDATES:
        raise InputError(f"candidates is {count}; it must be 2 to {MOST_CANDIDATES}")
    if not 0 <= residual < 1 or not 0 <= noise < float("inf"):
        raise InputError(
            f"residual is {residual} and noise {noise}; residual is a probability below 1, "
            "noise is not negative"
        )


def require_tables(tables: NDArray[Any], path: str) -> None:
    """Raise FormatError where a number is no table of two inputs."""
    bad = np.argwhere((tables < 0) | (tables > 15))
    if len(bad):
        row, k = bad[0]
        raise FormatError(
            f"{path}: candidate {k} of row {row} has table {tables[row, k]}; tables of two inputs "
            "are 0 to 15; the file is damaged"
        )
