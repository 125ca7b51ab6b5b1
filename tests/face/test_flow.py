"""A model through every verb that needs no board: what each leaves, says and refuses."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from command import Ran, lithify
from tiny_nets import blobs, tiny_net

from lithify.cli.demo import listing
from lithify.cli.samples import write_samples
from lithify.compiler.design import Design
from lithify.compiler.driver import compile
from lithify.compiler.nets import save
from lithify.compiler.nets.net import Net

Capture = pytest.CaptureFixture[str]
FILES = {
    "certificate.json",
    "design.lith",
    "report.json",
    "report.txt",
    "input_code.json",
    *("c/CMakeLists.txt", "c/tiny.c", "c/tiny.h", "c/tiny_code.h"),
    *("c/tiny_vectors.txt", "c/tiny_expected.txt"),
    *("exchange/tiny.aig", "exchange/tiny.blif", "exchange/tiny.circuit"),
    *("verilog/design.json", "verilog/tiny.v", "verilog/tiny.core"),
    *("verilog/vivado.tcl", "verilog/constraints.xdc"),
    "README.md",
    "files.sha256",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A model, samples, and the folder that was compiled from the model."""

    net: Net
    model: Path
    data: Path
    folder: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = tmp_path_factory.mktemp("flow")
    net = tiny_net()
    model = save(net, home / "tiny.safetensors", provenance={"seed": 7})
    data = write_samples(home / "samples.npz", *blobs(50))
    from lithify.cli.main import main

    words = ["compile", str(model), "-o", str(home / "build"), "--every", "2", "--quiet"]
    assert main(words) == 0
    return Made(net, model, data, home / "build")


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Path:
    """A folder that a test may spoil."""
    return shutil.copytree(made.folder, tmp_path / "build")


def test_a_hardened_model_compiles_to_the_same_design(
    made: Made, tmp_path: Path, capsys: Capture
) -> None:
    hard = tmp_path / "tiny.safetensors"
    ran = lithify(capsys, ["harden", made.model, "-o", hard, "--json"])
    assert ran.result == {
        "model": str(hard),
        "bytes": hard.stat().st_size,
        "bytes_before": made.model.stat().st_size,
    }
    assert ran.result["bytes"] < ran.result["bytes_before"]
    words = ["compile", hard, "-o", tmp_path / "build", "--every", "2", "--quiet"]
    assert lithify(capsys, words).code == 0
    again = Design.load(tmp_path / "build")
    assert again.circuit == Design.load(made.folder).circuit
    assert again.provenance == {"seed": 7}


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_compile_writes_every_file_the_same_every_time(
    made: Made, capsys: Capture, tmp_path: Path
) -> None:
    words = ["compile", made.model, "-o", tmp_path / "again", "--every", "2", "--json", "--quiet"]
    ran = lithify(capsys, words)
    assert (ran.code, ran.err) == (0, "")
    assert set(files(made.folder)) == FILES
    assert files(tmp_path / "again") == files(made.folder)
    stages = ran.result["stages"]
    assert stages["optimised"]["core"] < stages["lowered"]["core"]
    assert stages["netlist"]["head"] > 0 == stages["optimised"]["head"]


def test_compile_stops_dumps_and_skips_the_proof_where_told(
    made: Made, capsys: Capture, tmp_path: Path
) -> None:
    build, stages = tmp_path / "build", tmp_path / "stages"
    words = ["compile", made.model, "-o", build, "--no-proof", "--dump", stages]
    stages.mkdir()
    ran = lithify(capsys, [*words, "--stop-after", "1", "--name", "Any name!"])
    assert ran.code == 0
    assert [path.name for path in sorted(stages.iterdir())] == [
        "00-start.circuit",
        "01-fold.circuit",
    ]
    assert (build / "verilog" / "any_name.v").is_file()
    assert "--name Any name!: no name for Verilog and C; it is any_name\n" in ran.err
    assert not (build / "certificate.json").exists()
    assert "nothing is proved yet" in ran.out


