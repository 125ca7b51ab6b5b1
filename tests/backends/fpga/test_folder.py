"""The folder of a build: every file is explained, and the commands make the same bitstream."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from lithify.backends.fpga.build import BuildResult, build
from lithify.backends.fpga.folder import PAGE, write_page
from lithify.backends.fpga.testbench import EXCHANGES, SAMPLES, write_testbench
from lithify.backends.toolchain import run as run_tool
from lithify.backends.verilog.frames import Unframer, decode_answer, layout_of, requests
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import run


def classifier() -> Circuit:
    """Two classes over three integers."""
    b = Builder()
    x = b.input("x", width=2, count=3)
    bits = [b.threshold(2, row, [1, 2]) for row in x]
    b.score("even", [b.xor(bits[0], bits[1]), bits[2]])
    b.score("odd", [b.and_(bits[1], bits[2])], bias=1)
    return b.finish(readout="argmax")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    made = build(classifier(), "icestick", tmp_path_factory.mktemp("folder"), alone=(1,))
    write_testbench(made.bitstream.parent, classifier(), made)
    write_page(made.bitstream.parent, made)
    return made


def test_every_file_is_explained(built: BuildResult) -> None:
    folder = built.bitstream.parent
    page = (folder / PAGE).read_text()
    assert all(f"| `{path.name}` | " in page for path in folder.iterdir())
    assert "left by a tool" not in page and str(folder) not in page


def test_the_commands_make_the_same_bitstream(built: BuildResult, tmp_path: Path) -> None:
    folder = built.bitstream.parent
    for name in ("top.il", "top.pcf", "synthesis.ys"):
        shutil.copy(folder / name, tmp_path)
    commands = [
        shlex.split(line) for line in (folder / PAGE).read_text().split("\n") if line[:4] == "    "
    ]
    assert [words[0] for words in commands[::3]] == ["yosys", "openFPGALoader"]
    for tool, words in zip(("yosys", "nextpnr-ice40", "icepack"), commands, strict=False):
        assert words[0].endswith(tool)
        run_tool(tool, words[1:], cwd=tmp_path, timeout_s=300)
    assert (tmp_path / "design.bin").read_bytes() == built.bitstream.read_bytes()


def test_exchanges_are_what_the_circuit_answers(built: BuildResult) -> None:
    said = json.loads((built.bitstream.parent / EXCHANGES).read_text())
    circuit = expand(classifier()).circuit
    layout = layout_of(circuit)
    assert (said["line"], said["rate"]) == ("uart", 115200) and len(said["exchanges"]) == SAMPLES
    for tag, one in enumerate(said["exchanges"]):
        (body,) = Unframer().feed(bytes.fromhex(one["send"]))
        assert body is not None
        codes = np.frombuffer(body[1:], np.uint8)[None].astype(np.int64)
        assert requests(layout, codes, first_tag=tag) == [bytes.fromhex(one["send"])]
        (body,) = Unframer().feed(bytes.fromhex(one["receive"]))
        assert body is not None
        answer = decode_answer(layout, body)
        expected = run(circuit, codes).words
        assert (answer.tag, answer.status.name) == (tag, "OK")
        assert all((answer.outputs[name] == expected[name][0]).all() for name in expected)
