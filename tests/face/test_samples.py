"""Sample files: what is read, what is refused, and the same bytes every time."""

from pathlib import Path

import numpy as np
import pytest

from lithify.cli.samples import read_samples, write_samples
from lithify.ir.errors import FormatError, InputError, LithifyError


def test_samples_come_back_and_files_are_reproducible(tmp_path: Path) -> None:
    x, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 1, 0])
    first = write_samples(tmp_path / "a.npz", x, y).read_bytes()
    assert write_samples(tmp_path / "b.npz", x, y).read_bytes() == first
    features, labels = read_samples(tmp_path / "a.npz")
    assert labels is not None
    assert np.array_equal(features, x) and np.array_equal(labels, y)
    features, labels = read_samples(tmp_path / "a.npz", limit=3)
    assert labels is not None
    assert np.array_equal(features, x[:3]) and np.array_equal(labels, y[:3])


def test_labels_may_be_missing_and_images_are_flattened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3, 4)))
    features, labels = read_samples(tmp_path / "a.npz")
    assert features.shape == (2, 12) and labels is None


def refused(path: Path, kind: type[LithifyError]) -> str:
    with pytest.raises(kind) as caught:
        read_samples(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_what_is_no_sample_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert refused(path, InputError) == (
        "cannot be read (No such file or directory); name an .npz file"
    )
    path.write_bytes(b"not an archive")
    assert refused(path, FormatError) == (
        "not a NumPy archive, or a damaged one (File is not a zip file); "
        "make it with numpy.savez(path, x=features, y=labels)"
    )
    np.savez(path, data=np.zeros(3))
    assert refused(path, InputError) == "holds data but no `x`; x is [samples, features]"
    np.savez(path, x=np.zeros((0, 3)))
    assert refused(path, InputError) == (
        "x has shape (0, 3); it must be [samples, features], not empty"
    )
    np.savez(path, x=np.zeros((2, 3)), y=np.zeros(3))
    assert refused(path, InputError) == "(3,) labels for 2 samples"
    np.savez(path, x=np.array([[object()]]))
    assert refused(path, FormatError).startswith("not a NumPy archive, or a damaged one (Object")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write_samples(tmp_path / "a.npz", np.zeros((50, 3)), np.zeros(50))
    path.write_bytes(path.read_bytes()[:-40])
    assert refused(path, FormatError).startswith("not a NumPy archive, or a damaged one (")


@pytest.mark.parametrize("limit", [0, -3])
def test_less_than_one_sample_is_refused(tmp_path: Path, limit: int) -> None:
    write_samples(tmp_path / "a.npz", np.ones((4, 2)), np.ones(4))
    with pytest.raises(InputError, match=f"^the first {limit} samples: at least one is needed$"):
        read_samples(tmp_path / "a.npz", limit=limit)
