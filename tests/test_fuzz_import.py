"""Mutated files of every format that is read, a few of each."""

from pathlib import Path

import numpy as np
import pytest
from fuzz_import import fuzz, seeds, try_file


def test_mutated_files_are_refused_or_read(tmp_path: Path) -> None:
    quick = [name for name in seeds(np.random.default_rng(1)) if name != "verilog"]
    assert fuzz(40, 3, tmp_path, quick) == 0
    assert fuzz(4, 3, tmp_path, ["verilog"]) == 0


def test_the_files_are_sound_before(tmp_path: Path) -> None:
    for name, data in seeds(np.random.default_rng(1)).items():
        assert try_file(tmp_path / "file", data, name), name


def test_a_crash_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []

    def crash(path: Path, data: bytes, name: str) -> bool:
        tried.append(data)
        if len(tried) % 2:
            return True  # the sound file
        raise ZeroDivisionError

    monkeypatch.setattr("fuzz_import.try_file", crash)
    assert fuzz(1, 5, tmp_path) == len(list(tmp_path.glob("seed5-0.*"))) == 27
