"""What is read back from Verilog is the circuit, and what is not the circuit is noticed."""

import re

import numpy as np
import pytest
from verilog_nets import evaluate, parted_net, wide_tables

from lithify.backends import abc, aiger
from lithify.backends.verilog.description import Bus, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.readback import read_back
from lithify.backends.verilog.registers import read_aiger
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError, ToolFailed
from lithify.ir.generate import random_circuit
from lithify.ir.simulate import pack, random_codes, run_planes

OPTIONS = [
    VerilogOptions(),
    VerilogOptions(interface="pipeline", every=1),
    VerilogOptions(interface="pipeline", every=3, register_inputs=True, register_outputs=False),
    VerilogOptions(interface="stream", every=2),
]


def ids(options: VerilogOptions) -> str:
    return f"{options.interface}-{options.every}"


def net() -> Circuit:
    return expand(parted_net(np.random.default_rng(4))).circuit


def read(circuit: Circuit, options: VerilogOptions, old: str = "", new: str = "") -> bytes:
    """The circuit written, with one piece of text replaced, and read back."""
    made = emit(circuit, options)
    text = made[f"{options.name}.v"].decode()
    assert old in text
    changed = text.replace(old, new, 1) if old else text
    return read_back(changed.encode(), Description.from_json(made["design.json"]))


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_equal_by_simulation(options: VerilogOptions) -> None:
    rng = np.random.default_rng(5)
    circuits = [expand(random_circuit(np.random.default_rng(s), gates=60)).circuit for s in (1, 2)]
    for circuit in (*circuits, wide_tables(rng, gates=40)):
        graph = read_aiger(read(circuit, options), where="it")
        planes = pack(circuit, random_codes(circuit, 256, rng))
        signals = np.concatenate([word.signals.ravel() for word in circuit.words])
        assert np.array_equal(evaluate(graph, planes), run_planes(circuit, planes)[signals])


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_equal_by_proof(options: VerilogOptions) -> None:
    circuit = net()
    proof = abc.compare(aiger.write(circuit), read(circuit, options), time_limit=60)
    assert proof.outcome == "equal"


def test_the_symbols_are_those_of_the_circuit() -> None:
    circuit = net()
    written = read_aiger(aiger.write(circuit), where="it")
    graph = read_aiger(read(circuit, OPTIONS[1]), where="it")
    assert graph.inputs == written.inputs and graph.outputs == written.outputs
    assert (graph.inputs[4], graph.outputs[-1]) == ("x[1].1", "class.1")


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_a_changed_operator_is_refuted(options: VerilogOptions) -> None:
    circuit = net()
    text = emit(circuit, options)["net.v"].decode()
    found = re.search(r"assign layers_1_l\d+_(?:and|andn|nand|or|nor|xor)\b[^=]*=[^;]*[&|^]", text)
    assert found is not None
    changed = found[0][:-1] + ("|" if found[0][-1] == "&" else "&")
    proof = abc.compare(
        aiger.write(circuit), read(circuit, options, found[0], changed), time_limit=60
    )
    assert proof.outcome == "different"


LOOP = (
    "the Verilog read back has registers in a loop before y, "
    "or the clock or the handshake decides what it is"
)
HEAD = "module m(input clk, input en, input [1:0] x, output y);\n"


