"""Data by name, from every place it can come from, and seeded stratified splits."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lithify.compiler.nets.space import Shape
from lithify.compiler.training import data
from lithify.ir.errors import FormatError, InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one image set and one table."""
    rng = np.random.default_rng(0)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "tabular").mkdir()
    np.savez(
        tmp_path / "mnist" / "mnist.npz",
        x_train=rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        y_train=np.arange(30, dtype=np.uint8) % 10,
        x_test=rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        y_test=np.arange(20, dtype=np.uint8) % 10,
    )
    np.savez(
        tmp_path / "tabular" / "toy_set.npz",
        X=rng.normal(size=(12, 3)).astype(np.float32),
        y=np.arange(12, dtype=np.uint8) % 2,
        train_idx=np.arange(8, dtype=np.int32),
        test_idx=np.arange(8, 12, dtype=np.int32),
        class_values=np.array(["no", "yes"]),
    )
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(data.VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits", (1797, 64), 10),
        ("iris", (150, 4), 3),
        ("wine", (178, 13), 3),
        ("breast_cancer", (569, 30), 2),
    ],
)
@pytest.mark.usefixtures("no_folder")
def test_bundled_sets(name: str, shape: tuple[int, int], classes: int) -> None:
    found = data.load(name)
    assert found.x.shape == shape
    assert found.y.dtype == np.int64
    assert len(found.classes) == classes
    assert np.unique(found.y).tolist() == list(range(classes))
    assert found.standard is None
    assert len(found.digest) == 64


def test_digits_know_their_range() -> None:
    found = data.load("digits")
    assert (found.low, found.high) == (found.x.min(), found.x.max()) == (0, 16)
    assert found.image == Shape(1, 8, 8)


@pytest.mark.usefixtures("folder")
def test_images_come_flat_with_their_standard_split() -> None:
    found = data.load("mnist")
    assert found.x.shape == (50, 784)
    assert found.x.dtype == np.uint8
    assert found.image == Shape(1, 28, 28)
    assert (found.low, found.high) == (0, 255)
    split = data.split(found, seed=0, validation=0.34)
    assert split.test.tolist() == list(range(30, 50))
    assert len(split.train) == 20
    assert len(split.validation) == 10


@pytest.mark.usefixtures("folder")
def test_tables_come_with_names_and_split() -> None:
    found = data.load("tabular/toy_set")
    assert found.x.shape == (12, 3)
    assert found.classes == ("no", "yes")
    assert data.split(found, seed=0, validation=0.25).test.tolist() == [8, 9, 10, 11]
    assert "tabular/toy_set" in data.names()


def test_cifar10_in_plain_pixels(folder: Path) -> None:
    (folder / "cifar10").mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(4, dtype=np.uint8)
    np.savez(
        folder / "cifar10" / "cifar10.npz",
        x_train=pixels, y_train=labels, x_test=pixels, y_test=labels,
    )  # fmt: skip
    found = data.load("cifar10")
    assert (found.title, found.x.shape) == ("cifar10", (8, 3072))
    assert found.classes[3] == "cat"
    assert found.image == Shape(3, 32, 32)
    red = found.x[:4, :1024].reshape(4, 32, 32)
    assert np.array_equal(red, pixels[..., 0])


@pytest.mark.parametrize(
    ("sides", "image"),
    [((6,), None), ((2, 3), Shape(1, 2, 3)), ((2, 1, 3), Shape(2, 1, 3)), ((1, 2, 1, 3), None)],
)
def test_own_images(sides: tuple[int, ...], image: Shape | None, tmp_path: Path) -> None:
    x = np.arange(24.0).reshape(4, *sides)
    np.savez(tmp_path / "own.npz", x=x, y=np.arange(4) % 2)
    found = data.load("own.npz", folder=tmp_path)
    assert found.image == image
    assert np.array_equal(found.x, x.reshape(4, 6))


