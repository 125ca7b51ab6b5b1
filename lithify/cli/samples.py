"""Samples from and to `.npz` files: `x` [samples, features] and, where known, the labels `y`."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import FormatError, InputError
from lithify.ir.files import write_atomically

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
