"""A model for C alone: `lithify compile --target c`, and what the other verbs do with that."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from binary_nets import binary_tiny_net
from command import lithify
from tiny_nets import blobs, tiny_net

from lithify.cli.samples import write_samples
from lithify.compiler.design import Design
from lithify.compiler.nets import save

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, capsys: Capture) -> Path:
    """The folder compiled from a small net, and samples beside it."""
    model = save(tiny_net(), tmp_path / "tiny.safetensors")
    write_samples(tmp_path / "samples.npz", *blobs(50))
    ran = lithify(capsys, ["compile", model, "-o", tmp_path / "build", "--target", "c"])
    assert ran.code == 0
    assert "writing C and the design" in ran.err
    assert "in C: " in ran.out
    assert "bytes of tables" in ran.out
    return tmp_path / "build"


def test_it_holds_c_and_no_hardware(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "certificate.json", "design.lith", "report.json", "report.txt", "input_code.json",
        "README.md", "files.sha256",
        "exchange/tiny.circuit", "c/CMakeLists.txt", "c/tiny.c", "c/tiny.h", "c/tiny_code.h",
        "c/tiny_expected.txt", "c/tiny_vectors.txt",
    }  # fmt: skip
    design = Design.load(folder)
    assert design.in_software
    assert design.certificate is not None
    assert [stage.name for stage in design.certificate.stages] == ["optimise"]
    assert "in C: " in (folder / "report.txt").read_text()


def test_the_program_answers_its_vectors(folder: Path) -> None:
    made = ["cc", "-DTINY_MAIN", "tiny.c", "-o", "tiny"]
    subprocess.run(made, cwd=folder / "c", check=True)
    said = (folder / "c" / "tiny_vectors.txt").read_text()
    ran = subprocess.run([folder / "c" / "tiny"], input=said, capture_output=True, text=True)
    assert ran.stdout == (folder / "c" / "tiny_expected.txt").read_text()
    assert len(ran.stdout.splitlines()) == 8


def test_it_is_verified_and_predicts(folder: Path, capsys: Capture) -> None:
    samples = folder.parent / "samples.npz"
    ran = lithify(capsys, ["verify", folder, "--data", samples, "--json"])
    assert ran.code == 0
    assert ran.result["stages"] == {"optimise": "proved"}
    assert ran.result["files"]["c/tiny.c"] == "simulated"
    assert lithify(capsys, ["predict", folder, "--data", samples]).code == 0
    ran = lithify(capsys, ["simulate", folder, "--data", samples])
    assert (ran.code, ran.err.strip()) == (
        2,
        f"lithify simulate: {folder}: compiled for C alone, without Verilog; compile it without "
        "--target c",
    )


def test_changed_c_is_found(folder: Path, capsys: Capture) -> None:
    source = folder / "c" / "tiny.c"
    source.write_bytes(source.read_bytes().replace(b"[score] > ", b"[score] < "))
    ran = lithify(capsys, ["verify", folder])
    assert ran.code == 1
    assert "c/tiny.c, of which the certificate speaks, was changed" in ran.err


def test_a_board_is_refused(folder: Path, capsys: Capture) -> None:
    words = ["compile", folder, "-o", folder.parent / "other", "--target", "c"]
    ran = lithify(capsys, [*words, "--board", "icebreaker"])
    assert (ran.code, ran.err.strip()) == (
        2,
        "lithify compile: --board icebreaker: a design for C alone has no board",
    )
    ran = lithify(capsys, ["build", folder])
    assert ran.code == 2
    assert "no board: name one with --board" in ran.err


def test_a_binary_net_is_counted(tmp_path: Path, capsys: Capture) -> None:
    net = binary_tiny_net(affine=True)
    model = save(net, tmp_path / "binary.safetensors")
    ran = lithify(capsys, ["compile", model, "-o", tmp_path / "build", "--target", "c"])
    assert ran.code == 0
    design = Design.load(tmp_path / "build")
    x, _ = blobs(200)
    assert np.array_equal(design.scores(x), design.interpret(x).scores)
