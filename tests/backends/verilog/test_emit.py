"""Verilog that is the same every time, clean under the linter, and readable."""

import gc
import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from verilog_nets import lint, longest_line_in_tokens, parted_net, wide_tables

from lithify.backends.toolchain import run
from lithify.backends.verilog.axi import emit_axi
from lithify.backends.verilog.axi_lite import emit_axi_lite
from lithify.backends.verilog.description import FILE, Bus, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, WriteError
from lithify.ir.generate import random_circuit, random_layered

OPTIONS = [
    VerilogOptions(),
    VerilogOptions(interface="pipeline", every=1),
    VerilogOptions(interface="pipeline", every=3, register_inputs=True, register_outputs=False),
    VerilogOptions(interface="stream", every=2),
    VerilogOptions(interface="stream"),
]


def ids(options: VerilogOptions) -> str:
    return f"{options.interface}-{options.every}"


def net() -> Circuit:
    return parted_net(np.random.default_rng(3))


def tiny() -> Circuit:
    builder = Builder()
    a, b = builder.input("a"), builder.input("b", width=2)
    with builder.origin("layers.0"):
        made = builder.xor(int(a[0, 0]), int(b[0, 0]))
    builder.output("y", [made, int(b[0, 1])])
    return builder.finish()


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_the_same_bytes_every_time(options: VerilogOptions) -> None:
    first = emit(net(), options)
    emit(wide_tables(np.random.default_rng(0)), options)
    assert emit(net(), options) == first
    assert emit(expand(net()), options) == first


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_the_linter_has_nothing_to_say(options: VerilogOptions, tmp_path: Path) -> None:
    for circuit in (net(), tiny(), wide_tables(np.random.default_rng(1), gates=40, arity=4)):
        assert lint(emit(circuit, options)["net.v"], "net", tmp_path) == ""


def test_the_linter_accepts_strange_circuits(tmp_path: Path) -> None:
    for seed in range(8):
        circuit = random_circuit(np.random.default_rng(seed), odd_names=True, fold=True)
        if circuit.words or circuit.scores:
            options = VerilogOptions(interface="pipeline", every=2)
            assert lint(emit(circuit, options)["net.v"], "net", tmp_path) == ""


@pytest.mark.parametrize("width", [32, 64])
def test_the_linter_accepts_components_for_buses(width: int, tmp_path: Path) -> None:
    circuits = (net(), wide_tables(np.random.default_rng(1), gates=40, arity=4))
    for circuit in circuits:
        made = [
            emit_axi_lite(circuit, name="net", width=width).verilog,
            *(
                emit_axi(circuit, name="net", width=width // 4, last=last).verilog
                for last in (False, True)
            ),
        ]
        assert [lint(one, "net", tmp_path) for one in made] == [""] * 3


def test_what_a_small_net_looks_like() -> None:
    assert emit(tiny()).keys() == {"net.v", "design.json"}
    assert (
        emit(tiny())["net.v"].decode()
        == """\
// net: written by Lithify; combinational; gates: 1 in the core.
// Element i of a port is at bits [i * width, (i + 1) * width).
// input a: a, 1 x 1 bit, uint
// input b: b, 1 x 2 bit, uint
// output y: y, 2 x 1 bit, bit
// One file holds the modules of all parts.
/* verilator lint_off DECLFILENAME */

module net(a, b, y);
  input a;
  wire a;
  input [1:0] b;
  wire [1:0] b;
  output [1:0] y;
  wire [1:0] y;
  (* origin = "layers.0" *)
  wire layers_0_l1_xor;
  assign layers_0_l1_xor = a ^ b[0];
  assign y = { b[1], layers_0_l1_xor };
endmodule
"""
    )


def test_each_part_is_a_module() -> None:
    text = emit(net(), VerilogOptions(name="digits"))["digits.v"].decode()
    modules = ["digits", "digits_core", "digits_encoder", "digits_head"]
    assert sorted(re.findall(r"^module (\w+)", text, re.MULTILINE)) == modules
    assert '(* origin = "layers.1" *)' in text


def test_yosys_counts_cells_of_each_part(tmp_path: Path) -> None:
    (tmp_path / "net.v").write_bytes(emit(net())["net.v"])
    script = "read_verilog net.v\nsynth -lut 4 -top net -run begin:\ntee -o s.json stat -json\n"
    (tmp_path / "s.ys").write_text(script)
    run("yosys", ["-s", "s.ys"], cwd=tmp_path, timeout_s=100)
    modules = json.loads((tmp_path / "s.json").read_text())["modules"]
    for part in ("encoder", "core", "head"):
        assert modules[f"\\net_{part}"]["num_cells_by_type"]["$lut"] > 0


def test_nothing_of_this_machine_or_moment_is_in_the_file() -> None:
    text = emit(net(), VerilogOptions(interface="stream", every=1))["net.v"].decode()
    assert not re.search(r"Yosys|src *=|\.py|20\d\d-|/tmp|generator", text)


def test_lines_stay_short_enough_for_verilator() -> None:
    circuit = random_layered(np.random.default_rng(0), inputs=200, layers=(3000, 3000))
    for options in OPTIONS[:2]:
        text = emit(circuit, options)["net.v"]
        assert max(map(len, text.split(b"\n"))) < 200
        assert longest_line_in_tokens(text) < 20_000


def test_the_garbage_collector_is_left_as_it_was() -> None:
    emit(tiny())
    assert gc.isenabled()
    gc.disable()
    try:
        emit(tiny())
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_the_description(options: VerilogOptions) -> None:
    made = emit(net(), options)
    described = Description.from_json(made["design.json"])
    assert described.to_json() == made["design.json"]
    assert described.inputs == (Bus("x", "x", 3, 8, "uint"),)
    assert [bus.signal for bus in described.outputs] == ["scores", "class_"]
    assert [bus.name for bus in described.outputs] == ["scores", "class"]
    assert (described.interface, described.every) == (options.interface, options.every)
    assert set(described.gates) == {"encoder", "core", "head"}
    assert (described.registers > 0) == (described.latency > 0) == (options.interface != "comb")


def test_ports_may_be_called_anything() -> None:
    builder = Builder()
    names = ["clk", "en", "wire", "a b", "a.b", "schedule", "in_valid"]
    bits = [int(builder.input(name)[0, 0]) for name in names]
    builder.output("a b", bits)
    described = Description.from_json(emit(builder.finish())["design.json"])
    signals = [bus.signal for bus in (*described.inputs, *described.outputs)]
    assert signals == [
        *("clk_2", "en_2", "wire_", "a_b", "a_b_2", "schedule_2", "in_valid_2"),
        "a_b_3",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "2 x"},
            "name '2 x' cannot be a Verilog module; 'n2_x' could: letters, digits and _, "
            "and no Verilog word",
        ),
        (
            {"name": "module"},
            "name 'module' cannot be a Verilog module; 'module_' could: letters, "
            "digits and _, and no Verilog word",
        ),
        ({"interface": "axi"}, "interface 'axi' is none of comb, pipeline, stream"),
        (
            {"interface": "stream", "every": -1},
            "every=-1: a row of registers each N levels; 0 for none",
        ),
        (
            {"every": 2},
            'every=2: the comb interface has no clock; choose interface "pipeline" or "stream"',
        ),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        VerilogOptions(**options)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_a_stream_needs_a_register() -> None:
    with pytest.raises(InputError) as error:
        emit(net(), VerilogOptions(interface="stream", register_outputs=False))
    assert str(error.value) == (
        "the stream interface needs at least one row of registers: "
        "register the outputs, the inputs, or every few levels"
    )


