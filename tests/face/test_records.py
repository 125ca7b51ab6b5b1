"""Records of builds and simulations are used for the design that they were made from alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import lithify

from lithify.cli import build
from lithify.compiler.design import Design
from lithify.compiler.driver import compile
from lithify.ir.builder import Builder
from lithify.ir.errors import InputError
from lithify.ir.text import dump

Capture = pytest.CaptureFixture[str]
BUILD = {
    "board": "icebreaker",
    "bitstream": "design.bin",
    "baud": 115200,
    "parts": {"core": {"luts": 1, "flip_flops": 2, "carries": 0, "block_rams": 0}},
    "cells_used": 3,
    "cells_available": 5280,
    "fmax_mhz": 48.5,
    "clock_mhz": 12.0,
    "latency": 1,
    "interval": 1,
    "critical_path": "20.6 ns inside the core, through 3 cells, 70% of it in wires",
    "seeds": {"1": 48.5},
    "seed": 1,
}
SIMULATION = {
    "compared": 9,
    "mismatches": 0,
    "interface": "stream",
    "latency": 1,
    "cycles": 12,
    "first": [],
    "complaints": [],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a design of two bits and records of it."""
    builder = Builder()
    a, b = builder.input("x", kind="bit", count=2).ravel()
    builder.output("y", [int(builder.and_(int(a), int(b)))])
    path = tmp_path / "pair.circuit"
    path.write_text(dump(builder.finish(readout="bits")))
    design = compile(path)
    made = design.write(tmp_path / "build")
    (made / "icebreaker").mkdir()
    records(made, design.circuit.digest)
    return made


def records(folder: Path, digest: str) -> None:
    named = {"icebreaker/build.json": BUILD, "simulation.json": SIMULATION}
    for name, record in named.items():
        (folder / name).write_text(json.dumps({**record, "circuit": digest}))


def test_own_records_are_shown(folder: Path, capsys: Capture) -> None:
    out = lithify(capsys, ["report", folder]).out
    assert "48.5 MHz routed" in out and "9 answers compared" in out
    assert "another design" not in out
    assert f"critical path: {BUILD['critical_path']}\n" in out and "chosen" not in out
    digest = Design.load(folder).circuit.digest
    record = {**BUILD, "seeds": {"1": 48.5, "2": 47.0}, "circuit": digest}
    (folder / "icebreaker" / "build.json").write_text(json.dumps(record))
    out = lithify(capsys, ["report", folder]).out
    assert "seed 1 48.5 MHz, seed 2 47.0 MHz; seed 1 was chosen\n" in out


def test_records_of_another_design_are_not_shown(folder: Path, capsys: Capture) -> None:
    records(folder, "0" * 64)
    out = lithify(capsys, ["report", folder]).out
    assert "MHz" not in out and "answers compared" not in out
    for name, made, verb in (
        ("icebreaker/build.json", "built", "build"),
        ("simulation.json", "simulated", "simulate"),
    ):
        again = f"{folder / name}: {made} from another design: run `lithify {verb}` again"
        assert again in out
    result = lithify(capsys, ["report", folder, "--json"]).result
    assert result["builds"] == [] and "simulation" not in result


def test_a_bitstream_of_another_design_is_not_used(folder: Path, capsys: Capture) -> None:
    records(folder, "0" * 64)
    np.savez(folder / "x.npz", x=np.zeros((1, 2), np.int64))
    place = folder / "icebreaker" / "build.json"
    talk = ("talk", folder, "--port", "/dev/null", "--data", folder / "x.npz")
    for words in (("program", folder), talk):
        ran = lithify(capsys, words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            f"lithify {words[0]}: {place}: built from another design: run `lithify build` again\n"
        )


@pytest.mark.parametrize(
    ("interface", "given", "every"),
    [("stream", (), 2), ("comb", (), 3), ("pipeline", ("--every", "5"), 5)],
)
def test_a_build_has_the_registers_of_the_design(
    folder: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    interface: str,
    given: tuple[str, ...],
    every: int,
) -> None:
    circuit = folder.with_name("pair.circuit")
    compile(circuit, interface=interface, every=2).save(folder / "design.lith")

    def run(*_: object, **options: object) -> None:
        raise InputError(f"every={options['every']}")

    monkeypatch.setattr(build, "run", run)
    ran = lithify(capsys, ["build", folder, "--board", "icebreaker", *given])
    said = "  the design is comb: registers every 3 levels of gates here\n"
    assert ran.err == (said if interface == "comb" else "") + f"lithify build: every={every}\n"
