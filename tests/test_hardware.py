"""The benchmark of clocks: what is missing is measured and kept, and summed up from the records."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.hardware import clocks
from benchmarks.hardware.__main__ import RECORDS, complete, main
from benchmarks.hardware.clocks import ALONE, ROWS, WHOLE, Row, Run, gains, read, summary

PLAIN, FAST = Row("a", "b", 0, seeds=(1, 2, 3), whole=False), Row("a", "b", 3, seeds=(1,))


def run(row: Row, seed: int, mhz: float | None, part: str = ALONE) -> Run:
    latency = 1 if row.every == 0 else 5
    made = Run(row.net, "digest", row.board, row.every, part, seed, mhz, 40, latency, said="why")
    return replace(made, cycles=row.cycles, encoder=row.encodes(part))


RUNS = [*(run(PLAIN, seed, mhz) for seed, mhz in ((1, 20.0), (2, 30.0), (3, 22.0)))]
RUNS += [run(FAST, 1, 110.0), replace(run(FAST, 1, 50.0, WHOLE), proof={"core": "proved"})]


def test_a_row_is_summed_up_by_its_median() -> None:
    plain, fast = summary(PLAIN, RUNS), summary(FAST, RUNS)
    assert plain is not None and fast is not None
    assert (plain.median_mhz, plain.best_mhz, plain.whole) == (22.0, 30.0, None)
    assert gains([plain, fast]) == {"a on b": 5.0} and not gains([fast])
    assert str(fast).endswith(
        "every 3: net alone  110.0 MHz (best 110.0) of 1 seeds, 40 cells, latency 5 cycles, 45 ns, "
        "110,000,000 samples a second; with its shell 50.0 MHz, 40 cells"
    )
    assert summary(PLAIN, RUNS[1:]) is None
    assert summary(FAST, [*RUNS, run(FAST, 1, None)]) is None  # the last run counts
    assert str(RUNS[4]).endswith("whole, seed 1: 50.00 MHz, 40 cells, latency 5, 0 s; core proved")
    assert str(run(FAST, 1, None)).endswith("alone, seed 1: not routed in 0 s; why")


def test_a_folded_row_is_not_taken_for_a_plain_one() -> None:
    folded = Row("a", "b", cycles=90, seeds=(1,), whole=False)
    made = replace(run(folded, 1, 45.0), latency=80, interval=80, block_rams=7)
    assert summary(folded, RUNS) is None and summary(PLAIN, [made]) is None
    assert str(made).startswith("a on b, folded to 90 cycles, alone, seed 1: 45.00 MHz")
    assert str(summary(folded, [*RUNS, made])).endswith(
        "folded to 90 cycles: net alone   45.0 MHz (best 45.0) of 1 seeds, 40 cells, latency 80 "
        "cycles, 1778 ns, 562,500 samples a second, 7 block RAMs"
    )


def test_an_encoder_is_in_the_net_alone_or_in_the_shell() -> None:
    within = replace(FAST, encoder=True)
    alone, whole = run(within, 1, 99.0), run(within, 1, 50.0, WHOLE)
    assert summary(within, RUNS) is None and (alone.encoder, whole.encoder) == (True, False)
    assert " alone with encoder, seed 1: 99.00 MHz" in str(alone)
    text = str(summary(within, [*RUNS, alone]))
    assert "every 3, encoder included: net alone   99.0 MHz" in text and "shell 50.0 MHz" in text
    row = Row("mnist_hx8k", "ulx3s-25f", 1, encoder=True)
    gates = {part: clocks.cells_of(row, part).cells.circuit.num_gates for part in (ALONE, WHOLE)}
    arriving = {part: clocks.cells_of(row, part).arriving for part in (ALONE, WHOLE)}
    assert gates[ALONE] > gates[WHOLE] and arriving[ALONE] is None and arriving[WHOLE]


def test_slow_and_missing_rows_fail_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.hardware.__main__.ROWS", (PLAIN, FAST))
    records = tmp_path / "records.jsonl"
    words = ["--show", "--check", "--records", str(records)]
    assert main(words) == 1
    lacking = "not measured: alone seed 1, alone seed 2, alone seed 3"
    assert capsys.readouterr().out.splitlines()[0].endswith(f"every 0: {lacking}")
    records.write_text("\n".join(json.dumps(asdict(one)) for one in RUNS) + "\n")
    assert main([*words, "--json"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-2] == "a on b, the net alone: pipelined 5.0 times as fast as plain"
    assert json.loads(shown[-1])["gains"] == {"a on b": 5.0}
    slow = [replace(one, mhz=21.0) if one.every else one for one in RUNS]
    records.write_text("\n".join(json.dumps(asdict(one)) for one in slow))
    assert main(words) == 1


def test_only_what_is_missing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, records = Row("iris", "icestick", 3, seeds=(1,), whole=False), tmp_path / "records.jsonl"
    complete(row, records, None)
    (made,) = read(records)
    assert made.mhz and made.mhz > 50 and made.cells > 40 and made.latency > 1
    assert {"yosys", "nextpnr-ice40"} == {*made.versions}
    assert capsys.readouterr().out == f"{made}\n"
    complete(row, records, None)
    assert read(records) == [made]
    monkeypatch.setattr(clocks, "digest_of", lambda row, part: "another circuit")
    complete(row, records, None)
    assert [(one.seed, one.circuit) for one in read(records)] == [
        (1, made.circuit),
        (1, "another circuit"),
    ]
    complete(replace(row, seeds=(1, 2)), records, None)
    assert [one.seed for one in read(records)] == [1, 1, 2]


def test_the_kept_records_are_of_the_rows() -> None:
    rows = {(row.net, row.board, row.every, row.cycles) for row in ROWS}
    assert {(one.net, one.board, one.every, one.cycles) for one in read(RECORDS)} <= rows
    assert not any(one.encoder for one in read(RECORDS) if one.part == WHOLE)
