"""The wire format of protocol buffers, as much of it as ONNX files have."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lithify.ir.errors import FormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes


def fields(data: bytes, where: str) -> Iterator[tuple[int, Value]]:
    """The number and value of every field of a message: integers, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at, where)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at, where)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at, where)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise FormatError(f"{where}: a field of the unknown kind {kind} at byte {at}")
        if size > len(data) - at:
            raise FormatError(f"{where}: cut off, or damaged, at byte {at}")
        yield key >> 3, data[at : at + size]
        at += size


def integers(value: Value, where: str) -> list[int]:
    """The signed integers of a field that is one, or holds many."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at, where)
        found.append(_signed(one))
    return found


def field(number: int, value: int | float | str | bytes) -> bytes:
    """A field: an integer as it is, a float of 32 bits, text or bytes with their length."""
    if isinstance(value, int):
        return _written(number << 3 | VARINT) + _written(value & (1 << 64) - 1)
    if isinstance(value, float):
        return _written(number << 3 | FIXED32) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return _written(number << 3 | BYTES) + _written(len(data)) + data


def _varint(data: bytes, at: int, where: str) -> tuple[int, int]:
    value = 0
    for k in range(10):
        if at + k >= len(data):
            break
        octet = data[at + k]
        value |= (octet & 127) << 7 * k
        if octet < 128:
            return value, at + k + 1
    raise FormatError(f"{where}: cut off, or damaged, at byte {at}")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _written(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)
