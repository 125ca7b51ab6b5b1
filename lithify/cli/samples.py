"""Samples from and to `.npz` files: `x` [samples, features] and, where known, the labels `y`."""

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import FormatError, InputError
from lithify.ir.files import write_atomically

if TYPE_CHECKING:
    from lithify.cli.screen import Screen
    from lithify.compiler.design import Design

MOST_BYTES = 1 << 33


def read_samples(
    path: Path, *, limit: int | None = None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The features and, if the file has them, the labels of the first `limit` samples."""
    if limit is not None and limit < 1:
        raise InputError(f"the first {limit} samples: at least one is needed")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_BYTES:
            raise FormatError(f"{path}: {size:,} bytes unpacked; at most {MOST_BYTES:,} are read")
        with np.load(path, allow_pickle=False) as arrays:
            x = arrays["x"] if "x" in arrays else None
            y = arrays["y"] if "y" in arrays else None
            names = ", ".join(arrays) or "nothing"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an .npz file") from error
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        raise FormatError(
            f"{path}: not a NumPy archive, or a damaged one ({error}); "
            "make it with numpy.savez(path, x=features, y=labels)"
        ) from error
    if x is None:
        raise InputError(f"{path}: holds {names} but no `x`; x is [samples, features]")
    if x.ndim < 2 or not len(x):
        raise InputError(
            f"{path}: x has shape {x.shape}; it must be [samples, features], not empty"
        )
    if y is not None and y.shape != x.shape[:1]:
        raise InputError(f"{path}: {y.shape} labels for {len(x)} samples")
    return x[:limit].reshape(min(len(x), limit or len(x)), -1), None if y is None else y[:limit]


def class_numbers(
    path: Path, labels: NDArray[Any] | None, design: "Design", screen: "Screen"
) -> NDArray[np.int64] | None:
    """The labels of a file as numbers of the design's classes: texts are names, the rest numbers.

    None where the file has no labels, or the design no classes to compare them with.
    """
    if labels is None:
        return None
    count, names = len(design.circuit.scores), design.classes
    if not count:
        screen.say(f"{path}: its labels are not used, since this design has no classes")
        return None
    if labels.dtype.kind == "U" and names:
        places = {name: number for number, name in enumerate(names)}
        numbers = np.array([places.get(label, -1) for label in labels.tolist()], np.int64)
        known = f"the classes are called {', '.join(names[:8])}{', ...' if count > 8 else ''}"
    else:
        numbers = _from_zero(labels, count)
        known = f"the classes are the numbers 0 to {count - 1}"
        known += ", or their names as texts" if names else ""
    wrong = np.flatnonzero(numbers < 0)
    if wrong.size:
        raise InputError(f"{path}: label {wrong[0]} is {labels.tolist()[wrong[0]]!r}; {known}")
    return numbers


def _from_zero(labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The labels that are whole numbers from 0 to before `count`, -1 in place of the others."""
    if labels.dtype.kind not in "biuf":
        return np.full(len(labels), -1, np.int64)
    good = (labels >= 0) & (labels < count) & (labels == np.floor(labels))
    return np.where(good, labels, -1).astype(np.int64)


def write_samples(path: Path, x: NDArray[Any], y: NDArray[Any]) -> Path:
    """The file written, the same bytes for the same samples."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, array in (("x", x), ("y", y)):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            zipped.writestr(info, data.getvalue(), zipfile.ZIP_DEFLATED)
    return write_atomically(path, archive.getvalue())
