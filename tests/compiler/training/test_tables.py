"""Tables of one's own: what an archive may hold, and what is said of one that cannot be used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lithify.compiler.training import data, tables
from lithify.ir.errors import FormatError, InputError

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def save(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("y", "names", "numbers", "classes"),
    [
        (Y, None, [0, 1, 2, 0, 1, 2], ("0", "1", "2")),
        (Y.astype(float), None, [0, 1, 2, 0, 1, 2], ("0", "1", "2")),
        (Y, ["a", "b", "c"], [0, 1, 2, 0, 1, 2], ("a", "b", "c")),
        (Y * 2 - 1, None, [0, 1, 2, 0, 1, 2], ("-1", "1", "3")),
        (Y > 0, None, [0, 1, 1, 0, 1, 1], ("0", "1")),
        (np.array(list("bcabca")), None, [1, 2, 0, 1, 2, 0], ("a", "b", "c")),
        (np.array(list("bcabca")), ["c", "b", "a"], [1, 0, 2, 1, 0, 2], ("c", "b", "a")),
    ],
)
def test_labels_are_numbers_or_texts(
    y: Any, names: Any, numbers: list[int], classes: tuple[str, ...], tmp_path: Path
) -> None:
    arrays = {"x": X, "y": y} | ({} if names is None else {"classes": names})
    found = data.load("own.npz", folder=save(tmp_path, **arrays).parent)
    assert (found.title, found.classes, found.standard) == ("own.npz", classes, None)
    assert found.y.dtype == np.int64
    assert found.y.tolist() == numbers
    assert np.array_equal(found.x, X)


def test_an_absolute_path_capital_letters_and_pictures(tmp_path: Path) -> None:
    path = save(tmp_path, X=np.ones((6, 2, 2), bool), Y=Y, train_idx=[4, 1], test_idx=[0])
    found = data.load(str(path), folder="/nowhere")
    assert found.x.dtype == np.uint8
    assert found.x.shape == (6, 4)
    assert found.standard is not None
    assert [part.tolist() for part in found.standard] == [[4, 1], [0]]


SHAPES = "[samples, features] and [samples], not empty, are needed"


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"y": Y}, "holds y but no `x`; make it with numpy.savez(path, x=x, y=y)"),
        ({"x": X}, "holds x but no `y`; make it with numpy.savez(path, x=x, y=y)"),
        ({"x": X[:, 0], "y": Y}, f"x has shape (6,) and y (6,); {SHAPES}"),
        ({"x": X, "y": Y[:5]}, f"x has shape (6, 2) and y (5,); {SHAPES}"),
        ({"x": X[:0], "y": Y[:0]}, f"x has shape (0, 2) and y (0,); {SHAPES}"),
        ({"x": X.astype(str), "y": Y}, "x is of type <U32; numbers are needed"),
        (
            {"x": np.where(X == 5, np.nan, X), "y": Y},
            "feature 1 of sample 2 is nan; every feature must be a finite number",
        ),
        (
            {"x": X, "y": Y + 0.5},
            "y is of type float64, such as 0.5; whole numbers or texts are needed, "
            "one class a sample",
        ),
        (
            {"x": X, "y": np.full(6, np.inf)},
            "y is of type float64, such as inf; whole numbers or texts are needed, "
            "one class a sample",
        ),
        ({"x": X, "y": Y * 0}, "y has 1 classes; 2 to 4096 can be told apart"),
        ({"x": X, "y": Y, "classes": ["a", "b"]}, "label 2 is 2; `classes` names 2: a, b"),
        (
            {"x": X, "y": Y.astype(str), "classes": list("abcdefghi")},
            "label 0 is '0'; `classes` names 9: a, b, c, d, e, f, g, h, ...",
        ),
        (
            {"x": X, "y": Y, "classes": ["a", "b", "a"]},
            "the class names are not a list of different names",
        ),
        (
            {"x": X, "y": Y, "train_idx": [0, 1], "test_idx": [6]},
            "test_idx is no list of sample numbers from 0 to 5",
        ),
        (
            {"x": X, "y": Y, "train_idx": [0.5], "test_idx": [5]},
            "train_idx is no list of sample numbers from 0 to 5",
        ),
        (
            {"x": X, "y": Y, "train_idx": [0, 3], "test_idx": [3]},
            "sample 3 is in both train_idx and test_idx",
        ),
    ],
)
def test_tables_that_cannot_be(arrays: dict[str, Any], text: str, tmp_path: Path) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(InputError) as caught:
        data.load(str(path))
    assert str(caught.value) == f"{path}: {text}"


def test_half_a_split(tmp_path: Path) -> None:
    path = save(tmp_path, x=X, y=Y, test_idx=[1])
    with pytest.raises(FormatError) as caught:
        data.load(str(path))
    assert str(caught.value) == f"{path}: the array train_idx is missing"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        data.load("none.npz", folder=tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'none.npz'}: no such file; make it with numpy.savez(path, x=x, y=y)"
    )


def test_an_archive_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, x=X, y=Y)
    monkeypatch.setattr(tables, "MOST_BYTES", 100)
    with pytest.raises(FormatError) as caught:
        data.load(str(path))
    assert str(caught.value) == f"{path}: 400 bytes unpacked; at most 100 are read"


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    path = save(tmp_path, x=X, y=np.array([{}, 1, 2, 3, 4, 5], object))
    with pytest.raises(FormatError) as caught:
        data.load(str(path))
    assert str(caught.value) == (
        f"{path}: no archive of plain arrays, or damaged (Object arrays cannot be loaded when "
        "allow_pickle=False)"
    )
