"""The benchmark of wiring: its records are not measured again, and its table is Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.wiring import main, read_records, table

OPTIONS = {"board": "hx8k-evn", "every": 1, "epochs": 10, "placements": [1], "seeds": 1}
ROW = OPTIONS | {"cells": 700, "hard": 91.5, "locality": 0.5, "mhz": 80.1, "sd": 0, "wires": 9}
ROW |= {"width": 300}
ARGUMENTS = [
    *("--board", "hx8k-evn", "--epochs", "10", "--placements", "1", "--seeds", "1"),
    *("--localities", "0.5", "--widths", "300"),
]


def test_what_is_recorded_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "wiring.jsonl"
    records.write_text(json.dumps(ROW) + "\n")
    monkeypatch.setattr("benchmarks.wiring.learn", None)
    assert main([*ARGUMENTS, "--json", "--out", str(records)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == table([ROW])
    assert lines[2] == "| 300 | squares of side 0.5 | 91.50 | 0.00 | 700 | 80.1 | 9 |"
    assert json.loads(lines[-1]) == [ROW]


def test_a_row_is_trained_laid_out_and_recorded(tmp_path: Path) -> None:
    records = tmp_path / "wiring.jsonl"
    assert main([*ARGUMENTS, "--out", str(records)]) == 0
    (row,) = read_records(records)
    assert OPTIONS.items() <= row.items() and row["locality"] == 0.5
    assert 30 < row["hard"] <= 100 and row["mhz"] > 10
    assert 100 < row["cells"] <= 7680 and row["wires"] > 100
