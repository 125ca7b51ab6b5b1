"""Archives of arrays, and the tables of features and labels that they hold."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.nets.space import Shape
from lithify.ir.errors import FormatError, InputError

MOST_BYTES = 1 << 33
MOST_CLASSES = 4096
Indices = NDArray[np.int64]
Archive = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Features [samples, features], class numbers, class names, and the split if one is given.

    Samples of two dimensions are images of one channel, those of three [channel, height, width].
    """

    x: NDArray[Any]
    y: Indices
    classes: tuple[str, ...]
    standard: tuple[Indices, Indices] | None
    image: Shape | None


def read_archive(path: Path) -> Archive | None:
    """The arrays of an archive, None where there is no such file."""
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_BYTES:
            raise FormatError(f"{path}: {size:,} bytes unpacked; at most {MOST_BYTES:,} are read")
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: no archive of plain arrays, or damaged ({error})") from error


def require_keys(path: Path, stored: Archive, *keys: str) -> None:
    """FormatError where one of these arrays is missing."""
    missing = [key for key in keys if key not in stored]
    if missing:
        raise FormatError(f"{path}: the array {missing[0]} is missing")


def read_table(path: Path) -> Table:
    """The table in an archive with x and y, and perhaps classes, train_idx and test_idx."""
    stored = read_archive(path)
    if stored is None:
        raise InputError(f"{path}: no such file; make it with numpy.savez(path, x=x, y=y)")
    return table_of(path, stored)


def table_of(path: Path, stored: Archive) -> Table:
    """The table of an archive's arrays."""
    x, y = (_either(path, stored, name) for name in ("x", "y"))
    if x.ndim < 2 or not x.size or y.shape != x.shape[:1]:
        raise InputError(
            f"{path}: x has shape {x.shape} and y {y.shape}; [samples, features] and [samples], "
            "not empty, are needed"
        )
    features = _features(path, x.reshape(len(x), -1))
    labels, classes = _labels(path, y, stored.get("classes", stored.get("class_values")))
    sides = (1, *x.shape[1:])[-3:]
    image = Shape(*sides) if x.ndim in (3, 4) else None
    return Table(features, labels, classes, _standard(path, stored, len(x)), image)


def _either(path: Path, stored: Archive, name: str) -> NDArray[Any]:
    """The array of this name, in small or capital letters."""
    for key in (name, name.upper()):
        if key in stored:
            return stored[key]
    raise InputError(
        f"{path}: holds {', '.join(stored) or 'nothing'} but no `{name}`; "
        "make it with numpy.savez(path, x=x, y=y)"
    )


def _features(path: Path, x: NDArray[Any]) -> NDArray[Any]:
    if x.dtype.kind not in "biuf":
        raise InputError(f"{path}: x is of type {x.dtype}; numbers are needed")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        sample, feature = np.argwhere(~np.isfinite(x))[0]
        raise InputError(
            f"{path}: feature {feature} of sample {sample} is {x[sample, feature]}; every feature "
            "must be a finite number"
        )
    return x.astype(np.uint8) if x.dtype.kind == "b" else x


def _labels(
    path: Path, y: NDArray[Any], names: NDArray[Any] | None
) -> tuple[Indices, tuple[str, ...]]:
    """The class of every sample as a number, and the names of the classes."""
    whole = y.dtype.kind in "biu" or (y.dtype.kind == "f" and bool((y == np.floor(y)).all()))
    if y.dtype.kind != "U" and not (whole and np.isfinite(y).all()):
        raise InputError(
            f"{path}: y is of type {y.dtype}, such as {y.tolist()[0]!r}; whole numbers or texts "
            "are needed, one class a sample"
        )
    if names is None:
        values, numbers = np.unique(y if y.dtype.kind == "U" else y.astype(np.int64), False, True)
        classes = tuple(str(one) for one in values)
    else:
        classes = _names(path, names)
        known = classes if y.dtype.kind == "U" else range(len(classes))
        places = {label: number for number, label in enumerate(known)}
        plain = y.tolist()
        wrong = next((i for i, label in enumerate(plain) if label not in places), None)
        if wrong is not None:
            raise InputError(
                f"{path}: label {wrong} is {plain[wrong]!r}; `classes` names {len(classes)}: "
                f"{', '.join(classes[:8])}{', ...' if len(classes) > 8 else ''}"
            )
        numbers = np.array([places[label] for label in plain])
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise InputError(
            f"{path}: y has {len(classes)} classes; 2 to {MOST_CLASSES} can be told apart"
        )
    return numbers.astype(np.int64), classes


def _names(path: Path, names: NDArray[Any]) -> tuple[str, ...]:
    plain = tuple(str(one) for one in names.ravel())
    if names.ndim != 1 or len(set(plain)) < len(plain):
        raise InputError(f"{path}: the class names are not a list of different names")
    return plain


def _standard(path: Path, stored: Archive, samples: int) -> tuple[Indices, Indices] | None:
    """The split into training and test samples that the archive gives."""
    given = [name for name in ("train_idx", "test_idx") if name in stored]
    if not given:
        return None
    require_keys(path, stored, "train_idx", "test_idx")
    for name in given:
        part = stored[name]
        good = part.ndim == 1 and part.size > 0 and part.dtype.kind in "iu"
        if not good or part.min() < 0 or part.max() >= samples:
            raise InputError(f"{path}: {name} is no list of sample numbers from 0 to {samples - 1}")
    train, test = (stored[name].astype(np.int64) for name in given)
    shared = np.intersect1d(train, test)
    if shared.size:
        raise InputError(f"{path}: sample {shared[0]} is in both train_idx and test_idx")
    return train, test
