"""The benchmark of imports, on small nets."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import imports

Capture = pytest.CaptureFixture[str]


def test_nets_of_two_bits_are_compared_and_proved(tmp_path: Path, capsys: Capture) -> None:
    assert imports.quantised(tmp_path, (9, 7, 5, 3), 2) == []
    said = capsys.readouterr().out
    assert said.startswith("TFC 1w2a 9-7-5-3: ")
    assert "10000 inputs, 0 with another score and 0 after effort 1, proved, " in said


def test_a_large_net_is_compared(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SAMPLES", 100)
    assert imports.large(tmp_path, (400, 300)) == []
    assert "difflogic, 700 gates: imported in " in capsys.readouterr().out
    right = imports.counts
    monkeypatch.setattr(
        imports, "counts", lambda x, layers: right(x, layers) + np.eye(100, 10, k=5)
    )
    assert imports.large(tmp_path, (400, 300)) == ["difflogic"]
    assert "100 inputs, 5 with another score" in capsys.readouterr().out
