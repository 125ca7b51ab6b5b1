"""Input codes keep every comparison, and refuse what has no code."""

import json
import math

import numpy as np
import pytest

from lithify.compiler.codes import InputCode
from lithify.ir.errors import FormatError, InputError
from lithify.ir.ports import Port

IDENTITY = InputCode.identity(3, low=-2, high=16)
RANK = InputCode.rank([[0.1, 0.2, 1e300], [], [-5e-324]])


def test_identity_codes_are_the_features() -> None:
    codes = IDENTITY.encode(np.array([[-2.0, 0, 16]], np.float32))
    assert codes.dtype == np.int64
    assert codes.tolist() == [[-2, 0, 16]]
    assert IDENTITY.ports() == (Port("x", 6, 3, "int", -2, 16),)


@pytest.mark.parametrize(
    ("low", "high", "width", "kind"),
    [
        (0, 0, 1, "uint"),
        (0, 1, 1, "uint"),
        (0, 16, 5, "uint"),
        (3, 15, 4, "uint"),
        (0, 255, 8, "uint"),
        (-1, 0, 1, "int"),
        (-1, 1, 2, "int"),
        (-8, 7, 4, "int"),
        (-9, 7, 5, "int"),
        (-8, 8, 5, "int"),
        (-8, -3, 4, "int"),
    ],
)
def test_identity_ports_are_as_narrow_as_the_range(
    low: int, high: int, width: int, kind: str
) -> None:
    (port,) = InputCode.identity(2, low=low, high=high).ports()
    assert (port.width, port.kind, port.bounds) == (width, kind, (low, high))


def test_rank_codes_count_the_thresholds_exceeded() -> None:
    x = np.array([[0.1, 7, 0.0], [math.nextafter(0.1, 1), -7, -5e-324], [1.7e308, 0, -1]])
    assert RANK.encode(x).tolist() == [[0, 0, 1], [1, 0, 0], [3, 0, 0]]
    assert RANK.ports() == (Port("x", 2, 3, "uint", 0, 3),)


def test_ranks_keep_every_comparison() -> None:
    rng = np.random.default_rng(0)
    rows = [sorted({float(t) for t in rng.normal(size=n)}) for n in (0, 1, 2, 5, 9)]
    code = InputCode.rank(rows)
    x = rng.normal(size=(200, 5))
    for feature, row in enumerate(rows):
        x[: len(row), feature] = row
    codes = code.encode(x)
    for feature, row in enumerate(rows):
        for index, threshold in enumerate(row):
            assert np.array_equal(x[:, feature] > threshold, codes[:, feature] > index)


@pytest.mark.parametrize("code", [IDENTITY, RANK])
def test_codes_survive_json_exactly(code: InputCode) -> None:
    assert InputCode.from_dict(json.loads(json.dumps(code.to_dict()))) == code


def test_images_are_flattened() -> None:
    code = InputCode.identity(6, low=0, high=255)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert code.encode(image).tolist() == [list(range(6)), list(range(6, 12))]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        ([1, 2, 3], "the features have shape (3,); this net takes [samples, 3]"),
        ([[1, 2]], "the features have shape (1, 2); this net takes [samples, 3]"),
        ([["a", "b", "c"]], "the features are of type <U1; numbers are needed"),
        ([[1 + 2j, 0, 0]], "the features are of type complex128; numbers are needed"),
        (
            [[0, 0, 0], [0, math.nan, 0]],
            "feature 1 of sample 1 is nan; replace missing and infinite values first",
        ),
        (
            [[0, 0, -math.inf]],
            "feature 2 of sample 0 is -inf; replace missing and infinite values first",
        ),
        (
            [[0, 0, 17]],
            "feature 2 of sample 0 is 17; this net takes whole numbers from -2 to 16",
        ),
        (
            [[0.5, 0, 1]],
            "feature 0 of sample 0 is 0.5; this net takes whole numbers from -2 to 16",
        ),
    ],
)
def test_features_without_a_code(x: object, text: str) -> None:
    with pytest.raises(InputError) as caught:
        IDENTITY.encode(x)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("float", 3, 0, 1), "input code 'float' is none of identity, rank"),
        (("identity", 0, 0, 1), "an input code of 0 features; 1 to 1048576 can be had"),
        (
            ("identity", 3, 2, 1),
            "an input code from 2 to 1; ascending bounds of at most 30 bits are needed",
        ),
        (
            ("identity", 3, 0, 2**31),
            "an input code from 0 to 2147483648; ascending bounds of at most 30 bits are needed",
        ),
        (("rank", 2, 0, 1, ((0.5,),)), "1 lists of thresholds for 2 features"),
        (
            ("rank", 1, 0, 2, ((0.5, 0.5),)),
            "the thresholds of feature 0 are not finite, ascending numbers",
        ),
        (
            ("rank", 1, 0, 1, ((math.inf,),)),
            "the thresholds of feature 0 are not finite, ascending numbers",
        ),
    ],
)
def test_codes_that_cannot_be(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(InputError) as caught:
        InputCode(*arguments)  # type: ignore[arg-type]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        ({}, "'kind'"),
        ({"kind": "hash", "elements": 1, "thresholds": [[1]]}, "its kind is 'hash'"),
        (
            {"kind": "identity", "elements": 1.5, "low": 0, "high": 1},
            "its elements is 1.5; an integer is needed",
        ),
        (
            {"kind": "identity", "elements": 2**40, "low": 0, "high": 1},
            "an input code of 1099511627776 features; 1 to 1048576 can be had",
        ),
        (
            {"kind": "identity", "elements": 1, "low": "0", "high": 1},
            "its low is '0'; an integer is needed",
        ),
        (
            {"kind": "rank", "elements": 2, "thresholds": [[1]]},
            "its sizes do not agree or are too large",
        ),
        ({"kind": "rank", "elements": 1, "thresholds": [["1"]]}, "a threshold is not a number"),
        ({"kind": "rank", "elements": 1, "thresholds": [[True]]}, "a threshold is not a number"),
        (
            {"kind": "rank", "elements": 1, "thresholds": [[10**400]]},
            "int too large to convert to float",
        ),
    ],
)
def test_descriptions_that_cannot_be_read(plain: dict[str, object], reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        InputCode.from_dict(plain)
    assert str(caught.value) == f"the input code cannot be read: {reason}"
