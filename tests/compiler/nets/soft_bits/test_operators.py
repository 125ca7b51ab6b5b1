"""Operators on soft bits: whatever the bits, hardening before is hardening after."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lithify.compiler.nets.soft_bits import operators
from lithify.compiler.nets.soft_bits.operators import EDGE

Unary = Callable[[Tensor], Tensor]
HALF = 0.5


def high(values: Tensor) -> Tensor:
    return values > HALF


def all_high(x: Tensor) -> Tensor:
    return high(x).all(0)


def odd(x: Tensor) -> Tensor:
    return high(x).sum(0) % 2 == 1


def most(x: Tensor) -> Tensor:
    return high(x).sum(0) >= x.shape[0] // 2 + 1


def count_low(x: Tensor) -> Tensor:
    low = (~high(x)).sum(0)
    return low == torch.arange(x.shape[0] + 1)[:, None]


def first(operator: Callable[[Tensor, Tensor], Tensor]) -> Unary:
    """An operator of two bits over the first two rows."""
    return lambda x: operator(x[0], x[1])


def majority(*bits: float) -> Tensor:
    """The soft majority of a single group."""
    return operators.soft_majority(torch.tensor(bits)[None, :, None])


# Each operator over rows of soft bits, and the Boolean function that it hardens to.
OPERATORS: dict[str, tuple[Unary, Unary]] = {
    "not": (first(operators.soft_not), lambda x: high(x[0]) == high(x[1])),
    "and": (first(operators.soft_and), lambda x: high(x[0]) & high(x[1])),
    "or": (first(operators.soft_or), lambda x: high(x[0]) | high(x[1])),
    "mask": (first(operators.soft_mask), lambda x: high(x[0]) & high(x[1])),
    "implies": (first(operators.soft_implies), lambda x: ~high(x[0]) | high(x[1])),
    "xor": (first(operators.soft_xor), lambda x: high(x[0]) ^ high(x[1])),
    "all": (lambda x: operators.soft_and_all(x, 0), all_high),
    "any": (lambda x: operators.soft_or_all(x, 0), lambda x: high(x).any(0)),
    "odd": (lambda x: operators.soft_xor_all(x, 0), odd),
    "majority": (lambda x: operators.soft_majority(x[None])[0], most),
    "count": (operators.soft_count, count_low),
    "settle": (operators.settle, high),
    "harden": (operators.harden, high),
}
GRADIENT_RICH = ("not", "and", "or", "mask", "implies", "all", "any", "majority")


def uniform(rows: int, samples: int, seed: int) -> Tensor:
    return torch.rand((rows, samples), generator=torch.Generator().manual_seed(seed))


def near_half(rows: int, samples: int, seed: int) -> Tensor:
    """Bits at one half, and at the nearest floats to it on both sides."""
    below, above = (np.nextafter(np.float32(HALF), np.float32(end)) for end in (0, 1))
    edges = [0.0, HALF - 3e-8, float(below), HALF, float(above), HALF + EDGE, HALF - EDGE, 1.0]
    noise = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(edges), (rows, samples), generator=noise)
    return torch.tensor(edges, dtype=torch.float32)[chosen]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("rows", [2, 3, 4, 7, 16, 33])
@pytest.mark.parametrize("draw", [uniform, near_half])
def test_hardening_before_is_hardening_after(
    name: str, rows: int, draw: Callable[[int, int, int], Tensor]
) -> None:
    soft, hard = OPERATORS[name]
    x = draw(rows, 3000, rows)
    found = soft(x)
    assert torch.equal(high(found), hard(x))
    assert torch.equal(high(found), high(soft(high(x).float())))
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


@pytest.mark.parametrize("name", [name for name in OPERATORS if name != "harden"])
def test_no_result_comes_nearer_to_one_half_than_its_complement_can(name: str) -> None:
    found = OPERATORS[name][0](near_half(5, 3000, 1))
    assert float((found - HALF).abs().min()) >= EDGE
    assert torch.equal(high(1 - found), ~high(found))


def test_rounding_alone_would_part_soft_and_hard() -> None:
    bits = torch.tensor([HALF - 3e-8, 1.0, 1.0, 1.0])
    low = bits.amin()
    assert float(low + bits.mean().ceil() * (HALF - low)) == HALF
    assert float(1 - low) == HALF
    assert float(operators.soft_and_all(bits, 0)) == HALF - EDGE


def test_packing_is_its_definition() -> None:
    mean, bit = torch.tensor([0.25, 0.25, 1, 0]), torch.tensor([0.9, 0.1, 0.9, 0.1])
    torch.testing.assert_close(operators.pack(mean, bit), torch.tensor([0.6, 0.2, 0.9, 0.1]))


def test_operators_have_the_published_values() -> None:
    a, b = torch.tensor(0.8), torch.tensor(0.6)
    for found, value in [
        (operators.soft_not(a, b), 1 - 0.8 + 0.6 * 0.6),
        (operators.soft_and(a, b), 0.5 + 0.7 * 0.1),
        (operators.soft_or(a, b), 0.5 + 0.7 * 0.3),
        (operators.soft_implies(a, b), 0.5 + 0.4 * 0.1),
        (operators.soft_xor(a, b), 0.4),
        (
            operators.soft_majority(torch.tensor([0.9, 0.2, 0.6, 0.7])[None, :, None]),
            0.5 + 0.6 * 0.1,
        ),
        (
            operators.soft_majority(torch.tensor([0.9, 0.2, 0.3, 0.7])[None, :, None]),
            0.3 + 0.525 * 0.2,
        ),
    ]:
        assert float(found) == pytest.approx(value)
    counts = operators.soft_count(torch.tensor([[0.9], [0.2]]))[:, 0]
    # Pairs (1 - 0, 0.2), (1 - 0.2, 0.9) and (1 - 0.9, 1).
    assert counts.tolist() == pytest.approx([0.2 + 0.6 * 0.3, 0.5 + 0.85 * 0.3, 0.1 + 0.55 * 0.4])


@pytest.mark.parametrize("name", GRADIENT_RICH)
def test_every_bit_has_a_gradient(name: str) -> None:
    rows = 2 if name in ("not", "and", "or", "mask", "implies") else 7
    x = uniform(rows, 50, 3).requires_grad_()
    OPERATORS[name][0](x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert float(x.grad.abs().min()) > 0


@pytest.mark.parametrize("name", ["not", "and", "implies", "xor", "majority", "count", "odd"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    x = uniform(5, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(OPERATORS[name][0], x)


def test_hardening_and_clamping_let_gradients_pass() -> None:
    for operator in (operators.harden, operators.settle):
        x = torch.tensor([0.2, HALF, 0.9]).requires_grad_()
        (gradient,) = torch.autograd.grad(operator(x), x, torch.tensor([1.0, 2.0, 3.0]))
        assert gradient.tolist() == [1, 2, 3]


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_blocks_of_rows_give_the_same_bits_and_gradients(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = uniform(rows, 9, 1)[:, :, None]
    x = uniform(9, 20, 2)[None]
    found = []
    for most in (2**22, 9 * 20 * 5, 1):
        monkeypatch.setattr(operators, "MOST_KEPT", most)
        w, y = weights.clone().requires_grad_(), x.clone().requires_grad_()
        masked = operators.by_rows(operators.soft_implies, w, y)
        result = operators.by_rows(operators.soft_majority, masked)
        found.append([result, *torch.autograd.grad(result.square().sum(), (w, y))])
    for other in found[1:]:
        assert torch.equal(other[0], found[0][0])
        assert torch.equal(other[1], found[0][1])
        torch.testing.assert_close(other[2], found[0][2])


def test_large_layers_keep_one_block_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def operator(rows: Tensor, shared: Tensor) -> Tensor:
        seen.append(len(rows))
        return operators.soft_mask(rows, shared)

    monkeypatch.setattr(operators, "MOST_KEPT", 3 * 7 * 10)
    found = operators.by_rows(operator, uniform(8, 7, 1)[:, :, None], uniform(7, 10, 2)[None])
    assert found.shape == (8, 7, 10)
    assert seen == [3, 3, 2]
