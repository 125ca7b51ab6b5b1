"""The benchmark of cells: its yardstick is the net, and it says what is missed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.optimise import yardstick
from benchmarks.optimise.__main__ import class_of, head_alone, judged, line, popcount
from benchmarks.optimise.plain import sources
from benchmarks.optimise.yardstick import FLOWS, Count, Yosys, synthesised
from lithify.backends import aiger_reader
from lithify.backends.toolchain import run as run_tool
from lithify.compiler.mapping import map_cells
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import pack, random_codes, run, run_planes, unpack_bits

SCRIPT = """\
read_verilog plain.v
synth -flatten -top top
aigmap
write_aiger plain.aig
"""


def net() -> Circuit:
    """Comparators, tables of one to three inputs, weighted thresholds, and scores with biases."""
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, count=4)
    places = np.tile([1, 2, 4], (4, 1))
    e = b.thresholds(rng.integers(1, 8, 4), x, places)
    y = [b.table(k, int(e[k % 4]), int(x[k % 3, 1])) for k in range(16)]
    y += [b.not_(y[3]), b.table(0xE8, y[4], y[9], y[13])]
    y.append(b.threshold(-1, y[5:10], [2, -3, 1, -1, 1]))
    for k in range(3):
        b.score(f"class{k}", y[k::2], rng.integers(-2, 3, len(y[k::2])), bias=k - 1)
    return b.finish(readout="argmax")


def test_the_yardstick_computes_the_net(tmp_path: Path) -> None:
    circuit = net()
    tmp_path.joinpath("plain.v").write_text(sources(circuit).whole)
    tmp_path.joinpath("run.ys").write_text(SCRIPT)
    log = tmp_path / "yosys.log"
    run_tool("yosys", ["-s", "run.ys"], cwd=tmp_path, log=log, timeout_s=100, cpu_s=60)
    plain = aiger_reader.read(tmp_path.joinpath("plain.aig").read_bytes())
    codes = random_codes(circuit, 3000, np.random.default_rng(1))
    planes = run_planes(plain, pack(circuit, codes))
    signals = np.concatenate([word.signals.ravel() for word in plain.words])
    bits = unpack_bits(planes[signals], len(codes))
    classes = run(circuit, codes).classes
    assert len(np.unique(classes)) == 3
    assert np.array_equal(np.array([1, 2]) @ bits.reshape(2, -1), classes)


ROW = {"net": "a", "inputs": 6, "total": 60, "head": 30, "proved": True, "verdict": "proved"}
ROW |= {"encoder": 10, "core": 20, "cells": 60, "yosys tables": 90, "yosys other cells": 17}
ROW |= {"head cells": 30, "yosys cells": 100, "yosys head cells": 60}
FOUR = ROW | {"inputs": 4}


def test_a_net_is_a_line() -> None:
    assert line(ROW) == (
        "a                    LUT6      10      20      30      60      90 + 17       100   40.0 %"
        "   50.0 %  proved"
    )


@pytest.mark.parametrize(
    ("changed", "counts", "missed"),
    [
        ({}, {64: 1.1}, []),
        ({"cells": 81}, {}, ["LUT6, cells: 19.0 % fewer of at least 20 %"]),
        ({"head cells": 40}, {}, ["LUT6, head cells: 33.3 % fewer of at least 35 %"]),
        ({"proved": False, "verdict": "refuted: so"}, {}, ["a: refuted: so"]),
        ({}, {64: 1.2}, ["popcount 64: 1.20 a bit"]),
    ],
)
def test_missed_bars_are_said(
    changed: dict[str, object], counts: dict[int, float], missed: list[str]
) -> None:
    assert judged([ROW | changed, FOUR], counts) == missed


def test_where_yosys_does_not_end_nothing_is_compared() -> None:
    late = ROW | {"yosys cells": None, "yosys head cells": None}
    assert line(late) == (
        "a                    LUT6      10      20      30      60               too long    nan %"
        "    nan %  proved"
    )
    assert judged([late, ROW, FOUR], {}) == []


def test_what_yosys_needed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, records = sources(net()), tmp_path / "yosys.jsonl"
    first = Yosys(records).best("net", plain, 4)
    rows = [json.loads(one) for one in records.read_text().splitlines()]
    names = [(row["name"], row["by"]) for row in rows]
    assert names == [(f"net, {part}", by) for part in ("whole", "head") for by in ("abc", "abc9")]
    assert first == tuple(min((count(r) for r in some), key=cells) for some in (rows[:2], rows[2:]))
    monkeypatch.setattr(yardstick, "synthesised", None)
    assert Yosys(records).best("again", plain, 4) == first


def count(row: dict[str, int]) -> Count:
    """The count in a kept row."""
    return Count(row["luts"], row["others"], row["cells"])


def cells(count: Count) -> int:
    """What the ways of mapping are compared by."""
    return count.cells


def test_what_took_too_long_is_kept_until_there_is_more_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, limits = tmp_path / "yosys.jsonl", []

    def stopped(verilog: str, script: str, inputs: int, *, limit_s: int) -> Count | None:
        limits.append(limit_s)
        return Count(3, 1, 4) if limit_s > 20 and "abc -luts" in script else None

    monkeypatch.setattr(yardstick, "synthesised", stopped)
    for limit_s in (10, 10, 20, 30, 10):
        best = Yosys(records, limit_s=limit_s).best("net", sources(net()), 6)
        assert best == ((Count(3, 1, 4),) * 2 if 30 in limits else (None, None))
    assert limits == [10] * 4 + [20] * 4 + [30] * 4


def test_abc_is_given_a_limit_too(tmp_path: Path) -> None:
    script = FLOWS[4].script("abc9", "top")
    hanging = f"#!/bin/sh\nexec {sys.executable} -c 'while True: pass'\n"
    abc = tmp_path / "abc"
    abc.write_text(hanging)
    abc.chmod(0o755)
    slow = script.replace("synth_ice40", f"scratchpad -set abc9.exe {abc}\nsynth_ice40", 1)
    assert synthesised(sources(net()).whole, slow, 4, limit_s=2) is None


def test_a_net_that_needs_more_is_said() -> None:
    rows = [ROW, ROW, FOUR, ROW | {"net": "b", "cells": 101}]
    assert judged(rows, {}) == ["LUT6: b needs more than yosys"]


def test_the_head_alone_is_what_follows_the_terms() -> None:
    circuit = net()
    codes = random_codes(circuit, 500, np.random.default_rng(2))
    terms = np.unique(np.concatenate([score.signals for score in circuit.scores]))
    bits = unpack_bits(run_planes(circuit, pack(circuit, codes))[terms[terms > 1]], len(codes)).T
    head = head_alone(circuit)
    assert np.array_equal(run(head, bits).scores, run(circuit, codes).scores)
    cells = map_cells(head, inputs=6)
    made = run(class_of(cells.circuit), bits).words["roots"]
    assert np.array_equal(made @ [1, 2], run(circuit, codes).classes)


def test_popcounts_take_about_a_table_a_bit() -> None:
    assert popcount(40) <= 1.1
