"""Two-input gates as multilinear functions: soft evaluation with a hand-written backward.

A gate is `c0 + c1*a + c2*b + c3*a*b`, the one function that is linear in each input and agrees
with the gate's table at the corners. Table `k` has output bit `i` for the pattern `i = a + 2*b`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.gates import kernels
from lithify.compiler.nets.layer import to_numpy

# Rows worked on at a time off the CPU: bounds the temporary arrays of a wide layer.
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

    Consecutive gates share coefficients where there are fewer of these, all equally many: the
    positions of a convolution. With `chosen` coefficients the outputs are of those, the gradients
    still of the others. Keeps only its inputs for the backward and gathers the operands again
    there. Every sum has a fixed order, so that a run repeats bit for bit.
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
        """Evaluate all gates."""
        ctx.save_for_backward(x, coefficients, wires, places, first)
        computed = coefficients if chosen is None else chosen
        y = x.new_empty((wires.shape[1], x.shape[1]))
        spread = y.shape[0] // computed.shape[1]
        if x.is_cpu:
            features, rows, pairs = (to_numpy(one.contiguous()) for one in (x, computed, wires))
            kernels.gates(features, rows, pairs, spread, y.numpy())
        else:
            by_blocks(x, computed.repeat_interleave(spread, 1), wires, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the inputs and of the coefficients."""
        x, coefficients, wires, places, first = (one.contiguous() for one in ctx.saved_tensors)
        grad = gradients[0].contiguous()
        spread = wires.shape[1] // coefficients.shape[1]
        if x.is_cpu:
            to_x, to_coefficients = torch.zeros_like(x), torch.zeros_like(coefficients)
            features, up, rows, pairs = map(to_numpy, (x, grad, coefficients, wires))
            kernels.gates_to_inputs(
                features, up, rows, pairs, spread, to_coefficients.numpy(), to_x.numpy()
            )
            return to_x, to_coefficients, None, None, None, None
        spread_out = coefficients.repeat_interleave(spread, 1)
        to_each, to_operands = back_by_blocks(x, grad, spread_out, wires)
        to_coefficients = to_each.view(4, -1, spread).sum(2)
        to_x = functional.embedding_bag(places, to_operands, first, mode="sum")
        return to_x, to_coefficients, None, None, None, None


def by_blocks(x: Tensor, coefficients: Tensor, wires: Tensor, y: Tensor) -> None:
    """Fill `y` in whole-array operations, block by block."""
    c0, c1, c2, c3 = coefficients.unsqueeze(2).unbind(0)
    for start in range(0, y.shape[0], BLOCK):
        rows = slice(start, start + BLOCK)
        a = x.index_select(0, wires[0, rows])
        b = x.index_select(0, wires[1, rows])
        out = y[rows]
        torch.addcmul(c2[rows], c3[rows], a, out=out)
        out.mul_(b).addcmul_(a, c1[rows]).add_(c0[rows])


def back_by_blocks(
    x: Tensor, grad: Tensor, coefficients: Tensor, wires: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of the coefficients `[4, gates]`, and of all first, then all second operands."""
    gates = wires.shape[1]
    _, c1, c2, c3 = coefficients.unsqueeze(2).unbind(0)
    to_coefficients = torch.empty_like(coefficients)
    to_operands = x.new_empty((2 * gates, x.shape[1]))
    for start in range(0, gates, BLOCK):
        rows = slice(start, min(start + BLOCK, gates))
        g = grad[rows]
        b = x.index_select(0, wires[1, rows])
        ga = x.index_select(0, wires[0, rows]).mul_(g)
        torch.sum(g, 1, out=to_coefficients[0, rows])
        torch.sum(ga, 1, out=to_coefficients[1, rows])
        torch.sum(g * b, 1, out=to_coefficients[2, rows])
        torch.sum(ga * b, 1, out=to_coefficients[3, rows])
        to_a = to_operands[rows]
        torch.addcmul(c1[rows], c3[rows], b, out=to_a)
        to_a.mul_(g)
        to_b = to_operands[gates + rows.start : gates + rows.stop]
        torch.mul(g, c2[rows], out=to_b)
        to_b.addcmul_(ga, c3[rows])
    return to_coefficients, to_operands
