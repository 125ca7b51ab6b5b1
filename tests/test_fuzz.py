"""The fuzzer for a few seconds, and every circuit that ever failed, for ever."""

from pathlib import Path

import pytest
from fuzz import CRASHERS, fuzz, try_all

from lithify.ir import text


@pytest.mark.parametrize("path", sorted(CRASHERS.glob("*.circuit")), ids=lambda path: path.stem)
def test_what_failed_once(path: Path) -> None:
    try_all(text.load(path), 0, tools=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_fails_within_seconds(seed: int, tmp_path: Path) -> None:
    tried, failed = fuzz(seed, 4, 10, tmp_path)
    assert tried and not failed


def test_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.seen", lambda circuit, answers: {})
    tried, failed = fuzz(3, 0, 2, tmp_path)
    assert tried == 1 and failed == [tmp_path / "seed3-1.circuit"]
    assert text.load(failed[0]).num_input_bits
