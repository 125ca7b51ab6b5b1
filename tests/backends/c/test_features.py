"""Codes of raw features by the kernel: those of the input code, or none where it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lithify.backends.c.features import COMPARED, Features
from lithify.backends.c.library import load
from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError, ToolMissing

TYPES = (np.float64, np.float32, np.float16, np.int16, np.int64)


def check(code: InputCode, x: NDArray[np.float64]) -> None:
    """In every type that the features have, and for every kind of vectors."""
    bounds = code.thresholds if code.kind == "rank" else None
    features = Features(code.elements, low=code.low, high=code.high, bounds=bounds)
    for kind in TYPES:
        with np.errstate(over="ignore", invalid="ignore"):
            given = x.astype(kind)
        try:
            wanted = code.encode(given)
        except InputError:
            wanted = None
        for vector in load().vectors:
            features.words = vector // 64
            found = features.codes(given)
            if found is None or wanted is None:
                assert found is wanted
            else:
                assert np.array_equal(found, wanted)


@pytest.mark.parametrize("most", [0, 1, 5, COMPARED, COMPARED + 1, 64, 255, 256, 300])
@pytest.mark.parametrize("elements", [1, 63, 130])
def test_bounds_are_counted(most: int, elements: int) -> None:
    rng = np.random.default_rng(most)
    counts = rng.integers(max(0, most - 3), most + 1, elements)
    rows = [sorted({float(v) for v in rng.normal(size=n)}) for n in counts]
    code = InputCode.rank(rows)
    x = rng.normal(size=(9, elements))
    for element, row in enumerate(rows):
        if row:
            x[3:6, element] = row[0], np.nextafter(row[-1], 9), np.float32(row[len(row) // 2])
    check(code, x)
    check(code, 100 * x)
    for bad in (np.nan, np.inf, -np.inf):
        wrong = x.copy()
        wrong[rng.integers(9), rng.integers(elements)] = bad
        check(code, wrong)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 255), (0, 16), (-3, 9), (0, 256), (0, 2**30 - 1), (-(2**29), 5)]
)
def test_whole_numbers_are_their_codes(low: int, high: int) -> None:
    rng = np.random.default_rng(0)
    code = InputCode.identity(70, low=low, high=high)
    x = rng.integers(low, high + 1, (9, 70)).astype(float)
    check(code, x)
    for bad in (low - 1, high + 1, low + 0.5, np.nan, np.inf, 1e300, -1e300):
        wrong = x.copy()
        wrong[2, 65] = bad
        check(code, wrong)


def test_bounds_beyond_single_precision() -> None:
    tiny, huge = 1e-300, 1e300
    code = InputCode.rank([[-huge, -tiny, 0.1, huge]])
    singles = np.array([[0.0], [-1.0], [0.1], [np.float32(0.1)], [3e38], [-3e38]], np.float32)
    features = Features(1, low=code.low, high=code.high, bounds=code.thresholds)
    found = features.codes(singles)
    assert found is not None and np.array_equal(found, code.encode(singles))


def test_designs_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    code = InputCode.rank([[0.5, 1.5], [-1.0]])
    x = builder.input("x", width=2, count=2, high=2)
    builder.score("a", x[0])
    builder.score("b", x[1], bias=1)
    circuit = builder.finish(readout="argmax")
    design = Design(name="net", lowered=circuit, circuit=circuit, pipeline="", code=code)
    rows = np.array([[0.0, 0.0], [1.0, -1.5], [2.0, 7.0]], np.float32)
    assert design.engine_codes(rows).dtype == np.uint8
    classes = design.predict(rows)
    assert design.engine_codes(rows[:, None, :]).tolist() == [[0, 1], [1, 0], [2, 1]]
    with pytest.raises(InputError, match="^feature 1 of sample 2 is nan; replace missing"):
        design.predict(np.array([[0, 0], [0, 0], [0, np.nan]]))

    def missing() -> None:
        raise ToolMissing("no compiler")

    monkeypatch.setattr("lithify.backends.c.features.load", missing)
    again = replace(design)
    assert again.engine_codes(rows).dtype == np.int64
    assert np.array_equal(again.interpret(rows).classes, classes)
