"""Data sets by name, and seeded, stratified splits of them.

scikit-learn's bundled sets need nothing; a name that ends in .npz is the path of an archive; the
others come from the folder that the environment variable LITHIFY_DATA names, or from OpenML.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.nets.space import Shape
from lithify.compiler.training.tables import (
    Indices,
    Table,
    read_archive,
    read_table,
    require_keys,
    table_of,
)
from lithify.ir.errors import InputError

VARIABLE = "LITHIFY_DATA"
BUNDLED = ("breast_cancer", "digits", "iris", "wine")
# The images: their name on OpenML, and their shape there.
IMAGES = {
    "cifar10": ("CIFAR_10", Shape(3, 32, 32)),
    "fashion_mnist": ("Fashion-MNIST", Shape(1, 28, 28)),
    "mnist": ("mnist_784", Shape(1, 28, 28)),
}
CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Features [samples, features], labels, class names, and what is known of the values.

    `low` and `high` bound features that are whole numbers. `standard` is the split into training
    and test samples that the authors of the data publish. `image` is the shape of samples that are
    images; their features run channel by channel, line by line.
    """

    title: str
    x: NDArray[Any]
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    low: int | None = None
    high: int | None = None
    standard: tuple[Indices, Indices] | None = None
    image: Shape | None = None

    @property
    def digest(self) -> str:
        """The sha256 of types, shapes, features and labels."""
        return digest(self.x, self.y)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices of the samples for training, for choosing the epoch, and for the final figure."""

    train: Indices
    validation: Indices
    test: Indices


Reader = Callable[[Path], Dataset | None]


def names() -> tuple[str, ...]:
    """The names of all data sets that can be asked for here."""
    folder = os.environ.get(VARIABLE)
    tables = sorted((Path(folder) / "tabular").glob("*.npz")) if folder else []
    return (*sorted((*BUNDLED, *IMAGES)), *(f"tabular/{path.stem}" for path in tables))


def load(name: str, *, folder: str | os.PathLike[str] = ".") -> Dataset:
    """The data set of this name; InputError, with the nearest names or the ways to get it.

    A name that ends in .npz is a path, seen from `folder`.
    """
    if name in BUNDLED:
        return _bundled(name)
    if name.endswith(".npz"):
        path = Path(folder) / name
        return _of_table(path.name, read_table(path))
    table = name.removeprefix("tabular/")
    if name not in IMAGES and (table == name or not table.replace("_", "").isalnum()):
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.7)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise InputError(
            f"data set {name!r} is unknown; {hint}Known: {', '.join(names())}, or "
            "the path of an .npz file with x and y"
        )
    home = os.environ.get(VARIABLE)
    if home:
        readers: tuple[Reader, ...] = _READERS.get(name, (partial(_table, name=table),))
        for reader in readers:
            found = reader(Path(home))
            if found is not None:
                return found
    remote, image = IMAGES.get(name, (table, None))
    return _openml(name, remote, image, home)


def split(
    dataset: Dataset, *, seed: int, test: float | None = None, validation: float = 0.1
) -> Split:
    """A stratified split; without `test` the standard one where there is one, else a fifth.

    A `validation` of 0 leaves that part empty.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    everything = np.arange(len(dataset.y))
    if test is None and dataset.standard is not None:
        rest, tested = dataset.standard
    else:
        share = 0.2 if test is None else test
        rest, tested = stratified(everything, dataset.y, share, rng)
    if not validation:
        return Split(rest, rest[:0], tested)
    train, validated = stratified(rest, dataset.y, validation, rng)
    return Split(train, validated, tested)


