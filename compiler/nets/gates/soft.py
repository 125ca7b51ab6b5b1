"""Two-input gates as multilinear functions: soft evaluation with a hand-written backward.

A gate is `c0 + c1*a + c2*b + c3*a*b`, the one function that is linear in each input and agrees
with the gate's table at the corners. Table `k` has output bit `i` for the pattern `i = a + 2*b`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Rows worked on at a time: bounds the temporary arrays of a wide layer.
BLOCK = 4096


def corner_coefficients(corners: Tensor) -> Tensor:
    """Coefficients `[4, gates]` (1, a, b, ab) of the values at the corners, `[gates, 4]`."""
    f0, f1, f2, f3 = corners.unbind(1)
    return torch.stack((f0, f1 - f0, f2 - f0, f3 - f2 - f1 + f0))


def table_corners(count: int = 16) -> Tensor:
    """The corner values `[count, 4]` of the first tables, bit 0 first."""
    return ((torch.arange(count)[:, None] >> torch.arange(4)) & 1).to(torch.float32)


class SoftGates(torch.autograd.Function):
    """Gate outputs `[gates, batch]` of inputs `x [inputs, batch]`.

    With `chosen` coefficients the outputs are of those, the gradients still of the others. Keeps
    only its inputs for the backward and gathers the operands again there. The gradient of an input
    is a sum over its readers in a fixed order, so that a run repeats bit for bit.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        coefficients: Tensor,
        wires: Tensor,
        places: Tensor,
        first: Tensor,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """Evaluate all gates block by block."""
        ctx.save_for_backward(x, coefficients, wires, places, first)
        computed = coefficients if chosen is None else chosen
        c0, c1, c2, c3 = computed.unsqueeze(2).unbind(0)
        y = x.new_empty((wires.shape[1], x.shape[1]))
        for start in range(0, y.shape[0], BLOCK):
            rows = slice(start, start + BLOCK)
            a = x.index_select(0, wires[0, rows])
            b = x.index_select(0, wires[1, rows])
            out = y[rows]
            torch.addcmul(c2[rows], c3[rows], a, out=out)
            out.mul_(b).addcmul_(a, c1[rows]).add_(c0[rows])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the inputs and of the coefficients."""
        x, coefficients, wires, places, first = ctx.saved_tensors
        grad = gradients[0]
        gates = wires.shape[1]
        _, c1, c2, c3 = coefficients.unsqueeze(2).unbind(0)
        to_coefficients = torch.empty_like(coefficients)
        to_operands = x.new_empty((2 * gates, x.shape[1])) if ctx.needs_input_grad[0] else None
        for start in range(0, gates, BLOCK):
            rows = slice(start, min(start + BLOCK, gates))
            g = grad[rows]
            b = x.index_select(0, wires[1, rows])
            ga = x.index_select(0, wires[0, rows]).mul_(g)
            torch.sum(g, 1, out=to_coefficients[0, rows])
            torch.sum(ga, 1, out=to_coefficients[1, rows])
            torch.sum(g * b, 1, out=to_coefficients[2, rows])
            torch.sum(ga * b, 1, out=to_coefficients[3, rows])
            if to_operands is not None:
                to_a = to_operands[rows]
                torch.addcmul(c1[rows], c3[rows], b, out=to_a)
                to_a.mul_(g)
                to_b = to_operands[gates + rows.start : gates + rows.stop]
                torch.mul(g, c2[rows], out=to_b)
                to_b.addcmul_(ga, c3[rows])
        to_x = (
            None
            if to_operands is None
            else functional.embedding_bag(places, to_operands, first, mode="sum")
        )
        return to_x, to_coefficients, None, None, None, None
