"""Selection finds the row of a rank, as sorting does, ties and ends included."""

import numpy as np
import pytest
import torch

from lithify.compiler.nets.soft_bits.selection import LANES, ranked


def values(groups: int, size: int, batch: int, steps: int) -> torch.Tensor:
    """Soft bits in so many equal steps: few steps make many ties, and zeros and ones."""
    noise = torch.Generator().manual_seed(size)
    return torch.randint(steps + 1, (groups, size, batch), generator=noise) / steps


@pytest.mark.parametrize("shape", [(3, 1, 5), (2, 2, LANES), (4, 16, LANES + 1), (1, 129, 200)])
@pytest.mark.parametrize("steps", [1, 3, 1000, 2**24])
def test_the_row_holds_the_value_of_the_rank(shape: tuple[int, int, int], steps: int) -> None:
    x = values(*shape, steps)
    for rank in {0, (shape[1] - 1) // 2, shape[1] - 1}:
        rows = ranked(x, rank)
        found = x.gather(1, rows[:, None])[:, 0]
        assert torch.equal(found, x.sort(1).values[:, rank])
        assert torch.equal(rows, ranked(x.clone(), rank))


def test_neighbouring_floats_are_told_apart() -> None:
    one = np.nextafter(np.float32(0.5), np.float32(1))
    x = torch.tensor([float(one), 0.5, float(np.nextafter(np.float32(0.5), np.float32(0)))])
    assert [int(ranked(x[None, :, None], rank)) for rank in range(3)] == [2, 1, 0]


def test_zero_has_one_order_whatever_its_sign() -> None:
    x = torch.tensor([0.5, -0.0, 0.0])[None, :, None]
    assert {int(ranked(x, 0)), int(ranked(x, 1))} <= {1, 2}
    assert int(ranked(x, 2)) == 0


def test_doubles_and_views_are_ranked_too() -> None:
    x = values(6, 5, 40, 1000)
    assert torch.equal(
        x.double().gather(1, ranked(x.double(), 2)[:, None]).float(), x.sort(1).values[:, 2:3]
    )
    turned = x.transpose(0, 2)
    assert torch.equal(turned.gather(1, ranked(turned, 2)[:, None]), turned.sort(1).values[:, 2:3])
