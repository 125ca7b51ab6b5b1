"""Classic circuits of two-input gates, written as people write them: for tests and benchmarks."""

from __future__ import annotations

from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

MOST_BITS = 31


def adder(bits: int) -> Circuit:
    """A ripple-carry adder: sum = x + y.

    >>> from lithify.ir.simulate import run
    >>> run(adder(4), [[9, 13]]).words["sum"].tolist()
    [[22]]
    """
    b, x, y = _start(bits)
    b.output("sum", _added(b, x, y), kind="uint")
    return b.finish()


def multiplier(bits: int) -> Circuit:
    """An array multiplier: product = x * y, row after row added to what is above.

    >>> from lithify.ir.simulate import run
    >>> run(multiplier(4), [[9, 13]]).words["product"].tolist()
    [[117]]
    """
    b, x, y = _start(bits)
    product: list[int] = []
    above = [0] * bits
    for digit in y:
        above = _added(b, above, [b.table(0b1000, one, digit) for one in x])
        product.append(above.pop(0))
    b.output("product", [*product, *above], kind="uint")
    return b.finish()


def decoder(bits: int) -> Circuit:
    """A decoder: output i is high where x is i, each over all bits or their inverses.

    >>> from lithify.ir.simulate import run
    >>> run(decoder(2), [[2]]).words["is"].tolist()
    [[0, 0, 1, 0]]
    """
    if not 1 <= bits <= MOST_BITS:
        raise InputError(f"a decoder of {bits} bits; it has 1 to {MOST_BITS}")
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=bits)[0].tolist()
    inverse = [b.not_(signal) for signal in x]
    rows = []
    for value in range(1 << bits):
        row = x[0] if value & 1 else inverse[0]
        for i in range(1, bits):
            row = b.table(0b1000, row, x[i] if value >> i & 1 else inverse[i])
        rows.append(row)
    b.output("is", rows)
    return b.finish()


def _start(bits: int) -> tuple[Builder, list[int], list[int]]:
    """A builder with two numbers as inputs."""
    if not 1 <= bits <= MOST_BITS:
        raise InputError(f"numbers of {bits} bits; they have 1 to {MOST_BITS}")
    b = Builder(fold=False, hash=False)
    x, y = (b.input(name, width=bits)[0].tolist() for name in "xy")
    return b, x, y


def _added(b: Builder, x: list[int], y: list[int]) -> list[int]:
    """The bits of x + y, one more than either has."""
    carry, total = 0, []
    for one, other in zip(x, y, strict=True):
        differ = b.table(0b0110, one, other)
        total.append(b.table(0b0110, differ, carry))
        both = b.table(0b1000, one, other)
        carry = b.table(0b1110, both, b.table(0b1000, differ, carry))
    return [*total, carry]
