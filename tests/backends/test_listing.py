"""What is removed from a folder that is written again: what was written there, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from lithify.backends.artifacts import Artifacts
from lithify.backends.listing import FILE, listing, remove_stale
from lithify.ir.errors import WriteError

FILES = {"rtl/top.v": b"module top; endmodule\n", "rtl/sub/a.v": b"", "notes.txt": b"all"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Artifacts({**FILES, FILE: listing(FILES)}).write(tmp_path / "build")


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_sha256sum_reads_the_list(folder: Path) -> None:
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", FILE], cwd=folder, check=True)


def test_what_is_not_kept_goes_with_its_folders(folder: Path) -> None:
    remove_stale(folder, {"rtl/top.v"})
    assert there(folder) == {"rtl", "rtl/top.v", FILE}
    remove_stale(folder, ())
    assert there(folder) == {FILE}
    remove_stale(folder / "missing", ())


def test_what_is_the_users_stays(folder: Path) -> None:
    (folder / "mine.txt").write_bytes(b"mine")
    (folder / "rtl/sub/mine.v").touch()
    (folder / "notes.txt").write_bytes(b"mine now")
    remove_stale(folder, ())
    assert there(folder) == {FILE, "mine.txt", "notes.txt", "rtl", "rtl/sub", "rtl/sub/mine.v"}


def test_no_name_and_no_link_leads_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    named = {"../out/a": b"a", str(tmp_path / "out/a"): b"a", "link/a": b"a", "direct": b"a"}
    (tmp_path / "out/a").write_bytes(b"a")
    (folder / "link").symlink_to(tmp_path / "out")
    (folder / "direct").symlink_to(tmp_path / "out/a")
    (folder / FILE).write_bytes(b"\xff\n0  a\n" + listing(named))
    before = there(tmp_path)
    remove_stale(folder, ())
    assert there(tmp_path) == before


def test_a_file_that_cannot_be_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(WriteError) as error:
        remove_stale(folder, {"rtl/top.v", "rtl/sub/a.v"})
    assert str(error.value) == (
        f"cannot remove {folder.resolve()}/notes.txt, which an earlier run left: Permission "
        "denied; remove it, or choose another folder"
    )
