"""Mixtures of candidate gates, each with operands of its own: soft evaluation and its backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lithify.compiler.nets.gates import kernels
from lithify.compiler.nets.layer import to_numpy

# Operands that are gathered at a time off the CPU: bounds the temporary arrays of a wide layer.
CELLS = 2**24


class MixedGates(torch.autograd.Function):
    """Outputs `[units, batch]` of inputs `x [inputs, batch]`.

    Unit `u` is the sum over k of `shares[r, k]` times gate `tables[r, k]` on the inputs
    `wires[0, u, k]` and `wires[1, u, k]`, where `r = u // spread`. Nothing of the size candidates x
    units x batch is kept: the backward gathers the operands again. On a CPU every sum has a fixed
    order, so that a run repeats bit for bit.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, shares: Tensor, tables: Tensor, wires: Tensor, spread: int
    ) -> Tensor:
        """Evaluate all mixtures."""
        ctx.save_for_backward(x, shares, tables, wires)
        ctx.spread = spread
        y = x.new_empty((wires.shape[1], x.shape[1]))
        if x.is_cpu:
            x, shares, tables, wires = (one.contiguous() for one in (x, shares, tables, wires))
            features, parts, chosen, operands = map(to_numpy, (x, shares, tables, wires))
            kernels.mix(features, parts, chosen, operands, spread, kernels.BASIS, y.numpy())
        else:
            for rows, units in blocks(shares, x, spread):
                y[units] = mixture(x, shares[rows], tables[rows], wires[:, units])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the inputs and of the shares."""
        x, shares, tables, wires = (one.contiguous() for one in ctx.saved_tensors)
        g = gradients[0].contiguous()
        to_shares = torch.zeros_like(shares)
        to_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        if x.is_cpu:
            _backward_on_cpu(x, g, shares, tables, wires, ctx.spread, to_shares, to_x)
            return to_x, to_shares, None, None, None
        for rows, units in blocks(shares, x, ctx.spread):
            with torch.enable_grad():
                inputs, part = x.detach(), shares[rows].detach().requires_grad_()
                inputs.requires_grad_(to_x is not None)
                y = mixture(inputs, part, tables[rows], wires[:, units])
            wanted = (part,) if to_x is None else (part, inputs)
            to_part, *to_inputs = torch.autograd.grad(y, wanted, g[units])
            to_shares[rows] = to_part
            if to_x is not None:
                to_x += to_inputs[0]
        return to_x, to_shares, None, None, None


def mixture(x: Tensor, shares: Tensor, tables: Tensor, wires: Tensor) -> Tensor:
    """The definition in whole-array operations."""
    rows, count = shares.shape
    basis = torch.from_numpy(kernels.BASIS).to(x)
    c0, c1, c2, c3 = (basis[tables.long()] * shares[:, :, None])[:, None, :, :, None].unbind(3)
    a, b = x[wires.long()].view(2, rows, -1, count, x.shape[1])
    mixed: Tensor = ((c0 + c1 * a) + (c2 + c3 * a) * b).sum(2).view(-1, x.shape[1])
    return mixed


def blocks(shares: Tensor, x: Tensor, spread: int) -> Iterator[tuple[slice, slice]]:
    """Slices of rows, with the slices of their units, that bound what is gathered at a time."""
    rows, count = shares.shape
    size = max(1, CELLS // max(1, spread * count * x.shape[1]))
    for start in range(0, rows, size):
        stop = min(start + size, rows)
        yield slice(start, stop), slice(start * spread, stop * spread)


def _backward_on_cpu(
    x: Tensor,
    g: Tensor,
    shares: Tensor,
    tables: Tensor,
    wires: Tensor,
    spread: int,
    to_shares: Tensor,
    to_x: Tensor | None,
) -> None:
    """Fill the gradients, which are zeros so far."""
    features, up, mix, chosen, operands = map(to_numpy, (x, g, shares, tables, wires))
    if to_x is None:
        kernels.mix_to_shares(
            features, up, chosen, operands, spread, kernels.BASIS, to_shares.numpy()
        )
    else:
        kernels.mix_to_inputs(
            features,
            up,
            mix,
            chosen,
            operands,
            spread,
            kernels.BASIS,
            to_shares.numpy(),
            to_x.numpy(),
        )