def described(**changes: object) -> Description:
    """A pipeline of one row with inputs x and output y, in the module m."""
    fields = dict(
        name="m", file="m.v", interface="pipeline", every=1, latency=1, registers=1, gates={},
        inputs=(Bus("x", "x", 1, 2, "bit"),), outputs=(Bus("y", "y", 1, 1, "bit"),),
    )  # fmt: skip
    return Description(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_register_becomes_a_wire() -> None:
    body = "reg r; always @(posedge clk) if (en) r <= x[0] & x[1]; assign y = r; endmodule"
    graph = read_aiger(read_back((HEAD + body).encode(), described()), where="it")
    assert (graph.inputs, graph.outputs, len(graph.registers)) == (("x[0]", "x[1]"), ("y",), 0)
    assert graph.gates.tolist() == [[4, 2]] and graph.output_literals.tolist() == [6]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "reg r; always @(posedge clk) r <= x[0] & x[1]; assign y = r; endmodule",
            "the Verilog read back has 1 registers that change while en=0; "
            "all of them have to stand still",
        ),
        (
            "reg r, s; always @(posedge clk) if (en) begin r <= x[0] & x[1]; s <= r; end "
            "assign y = s; endmodule",
            "output y of the Verilog read back comes 2 cycles after its inputs; the latency is 1",
        ),
        (
            "assign y = ^x & en; endmodule",
            "output y of the Verilog read back comes 0 cycles after its inputs; the latency is 1",
        ),
        (
            "reg r; always @(posedge clk) if (en) r <= x[0]; assign y = r & x[1]; endmodule",
            "output y of the Verilog read back mixes inputs of different clock cycles",
        ),
        (
            "reg r; always @(posedge clk) if (en) r <= r ^ x[0] ^ x[1]; assign y = r; endmodule",
            LOOP,
        ),
        ("reg r; always @(posedge clk) if (en) r <= ^x; assign y = r ^ clk; endmodule", LOOP),
    ],
)
def test_pipelines_that_are_none(body: str, message: str) -> None:
    with pytest.raises(MismatchError) as error:
        read_back((HEAD + body).encode(), described())
    assert str(error.value) == message


STREAM = """\
module m(input clk, input rst, input in_valid, input out_ready, input [1:0] x,
         output in_ready, output out_valid, output y);
  reg full, r;
  wire moves = ~full | out_ready;
  wire a = ^x;
  always @(posedge clk) full <= rst ? 1'b0 : moves ? in_valid : full;
  always @(posedge clk) if (moves) r <= a;
  assign in_ready = moves;
  assign out_valid = full;
  assign y = r;
endmodule
"""


def read_stream(old: str = "^x", new: str = "^x") -> bytes:
    """A stream of one row, with some text replaced, read back."""
    assert old in STREAM
    return read_back(STREAM.replace(old, new).encode(), described(interface="stream"))


def test_a_stream_becomes_a_wire() -> None:
    graph = read_aiger(read_stream(), where="it")
    assert (graph.inputs, graph.outputs, len(graph.registers)) == (("x[0]", "x[1]"), ("y",), 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("y = r", "y = r ^ ~in_valid", LOOP),
        ("y = r", "y = r ^ clk", LOOP),
        ("a = ^x", "a = in_valid & ^x", LOOP),
        ("y = r", "y = r ^ ~out_ready", LOOP),
        ("a = ^x", "a = out_ready ? ^x : &x", LOOP),
        ("a = ^x", "a = full ? ^x : &x", LOOP),
        ("if (moves) r", "if (moves & in_valid) r", LOOP),
        (
            "in_ready = moves",
            "in_ready = 1",
            "output in_ready of the Verilog read back is not 0 while the pipeline stands still",
        ),
        (
            "in_ready = moves",
            "in_ready = moves & in_valid",
            LOOP.replace("before y", "before in_ready"),
        ),
        (
            "in_ready = moves",
            "in_ready = 0",
            "output in_ready of the Verilog read back is not 1 while the pipeline moves",
        ),
        (
            "moves ? in_valid : full",
            "moves ? ~in_valid : full",
            "output out_valid of the Verilog read back is not in_valid of 1 moves ago",
        ),
        (
            "out_valid = full",
            "out_valid = full & r",
            "output out_valid of the Verilog read back is no register",
        ),
        ("out_valid", "valid", "the Verilog read back has no output out_valid"),
        (
            "rst ? 1'b0 : moves",
            "moves",
            "rst does not set every register before out_valid of the Verilog read back",
        ),
        (
            "rst ? 1'b0 : moves",
            "rst ? 1'b1 : moves",
            "output out_valid of the Verilog read back can be 1 after a reset, before anything "
            "came in",
        ),
    ],
)
def test_streams_that_are_none(old: str, new: str, message: str) -> None:
    with pytest.raises(MismatchError) as error:
        read_stream(old, new)
    assert str(error.value) == message


