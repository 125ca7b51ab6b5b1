"""Named arrays out of `.npz` archives and torch's own files, none larger than it is there."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from lithify.compiler.importers.lookup import Array
from lithify.ir.binary import NPY_TROUBLE, ZIP_TROUBLE
from lithify.ir.errors import FormatError

MOST_BYTES = 1 << 30
MOST_HEADER = 10_000
MOST_SHARED = 16  # tensors may share their memory, as those of a layer that is there twice do
STATES = ("state_dict", "model_state_dict", "model_state", "model")


def read_npz(data: bytes, filename: str) -> dict[str, Array]:
    """The arrays of an archive of `.npy` files by their names; no pickled object among them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _require_small(infos, filename)
            return {
                info.filename.removesuffix(".npy"): read_npy(_content(archive, info), info.filename)
                for info in infos
            }
    except ZIP_TROUBLE as error:
        raise FormatError(f"{filename}: a damaged archive ({error})") from error
    except FormatError as error:
        raise FormatError(f"{filename}: {error}") from error


def read_torch(data: bytes, filename: str) -> dict[str, Array]:
    """The tensors of a state dict by their names; nothing in the file is run."""
    import pickle

    import torch

    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _require_small(archive.infolist(), filename)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles that are refused just after
            loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(
            f"{filename}: it holds more than tensors, and reading that would run code in it. Load "
            "it yourself where you trust it, and save net.state_dict() alone, or hand the module "
            "to lithify.from_torch"
        ) from error
    except (*ZIP_TROUBLE, AssertionError, AttributeError, LookupError, TypeError) as error:
        raise FormatError(f"{filename}: a damaged torch file ({type(error).__name__})") from error
    state = _tensors(loaded, filename)
    needed = sum(array.nbytes for array in state.values())
    if needed > MOST_SHARED * len(data):
        raise FormatError(
            f"{filename}: its tensors take {needed:,} bytes, and the file has {len(data):,}; save "
            "their contiguous() copies"
        )
    return state


def _tensors(loaded: Any, filename: str) -> dict[str, Array]:
    """The tensors of a state dict, or of the one under a usual name."""
    import torch

    state = loaded
    if isinstance(state, Mapping):
        inner = [key for key in STATES if isinstance(state.get(key), Mapping)]
        state = state[inner[0]] if inner else state
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise FormatError(f"{filename}: it is no state dict, which has a tensor for each name")
    try:
        return {key: value.detach().numpy() for key, value in state.items()}
    except (RuntimeError, TypeError) as error:
        raise FormatError(f"{filename}: a tensor that numpy cannot hold ({error})") from error


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What an entry holds, and never more of it than the entry says."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{info.filename} is compressed in a way that is not read; use np.savez")
    with archive.open(info) as stream:
        return stream.read(info.file_size)


def _require_small(infos: list[zipfile.ZipInfo], filename: str) -> None:
    size = sum(info.file_size for info in infos)
    if size > MOST_BYTES:
        raise FormatError(f"{filename}: {size:,} bytes unpacked; at most {MOST_BYTES:,} are read")


def read_npy(content: bytes, name: str) -> Array:
    """An array of numbers whose header and content agree."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if header is None:
            raise ValueError("unknown version")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            shape, fortran, dtype = header(stream, max_header_size=MOST_HEADER)
    except NPY_TROUBLE as error:
        raise FormatError(f"{name} has no .npy header") from error
    if dtype.kind not in "biuf":
        raise FormatError(f"{name} is of type {dtype}, which holds no plain numbers")
    length = 1
    for size in shape:
        length *= size
    if len(content) - stream.tell() != length * dtype.itemsize:
        raise FormatError(f"{name} is shorter or longer than its header says")
    flat = np.frombuffer(content, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")