def test_a_circuit_needs_an_output() -> None:
    builder = Builder()
    builder.input("x")
    with pytest.raises(InputError) as error:
        emit(builder.finish())
    assert str(error.value) == "the circuit has no outputs: there is nothing to write as Verilog"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"{",
            "d is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
            "(char 1). Write the design again.",
        ),
        (b"[]", "d does not describe a Verilog design of Lithify."),
        (b'{"format": "other"}', "d does not describe a Verilog design of Lithify."),
        (
            b'{"format": "lithify-verilog", "version": 9}',
            "d has version 9; this Lithify reads version 1. Write the design again.",
        ),
        (
            b'{"format": "lithify-verilog", "version": 1}',
            "d has a wrong field, or one too many or too few: 'inputs'. Write the design again.",
        ),
        (
            b"[" * 100_000,
            "d is not JSON: maximum recursion depth exceeded while decoding a JSON array from a "
            "unicode string. Write the design again.",
        ),
    ],
)
def test_descriptions_that_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as error:
        Description.from_json(data, where="d")
    assert str(error.value) == message


PORT = {"name": "x", "signal": "x", "width": 1, "count": 1, "kind": "bit"}


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("name", "net\n!touch x", "'net\\n!touch x' is no name of a module"),
        ("name", 5, "5 is no name of a module"),
        ("file", "../net.v", "the file of net is not '../net.v'"),
        ("interface", "bus", "'bus' is no interface"),
        ("latency", -1, "every, latency, registers or interval is no natural number"),
        ("latency", "2", "every, latency, registers or interval is no natural number"),
        ("interval", 7, "a design that takes several cycles is a stream of that latency"),
        ("gates", [], "latency or gates are not those of a design"),
        ("inputs", [{**PORT, "kind": "real"}], "'x' is no port"),
        ("inputs", [{**PORT, "signal": 1}], "'x' is no port"),
        ("outputs", [{**PORT, "width": 0}], "port 'x' has 1 elements of 0"),
        ("outputs", [{**PORT, "count": 10**9}], "port 'x' has 1000000000 elements of 1"),
    ],
)
def test_descriptions_with_a_wrong_field(field: str, value: object, fault: str) -> None:
    data = json.loads(emit(tiny())[FILE])
    with pytest.raises(FormatError) as error:
        Description.from_json(json.dumps({**data, field: value}).encode(), where="d")
    assert str(error.value) == (
        f"d has a wrong field, or one too many or too few: {fault}. Write the design again."
    )


def test_temporary_files_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(WriteError) as error:
        emit(tiny())
    assert str(error.value) == (
        f"cannot write temporary files in {tmp_path / 'none'}: No such file or directory; "
        "free some space there, or name another folder in TMPDIR"
    )