@pytest.mark.usefixtures("no_folder")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digit", "did you mean digits? "),
        ("fashion-mnist", "did you mean fashion_mnist? "),
        ("zzz", ""),
        ("tabular/../secret", ""),
    ],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        data.load(name)
    assert str(caught.value) == (
        f"data set {name!r} is unknown; {hint}Known: breast_cancer, cifar10, digits, "
        "fashion_mnist, iris, mnist, wine, or the path of an .npz file with x and y"
    )


@pytest.mark.usefixtures("no_folder")
def test_openml_is_the_second_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(**options: object) -> SimpleNamespace:
        asked.append(options)
        return SimpleNamespace(data=np.full((3, 784), 7.0), target=np.array(["2", "0", "2"]))

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    found = data.load("mnist")
    assert asked == [{"name": "mnist_784", "as_frame": False, "parser": "liac-arff"}]
    assert found.x.dtype == np.uint8
    assert found.y.tolist() == [1, 0, 1]
    assert found.image == Shape(1, 28, 28)
    assert found.classes == ("0", "2")


@pytest.mark.parametrize("name", ["mnist", "tabular/letter"])
def test_neither_way(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch(**options: object) -> SimpleNamespace:
        warnings.warn("a network error; retrying", UserWarning, stacklevel=1)
        raise OSError("no network\nat all")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    place = f"{name}.npz" if "/" in name else f"{name}/{name}.npz"
    for folder, looked in (
        (None, "LITHIFY_DATA is not set"),
        (tmp_path, f"it is not in {tmp_path}"),
    ):
        if folder is None:
            monkeypatch.delenv(data.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(data.VARIABLE, str(folder))
        with pytest.raises(InputError) as caught:
            data.load(name)
        assert str(caught.value) == (
            f"data set {name!r} could not be had: {looked}, and OpenML did not give it (no "
            f"network). Set LITHIFY_DATA to a folder that holds {place}, or connect to a network"
        )


def test_a_damaged_archive(folder: Path) -> None:
    path = folder / "mnist" / "mnist.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError) as caught:
        data.load("mnist")
    assert str(caught.value).startswith(f"{path}: no archive of plain arrays, or damaged (")


def test_an_archive_without_an_array(folder: Path) -> None:
    path = folder / "tabular" / "toy_set.npz"
    np.savez(path, X=np.zeros((2, 2)), y=np.zeros(2))
    with pytest.raises(FormatError) as caught:
        data.load("tabular/toy_set")
    assert str(caught.value) == f"{path}: the array train_idx is missing"


def test_splits_are_stratified_seeded_and_whole() -> None:
    digits = data.load("digits")
    one, same, other = (data.split(digits, seed=s, test=0.2) for s in (1, 1, 2))
    assert all(np.array_equal(getattr(one, p), getattr(same, p)) for p in ("train", "test"))
    assert not np.array_equal(one.test, other.test)
    everything = np.sort(np.concatenate([one.train, one.validation, one.test]))
    assert np.array_equal(everything, np.arange(1797))
    for part, share in ((one.test, 0.2), (one.validation, 0.08)):
        counts = np.bincount(digits.y[part]) / np.bincount(digits.y)
        assert np.allclose(counts, share, atol=0.004)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_shares_that_cannot_be(share: float) -> None:
    with pytest.raises(InputError) as caught:
        data.split(data.load("iris"), seed=0, test=share)
    assert str(caught.value) == (
        f"a part of {share} of the samples; a number between 0 and 1 is needed"
    )


def test_digests_tell_data_apart() -> None:
    x, y = np.zeros((2, 3)), np.zeros(2, np.int64)
    digests = {
        data.digest(x, y),
        data.digest(x.astype(np.float32), y),
        data.digest(x.reshape(3, 2), y),
        data.digest(x + 1, y),
        data.digest(x, y + 1),
    }
    assert len(digests) == 5
    assert data.digest(x.copy(), y) == data.digest(x, y)
