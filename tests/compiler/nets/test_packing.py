"""Packing: the same tensors back, in few bits, and a reason for everything that is none."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lithify.compiler.nets import packing
from lithify.ir.errors import FormatError


def back(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors after packing and unpacking; nothing of the one may reach the other."""
    stored, packed = packing.pack({name: value.clone() for name, value in tensors.items()})
    return packing.unpack(stored, packed)


def same(one: Tensor, other: Tensor) -> bool:
    """Whether type, shape and every bit are equal."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes()


@pytest.mark.parametrize("values", [1, 2, 3, 16, 17, 256])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_few_values_come_back(values: int, kind: torch.dtype) -> None:
    rng = np.random.default_rng(values)
    some = torch.from_numpy(rng.normal(size=values)).to(kind)
    tensor = some[torch.from_numpy(rng.integers(values, size=(37, 11)))]
    stored, packed = packing.pack({"weights": tensor})
    assert packed["weights"]["bits"] == max(1, (values - 1).bit_length())
    assert stored["weights"].numel() == -(-37 * 11 * packed["weights"]["bits"] // 8)
    assert same(packing.unpack(stored, packed)["weights"], tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([0.0, -0.0, float("inf"), float("nan")]),
        torch.tensor([[True, False, True]]),
        torch.tensor([5], dtype=torch.int64),
        torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        torch.tensor([[3, -4], [0, 90_000]], dtype=torch.int32),
        torch.arange(256, dtype=torch.uint8),
        torch.arange(12, dtype=torch.int32).reshape(3, 4).t(),
    ],
)
def test_odd_values_come_back(tensor: Tensor) -> None:
    assert same(back({"a": tensor})["a"], tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(300),
        torch.empty(0),
        torch.tensor([0, 2**40]),
        torch.tensor([0.5, 0.25], dtype=torch.float16),
    ],
)
def test_what_does_not_get_smaller_stays_as_it_is(tensor: Tensor) -> None:
    stored, packed = packing.pack({"a": tensor})
    assert packed == {}
    assert same(stored["a"], tensor)
    assert same(packing.unpack(stored, packed)["a"], tensor)


def test_blocks_of_codes_join(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.from_numpy(np.random.default_rng(0).integers(0, 1000, 8 * 13 + 5))
    whole, _ = packing.pack({"a": tensor})
    monkeypatch.setattr(packing, "BLOCK", 16)
    parts, packed = packing.pack({"a": tensor})
    assert same(parts["a"], whole["a"])
    assert same(packing.unpack(parts, packed)["a"], tensor)


def wires() -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """A packed tensor of five numbers from 3 to 9, in three bits each."""
    return packing.pack({"wires": torch.tensor([3, 9, 4, 4, 5], dtype=torch.int32)})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"shape": [6]}, "has 2 bytes, but its 6 codes of 3 bits need 3"),
        (
            {"shape": [2**30, 2**30]},
            f"has 2 bytes, but its {2**60} codes of 3 bits need {2**60 * 3 // 8}",
        ),
        ({"bits": 8}, "has 2 bytes, but its 5 codes of 8 bits need 5"),
        ({"type": "U8"}, None),
        ({"type": "BOOL"}, "exceeds its type"),
        ({"type": "F32"}, "has codes without a value"),
    ],
)
def test_sizes_are_those_of_the_bytes(change: dict[str, Any], text: str | None) -> None:
    stored, packed = wires()
    packed["wires"] |= change
    if text is None:
        assert packing.unpack(stored, packed)["wires"].tolist() == [3, 9, 4, 4, 5]
        return
    with pytest.raises(FormatError) as caught:
        packing.unpack(stored, packed)
    assert str(caught.value) == f"packed tensor wires {text}; the file is damaged"


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 0},
        {"bits": 33},
        {"bits": True},
        {"shape": [0]},
        {"shape": [5.0]},
        {"shape": [1] * 9},
        {"shape": 5},
        {"type": "F16"},
    ],
)
def test_descriptions_that_mean_nothing(change: dict[str, Any]) -> None:
    stored, packed = wires()
    packed["wires"] |= change
    with pytest.raises(FormatError) as caught:
        packing.unpack(stored, packed)
    said = f"packed tensor wires is {packed['wires']!r}; the file is damaged"
    assert str(caught.value) == said


def test_parts_that_are_missing() -> None:
    stored, packed = wires()
    for name in ("wires", "wires/values"):
        rest = {key: value for key, value in stored.items() if key != name}
        with pytest.raises(FormatError) as caught:
            packing.unpack(rest, packed)
        assert str(caught.value) == "packed tensor wires is missing; the file is damaged"
    with pytest.raises(FormatError) as caught:
        packing.unpack(stored, [])
    assert str(caught.value) == "packed is no object of packed tensors; the file is damaged"
    with pytest.raises(FormatError) as caught:
        packing.unpack(stored, {"wires": 7})
    assert str(caught.value) == "packed tensor wires is 7; the file is damaged"


def test_a_least_value_must_be_one_number() -> None:
    for values in (torch.tensor([1, 2]), torch.tensor([2**62]), torch.tensor([1.0])):
        stored, packed = wires()
        stored["wires/values"] = values
        with pytest.raises(FormatError) as caught:
            packing.unpack(stored, packed)
        assert str(caught.value) == "packed tensor wires has no least value; the file is damaged"