LATE = """\
module m(input clk, input rst, input in_valid, input out_ready, input [1:0] x,
         output in_ready, output out_valid, output y);
  reg [1:0] full, r;
  wire moves = ~full[1] | out_ready;
  always @(posedge clk) full <= rst ? 2'b00 : moves ? {full[0], in_valid} : full;
  always @(posedge clk) if (moves) r <= {r[0], ^x};
  assign in_ready = moves;
  assign out_valid = full[1];
  assign y = r[1];
endmodule
"""


@pytest.mark.parametrize(
    ("reset", "message"),
    [
        ("2'b00", ""),
        (
            "2'b01",
            "output out_valid of the Verilog read back can be 1 after a reset, before "
            "anything came in",
        ),
        (
            "{full[0], 1'b0}",
            "rst does not set every register before out_valid of the Verilog read back",
        ),
    ],
)
def test_a_reset_empties_every_stage(reset: str, message: str) -> None:
    text = LATE.replace("2'b00", reset).encode()
    described_so = described(interface="stream", latency=2)
    if not message:
        read_back(text, described_so)
        return
    with pytest.raises(MismatchError) as error:
        read_back(text, described_so)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "body",
    [
        "reg r; always @(negedge clk) if (en) r <= ^x; assign y = r; endmodule",
        "reg r; always @(posedge x[1]) if (en) r <= x[0]; assign y = r; endmodule",
        "wire c = clk & x[1]; reg r; always @(posedge c) if (en) r <= x[0]; "
        "assign y = r; endmodule",
        "reg r; always @* if (en) r = ^x; assign y = r; endmodule",
        "reg r; always @(posedge clk or posedge x[1]) if (x[1]) r <= 0; else if (en) r <= x[0]; "
        "assign y = r; endmodule",
        "reg m [0:1]; always @(posedge clk) if (en) m[x[0]] <= x[1]; assign y = m[0]; endmodule",
    ],
    ids=["falling", "data", "gated", "latch", "asynchronous", "memory"],
)
def test_registers_of_another_clock(body: str) -> None:
    with pytest.raises(MismatchError) as error:
        read_back((HEAD + body).encode(), described())
    assert str(error.value) == (
        "the Verilog read back has a memory, a latch, or a register that something else "
        "than the rising edge of clk changes"
    )


def test_a_port_too_few() -> None:
    body = "reg r; always @(posedge clk) if (en) r <= ^x; assign y = r; endmodule"
    with pytest.raises(MismatchError) as error:
        read_back((HEAD + body).encode(), described(outputs=(Bus("z", "z", 1, 1, "bit"),)))
    assert str(error.value) == "the Verilog read back has no port bit z"


def test_a_port_too_many() -> None:
    body = "assign y = x[0] & x[1] & w; endmodule"
    head = "module m(input [1:0] x, input w, output y);\n"
    with pytest.raises(MismatchError) as error:
        read_back((head + body).encode(), described(interface="comb", latency=0))
    assert str(error.value) == "the Verilog read back has an input w that it should not"


def test_broken_verilog() -> None:
    with pytest.raises(ToolFailed) as error:
        read_back(b"module m(; endmodule\n", described())
    assert str(error.value).startswith("yosys failed with exit code 1. Command, run in ")
    assert "syntax error" in str(error.value)


def test_a_clock_where_there_is_none() -> None:
    body = "assign y = ^x & ~clk; endmodule"
    head = "module m(input clk, input [1:0] x, output y);\n"
    with pytest.raises(MismatchError) as error:
        read_back((head + body).encode(), described(interface="comb", latency=0))
    assert str(error.value) == "the Verilog read back has an input clk that it should not"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"aag 0 0 0 0 0\n", "it is not a binary AIGER file"),
        (b"aig 3 2 0 1 1\n6\n\x02", "it ends in the middle of its gates"),
    ],
)
def test_files_that_are_no_graph(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as error:
        read_aiger(data, where="it")
    assert str(error.value) == message
