"""What back ends make, and how it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lithify.backends.artifacts import Artifacts
from lithify.ir.errors import InputError, WriteError

FILES = {"rtl/top.v": b"module top; endmodule\n", "notes.txt": b""}


def test_it_is_a_frozen_mapping() -> None:
    source = dict(FILES)
    made = Artifacts(source)
    source["late.txt"] = b"x"
    assert list(made) == ["notes.txt", "rtl/top.v"]
    assert len(made) == 2 and made["rtl/top.v"] == FILES["rtl/top.v"]
    assert made == FILES and made == Artifacts(FILES) and hash(made) == hash(Artifacts(FILES))
    assert repr(made) == "<Artifacts: notes.txt, rtl/top.v>"
    assert repr(Artifacts({})) == "<Artifacts: none>"
    with pytest.raises(TypeError):
        made["rtl/top.v"] = b""  # type: ignore[index]
    with pytest.raises(AttributeError):
        made.other = 1  # type: ignore[attr-defined]


def test_joining_takes_the_later_file() -> None:
    joined = Artifacts(FILES) | {"notes.txt": b"new", "c/net.c": b"int x;"}
    assert isinstance(joined, Artifacts)
    assert joined == {**FILES, "notes.txt": b"new", "c/net.c": b"int x;"}


def test_the_digest_sees_names_and_contents() -> None:
    digests = {
        Artifacts(files).digest
        for files in (FILES, {}, {"a": b"bc"}, {"ab": b"c"}, {"a": b"b", "c": b""}, {"a": b""})
    }
    assert len(digests) == 6
    assert Artifacts(dict(reversed(FILES.items()))).digest == Artifacts(FILES).digest


def test_files_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "build"
    assert Artifacts(FILES).write(folder) == folder
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
    assert found == FILES
    Artifacts({"notes.txt": b"second"}).write(str(folder))
    assert (folder / "notes.txt").read_bytes() == b"second"
    assert (folder / "rtl/top.v").read_bytes() == FILES["rtl/top.v"]


def test_nothing_still_makes_the_folder(tmp_path: Path) -> None:
    Artifacts({}).write(tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\\b", "c:x", "a\nb"],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InputError) as error:
        Artifacts({name: b""})
    assert str(error.value) == (
        f"file name {name!r}: needs a relative path below the folder, such as 'rtl/top.v'"
    )


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(InputError) as error:
        Artifacts({"a/b": b"", "a/b/c": b""})
    assert str(error.value) == "file name 'a/b/c': 'a/b' is a file, not a folder"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "build").write_bytes(b"mine")
    with pytest.raises(WriteError) as error:
        Artifacts(FILES).write(tmp_path / "build")
    assert str(error.value) == (
        f"cannot make the folder {tmp_path}/build: a file is in the way; "
        "choose another path or change its permissions"
    )
    with pytest.raises(WriteError) as error:
        Artifacts(FILES).write(tmp_path / "build" / "sub")
    assert str(error.value) == (
        f"cannot make the folder {tmp_path}/build/sub: a file is in the way; "
        "choose another path or change its permissions"
    )
    assert (tmp_path / "build").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(WriteError) as error:
        Artifacts(FILES).write("/proc/lithify")
    assert str(error.value) == (
        "cannot make the folder /proc/lithify: no such file or directory; "
        "choose another path or change its permissions"
    )


def test_a_failure_keeps_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Artifacts(FILES).write(tmp_path)
    before = os.replace

    def full(source: str, target: str) -> None:
        if str(target).endswith("top.v"):
            raise OSError(28, "No space left on device")
        before(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError) as error:
        Artifacts({"rtl/top.v": b"new", "notes.txt": b"new"}).write(tmp_path)
    assert str(error.value) == (
        f"cannot write {tmp_path}/rtl/top.v: the disk is full; free some space and try again; "
        "the old file is unchanged"
    )
    assert (tmp_path / "rtl/top.v").read_bytes() == FILES["rtl/top.v"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["notes.txt", "rtl", "top.v"]
