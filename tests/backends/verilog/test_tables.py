"""Every table of up to three fan-ins, and many of more, is written with operators that equal it."""

import random

import pytest
from amaranth.hdl import Const

from lithify.backends.verilog.tables import NAMES, Recipe, cost, name_of_table, recipe, wide


def value(made: Recipe, pattern: int) -> int:
    """The recipe for one pattern of its fan-ins."""
    operator, *rest = made
    if operator in ("pin", "const"):
        number = rest[0]
        assert isinstance(number, int)
        return number if operator == "const" else pattern >> number & 1
    parts = [value(part, pattern) for part in rest if isinstance(part, tuple)]
    if operator == "not":
        return 1 - parts[0]
    a, b = parts
    return {"and": a & b, "or": a | b, "xor": a ^ b}[str(operator)]


def table_of(made: Recipe, arity: int) -> int:
    return sum(value(made, pattern) << pattern for pattern in range(1 << arity))


@pytest.mark.parametrize("arity", [0, 1, 2, 3])
def test_every_small_table(arity: int) -> None:
    for table in range(1 << (1 << arity)):
        assert table_of(recipe(table, arity), arity) == table


@pytest.mark.parametrize("arity", [4, 5, 6])
def test_many_larger_tables(arity: int) -> None:
    draw = random.Random(arity)
    for _ in range(40):
        table = draw.getrandbits(1 << arity)
        assert table_of(recipe(table, arity), arity) == table


def test_bits_above_the_table_do_not_matter() -> None:
    assert recipe(0xFFF8, 2) == recipe(0x8, 2)


@pytest.mark.parametrize(
    ("table", "arity", "expected"),
    [
        (0b00, 1, ("const", 0)),
        (0b11, 1, ("const", 1)),
        (0b0001, 2, ("not", ("or", ("pin", 0), ("pin", 1)))),
        (0b0010, 2, ("and", ("pin", 0), ("not", ("pin", 1)))),
        (0b1010, 2, ("pin", 0)),
        (0b0011, 2, ("not", ("pin", 1))),
        (0b1001, 2, ("not", ("xor", ("pin", 0), ("pin", 1)))),
        (0x96, 3, ("xor", ("pin", 0), ("xor", ("pin", 1), ("pin", 2)))),
    ],
)
def test_recipes_are_short(table: int, arity: int, expected: Recipe) -> None:
    assert recipe(table, arity) == expected


def test_the_worst_costs() -> None:
    assert max(cost(recipe(table, 2)) for table in range(16)) == 2
    assert max(cost(recipe(table, 3)) for table in range(256)) <= 8
    assert cost(recipe(0xE8, 3)) == 4


@pytest.mark.parametrize(
    ("table", "arity", "name"),
    [(0b0110, 2, "xor"), (0xE8, 3, "maj"), (0x17, 3, "t3_17"), (0b1, 0, "t0_1"), (5, 4, "t4_0005")],
)
def test_names(table: int, arity: int, name: str) -> None:
    assert name_of_table(table, arity) == name


def test_names_say_what_the_tables_do() -> None:
    operators = {"and": 0b1000, "or": 0b1110, "xor": 0b0110}
    for (arity, table), name in NAMES.items():
        if arity == 2 and name.removeprefix("n") in operators:
            assert table == operators[name.removeprefix("n")] ^ (15 if name[0] == "n" else 0)


def test_constants_fill_the_width() -> None:
    made = wide(("const", 1), [], 5)
    assert isinstance(made, Const)
    assert (made.value, len(made)) == (31, 5)
