"""The kernel's cache: built once, whole, checked, and built again where it is damaged."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lithify.backends.c import library
from lithify.backends.toolchain import require_tool
from lithify.ir.errors import ToolFailed, ToolMissing

QUICK = ("-O0", *library.FLAGS[1:])
BUILD = """
import sys
from lithify.backends.c import library
library.FLAGS = tuple(sys.argv[1:])
print(library.load().path)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a quick compiler."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library, "FLAGS", QUICK)
    return tmp_path / "lithify"


def make_compiler(folder: Path, text: str) -> Path:
    """A program that stands in for the compiler."""
    path = folder / "mycc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_it_is_built_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = library.library_path()
    assert path.parent == cache
    assert [p.name for p in cache.iterdir()] == [path.name]
    monkeypatch.setattr(library, "_build", None)
    assert library.library_path() == path


def test_every_vector_width_gives_the_known_answers(cache: Path) -> None:
    kernel = library.Kernel(library.library_path())
    for width in kernel.vectors:
        assert library._tried(kernel, width) == library.KNOWN_ANSWERS
    for width in kernel.counting_vectors:
        assert library._counted(kernel, width) == library.KNOWN_SCORES


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_library_is_built_again(
    cache: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = library.library_path()
    whole = path.read_bytes()
    flipped = bytes([whole[0], whole[1] ^ 1]) + whole[2:]
    damaged = {"truncate": whole[: len(whole) // 2], "flip": flipped, "empty": b""}[damage]
    path.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        again = library.library_path()
    assert library.Kernel(again).vectors
    assert caplog.messages == [f"the cached kernel {path} is damaged; it is built again"]
    assert [p.name for p in cache.iterdir()] == [again.name]


def test_processes_that_build_at_once_all_get_a_whole_one(cache: Path) -> None:
    command = [sys.executable, "-c", BUILD, *QUICK]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(3)
    ]
    paths = {Path(process.communicate(timeout=120)[0].strip()) for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert {path.parent for path in paths} == {cache}
    assert sorted(cache.iterdir()) == sorted(paths)


def test_sources_and_compiler_and_flags_decide_which_is_used(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = library.library_path()
    monkeypatch.setattr(library, "FLAGS", (*QUICK, "-DOTHER"))
    assert library.library_path() != first
    monkeypatch.setattr(library, "FLAGS", QUICK)
    monkeypatch.setenv("LITHIFY_CC", str(make_compiler(tmp_path, 'exec cc "$@"')))
    assert library.library_path() != first


def test_no_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LITHIFY_CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("lithify.backends.toolchain._distribution_version", lambda name: "")
    with pytest.raises(ToolMissing) as caught:
        library.library_path()
    assert str(caught.value) == (
        "cc was not found: it compiles the C engine. To get it: your system's package (Debian and "
        "Ubuntu: apt install gcc), or pip install ziglang; or set LITHIFY_CC to its path."
    )


def test_without_a_compiler_on_the_path_the_one_of_a_package_builds_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LITHIFY_CC", raising=False)
    monkeypatch.setattr(library, "FLAGS", ("-O1", *QUICK[1:]))
    right = library.load().vectors
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require_tool("cc").command[-2:] == ("ziglang", "cc")
    kernel = library.load.__wrapped__()
    assert kernel.vectors == right
    assert kernel.path.parent == cache


def test_a_compiler_that_fails(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = make_compiler(tmp_path, "echo kernel.c:1: no; exit 3")
    monkeypatch.setenv("LITHIFY_CC", str(compiler))
    with pytest.raises(ToolFailed) as caught:
        library.library_path()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("cc failed with exit code 3. Command, run in ")
    assert lines[0].endswith(f"mycc {' '.join(QUICK)} kernel.c -o kernel.so")
    assert lines[1:] == ["It said last:", "    kernel.c:1: no"]
    assert list(cache.iterdir()) == []


def test_a_compiler_that_makes_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = make_compiler(tmp_path, "exit 0")
    monkeypatch.setenv("LITHIFY_CC", str(compiler))
    with pytest.raises(ToolFailed) as caught:
        library.library_path()
    assert str(caught.value) == (
        f"{compiler} ended without an error but wrote no library; set LITHIFY_CC to a C compiler"
    )


@pytest.mark.parametrize("known", ["KNOWN_ANSWERS", "KNOWN_SCORES"])
def test_a_kernel_that_answers_wrongly_is_refused(
    known: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, known, [1] * 512)
    path = library.library_path()
    with pytest.raises(ToolFailed) as caught:
        library.load.__wrapped__()
    assert str(caught.value) == (
        "the C engine gives wrong answers with vectors of 64 bits on this machine: "
        f"{path} was miscompiled; remove it and set LITHIFY_CC to another compiler"
    )


def test_a_cache_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(library, "FLAGS", QUICK)
    with caplog.at_level(logging.WARNING):
        path = library.library_path()
    assert path.is_file()
    assert path.parent == tmp_path / f"lithify-{os.getuid()}"
    assert library.library_path() == path
    assert caplog.messages == [
        f"no cache folder ([Errno 20] Not a directory: '{blocked}/lithify'): "
        f"compiled code is kept in {path.parent}; "
        "set XDG_CACHE_HOME to a folder that can be written"
    ]


def test_kernels_that_were_not_used_for_longest_are_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "MOST_KERNELS", 3)
    used = library.library_path()
    os.utime(used, (1, 1))
    for number in range(4):
        old = cache / f"kernel-{number:020}-{0:020}.so"
        old.write_bytes(b"")
        os.utime(old, (10 + number, 10 + number))
    assert library.library_path() == used
    monkeypatch.setattr(library, "FLAGS", (*library.FLAGS, "-DOTHER"))
    new = library.library_path()
    left = {path.name for path in cache.iterdir()}
    assert left == {used.name, new.name, f"kernel-{3:020}-{0:020}.so"}


def test_the_kernel_compiles_quickly_and_without_warnings(tmp_path: Path) -> None:
    flags = [flag for flag in library.FLAGS if flag != "-w"]
    source = Path(library.__file__).parent / "kernel.c"
    made = str(tmp_path / "kernel.so")
    command = ["cc", *flags, "-Wall", "-Wextra", "-Werror", str(source), "-o", made]
    before = os.times().children_user
    subprocess.run(command, check=True)
    assert os.times().children_user - before < 10


def test_a_ready_kernel_loads_quickly() -> None:
    library.load()
    start = time.process_time()
    library.load.__wrapped__()
    assert time.process_time() - start < 0.2