def stratified(
    indices: Indices, labels: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Two sorted parts of the indices, the second with this share of every class, at random."""
    if not 0 < share < 1:
        raise InputError(f"a part of {share} of the samples; a number between 0 and 1 is needed")
    picked = []
    for label in np.unique(labels[indices]):
        members = rng.permutation(indices[labels[indices] == label])
        picked.append(members[: round(share * len(members))])
    second = np.sort(np.concatenate([np.empty(0, np.int64), *picked]))
    first = np.setdiff1d(indices, second)
    if not (first.size and second.size):
        raise InputError(
            f"{len(indices)} samples are too few to take a share of {share} of each class"
        )
    return first, second


def digest(x: NDArray[Any], y: NDArray[Any]) -> str:
    """The sha256 of types, shapes and values."""
    hashed = hashlib.sha256()
    for array in (x, y):
        hashed.update(f"{array.dtype.str}{array.shape}".encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()


def _bundled(name: str) -> Dataset:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    low, high, image = (0, 16, Shape(1, 8, 8)) if name == "digits" else (None, None, None)
    classes = tuple(str(one) for one in bunch.target_names)
    labels = bunch.target.astype(np.int64)
    return Dataset(name, bunch.data, labels, classes, low, high, image=image)


def _images(root: Path, name: str) -> Dataset | None:
    """An image set in the file NAME/NAME.npz with x_train, y_train, x_test and y_test."""
    path = root / name / f"{name}.npz"
    stored = read_archive(path)
    if stored is None:
        return None
    require_keys(path, stored, "x_train", "y_train", "x_test", "y_test")
    labels = CIFAR10 if name == "cifar10" else [str(i) for i in range(10)]
    return _of_parts(
        name,
        (stored["x_train"], stored["x_test"]),
        (stored["y_train"], stored["y_test"]),
        labels,
    )


def _cifar10_jpeg(root: Path) -> Dataset | None:
    """CIFAR-10 recompressed as JPEG, which its title says."""
    path = root / "cifar10_jpeg" / "cifar10_jpeg_q75.npz"
    stored = read_archive(path)
    if stored is None:
        return None
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(f"{path}: its images are JPEGs; pip install pillow") from error
    require_keys(path, stored, "jpeg_header", "train_bytes", "test_bytes", "y_train", "y_test")
    header = stored["jpeg_header"].tobytes()

    def decode(part: str) -> NDArray[Any]:
        bodies = np.split(stored[f"{part}_bytes"], stored[f"{part}_end"][:-1])
        streams = (io.BytesIO(header + body.tobytes()) for body in bodies)
        return np.stack([np.asarray(Image.open(stream)) for stream in streams])

    return _of_parts(
        "cifar10 (JPEG q75)",
        (decode("train"), decode("test")),
        (stored["y_train"], stored["y_test"]),
        CIFAR10,
    )


def _table(root: Path, name: str) -> Dataset | None:
    """A table in the file tabular/NAME.npz with X, y, train_idx and test_idx."""
    path = root / "tabular" / f"{name}.npz"
    stored = read_archive(path)
    if stored is None:
        return None
    require_keys(path, stored, "X", "y", "train_idx", "test_idx")
    return _of_table(f"tabular/{name}", table_of(path, stored))


def _of_table(title: str, table: Table) -> Dataset:
    return Dataset(
        title, table.x, table.y, table.classes, standard=table.standard, image=table.image
    )


_READERS: dict[str, tuple[Reader, ...]] = {
    "mnist": (partial(_images, name="mnist"),),
    "fashion_mnist": (partial(_images, name="fashion_mnist"),),
    "cifar10": (partial(_images, name="cifar10"), _cifar10_jpeg),
}


def _of_parts(
    title: str,
    x: tuple[NDArray[Any], NDArray[Any]],
    y: tuple[NDArray[Any], NDArray[Any]],
    classes: list[str],
) -> Dataset:
    """One data set of bytes from its training and test parts."""
    first, total = len(x[0]), len(x[0]) + len(x[1])
    pixels, image = _image_rows(np.concatenate(x))
    labels = np.concatenate(y).astype(np.int64)
    parts = (np.arange(first), np.arange(first, total))
    return Dataset(title, pixels, labels, tuple(classes), 0, 255, parts, image)


def _image_rows(x: NDArray[Any]) -> tuple[NDArray[Any], Shape | None]:
    """Samples as rows, channel by channel, of images with their channels last or with none."""
    if x.ndim not in (3, 4):
        return x.reshape(len(x), -1), None
    images = x[:, None] if x.ndim == 3 else np.moveaxis(x, 3, 1)
    return np.ascontiguousarray(images).reshape(len(x), -1), Shape(*images.shape[1:])


def _openml(name: str, remote: str, image: Shape | None, folder: str | None) -> Dataset:
    """The set of that name on OpenML."""
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings():
            # Of its retries; that it gave up is said below.
            warnings.simplefilter("ignore", UserWarning)
            bunch = fetch_openml(name=remote, as_frame=False, parser="liac-arff")
    except (OSError, ValueError) as error:
        looked = f"it is not in {folder}" if folder else f"{VARIABLE} is not set"
        raise InputError(
            f"data set {name!r} could not be had: {looked}, and OpenML did not give it "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). Set "
            f"{VARIABLE} to a folder that holds {_place(name)}, or connect to a network"
        ) from error
    classes, labels = np.unique(bunch.target, return_inverse=True)
    names = tuple(str(one) for one in classes)
    if image is None:
        return Dataset(name, bunch.data, labels.astype(np.int64), names)
    pixels = bunch.data.astype(np.uint8)
    return Dataset(name, pixels, labels.astype(np.int64), names, 0, 255, image=image)


def _place(name: str) -> str:
    """Where a data folder keeps the set of this name."""
    return f"{name}.npz" if name.startswith("tabular/") else f"{name}/{name}.npz"
