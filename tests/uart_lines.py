"""Serial lines for tests: a line's level in every clock cycle, from bytes and back to bytes."""

from collections.abc import Iterable, Sequence


def levels(data: bytes, cycles: int, *, gap: int = 0) -> list[int]:
    """The level in each cycle while `data` is sent, `gap` idle cycles after each byte."""
    line: list[int] = []
    for byte in data:
        bits = [0, *(byte >> i & 1 for i in range(8)), 1]
        line += [bit for bit in bits for _ in range(cycles)] + [1] * gap
    return line


def received(line: Iterable[int], cycles: int) -> bytes:
    """The bytes in a line's levels, each sampled in the middle of its bits."""
    samples: Sequence[int] = list(line)
    data, at = bytearray(), 0
    while at < len(samples):
        if samples[at]:
            at += 1
            continue
        middle = at + cycles // 2
        bits = [
            samples[middle + i * cycles] for i in range(10) if middle + i * cycles < len(samples)
        ]
        if len(bits) < 10:
            break
        assert bits[0] == 0 and bits[9] == 1, "a start or stop bit is wrong"
        data.append(sum(bit << i for i, bit in enumerate(bits[1:9])))
        at = middle + 9 * cycles
    return bytes(data)
