"""`lithify export`: every format says the same, and a drawing shows one output."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify as command
from same_function import assert_same_words

import lithify
from lithify.cli import export
from lithify.compiler.source import open_file
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.generate import random_circuit

Capture = pytest.CaptureFixture[str]


def test_what_is_exported_is_imported_again(tmp_path: Path, capsys: Capture) -> None:
    circuit = expand(random_circuit(np.random.default_rng(3), gates=30, readout="bits")).circuit
    (tmp_path / "net").write_text(str(circuit))
    for suffix in sorted(export.WRITERS.keys() - {".alir", ".dot", ".svg"}):
        path = tmp_path / f"out{suffix}"
        ran = command(capsys, ["export", tmp_path / "net", "-o", path, "--json"])
        assert ran.code == 0 and ran.result["bytes"] == path.stat().st_size, suffix
        assert_same_words(circuit, open_file(path).circuit, np.random.default_rng(0))


def test_verilog_and_its_ports(tmp_path: Path, capsys: Capture) -> None:
    circuit = expand(random_circuit(np.random.default_rng(3), gates=30, readout="bits")).circuit
    (tmp_path / "net").write_text(str(circuit))
    words = ["export", tmp_path / "net", "-o", tmp_path / "top.v"]
    assert command(capsys, words).code == 0
    assert (tmp_path / "top.v").read_text().startswith("// top: written by Lithify; combinational")
    assert command(capsys, [*words, "--axi", 16, "--every", 2]).code == 0
    text = (tmp_path / "top.v").read_text()
    assert "module top(aclk, aresetn, s_axis_tdata," in text
    assert "  input [15:0] s_axis_tdata;\n" in text and "  output m_axis_tuser;\n" in text
    assert command(capsys, [*words, "--axi", 16, "--no-last"]).code == 0
    assert "s_axis_tlast" not in (tmp_path / "top.v").read_text()
    assert command(capsys, [*words, "--axi-lite", 32, "--every", 2]).code == 0
    text = (tmp_path / "top.v").read_text()
    assert "module top(aclk, aresetn, s_axi_awaddr," in text and "  output done;\n" in text
    assert command(capsys, [*words, "--axi-lite", 32, "--axi", 8]).code == 2
    for wrong, said in (
        (["--axi-lite", 16], "words of 16 bits: AXI4-Lite has words of 32 or of 64 bits"),
        (["--axi-lite", 32, "-o", tmp_path / "net.aig"],
         f"--axi-lite writes Verilog: {tmp_path}/net.aig would have to be called .v"),
        (["--axi", 12], "beats of 12 bits: AXI4-Stream has whole bytes, 8 to 4096 bits"),
        (["--axi", 8, "-o", tmp_path / "net.aig"],
         f"--axi writes Verilog: {tmp_path}/net.aig would have to be called .v"),
    ):  # fmt: skip
        ran = command(capsys, [*words, *wrong])
        assert (ran.code, ran.err) == (2, f"lithify export: {said}\n")


def test_a_drawing_of_one_output(tmp_path: Path, capsys: Capture) -> None:
    b = Builder()
    x = b.input("x", count=3, kind="bit").ravel().tolist()
    both = b.and_(x[0], x[1])
    b.output("both", [both])
    b.score("sum", [both, b.threshold(1, [x[1], x[2]], [2, -1])], [1, -3])
    design = lithify.compile(b.finish(readout="scores"), effort=0)
    design.save(tmp_path / "net.lith")
    words = ["export", tmp_path / "net.lith", "-o", tmp_path / "sum.dot"]
    assert command(capsys, [*words, "--output", "sum"]).code == 0
    assert (tmp_path / "sum.dot").read_text() == (
        "digraph circuit {\n  rankdir=LR;\n"
        '  s2 [shape=plaintext, label="x[0]"];\n'
        '  s3 [shape=plaintext, label="x[1]"];\n'
        '  s4 [shape=plaintext, label="x[2]"];\n'
        '  s5 [shape=box, label="and"];\n  s2 -> s5;\n  s3 -> s5;\n'
        '  s6 [shape=ellipse, label=">= 1"];\n  s3 -> s6 [label="2"];\n  s4 -> s6 [label="-1"];\n'
        '  o0 [shape=plaintext, label="sum"];\n  s5 -> o0;\n  s6 -> o0 [label="-3"];\n}\n'
    )
    ran = command(capsys, [*words, "--output", "none"])
    assert (ran.code, ran.err) == (
        2, "lithify export: no output is called none (words: both; scores: sum)\n"
    )  # fmt: skip


def test_what_cannot_be_exported(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "net").write_text(str(random_circuit(np.random.default_rng(1), gates=3000)))
    ran = command(capsys, ["export", tmp_path / "net", "-o", tmp_path / "net.png"])
    assert (ran.code, ran.err) == (
        2,
        f"lithify export: {tmp_path}/net.png: the name says the format, which is one of .aag, "
        ".aig, .alir, .bench, .blif, .circuit, .dot, .graphml, .json, .npz, .onnx, .svg, .v\n",
    )
