"""The soft gates: right at the corners, and with the gradients that autograd gives."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lithify.compiler.nets.gates import soft as gates
from lithify.compiler.nets.gates.soft import SoftGates, corner_coefficients, table_corners
from lithify.compiler.nets.wiring import even_pairs, readers

Wiring = tuple[Tensor, ...]


def wiring(inputs: int, outputs: int, seed: int = 0) -> Wiring:
    wires = even_pairs(inputs, outputs, np.random.default_rng(seed))
    places, first = readers(wires, inputs)
    return torch.from_numpy(wires), torch.from_numpy(places), torch.from_numpy(first)


def plain(x: Tensor, coefficients: Tensor, wires: Tensor) -> Tensor:
    """The definition, left to autograd."""
    a, b = x[wires[0].long()], x[wires[1].long()]
    c0, c1, c2, c3 = coefficients[:, :, None].unbind(0)
    return c0 + c1 * a + c2 * b + c3 * a * b


def soft(x: Tensor, coefficients: Tensor, parts: Wiring) -> Tensor:
    result: Tensor = SoftGates.apply(x, coefficients, *parts)  # type: ignore[no-untyped-call]
    return result


def test_all_sixteen_gates_at_all_corners() -> None:
    x = torch.tensor([[0.0, 1, 0, 1], [0, 0, 1, 1]])
    wires = torch.tensor([[0] * 16, [1] * 16], dtype=torch.int32)
    parts = (wires, *map(torch.from_numpy, readers(wires.numpy(), 2)))
    result = soft(x, corner_coefficients(table_corners()), parts)
    assert result.tolist() == [[float((k >> i) & 1) for i in range(4)] for k in range(16)]


@pytest.mark.parametrize(("inputs", "outputs", "batch"), [(5, 12, 3), (12, 5, 4), (2, 1, 1)])
def test_gradients_are_those_of_autograd(inputs: int, outputs: int, batch: int) -> None:
    generator = torch.Generator().manual_seed(inputs)
    parts = wiring(inputs, outputs)
    weights = torch.randn((outputs, 4), generator=generator, dtype=torch.float64)
    values = torch.rand((inputs, batch), generator=generator, dtype=torch.float64)
    upstream = torch.randn((outputs, batch), generator=generator, dtype=torch.float64)
    found = []
    for evaluate in (partial(soft, parts=parts), partial(plain, wires=parts[0])):
        x, w = values.clone().requires_grad_(), weights.clone().requires_grad_()
        y = evaluate(x, corner_coefficients(w.sigmoid()))
        found.append((y.detach(), *torch.autograd.grad(y, (x, w), upstream)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("block", [3, 4096])
def test_blocks_off_the_cpu_are_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "BLOCK", block)
    wires, places, first = wiring(7, 11)
    generator = torch.Generator().manual_seed(4)
    x = torch.rand((7, 5), generator=generator, dtype=torch.float64).requires_grad_()
    c = torch.randn((4, 11), generator=generator, dtype=torch.float64).requires_grad_()
    g = torch.randn((11, 5), generator=generator, dtype=torch.float64)
    y = soft(x, c, (wires, places, first))
    to_x, to_c = torch.autograd.grad(y, (x, c), g)
    again = torch.empty_like(g)
    gates.by_blocks(x.detach(), c.detach(), wires, again)
    torch.testing.assert_close(again, y.detach())
    to_coefficients, to_operands = gates.back_by_blocks(x.detach(), g, c.detach(), wires)
    torch.testing.assert_close(to_coefficients, to_c)
    summed = functional.embedding_bag(places, to_operands, first, mode="sum")
    torch.testing.assert_close(summed, to_x)


def test_gates_share_coefficients() -> None:
    wires, places, first = wiring(6, 12)
    generator = torch.Generator().manual_seed(3)
    x = torch.rand((6, 4), generator=generator, dtype=torch.float64).requires_grad_()
    few = torch.randn((4, 3), generator=generator, dtype=torch.float64).requires_grad_()
    every = few.repeat_interleave(4, 1)
    g = torch.randn((12, 4), generator=generator, dtype=torch.float64)
    shared, alone = (soft(x, c, (wires, places, first)) for c in (few, every))
    assert torch.equal(shared, alone)
    found, expected = (torch.autograd.grad(y, (x, few), g) for y in (shared, alone))
    torch.testing.assert_close(found, expected)


def test_gradients_are_those_of_finite_differences() -> None:
    parts = wiring(4, 6)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand((4, 3), generator=generator, dtype=torch.float64, requires_grad=True)
    c = torch.randn((4, 6), generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, c: soft(x, c, parts), (x, c))


def test_an_input_that_nobody_reads_has_no_gradient() -> None:
    wires = torch.tensor([[0], [2]], dtype=torch.int32)
    parts = (wires, *map(torch.from_numpy, readers(wires.numpy(), 4)))
    x = torch.rand((4, 2), requires_grad=True)
    soft(x, torch.ones(4, 1), parts).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad[[1, 3]].tolist() == [[0, 0], [0, 0]]
    assert (x.grad[[0, 2]] != 0).all()


def test_chosen_coefficients_are_computed_and_the_others_learn() -> None:
    parts = wiring(4, 6)
    x = torch.tensor([[0.0, 1], [1, 1], [1, 0], [0, 1]])
    c, chosen = torch.rand((4, 6)), torch.rand((4, 6))
    gradients = []
    for extra in ((), (chosen,)):
        a, b = x.clone().requires_grad_(), c.clone().requires_grad_()
        y = SoftGates.apply(a, b, *parts, *extra)  # type: ignore[no-untyped-call]
        gradients.append(torch.autograd.grad(y.sum(), (a, b)))
    assert torch.equal(y, soft(x, chosen, parts))
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
