"""Icarus Verilog runs the benches as Verilator does: for real where it is, and by its commands."""

import json
import stat
from pathlib import Path

import pytest

from lithify.backends.toolchain import find_tool
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.simulate import simulate
from lithify.hw_tests.test_simulation import COMB, EVERY_LEVEL, SAMPLES, STREAM, codes, net
from lithify.ir.errors import ToolFailed, ToolMissing
from lithify.ir.simulate import run


def stand_in(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize("options", [COMB, EVERY_LEVEL, STREAM], ids=lambda o: o.interface)
def test_every_sample(options: VerilogOptions, tmp_path: Path) -> None:
    design, answers = emit(net(), options), run(net(), codes())
    if not (find_tool("iverilog") and find_tool("vvp")):  # no part of any extra of Lithify
        with pytest.raises(ToolMissing, match="was not found: it simulates the Verilog as well"):
            simulate(design, codes(), answers, folder=tmp_path, icarus=True)
        return
    result = simulate(design, codes(), answers, folder=tmp_path, icarus=True)
    assert result.ok and result.compared == SAMPLES
    assert "warning" not in (tmp_path / "icarus.log").read_text()


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, answers = emit(net(), STREAM), run(net(), codes())
    monkeypatch.setenv("LITHIFY_IVERILOG", stand_in(tmp_path / "iverilog", 'echo "$@" >said'))
    monkeypatch.setenv("LITHIFY_VVP", stand_in(tmp_path / "vvp", 'echo "$@" >ran; exit 3'))
    with pytest.raises(ToolFailed):
        simulate(design, codes(), answers, folder=tmp_path, icarus=True)
    name = json.loads(design["design.json"])["name"]
    said = f"-f icarus.f -g2012 -Wall -o simulator.vvp -s {name} {name}.v\n"
    assert (tmp_path / "said").read_text() == said
    assert (tmp_path / "icarus.f").read_text() == "+timescale+1ns/1ns\n"
    words = (tmp_path / "ran").read_text().split()
    assert words[0] == "-m" and Path(words[1]).is_file() and words[2] == "simulator.vvp"


def test_what_is_said_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHIFY_IVERILOG", str(tmp_path / "none"))
    with pytest.raises(ToolMissing, match="^LITHIFY_IVERILOG is set to "):
        simulate(emit(net(), COMB), codes(), run(net(), codes()), folder=tmp_path, icarus=True)
