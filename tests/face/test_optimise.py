"""`lithify optimise`: circuits come out smaller and proved, and can be proved again."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import lithify as command
from same_function import assert_same_words

from lithify.backends import aiger, blif
from lithify.compiler.source import open_file
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

Capture = pytest.CaptureFixture[str]


def adder(bits: int) -> Circuit:
    """A ripple adder of and-inverter gates, its first carry written twice."""
    b = Builder(fold=False, hash=False)
    x, y = (b.input(name, count=bits, kind="bit").ravel().tolist() for name in "xy")
    carry, sums = 0, []
    for i in range(bits):
        differ = b.xor(x[i], y[i])
        sums.append(b.xor(differ, carry))
        carry = b.or_(b.and_(x[i], y[i]), b.and_(differ, carry), b.and_(carry, x[i], y[i]))
    b.output("sum", [*sums, carry])
    return b.finish()


@pytest.mark.parametrize("suffix", [".aig", ".blif", ".bench"])
def test_a_circuit_comes_out_smaller_and_proved(
    suffix: str, tmp_path: Path, capsys: Capture
) -> None:
    before = adder(6)
    (tmp_path / "adder.aig").write_bytes(aiger.write(before))
    out = tmp_path / f"small{suffix}"
    ran = command(capsys, ["optimise", tmp_path / "adder.aig", "-o", out, "--effort", 3, "--json"])
    assert ran.code == 0 and ran.result["ok"], ran.err
    gates = ran.result["gates"]
    assert gates["after"] <= 40 < gates["before"]
    steps = ran.result["steps"]
    assert {"rewrite", "simplify"} <= {step["pass"] for step in steps}
    assert all(step["gates"][1] <= step["gates"][0] for step in steps)
    assert_same_words(expand(before).circuit, open_file(out).circuit, np.random.default_rng(0))
    said = json.loads(Path(ran.result["certificate"]).read_bytes())
    assert [stage["verdict"] for stage in said["stages"]] == ["proved", "proved"]
    assert said["files"][0]["name"] == out.name


def test_a_design_file_can_be_proved_again(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "adder.aig").write_bytes(aiger.write(adder(3)))
    out = tmp_path / "small.lith"
    ran = command(capsys, ["optimise", tmp_path / "adder.aig", "-o", out])
    assert ran.code == 0, ran.err
    assert "gates before" in ran.out and "proof: lowered = optimised: proved by &cec" in ran.out
    again = command(capsys, ["verify", out, "--json"])
    assert again.code == 0 and again.result["rechecked"]
    assert again.result["stages"]["optimise"] == "proved"


def test_a_blif_model_keeps_its_name(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "net.blif").write_bytes(b"# by hand\n\n" + blif.write(adder(2), "half+half"))
    out = tmp_path / "small.blif"
    ran = command(capsys, ["optimise", tmp_path / "net.blif", "-o", out])
    assert ran.code == 0 and "ANDs" not in ran.out
    assert out.read_bytes().startswith(b".model half+half\n")
    (tmp_path / "Adder 2.aag").write_bytes(aiger.write_ascii(adder(2)))
    assert command(capsys, ["optimise", tmp_path / "Adder 2.aag", "-o", out]).code == 0
    assert out.read_bytes().startswith(b".model adder_2\n")
    (tmp_path / "net.blif").write_bytes(blif.write(adder(2)).replace(b" top\n", b' a="b\n'))
    assert command(capsys, ["optimise", tmp_path / "net.blif", "-o", out]).code == 0
    assert out.read_bytes().startswith(b".model a__b\n")


def test_the_ands_of_aiger_are_said(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "net.aig").write_bytes(aiger.write(adder(3)))
    read = len(aiger.to_aig(adder(3)).ands)
    out = tmp_path / "small.aag"
    ran = command(capsys, ["optimise", tmp_path / "net.aig", "-o", out, "--json"])
    written = int(out.read_bytes().split()[5])
    assert ran.result["ands"] == {"read": read, "written": written} and written < read
    out = tmp_path / "small.bench"
    ran = command(capsys, ["optimise", tmp_path / "net.aig", "-o", out])
    assert f"after\nANDs of AIGER: {read} read\n" in ran.out


def test_a_format_that_cannot_be_written_is_refused(tmp_path: Path, capsys: Capture) -> None:
    ran = command(capsys, ["optimise", tmp_path / "none.aig", "-o", tmp_path / "net.v"])
    assert (ran.code, ran.err) == (
        2,
        f"lithify optimise: {tmp_path}/net.v: the name says the format, which is one of .aag, "
        ".aig, .alir, .bench, .blif, .circuit, .dot, .graphml, .json, .npz, .onnx, .svg, .lith\n",
    )
