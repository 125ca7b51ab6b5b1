"""Tensors of few values in few bits, without loss: what makes the file of a hard net small.

Whole numbers are stored as the distance to their least one; other numbers, where a tensor takes at
most 256 values, as places in a list of these. Either is a code of as many bits as the largest one
needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithify.ir.errors import FormatError

Packed = dict[str, dict[str, Any]]
Codes = NDArray[np.uint64]

TYPES = {
    "BOOL": torch.bool,
    "F32": torch.float32,
    "F64": torch.float64,
    "I32": torch.int32,
    "I64": torch.int64,
    "U8": torch.uint8,
}
MOST_VALUES = 256
MOST_BITS = 32
BLOCK = 2**20  # codes that are packed at a time; a multiple of 8
VALUES = "/values"


def pack(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Packed]:
    """The tensors to store, and how those of them that were packed become what they were."""
    stored: dict[str, Tensor] = {}
    packed: Packed = {}
    names = {kind: name for name, kind in TYPES.items()}
    for name, tensor in tensors.items():
        found = _codes(tensor) if tensor.dtype in names and tensor.numel() else None
        if found is None:
            stored[name] = tensor
            continue
        codes, values = found
        bits = max(1, int(codes.max()).bit_length())
        stored[name] = torch.from_numpy(_to_bytes(codes, bits))
        stored[name + VALUES] = values
        packed[name] = {"type": names[tensor.dtype], "shape": [*tensor.shape], "bits": bits}
    return stored, packed


def unpack(stored: Mapping[str, Tensor], packed: object) -> dict[str, Tensor]:
    """The tensors that `pack` was given; FormatError where these cannot be what it made.

    Every element takes at least one stored bit, so that a small file makes no large tensor.
    """
    if not isinstance(packed, dict):
        raise FormatError("packed is no object of packed tensors; the file is damaged")
    tensors = dict(stored)
    for name, plain in packed.items():
        if name not in tensors or name + VALUES not in tensors:
            raise FormatError(f"packed tensor {name} is missing; the file is damaged")
        tensors[name] = _unpacked(name, plain, tensors[name], tensors.pop(name + VALUES))
    return tensors


def _codes(tensor: Tensor) -> tuple[Codes, Tensor] | None:
    """A small number for each element and what the numbers mean; None where they are not small."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.dtype.is_floating_point:
        # By their bits: zero and minus zero are two values.
        whole = flat.view(torch.int32 if flat.dtype == torch.float32 else torch.int64)
        values, places = np.unique(whole.numpy(), return_inverse=True)
        if len(values) > MOST_VALUES:
            return None
        return places.astype(np.uint64), torch.from_numpy(values).view(flat.dtype)
    numbers = flat.numpy().astype(np.int64)
    low = numbers.min()
    if int(numbers.max()) - int(low) >= 2**MOST_BITS:
        return None
    return (numbers - low).astype(np.uint64), torch.tensor([low], dtype=torch.int64)


def _unpacked(name: str, plain: Any, data: Tensor, values: Tensor) -> Tensor:
    """One tensor, its sizes compared with what is stored before it is made."""
    kind, shape, bits = _description(name, plain)
    count = math.prod(shape)
    if data.dtype != torch.uint8 or data.dim() != 1 or data.numel() != -(-count * bits // 8):
        raise FormatError(
            f"packed tensor {name} has {data.numel()} bytes, but its {count} codes of {bits} bits "
            f"need {-(-count * bits // 8)}; the file is damaged"
        )
    codes = _from_bytes(data.numpy(), count, bits)
    if not kind.is_floating_point:
        return _whole(name, codes, values, kind).reshape(shape)
    if values.dtype != kind or values.dim() != 1 or int(codes.max()) >= values.numel():
        raise FormatError(f"packed tensor {name} has codes without a value; the file is damaged")
    return values[torch.from_numpy(codes.astype(np.int64))].reshape(shape)


def _description(name: str, plain: Any) -> tuple[torch.dtype, list[int], int]:
    """The type, shape and bits of a packed tensor."""
    kind = TYPES.get(str(plain.get("type"))) if isinstance(plain, dict) else None
    if kind is not None:
        shape, bits = plain.get("shape"), plain.get("bits")
        sizes = isinstance(shape, list) and all(type(n) is int and 1 <= n < 2**31 for n in shape)
        if sizes and len(shape) <= 8 and type(bits) is int and 1 <= bits <= MOST_BITS:
            return kind, shape, bits
    raise FormatError(f"packed tensor {name} is {plain!r}; the file is damaged")


def _whole(name: str, codes: Codes, values: Tensor, kind: torch.dtype) -> Tensor:
    """Whole numbers from their distance to the least."""
    if values.dtype != torch.int64 or values.shape != (1,) or abs(int(values)) >= 2**62:
        raise FormatError(f"packed tensor {name} has no least value; the file is damaged")
    numbers = torch.from_numpy(codes.astype(np.int64) + int(values))
    cast = numbers.to(kind)
    if not torch.equal(cast.to(torch.int64), numbers):
        raise FormatError(f"packed tensor {name} exceeds its type; the file is damaged")
    return cast


def _to_bytes(codes: Codes, bits: int) -> NDArray[np.uint8]:
    """The lowest `bits` bits of every code, one after the other."""
    parts = []
    for start in range(0, len(codes), BLOCK):
        eights = codes[start : start + BLOCK].astype("<u8").view(np.uint8).reshape(-1, 8)
        few = np.unpackbits(eights, axis=1, count=bits, bitorder="little")
        parts.append(np.packbits(few, bitorder="little"))
    return np.concatenate(parts)


def _from_bytes(data: NDArray[np.uint8], count: int, bits: int) -> Codes:
    """The `count` codes that `_to_bytes` stored."""
    codes = np.empty(count, np.uint64)
    for start in range(0, count, BLOCK):
        part = min(BLOCK, count - start)
        few = np.unpackbits(data[start * bits // 8 :], count=part * bits, bitorder="little")
        eights = np.zeros((part, 64), np.uint8)
        eights[:, :bits] = few.reshape(part, bits)
        packed = np.packbits(eights, axis=1, bitorder="little")
        codes[start : start + part] = packed.view("<u8").reshape(-1)
    return codes
