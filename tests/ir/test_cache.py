"""Compiled code is kept where this user can write, and nothing is trusted that others can make."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lithify.ir import cache


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache._user_folder.cache_clear()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


def test_the_users_cache_is_taken_where_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a"))
    assert cache.user_folder() == tmp_path / "a" / "lithify"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "b"))
    assert cache.user_folder() == tmp_path / "b" / ".cache" / "lithify"
    assert cache.user_folder().is_dir()


def test_a_private_folder_is_taken_else_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked(tmp_path, monkeypatch)
    with caplog.at_level(logging.WARNING):
        found = [cache.user_folder() for _ in range(3)]
    assert found == [tmp_path / f"lithify-{os.getuid()}"] * 3
    assert found[0].stat().st_mode & 0o777 == 0o700
    assert len(caplog.messages) == 1 and str(found[0]) in caplog.messages[0]


@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_a_folder_that_others_could_fill_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    blocked(tmp_path, monkeypatch)
    place = tmp_path / f"lithify-{os.getuid()}"
    if kind == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "theirs")
    elif kind == "file":
        place.touch()
    else:
        place.mkdir()
        place.chmod(0o777)
    found = cache.user_folder()
    assert found != place and found.parent == tmp_path
    assert found.stat().st_mode & 0o777 == 0o700


LOADING = """\
import os
from pathlib import Path
real = os.access
os.access = lambda path, mode: "ir" not in Path(path).parts[-2:] and real(path, mode)
{first}
import lithify.ir.walks
import numba
print(numba.config.CACHE_DIR)
"""


@pytest.mark.parametrize("first", ["", "import numba"])
def test_numba_keeps_its_code_there_where_the_package_cannot_be_written(
    tmp_path: Path, first: str
) -> None:
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    variables.pop("NUMBA_CACHE_DIR", None)

    def kept(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", LOADING.format(first=first)],
            capture_output=True,
            text=True,
            env={**variables, **more},
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    assert kept() == str(tmp_path / "cache" / "lithify" / "numba")
    assert kept(NUMBA_CACHE_DIR=str(tmp_path)) == str(tmp_path)