def test_the_demo_lists_every_file_that_is_there_and_no_other(tmp_path: Path) -> None:
    save(tiny_net(), tmp_path / "digits.safetensors")
    write_samples(tmp_path / "test.npz", *blobs(5))
    compile(tmp_path / "digits.safetensors").verify().write(tmp_path)
    listed = {name for names, _ in listing(tmp_path, "icebreaker") for name in names.split(", ")}
    folders = [name for name in listed if (tmp_path / name).is_dir()]
    there = {name for name in files(tmp_path) if not name.startswith(tuple(folders))}
    assert (folders, listed - {"exchange"}) == (["exchange"], there)
    (tmp_path / "icebreaker").mkdir()
    (tmp_path / "icebreaker" / "design.bin").touch()
    assert listing(tmp_path, "icebreaker")[-1] == (
        "icebreaker/design.bin",
        "the bitstream; `lithify program` loads it",
    )


def test_the_design_file_holds_everything(made: Made, tmp_path: Path) -> None:
    design = Design.load(made.folder)
    x, _ = blobs(50)
    assert np.array_equal(design.scores(x), made.net.hard_scores(x))
    assert np.array_equal(design.predict(x), made.net.hard_predict(x))
    assert design.provenance == {"seed": 7}
    assert (design.every, design.interface, design.classes) == (2, "stream", ("0", "1", "2"))
    assert design.certificate is not None and design.certificate.ok
    design.save(tmp_path / "copy.lith")
    assert (tmp_path / "copy.lith").read_bytes() == (made.folder / "design.lith").read_bytes()


def test_verify_proves_again_what_stands_in_the_folder(made: Made, capsys: Capture) -> None:
    ran = lithify(capsys, ["verify", made.folder, "--data", made.data, "--json"])
    assert (ran.code, ran.result["rechecked"]) == (0, True)
    assert ran.result["stages"] == dict.fromkeys(["expand", "optimise", "verilog"], "proved")
    ran = lithify(capsys, ["verify", made.folder])
    assert "netlist = verilog: proved" in ran.out
    said = [line.split()[:2] for line in ran.err.splitlines()[1:]]
    assert said == [["optimise", "proved"], ["expand", "proved"], ["verilog", "proved"]]


def test_verify_looks_at_the_other_files_too(copy: Path, capsys: Capture) -> None:
    ran = lithify(capsys, ["verify", copy, "--json"])
    assert ran.result["files"]["c/tiny.c"] == "simulated"
    assert ran.result["files"]["exchange/tiny.blif"] == "proved"
    path = copy / "c" / "tiny.h"
    path.write_text(path.read_text() + "\n")
    for what in ("was changed", "is not here"):
        ran = lithify(capsys, ["verify", copy, "--quiet"])
        assert (ran.code, ran.out, ran.err) == (
            1,
            "",
            f"lithify verify: c/tiny.h, of which the certificate speaks, {what}: compile the "
            "design again\n",
        )
        path.unlink(missing_ok=True)
    path.mkdir()
    ran = lithify(capsys, ["verify", copy, "--quiet"])
    assert (ran.code, ran.err) == (2, f"lithify verify: {path}: cannot be read (Is a directory)\n")


def test_verify_sees_one_changed_operator_in_the_verilog(copy: Path, capsys: Capture) -> None:
    path = copy / "verilog" / "tiny.v"
    text = path.read_text()
    place = text.index(" & ")
    path.write_text(text[:place] + " | " + text[place + 3 :])
    ran = lithify(capsys, ["verify", copy])
    assert (ran.code, ran.out) == (1, "")
    assert "lithify verify: verilog is not what the certificate speaks of" in ran.err
    assert "As it is now against netlist: refuted: for x[" in ran.err
    (copy / "certificate.json").unlink()
    design = Design.load(copy)
    from dataclasses import replace

    replace(design, certificate=None).save(copy / "design.lith")
    ran = lithify(capsys, ["verify", copy, "--quiet"])
    assert ran.code == 1
    assert ran.err.startswith("lithify verify: stage verilog: verilog is not netlist; refuted: for")


