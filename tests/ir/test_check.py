"""The checker accepts what is sound and names the gate and the rule of what is not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st

from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import CheckError
from lithify.ir.generate import random_layered
from lithify.ir.origin import Origin
from lithify.ir.ports import Port, Score, Word


def sound() -> Circuit:
    """Gates %6 and %7 are tables, %8 a threshold, %9 a table of no origin."""
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", width=2, count=2).ravel()
    with builder.origin("layers.0", "core"):
        y = builder.tables([6, 8], [x[:2], x[2:]])
        builder.thresholds([1], [[2, 3, 6]], [[1, 2, -1]])
    builder.table(0xCA, 2, 3, 4)
    builder.output("y", y)
    builder.score("s", y, [2, 3], bias=4)
    return builder.finish(readout="argmax")


def score(name: str, bias: int, signals: list[int], weights: list[int]) -> Score:
    return Score(name, bias, np.array(signals, np.int32), np.array(weights, np.int32))


def word(name: str, signals: object, kind: str = "uint") -> Word:
    return Word(name, np.array(signals, np.int32), kind)


def changed(name: str, place: int, value: int) -> Circuit:
    array = getattr(sound(), name).copy()
    array[place] = value
    return replace(sound(), **{name: array})


def refusal(circuit: Circuit) -> str:
    with pytest.raises(CheckError) as caught:
        check(circuit)
    return str(caught.value)


def test_a_sound_circuit_passes() -> None:
    check(sound())


@given(circuits(most_gates=60, odd_names=True))
def test_everything_built_is_sound(circuit: Circuit) -> None:
    check(circuit)


@pytest.mark.parametrize(
    ("array", "place", "value", "message"),
    [
        ("kinds", 3, 2, "gate %9: kind 2 is neither table nor threshold"),
        ("fanins", 0, 6, "gate %6 (unit 0 of layers.0): fan-in %6 is not an earlier signal"),
        ("fanins", 3, 9, "gate %7 (unit 1 of layers.0): fan-in %9 is not an earlier signal"),
        ("fanins", 5, -1, "gate %8 (unit 0 of layers.0): fan-in %-1 is not an earlier signal"),
        ("fanins", 9, 10, "gate %9: fan-in %10 is not an earlier signal"),
        ("tables", 0, 16,
         "gate %6 (unit 0 of layers.0): table 0x10 does not fit 2 fan-ins, which take 4 bits"),
        ("tables", 3, 2**64 - 1,
         "gate %9: table 0xffffffffffffffff does not fit 3 fan-ins, which take 8 bits"),
        ("tables", 2, 2**61 + 1,
         f"gate %8 (unit 0 of layers.0): bound {2**61 + 1} is beyond 2^61"),
        ("tables", 2, 2**64 - 2**61 - 1,
         f"gate %8 (unit 0 of layers.0): bound {-(2**61) - 1} is beyond 2^61"),
        ("weights", 0, 2, "gate %6 (unit 0 of layers.0): weight 2 of fan-in %2; "
         "the fan-ins of a table have weight 1"),
        ("weights", 5, 0, "gate %8 (unit 0 of layers.0): weight 0 of fan-in %3; "
         "a weight is not 0 and at most 2^31 - 1"),
        ("weights", 5, -(2**31), f"gate %8 (unit 0 of layers.0): weight {-(2**31)} of fan-in %3; "
         "a weight is not 0 and at most 2^31 - 1"),
        ("origin_of", 1, 1, "gate %7: origin 1 of 1"),
        ("origin_of", 1, -2, "gate %7: origin -2 of 1"),
        ("unit_of", 3, -1, "gate %9: unit -1; units count from 0"),
        ("offsets", 0, 1, "array offsets does not rise from 0 to 10, the number of fan-ins"),
        ("offsets", 1, 5, "array offsets does not rise from 0 to 10, the number of fan-ins"),
        ("offsets", 4, 9, "array offsets does not rise from 0 to 10, the number of fan-ins"),
    ],
)  # fmt: skip
def test_one_wrong_number_is_found(array: str, place: int, value: int, message: str) -> None:
    assert refusal(changed(array, place, value)) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": [6, 8]}, "array tables has shape (2,); 4 gates need (4,)"),
        ({"offsets": [0]}, "array offsets has shape (1,); 4 gates need (5,)"),
        ({"offsets": []}, "array offsets has shape (0,); 4 gates need (5,)"),
        ({"weights": [1]}, "array weights has shape (1,); 4 gates need (10,)"),
        ({"origin_of": []}, "array origin_of has shape (0,); 4 gates need (4,)"),
        ({"unit_of": [[0, 0, 0, 0]]}, "array unit_of has shape (1, 4); 4 gates need (4,)"),
        ({"weights": [1] * 10}, "array weights holds only ones; it is empty in such a circuit"),
        (
            {"offsets": [0, 7, 7, 10, 10], "kinds": [0, 0, 0, 0], "tables": [1, 1, 1, 1]}
            | {"fanins": [2] * 10, "weights": []},
            "gate %6 (unit 0 of layers.0): a table of 7 fan-ins; at most 6 fit",
        ),
        (
            {"origins": (Origin("l", "core"), Origin("l", "core"))},
            "origin l (core) is declared twice",
        ),
        ({"origins": (Origin("l"), Origin("l"))}, "origin l (no part) is declared twice"),
        ({"inputs": (Port("x"),) * 4}, "two inputs are called x"),
        ({"inputs": (Port("", width=4),)}, "an input has no name"),
        (
            {"inputs": (Port("x", width=62, count=2**31),)},
            f"{62 * 2**31 + 6} signals; a circuit holds at most 2^31 - 1",
        ),
        ({"outputs": (score("s", 0, [2], [1]),) * 2}, "two outputs are called s"),
        ({"outputs": (score("", 0, [2], [1]),)}, "an output has no name"),
        (
            {"outputs": (score("s", 0, [10], [1]),)},
            "output s: signal %10 does not exist; there are 10",
        ),
        (
            {"outputs": (word("w", [[-1]]),)},
            "output w: signal %-1 does not exist; there are 10",
        ),
        (
            {"outputs": (word("w", np.zeros((0, 1))),)},
            "output w: 0 elements of 1 bits; "
            "a uint output has at least one element of 1 to 62 bits",
        ),
        (
            {"outputs": (word("w", np.zeros((1, 63)), "int"),)},
            "output w: 1 elements of 63 bits; "
            "a int output has at least one element of 1 to 62 bits",
        ),
        (
            {"outputs": (word("w", [[0, 1]], "bit"),)},
            "output w: 1 elements of 2 bits; a bit output has at least one element of 1 to 1 bits",
        ),
        (
            {"outputs": (score("s", 2**61 + 1, [], []),)},
            f"score s: bias {2**61 + 1} is beyond 2^61",
        ),
        (
            {"outputs": (score("s", 0, [2], [-(2**31)]),)},
            f"score s: weight {-(2**31)} is beyond 2^31 - 1",
        ),
        ({"outputs": ()}, "readout argmax: there is no score to read"),
        ({"outputs": (), "readout": "scores"}, "readout scores: there is no score to read"),
    ],
)
def test_other_breaches_are_found(changes: dict[str, Any], message: str) -> None:
    assert refusal(replace(sound(), **changes)) == message


ARRAYS = ["kinds", "tables", "offsets", "fanins", "weights", "origin_of", "unit_of"]


@given(circuits(most_gates=20), st.sampled_from(ARRAYS), st.data())
def test_any_one_number_may_be_wrong_without_a_crash(
    circuit: Circuit, name: str, data: st.DataObject
) -> None:
    array = getattr(circuit, name).copy()
    if array.size:
        limits = np.iinfo(array.dtype)
        value = data.draw(st.integers(-3, 40) | st.integers(int(limits.min), int(limits.max)))
        array[data.draw(st.integers(0, array.size - 1))] = (
            np.int64(value).astype(array.dtype) if (value < 2**63) else value
        )
    try:
        check(replace(circuit, **{name: array}))
    except CheckError:
        return


def test_a_large_net_is_checked() -> None:
    check(random_layered(np.random.default_rng(0), layers=[20_000] * 5))
