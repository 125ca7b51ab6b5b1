"""Operands that are mixtures of candidate rows, with a hand-written backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.gates.soft import BLOCK


class SoftSources(torch.autograd.Function):
    """Rows `[operands, batch]`: of `x [inputs, batch]` the candidates `[operands, k]`, each times
    its share `[operands, k]`.

    With `chosen [operands]` the rows are those of `x`, the gradients still of the mixture.
    Gradients are sums in a fixed order, so that a run repeats bit for bit.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        shares: Tensor,
        candidates: Tensor,
        places: Tensor,
        first: Tensor,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """Mix, or choose."""
        ctx.save_for_backward(x, shares, candidates, places, first)
        if chosen is not None:
            return x.index_select(0, chosen)
        mixed: Tensor = functional.embedding_bag(
            candidates, x, per_sample_weights=shares, mode="sum"
        )
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the inputs and of the shares."""
        x, shares, candidates, places, first = ctx.saved_tensors
        grad = gradients[0].contiguous()
        operands, count = candidates.shape
        to_shares = torch.empty_like(shares)
        for start in range(0, operands, BLOCK):
            rows = slice(start, start + BLOCK)
            for k in range(count):
                read = x.index_select(0, candidates[rows, k])
                torch.sum(read.mul_(grad[rows]), 1, out=to_shares[rows, k])
        to_x = None
        if ctx.needs_input_grad[0]:
            weights = shares.reshape(-1).index_select(0, places)
            to_x = functional.embedding_bag(
                places // count, grad, first, per_sample_weights=weights, mode="sum"
            )
        return to_x, to_shares, None, None, None, None
