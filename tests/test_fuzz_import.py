"""Mutated files of every format that is read, a few of each."""

from pathlib import Path

import numpy as np
import pytest
from fuzz_import import fuzz, seeds, try_file


def test_mutated_files_are_refused_or_read(tmp_path: Path) -> None:
    assert fuzz(40, 3, tmp_path) == 0


def test_the_files_are_sound_before(tmp_path: Path) -> None:
    for name, data in seeds(np.random.default_rng(1)).items():
        assert try_file(tmp_path / "file", data), name


def test_a_crash_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(path: Path, data: bytes) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr("fuzz_import.try_file", crash)
    assert fuzz(1, 5, tmp_path) == len(list(tmp_path.glob("seed5-0.*"))) == 14