def test_report_shows_parts_layers_and_proofs(made: Made, capsys: Capture) -> None:
    shown = lithify(capsys, ["report", made.folder]).out
    for word in ("encoder gates", "lowered", "optimised", "netlist", "layers.1", "seed: 7"):
        assert word in shown
    assert shown.count("proof: ") == 3
    result = lithify(capsys, ["report", made.folder, "--json"]).result
    written = json.loads((made.folder / "report.json").read_bytes())
    assert {key: result[key] for key in written} == written


def test_report_counts_and_proves_cells(made: Made, capsys: Capture) -> None:
    ran = lithify(capsys, ["report", made.folder, "--cells", "--json"])
    six, four = ran.result["cells"]
    assert (six["cells"], four["cells"]) == ("LUT6", "LUT4")
    for row in (six, four):
        assert row["proved"] and row["verdict"].startswith("proved by weight conservation")
        parts = [row[part] for part in ("encoder", "core", "head", "other")]
        assert sum(parts) == row["total"] > 0 and row["depth"] > 0
    assert six["total"] < four["total"]
    assert "LUT6: proved by" in lithify(capsys, ["report", made.folder, "--cells"]).out


def test_predict_gives_the_scores_of_the_hard_net(made: Made, capsys: Capture) -> None:
    x, y = blobs(50)
    ran = lithify(capsys, ["predict", made.folder, "--data", made.data, "--json", "--limit", "30"])
    assert ran.result["scores"] == made.net.hard_scores(x[:30]).tolist()
    expected = float((made.net.hard_predict(x[:30]) == y[:30]).mean())
    assert ran.result["accuracy"] == expected
    ran = lithify(capsys, ["predict", made.folder, "--data", made.data])
    assert "and 30 more" in ran.out and ran.err == "  50 samples through the C engine\n"


def simulated(copy: Path, made: Made, capsys: Capture) -> Ran:
    return lithify(capsys, ["simulate", copy, "--data", made.data, "--json", "--quiet"])


def test_simulate_compares_every_sample(made: Made, copy: Path, capsys: Capture) -> None:
    ran = simulated(copy, made, capsys)
    assert ran.code == 0
    assert (ran.result["compared"], ran.result["mismatches"]) == (50, 0)
    x, y = blobs(50)
    assert ran.result["accuracy"] == float((made.net.hard_predict(x) == y).mean())
    assert "50 answers compared, 0 wrong" in lithify(capsys, ["report", copy]).out


def test_simulate_tries_cells_and_shells_as_well(made: Made, copy: Path, capsys: Capture) -> None:
    words = ["simulate", copy, "--data", made.data]
    ran = lithify(capsys, [*words, "--cells", "ecp5", "--json", "--quiet"])
    assert (ran.result["compared"], ran.result["mismatches"]) == (50, 0)
    assert ran.result["family"] == "ecp5" and ran.result["cells"] > 10
    ran = lithify(capsys, [*words, "--bench", "spi", "--limit", 5, "--json", "--quiet"])
    assert (ran.result["samples"], ran.result["shell"]) == (5, "spi")
    out = lithify(capsys, ["report", copy]).out
    assert "cells (ecp5) compared, 0 wrong" in out and "5 samples (spi), all right" in out
    ran = lithify(capsys, [*words, "--limit", 9, "--waves", 3, "--quiet"])
    waves = copy / "simulation" / "waves" / "waves.vcd"
    assert f"waves: {waves}: samples 0 to 2\n" in ran.out and waves.stat().st_size > 1000
    ran = lithify(capsys, [*words, "--limit", 9, "--waves", "--quiet"])
    assert "waves: no answer was wrong" in ran.out
    ran = lithify(capsys, [*words, "--waves", -1])
    assert ran.code == 2 and ran.err.startswith("lithify simulate: --waves -1: samples of the ")
    ran = lithify(capsys, [*words, "--bench", "spi", "--cells", "ecp5"])
    assert (ran.code, ran.err) == (
        2,
        "lithify simulate: --cells ecp5: --bench spi makes a shell of its own; simulate the cells "
        "of the design with another bench\n",
    )
