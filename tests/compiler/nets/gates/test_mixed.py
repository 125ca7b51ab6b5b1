"""Mixtures of gates: right at the corners, and with the gradients that autograd gives."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from lithify.compiler.nets.gates import kernels, mixed
from lithify.compiler.nets.gates.mixed import MixedGates, blocks, mixture


class Case(NamedTuple):
    """Everything that a mixture is made of."""

    x: Tensor
    shares: Tensor
    tables: Tensor
    wires: Tensor
    spread: int


def case(*, inputs: int, rows: int, count: int, batch: int, spread: int = 1) -> Case:
    """Random parts, in float64."""
    rng = np.random.default_rng(inputs * 100 + rows)
    wires = rng.integers(inputs, size=(2, rows * spread, count), dtype=np.int32)
    return Case(
        torch.from_numpy(rng.random((inputs, batch))),
        torch.from_numpy(rng.standard_normal((rows, count))),
        torch.from_numpy(rng.integers(16, size=(rows, count), dtype=np.int32)),
        torch.from_numpy(wires),
        spread,
    )


def by_hand(parts: Case) -> Tensor:
    """The definition, corner by corner, left to autograd."""
    out = []
    for unit in range(parts.wires.shape[1]):
        row, total = unit // parts.spread, torch.zeros(())
        for k, table in enumerate(parts.tables[row].tolist()):
            a, b = (parts.x[parts.wires[side, unit, k]] for side in range(2))
            corners = ((1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b)
            high = [corner for i, corner in enumerate(corners) if table >> i & 1]
            total = total + parts.shares[row, k] * sum(high, torch.zeros_like(a))
        out.append(total)
    return torch.stack(out)


def fast(parts: Case) -> Tensor:
    result: Tensor = MixedGates.apply(*parts)  # type: ignore[no-untyped-call]
    return result


CASES = [
    case(inputs=5, rows=7, count=3, batch=4),
    case(inputs=4, rows=3, count=16, batch=300),
    case(inputs=9, rows=2, count=5, batch=3, spread=4),
    case(inputs=1, rows=1, count=2, batch=1),
]


@pytest.mark.parametrize("parts", CASES)
def test_values_and_gradients_are_those_of_the_definition(parts: Case) -> None:
    upstream = torch.randn(
        (parts.wires.shape[1], parts.x.shape[1]),
        generator=torch.Generator().manual_seed(1),
        dtype=torch.float64,
    )
    found = []
    for evaluate in (fast, by_hand, lambda p: mixture(p.x, p.shares, p.tables, p.wires)):
        x, shares = (one.clone().requires_grad_() for one in (parts.x, parts.shares))
        y = evaluate(parts._replace(x=x, shares=shares))
        found.append((y.detach(), *torch.autograd.grad(y, (x, shares), upstream)))
    for other in found[1:]:
        for ours, theirs in zip(found[0], other, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_inputs_that_need_no_gradient_change_nothing_for_the_shares() -> None:
    parts = CASES[1]
    gradients = []
    for needed in (True, False):
        x, shares = parts.x.clone().requires_grad_(needed), parts.shares.clone().requires_grad_()
        y = fast(parts._replace(x=x, shares=shares))
        y.square().sum().backward()  # type: ignore[no-untyped-call]
        gradients.append(shares.grad)
        assert (x.grad is not None) == needed
    torch.testing.assert_close(*gradients)


def test_a_step_repeats_bit_for_bit() -> None:
    parts = CASES[1]
    seen = []
    for _ in range(2):
        x, shares = (one.float().requires_grad_() for one in (parts.x, parts.shares))
        y = fast(parts._replace(x=x, shares=shares))
        seen.append((y, *torch.autograd.grad(y.square().sum(), (x, shares))))
    assert all(torch.equal(one, other) for one, other in zip(*seen, strict=True))


def test_all_sixteen_tables_at_all_corners() -> None:
    x = torch.tensor([[0.0, 1, 0, 1], [0, 0, 1, 1]])
    tables = torch.arange(16, dtype=torch.int32)[:, None]
    wires = torch.tensor([0, 1], dtype=torch.int32)[:, None, None].expand(2, 16, 1)
    y = fast(Case(x, torch.ones(16, 1), tables, wires, 1))
    assert y.tolist() == [[float((k >> i) & 1) for i in range(4)] for k in range(16)]
    assert kernels.BASIS[0b0110].tolist() == [0, 1, 1, -2]


@pytest.mark.parametrize(("cells", "expected"), [(1, 2), (40, 2), (120, 1), (10**6, 1)])
def test_blocks_bound_what_is_gathered(
    cells: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed, "CELLS", cells)
    parts = CASES[2]
    cut = list(blocks(parts.shares, parts.x, parts.spread))
    assert len(cut) == expected
    pieces = [
        mixture(parts.x, parts.shares[rows], parts.tables[rows], parts.wires[:, units])
        for rows, units in cut
    ]
    torch.testing.assert_close(torch.cat(pieces), by_hand(parts))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
@pytest.mark.parametrize("parts", CASES)
def test_a_gpu_gives_the_same(parts: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "CELLS", 64)
    found = []
    for place in (partial(torch.Tensor.cpu), partial(torch.Tensor.cuda)):
        x, shares, tables, wires = (place(one) for one in parts[:4])
        x, shares = x.clone().requires_grad_(), shares.clone().requires_grad_()
        y = fast(Case(x, shares, tables, wires, parts.spread))
        to_x, to_shares = torch.autograd.grad(y.square().sum(), (x, shares))
        found.append((y.detach().cpu(), to_x.cpu(), to_shares.cpu()))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
