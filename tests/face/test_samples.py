"""Sample files: what is read, what is refused, and the same bytes every time."""

from pathlib import Path

import numpy as np
import pytest

from lithify.cli.samples import class_numbers, read_samples, write_samples
from lithify.cli.screen import Screen
from lithify.compiler.design import Design
from lithify.ir.builder import Builder
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


def design_of(names: tuple[str, ...], *, classes: int = 3) -> Design:
    """A design that scores its input bits, one class a bit; without classes it is a word."""
    builder = Builder()
    bits = builder.input("x", kind="bit", count=3).ravel()
    for number, bit in enumerate(bits[:classes]):
        builder.score(f"s{number}", [int(bit)])
    if not classes:
        builder.output("y", bits)
    circuit = builder.finish(readout="argmax" if classes else "bits")
    return Design(name="a", lowered=circuit, circuit=circuit, pipeline="", classes=names)


NAMES = ("no", "yes", "3")


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (np.array([0, 2, 1]), (), [0, 2, 1]),
        (np.array([2.0, 0.0]), NAMES, [2, 0]),
        (np.array([True, False]), NAMES, [1, 0]),
        (np.array(["3", "no"]), NAMES, [2, 0]),
    ],
)
def test_labels_become_the_numbers_of_classes(
    labels: np.ndarray, names: tuple[str, ...], numbers: list[int]
) -> None:
    found = class_numbers(Path("a.npz"), labels, design_of(names), Screen())
    assert found is not None and found.dtype == np.int64 and found.tolist() == numbers


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (np.array([0, 3, 9]), (), "label 1 is 3; the classes are the numbers 0 to 2"),
        (
            np.array([0, -1]),
            NAMES,
            "label 1 is -1; the classes are the numbers 0 to 2, or their names as texts",
        ),
        (np.array([0, 0.5]), (), "label 1 is 0.5; the classes are the numbers 0 to 2"),
        (np.array([0, np.nan]), (), "label 1 is nan; the classes are the numbers 0 to 2"),
        (np.array([0, np.inf]), (), "label 1 is inf; the classes are the numbers 0 to 2"),
        (np.array(["no"]), (), "label 0 is 'no'; the classes are the numbers 0 to 2"),
        (np.array([b"no"]), (), "label 0 is b'no'; the classes are the numbers 0 to 2"),
        (np.array(["no", "nO"]), NAMES, "label 1 is 'nO'; the classes are called no, yes, 3"),
    ],
)
def test_labels_that_are_no_classes_are_refused(
    labels: np.ndarray, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        class_numbers(Path("a.npz"), labels, design_of(names), Screen())
    assert str(caught.value) == f"a.npz: {message}"


def test_labels_of_a_design_without_classes_are_said_not_to_be_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    design = design_of((), classes=0)
    assert class_numbers(Path("a.npz"), None, design, Screen()) is None
    assert capsys.readouterr().err == ""
    assert class_numbers(Path("a.npz"), np.array([7]), design, Screen()) is None
    said = "a.npz: its labels are not used, since this design has no classes\n"
    assert capsys.readouterr().err == said
