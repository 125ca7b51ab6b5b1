"""A folded design: what it says of itself, what is proved, what is kept, what it cannot be."""

import json
from pathlib import Path

import pytest
from command import lithify
from tiny_nets import tiny_net

from lithify.backends.verilog.description import FILE, Description
from lithify.compiler.driver import compile
from lithify.compiler.nets.model_file import save
from lithify.ir.errors import InputError

Capture = pytest.CaptureFixture[str]
CYCLES = 200


def test_a_model_is_folded_proved_and_verified_from_its_folder(
    tmp_path: Path, capsys: Capture
) -> None:
    model, folder = save(tiny_net(), tmp_path / "tiny.safetensors"), tmp_path / "build"
    words = ["compile", model, "-o", folder, "--cycles", CYCLES, "--quiet"]
    ran = lithify(capsys, [*words, "--json"])
    folded = ran.result["folded"]
    described = Description.from_json((folder / "verilog" / FILE).read_bytes())
    assert ran.code == 0 and ran.result["ok"]
    assert described.interval == described.latency == folded["cycles"] <= CYCLES
    assert folded["copies"] == 4 * folded["lanes"]
    assert "clock cycles a sample; memories of" in folded["said"]
    ran = lithify(capsys, ["verify", folder, "--quiet"])
    assert ran.code == 0
    assert "optimised = cells: proved by" in ran.out
    assert "cells = verilog: proved by gate-by-gate matching" in ran.out
    ran = lithify(capsys, ["build", folder, "--board", "icebreaker", "--every", "2"])
    assert ran.code != 0
    assert "is folded, and has no rows of registers; compile it again without" in ran.err


def test_a_folded_design_is_built_for_a_board(tmp_path: Path, capsys: Capture) -> None:
    model, folder = save(tiny_net(), tmp_path / "tiny.safetensors"), tmp_path / "build"
    words = ["compile", model, "-o", folder, "--cycles", CYCLES, "--quiet"]
    assert lithify(capsys, words).code == 0
    ran = lithify(capsys, ["build", folder, "--board", "icebreaker", "-o", tmp_path / "fpga"])
    record = json.loads((tmp_path / "fpga" / "build.json").read_text())
    assert ran.code == 0 and record["parts"]["core"]["block_rams"] > 0
    assert (tmp_path / "fpga/design.lith").read_bytes() == (folder / "design.lith").read_bytes()
    assert "| `design.lith` | what was built" in (tmp_path / "fpga/README.md").read_text()
    assert record["interval"] == record["latency"] <= CYCLES
    assert f"{record['latency']} cycles of latency, a sample each {record['interval']}" in ran.out
    proof = [line.split(" = ")[1] for line in record["proof"]["lines"]]
    assert [line.split(" ", 1)[1].startswith("proved by") for line in proof] == [
        *[True] * (len(proof) - 1),
        False,
    ]
    assert "SB_RAM40_4K, which is not read as logic" in proof[-1]
    assert (tmp_path / "fpga/certificate.json").is_file()
    words = ["build", folder, "--board", "icebreaker", "-o", tmp_path / "fpga", "--alone", 0]
    assert lithify(capsys, [*words, "--no-proof", "--quiet"]).code == 0
    assert not (tmp_path / "fpga/certificate.json").exists()
    assert "proof" not in json.loads((tmp_path / "fpga/build.json").read_text())


def test_what_does_not_go_with_folding(monkeypatch: pytest.MonkeyPatch) -> None:
    for options, said in (
        ({"target": "c"}, "cycles=100: a design for C alone is not clocked"),
        (
            {"target": "icebreaker", "mhz": 20.0},
            "cycles=100 for 20 MHz: a folded design has no rows of registers to choose for a clock",
        ),
    ):
        with pytest.raises(InputError) as caught:
            compile(tiny_net(), cycles=100, **options)
        assert str(caught.value) == said
    with pytest.raises(InputError, match="a folded design is a stream"):
        compile(tiny_net(), cycles=100, interface="comb")
    with pytest.raises(InputError, match="take .* cycles at least, 64 tables at once"):
        compile(tiny_net(), cycles=8)
    monkeypatch.setattr("lithify.compiler.pipeline.run_effort", None)  # not reached
    with pytest.raises(InputError, match="^cycles=3: .* take 6 cycles before any gate; "):
        compile(tiny_net(), cycles=3)


def test_options_for_rows_of_registers_are_refused(tmp_path: Path, capsys: Capture) -> None:
    model, folder = save(tiny_net(), tmp_path / "tiny.safetensors"), tmp_path / "build"
    ran = lithify(capsys, ["compile", model, "-o", folder, "--cycles", 100, "--every", 3])
    assert (ran.code, ran.err) == (
        2,
        "lithify compile: --every 3: a folded design has no rows of registers; leave out --every "
        "or --cycles\n",
    )
    for given, why in (
        (("--mhz", 90), "it chooses where registers are"),
        (("--interface", "comb"), "such a design has no registers"),
    ):
        ran = lithify(capsys, ["compile", model, "-o", folder, *given, "--every", 2])
        left = "--mhz" if given[0] == "--mhz" else "--interface comb"
        assert ran.err == f"lithify compile: --every 2: {why}; leave out --every or {left}\n"
    compile(model, cycles=CYCLES).save(tmp_path / "net.lith")
    for option in ("--axi", "--axi-lite"):
        words = ["export", tmp_path / "net.lith", "-o", tmp_path / "net.v", option, 32]
        ran = lithify(capsys, words)
        assert (ran.code, ran.err) == (
            2,
            f"lithify export: {option} 32: {tmp_path / 'net.lith'} is folded, and a bus takes rows "
            "of registers; compile it again without --cycles to have some\n",
        )
    assert not (tmp_path / "net.v").exists() and not folder.exists()
