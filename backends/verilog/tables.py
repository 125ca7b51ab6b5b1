"""How a truth table is written with wide operators."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from amaranth.hdl import Const, Value

NAMES = {
    (1, 0b01): "not",
    (2, 0b0001): "nor",
    (2, 0b0010): "andn",
    (2, 0b0110): "xor",
    (2, 0b0111): "nand",
    (2, 0b1000): "and",
    (2, 0b1001): "xnor",
    (2, 0b1011): "orn",
    (2, 0b1110): "or",
    (3, 0x96): "xor3",
    (3, 0xCA): "mux",
    (3, 0xE8): "maj",
}

Recipe = tuple["str | int | Recipe", ...]
"""("pin", i), ("const", 0 or 1), ("not", r), ("and" | "or" | "xor", r, r)."""

T = TypeVar("T")


def name_of_table(table: int, arity: int) -> str:
    """A short name: the operator where there is one, else arity and table."""
    digits = max(1, (1 << arity) // 4)
    return NAMES.get((arity, table), f"t{arity}_{table:0{digits}x}")


@lru_cache(maxsize=65536)
def recipe(table: int, arity: int) -> Recipe:
    """How to compute a table from its fan-ins with as few operators as Shannon's rule gives."""
    full = (1 << (1 << arity)) - 1
    table &= full
    if table in (0, full):
        return ("const", int(table != 0))
    return min((_split(table, arity, pin) for pin in range(arity)), key=cost)


def cost(made: Recipe) -> int:
    """The number of operators."""
    return int(made[0] not in ("pin", "const")) + sum(
        cost(part) for part in made[1:] if isinstance(part, tuple)
    )


def _split(table: int, arity: int, pin: int) -> Recipe:
    """The table by cases of one fan-in."""
    half = arity - 1
    low = high = 0
    for i in range(1 << half):
        at = (i >> pin << (pin + 1)) | (i & ((1 << pin) - 1))
        low |= (table >> at & 1) << i
        high |= (table >> (at | 1 << pin) & 1) << i
    full = (1 << (1 << half)) - 1
    if low == high:
        return _shifted(recipe(low, half), pin)
    if low == full & ~high:
        return _xor(("pin", pin), _shifted(recipe(low, half), pin))
    if_low, if_high = (_shifted(recipe(part, half), pin) for part in (low, high))
    this: Recipe = ("pin", pin)
    if low & ~high == 0:
        return _or(if_low, _and(this, if_high))
    if high & ~low == 0:
        return _or(if_high, _and(_negated(this), if_low))
    return _or(_and(this, if_high), _and(_negated(this), if_low))


def _shifted(made: Recipe, pin: int) -> Recipe:
    """The recipe with room made for a fan-in at `pin`."""
    if made[0] == "pin":
        number = made[1]
        assert isinstance(number, int)
        return ("pin", number + (number >= pin))
    return tuple(_shifted(part, pin) if isinstance(part, tuple) else part for part in made)


def _negated(a: Recipe) -> Recipe:
    if a[0] == "const":
        return ("const", 1 - int(a[1] == 1))
    return a[1] if a[0] == "not" and isinstance(a[1], tuple) else ("not", a)


def _and(a: Recipe, b: Recipe) -> Recipe:
    if ("const", 0) in (a, b):
        return ("const", 0)
    if ("const", 1) in (a, b):
        return b if a == ("const", 1) else a
    if a[0] == b[0] == "not":
        return ("not", ("or", *a[1:], *b[1:]))
    return ("and", a, b)


def _or(a: Recipe, b: Recipe) -> Recipe:
    if "const" in (a[0], b[0]):
        return _negated(_and(_negated(a), _negated(b)))
    if a[0] == b[0] == "not":
        return ("not", ("and", *a[1:], *b[1:]))
    return ("or", a, b)


def _xor(a: Recipe, b: Recipe) -> Recipe:
    if b[0] == "const":
        return a if b == ("const", 0) else _negated(a)
    if b[0] == "not" and isinstance(b[1], tuple):
        return _negated(_xor(a, b[1]))
    return ("xor", a, b)


def wide(made: Recipe, pins: Sequence[Value], width: int) -> Value:
    """The recipe over vectors of `width` bits."""
    operator, *rest = made
    if operator == "pin":
        return pins[_number(rest[0])]
    if operator == "const":
        return Const(-_number(rest[0]) & ((1 << width) - 1), width)
    values = [wide(part, pins, width) for part in rest if isinstance(part, tuple)]
    if operator == "not":
        return ~values[0]
    if operator == "and":
        return values[0] & values[1]
    return values[0] | values[1] if operator == "or" else values[0] ^ values[1]


def _number(part: "str | int | Recipe") -> int:
    assert isinstance(part, int)
    return part
