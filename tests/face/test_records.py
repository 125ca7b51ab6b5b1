"""Records of builds and simulations are used for the design that they were made from alone."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
    "line": "uart",
    "rate": 115200,
    "pins": {},
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
    "simulator": "Verilator",
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
    records(made, build.origin(design))
    return made


def records(folder: Path, origin: dict[str, object]) -> None:
    named = {
        "icebreaker/build.json": BUILD,
        "simulation.json": SIMULATION,
        "simulation-ice40.json": {**SIMULATION, "family": "ice40", "cells": 7},
        "simulation-spi.json": {"shell": "spi", "samples": 4},
    }
    for name, record in named.items():
        (folder / name).write_text(json.dumps({**record, **origin}))


def test_own_records_are_shown(folder: Path, capsys: Capture) -> None:
    out = lithify(capsys, ["report", folder]).out
    assert "48.5 MHz routed" in out and "9 answers compared" in out
    assert "Verilator: 9 answers of 7 cells (ice40) compared, 0 wrong; " in out
    assert "Verilator: the shell answered 4 samples (spi), all right\n" in out
    assert "another design" not in out
    assert f"critical path: {BUILD['critical_path']}\n" in out and "chosen" not in out
    record = {**BUILD, "seeds": {"1": 48.5, "2": 47.0}, **build.origin(Design.load(folder))}
    (folder / "icebreaker" / "build.json").write_text(json.dumps(record))
    out = lithify(capsys, ["report", folder]).out
    assert "seed 1 48.5 MHz, seed 2 47.0 MHz; seed 1 was chosen\n" in out


@pytest.mark.parametrize(
    "options",
    [None, {"every": 2}, {"interface": "pipeline"}, {"cycles": 99}],
)
def test_records_of_another_design_are_not_shown(
    folder: Path, capsys: Capture, options: dict[str, Any] | None
) -> None:
    other = {**build.origin(Design.load(folder)), "circuit": "0" * 64}
    if options is not None:
        other = build.origin(compile(folder.with_name("pair.circuit"), **options))
    records(folder, other)
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
    records(folder, {"circuit": Design.load(folder).circuit.digest})
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


def test_only_the_clocking_that_matters_is_compared(folder: Path) -> None:
    circuit = folder.with_name("pair.circuit")
    for options in ({"interface": "comb"}, {"cycles": 99}):
        first, second = (compile(circuit, every=every, **options) for every in (1, 2))
        assert build.origin(first) == build.origin(second)


def test_a_build_stands_alone_in_its_folder(folder: Path, capsys: Capture) -> None:
    place = folder / "icebreaker"
    (place / "design.lith").write_bytes((folder / "design.lith").read_bytes())
    assert "48.5 MHz routed" in lithify(capsys, ["report", place]).out
    np.savez(folder / "x.npz", x=np.zeros((1, 2), np.int64))
    words = ["talk", place, "--port", folder / "none", "--data", folder / "x.npz", "--quiet"]
    ran = lithify(capsys, words)
    assert ran.code != 0 and "design" not in ran.err and str(folder / "none") in ran.err
    ran = lithify(capsys, ["verify", place])
    assert (ran.code, ran.err) == (
        2,
        f"lithify verify: {place}: the folder of a build, whose proof `lithify build` makes; name "
        "the folder that `lithify compile` made, or its .lith file\n",
    )


def test_a_build_for_another_board(folder: Path, capsys: Capture) -> None:
    place = folder / "icebreaker"
    (folder / "hx8k-evn").mkdir()
    (folder / "hx8k-evn" / "build.json").write_bytes((place / "build.json").read_bytes())
    for words, said in (
        ((folder, "--board", "ulx3s-25f"), "no build for ulx3s-25f, but for hx8k-evn, icebreaker"),
        ((folder,), "2 builds (hx8k-evn, icebreaker); choose one with --board"),
        ((place, "--board", "ulx3s-25f"), "a build for icebreaker, not for ulx3s-25f"),
    ):
        ran = lithify(capsys, ["program", *words])
        assert (ran.code, ran.err) == (2, f"lithify program: {words[0]}: holds {said}\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--baud", 0, "a clock of 12 MHz cannot give 0 baud: "),
        ("--seeds", -1, "seeds [-1]: place and route takes at least one"),
        ("--limit", 0, "limit of 0 s: place and route takes CPU time"),
    ],
)
def test_a_refused_build_leaves_nothing(
    folder: Path, capsys: Capture, option: str, value: int, said: str
) -> None:
    words = ["build", folder, "--board", "icebreaker", "-o", folder / "new", option, value]
    ran = lithify(capsys, [*words, "--quiet"])
    assert ran.code == 2 and ran.err.startswith(f"lithify build: {said}")
    assert not (folder / "new").exists()


def test_a_folder_with_another_design_is_not_built_in(folder: Path, capsys: Capture) -> None:
    other = folder.with_name("other")
    compile(folder.with_name("pair.circuit"), name="other").write(other)
    ran = lithify(capsys, ["build", folder, "--board", "icebreaker", "-o", other])
    assert (ran.code, ran.err) == (
        2,
        f"lithify build: {other}: holds another design; name another folder with -o\n",
    )


def test_a_build_says_what_was_not_proved(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = {"fmax_mhz": 99.0, "seeds": {"1": 99.0}, "cells_used": 5, "critical_path": "2 ns"}
    result = SimpleNamespace(bitstream="design.bin", meets_clock=True)
    monkeypatch.setattr(build, "run", lambda *_, **__: (result, {**BUILD, "alone": alone}))
    ran = lithify(capsys, ["build", folder, "--board", "icebreaker", "--no-proof"])
    assert "99.0 MHz (median of 1 placement seed), 5 logic cells" in ran.out
    assert "\nnothing is proved of the bitstream: --no-proof\nwritten: design.bin\n" in ran.out
