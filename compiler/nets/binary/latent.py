"""Weights that are the signs of latent real numbers, which are what an optimiser moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithify.compiler.nets.layer import Bits, require_finite, to_numpy
from lithify.ir.errors import InputError

Signs = NDArray[np.int32]


def signs(values: Tensor) -> Tensor:
    """1 where a value is 0 or more, else -1: the one meaning of sign in binary nets."""
    return (values >= 0).to(values.dtype).mul_(2).sub_(1)


class _Through(torch.autograd.Function):
    """Signs forward, the gradient unchanged backward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return signs(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _Step(torch.autograd.Function):
    """Bits forward, the gradient of a ramp from -1 to 1 backward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return (values >= 0).to(values.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        passed: Tensor = gradient * (values.abs() <= 1) * 0.5
        return passed


def sign_through(values: Tensor) -> Tensor:
    """The signs of the values, with the gradient straight through."""
    result: Tensor = _Through.apply(values)  # type: ignore[no-untyped-call]
    return result


def step_through(values: Tensor) -> Tensor:
    """1 where a value is 0 or more, else 0, with the gradient of (1 + htanh) / 2."""
    result: Tensor = _Step.apply(values)  # type: ignore[no-untyped-call]
    return result


def as_signs(bits: Bits) -> NDArray[np.float32]:
    """-1 and 1 for the bits 0 and 1; sums of these are exact in float32 to 2**24."""
    values: NDArray[np.float32] = bits.astype(np.float32) * 2 - 1
    return values


class LatentWeights(nn.Module):
    """Latent reals `[units, fan-in]`, and the weights that a layer makes of them.

    A training method may put another function of the reals in place of `binarise`; in evaluation
    and in hardware the weights are always their signs. `limit` is how far `project_` lets the reals
    go from 0; None lets them go anywhere.
    """

    def __init__(
        self, units: int, fan_in: int, *, spread: float, generator: np.random.Generator
    ) -> None:
        """Reals uniform from -`spread` to `spread`."""
        super().__init__()
        if min(units, fan_in) < 1 or fan_in >= 2**24 or units * fan_in >= 2**30:
            raise InputError(
                f"{units} units of {fan_in} binary weights each; both are at least 1, the weights "
                f"of a unit at most {2**24 - 1}, their product at most {2**30 - 1}"
            )
        if not 0 < spread <= 1:
            raise InputError(f"spread is {spread}; it must be above 0 and at most 1")
        reals = generator.uniform(-spread, spread, (units, fan_in)).astype(np.float32)
        self.real = nn.Parameter(torch.from_numpy(reals))
        self.binarise: Callable[[Tensor], Tensor] = sign_through
        self.limit: float | None = 1.0

    def forward(self) -> Tensor:
        """The weights `[units, fan-in]` that this step uses."""
        return self.binarise(self.real) if self.training else sign_through(self.real)

    def signs(self) -> Signs:
        """The weights of the hard form."""
        return np.where(to_numpy(self.real) >= 0, 1, -1).astype(np.int32)

    def harden_(self) -> None:
        """Make every real -1 or 1."""
        with torch.no_grad():
            self.real.copy_(signs(self.real))

    def project_(self) -> None:
        """Bring the reals back within the limit."""
        if self.limit is not None:
            with torch.no_grad():
                self.real.clamp_(-self.limit, self.limit)

    def check(self, path: str) -> None:
        """Raise HardenError where a real is no finite number."""
        require_finite(to_numpy(self.real), path, "weights")


def latents(net: nn.Module) -> list[LatentWeights]:
    """All latent weights of a net, those of the first layer first."""
    return [part for part in net.modules() if isinstance(part, LatentWeights)]
