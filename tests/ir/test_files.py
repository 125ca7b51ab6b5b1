"""Files are written whole or not at all."""

import errno
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithify.ir.errors import WriteError
from lithify.ir.files import make_folder, require_file, require_folder, write_atomically


def refusal(path: Path, data: bytes = b"new") -> str:
    with pytest.raises(WriteError) as caught:
        write_atomically(path, data)
    return str(caught.value)


def test_bytes_and_chunks_are_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_atomically(path, b"one") == path
    assert path.read_bytes() == b"one"
    write_atomically(str(path), (b"t", b"", b"wo"))
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]


def test_new_files_get_ordinary_rights_and_old_ones_keep_theirs(tmp_path: Path) -> None:
    path, plain = tmp_path / "file", tmp_path / "plain"
    plain.write_bytes(b"")
    write_atomically(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    path.chmod(0o640)
    write_atomically(path, b"two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("target")
    write_atomically(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_devices_are_written_straight() -> None:
    write_atomically("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert refusal(Path("/dev/full")) == (
        "cannot write /dev/full: the disk is full; free some space and try again"
    )


def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "no" / "file"
    assert refusal(path) == (
        f"cannot write {path}: the folder {path.parent} does not exist; "
        "create it or choose another path"
    )


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "no").write_bytes(b"")
    path = tmp_path / "no" / "file"
    assert refusal(path) == (
        f"cannot write {path}: {path.parent} is not a folder; choose another path"
    )


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"cannot write {tmp_path}: it is a folder; name a file inside it"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_an_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*args: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    message = refusal(path)
    assert message == (
        f"cannot write {path}: the folder {tmp_path} cannot be written; "
        "change its permissions or choose another path; the old file is unchanged"
    )
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, refuse)
    assert refusal(path) == (
        f"cannot write {path}: the disk is full; free some space and try again; "
        "the old file is unchanged"
    )
    assert os.listdir(tmp_path) == ["file"] and path.read_bytes() == b"old"


def test_a_size_limit_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        message = refusal(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert message == (
        f"cannot write {path}: the file would be larger than the system allows; raise the limit; "
        "the old file is unchanged"
    )
    assert os.listdir(tmp_path) == ["file"] and path.read_bytes() == b"old"


def test_any_other_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "file"
    assert refusal(path) == (
        f"cannot write {path}: Input/output error; check the path and try again"
    )


def test_a_failing_source_of_bytes_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, chunks())
    assert os.listdir(tmp_path) == ["file"] and path.read_bytes() == b"old"


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import sys, time\n"
        "from lithify.ir.files import write_atomically\n"
        "def chunks():\n"
        "    yield b'new' * 100000\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
        "write_atomically(sys.argv[1], chunks())\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    path = tmp_path / "file"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_long_name_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    write_atomically(path, b"new")
    assert re.fullmatch("n{250}", os.listdir(tmp_path)[0])


def test_looking_ahead_leaves_nothing_and_says_what_writing_would_say(tmp_path: Path) -> None:
    require_file(tmp_path / "new")
    require_folder(tmp_path / "a" / "b")
    require_file("/dev/null")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_bytes(b"old")
    require_file(tmp_path / "file")
    for path in (tmp_path, tmp_path / "no" / "file", tmp_path / "file" / "inside"):
        with pytest.raises(WriteError) as caught:
            require_file(path)
        assert str(caught.value) == refusal(path)
    assert (tmp_path / "file").read_bytes() == b"old"


def no_folder(place: Path, *, made: bool) -> str:
    with pytest.raises(WriteError) as caught:
        (make_folder if made else require_folder)(place)
    return str(caught.value)


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        assert no_folder(place, made=made) == (
            f"cannot make the folder {place}: a file is in the way; "
            "choose another path or change its permissions"
        )

    def refuse(*args: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    assert no_folder(tmp_path, made=made) == (
        f"cannot write in the folder {tmp_path}: read-only file system; "
        "choose another path or change its permissions"
    )


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    assert make_folder(place) == make_folder(str(place)) == place
    assert place.is_dir() and not list(place.iterdir())
