"""The testbench of a build, as a simulator runs it without Lithify."""

import re
import shlex
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from lithify.backends.fpga.build import BuildResult, build
from lithify.backends.fpga.targets import board, boards
from lithify.backends.fpga.testbench import ANSWERS, BENCH, PADS, clock_pin, write_testbench
from lithify.backends.fpga.top import sources
from lithify.backends.toolchain import Completed, Tool, run
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

PROGRAM = "obj_dir/Vtestbench"


def classifier() -> Circuit:
    """Two classes over three integers, one of which needs two bytes."""
    b = Builder()
    x = b.input("x", width=2, count=2)
    y = b.input("y", width=9, count=1)
    bits = [b.threshold(2, row, [1, 2]) for row in x] + [y[0, 8]]
    b.score("even", [b.xor(bits[0], bits[1]), bits[2]])
    b.score("odd", [b.and_(bits[1], bits[2])], bias=1)
    return b.finish(readout="argmax")


def made(name: str, line: str, folder: Path) -> BuildResult:
    """A build with its testbench."""
    result = build(classifier(), name, folder, line=line)
    write_testbench(folder, classifier(), result)
    return result


def simulate(folder: Path, *options: str) -> Completed:
    """What the testbench says, run by the commands that stand in it."""
    said = re.sub(r"\\\n//", "", (folder / BENCH).read_text())
    commands = [shlex.split(line[9:]) for line in said.split("\n") if line.startswith("//     $ ")]
    (tool, *arguments), (program,) = commands[:2]
    assert (tool, program) == ("verilator", PROGRAM)
    run(tool, arguments, cwd=folder, timeout_s=600)
    bench = Tool("the testbench", (str(folder / PROGRAM),))
    return run(bench, options, cwd=folder, timeout_s=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line"),
    [("icestick", "uart"), ("fomu", "spi"), ("ulx3s-12f", "spi"), ("tang_nano_9k", "uart")],
)
def test_the_design_answers_in_a_simulator(name: str, line: str, tmp_path: Path) -> None:
    made(name, line, tmp_path)
    done = simulate(tmp_path)
    assert done.ok and "8 of 8 answers as they are due" in done.output


@pytest.mark.slow
def test_wrong_and_missing_answers_fail(tmp_path: Path) -> None:
    made("icestick", "uart", tmp_path)
    answers = (tmp_path / ANSWERS).read_text()
    first = answers.index("\n\n") + 2
    wrong = f"{answers[first : first + 2]}e{answers[first + 3 :]}"
    (tmp_path / ANSWERS).write_text(answers[:first] + wrong)
    assert "1 of 1 answers as they are due" in simulate(tmp_path, "+exchanges=1").output
    done = simulate(tmp_path)
    assert not done.ok and "answer 1: 01 where 0e is due" in done.output
    verilog = (tmp_path / "top.v").read_text()
    silent = re.sub(r"(?m)^(  assign boundary = ).*;$", r"\g<1>1'h0;", verilog)
    assert silent != verilog
    (tmp_path / "top.v").write_text(silent)
    shutil.rmtree(tmp_path / "obj_dir")
    done = simulate(tmp_path)
    assert not done.ok and "answer 0: it did not come" in done.output


def test_the_clock_of_every_board_is_a_pin_or_its_own() -> None:
    own = {name for name in boards() if clock_pin(board(name)) is None}
    assert own == {"fomu", "upduino"}


def test_pads_are_those_that_designs_have() -> None:
    pads = files("lithify.backends.fpga").joinpath(PADS).read_text()
    known = set(re.findall(r"(?m)^module (\w+)", pads))
    for name in boards():
        for line in ("uart", "spi"):
            rtlil = sources(classifier(), board(name), every=3, line=line).rtlil
            cells = set(re.findall(r"(?m)^ *cell \\(\S+)", rtlil))
            modules = set(re.findall(r"(?m)^module \\(\S+)", rtlil))
            assert cells - modules <= known
