"""Structural Verilog: what yosys makes of it is the circuit."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from odd_circuits import all_circuits

import lithify
from lithify.backends import blif
from lithify.backends.toolchain import run as run_tool
from lithify.compiler.importers.verilog import read
from lithify.compiler.recognise import recognise
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import LithifyError
from lithify.ir.generate import random_circuit
from lithify.ir.simulate import Planes, pack, random_codes, run, run_planes

HAND_MADE = b"""// made by hand
`timescale 1ns/1ps
(* keep *) module half(input a, b, output s, c);
  xor g1(s, a, b);
  and g2(c, a, b);
endmodule
module top(input [3:0] x, input sel, output reg [1:0] y, output z);
  half h(.a(x[0]), .b(x[1]), .s(s), .c(c));
  assign z = sel ? s : ~c ^ x[3];
  always @* case (x[1:0])
    2'd0: y = {s, c};
    2'd1: y = x[3:2] + 2'd1;
    default: y = 2'b10;
  endcase
endmodule
"""


def written_by_yosys(circuit: Circuit) -> bytes:
    """The circuit as Verilog, after ABC made other gates of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.blif").write_bytes(blif.write(circuit))
        script = "read_blif in.blif; hierarchy -auto-top; abc -g AND,XOR,MUX; write_verilog out.v"
        (folder / "script.ys").write_text(script.replace("; ", "\n"))
        run_tool("yosys", ["-s", "script.ys"], cwd=folder, timeout_s=60)
        return (folder / "out.v").read_bytes()


def test_a_file_that_yosys_wrote(tmp_path: Path) -> None:
    made = expand(random_circuit(np.random.default_rng(2), gates=60, readout="bits")).circuit
    data = written_by_yosys(made)
    assert recognise(data, "") == "verilog"
    (tmp_path / "net.v").write_bytes(data)
    design = lithify.load(tmp_path / "net.v")
    codes = random_codes(made, 10_000, np.random.default_rng(3))
    assert np.array_equal(
        words_of(made, pack(made, codes)), words_of(design.circuit, pack(made, codes))
    )
    proved = lithify.compile(design, interface="comb", effort=1).verify()
    assert proved.certificate is not None and proved.certificate.ok


def words_of(circuit: Circuit, planes: Planes) -> Planes:
    """What the outputs are, 64 samples a word."""
    values = run_planes(circuit, planes)
    made: Planes = values[np.concatenate([word.signals.ravel() for word in circuit.words])]
    return made


def test_hand_made_modules() -> None:
    circuit = read(HAND_MADE)
    assert [(p.name, p.count) for p in circuit.inputs] == [("x", 4), ("sel", 1)]
    codes = np.arange(32)[:, None] >> np.arange(5) & 1
    answers = run(circuit, codes).words
    for pattern, y, z in zip(range(32), answers["y"], answers["z"], strict=True):
        x, sel = pattern & 15, pattern >> 4
        s, c = (x ^ x >> 1) & 1, x & x >> 1 & 1
        right = {0: 2 * s + c, 1: ((x >> 2) + 1) & 3}.get(x & 3, 2)
        assert [y[0] + 2 * y[1], z[0]] == [right, s if sel else 1 - c ^ x >> 3]


@pytest.mark.parametrize("circuit", list(islice(all_circuits(5), 30, 40)))
def test_the_verilog_of_a_design_is_the_design(circuit: Circuit) -> None:
    made = expand(circuit).circuit
    data = lithify.compile(made, interface="comb", effort=0, name="own").verilog["own.v"]
    found = read(data)
    planes = pack(made, random_codes(made, 64, np.random.default_rng(6)))
    assert np.array_equal(words_of(found, planes), words_of(made, planes))


def test_a_comment_in_any_script_and_wires_that_amaranth_numbers() -> None:
    text = "// größer als ½\nwire \\$1 ; assign \\$1 = ~a; assign y = \\$1 & b;"
    assert run(read(module(text)), [[0, 1]]).words["y"].tolist() == [[1]]


def module(body: str, ports: str = "input a, b, output y") -> bytes:
    """A module of these lines."""
    return f"module t({ports});\n{body}\nendmodule\n".encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (module("assign y = a & ;"), "f:2: yosys says: syntax error, unexpected ';'"),
        (module("assign y = a & n;"), r"f: yosys says: Wire t.\n is used but has no driver."),
        (
            module("assign y = a; assign y = b;"),
            r"f: yosys says: multiple conflicting drivers for t.\a:",
        ),
        (
            module("reg q; always @* if (a) q = b; assign y = q;"),
            "f: it has registers, latches or a memory; a circuit here has none",
        ),
        (
            module("assign y = x[i];", "input [2:0] x, input [1:0] i, output y"),
            "f: a bit of it is not defined, or no gate is known for it",
        ),
        (
            module("wire [1000000000:0] w; assign y = w[5];"),
            "f: yosys could not read it within 4 s and 700 MB of memory, which are enough for a "
            "file of this size",
        ),
        (
            module('`include "/etc/passwd"'),
            "f:2:1: `include: a directive cannot be read; only gates and assignments can\n"
            '    `include "/etc/passwd"\n    ^',
        ),
        (
            module("assign y = 1'bx;"),
            "f:2:13: 'bx: an undefined value cannot be read; only gates and assignments can\n"
            "    assign y = 1'bx;\n                ^",
        ),
        (
            module("assign y = a / b;"),
            "f:2:14: /: an operator whose result can be undefined cannot be read; only gates and "
            "assignments can\n    assign y = a / b;\n                 ^",
        ),
        (b"module \xff", "f is no Verilog: byte 7 is not ASCII"),
        (b"module t(); endmodule", "f: it describes no gate and no wire"),
    ],
)
def test_what_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(LithifyError) as caught:
        read(data, "f")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "line",
    [
        "initial y = 1;",
        "$finish;",
        "// synopsys translate_off",
        r"wire \a#b ;",
        r"wire \$1a ;",
        "inout z;",
    ],
)
def test_what_is_no_description_of_gates(line: str) -> None:
    with pytest.raises(LithifyError, match=r"only gates and assignments can"):
        read(module(line), "f")
