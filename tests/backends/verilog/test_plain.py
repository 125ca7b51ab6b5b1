"""Text that tools may read in more than one way is refused before anything is proved of it."""

import numpy as np
import pytest
from verilog_nets import parted_net

from lithify.backends.verilog.description import Bus, Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.plain import require_plain
from lithify.backends.verilog.readback import read_back
from lithify.ir.arithmetic import expand
from lithify.ir.errors import MismatchError

HEAD = "module m(input clk, input [1:0] x, output y);\n"
GOOD = """\
  // synopsis, not a directive; a `define and an initial value in words
  /* verilator lint_off UNUSEDSIGNAL */
  (* origin = "layers.1 \\"`x`\\" // $no" *)
  wire \\$1 ;
  wire \\a`b"//#initial ;
  reg r, initially;
  always @(posedge clk)
    if (x[0] == 1'h1) r <= (x[1] >= x[0]) ? 1'b0 : x[0];
  always @(*) initially = x[1];
  always @* begin end
  assign y = r ? x[1] : 2'd1 ;
endmodule
"""


@pytest.mark.parametrize("interface", ["comb", "pipeline", "stream"])
def test_what_is_written_here_is_plain(interface: str) -> None:
    net = expand(parted_net(np.random.default_rng(4)))
    every = 0 if interface == "comb" else 2
    require_plain(emit(net, VerilogOptions(interface=interface, every=every))["net.v"])


def test_words_in_comments_names_and_origins_are_no_tokens() -> None:
    require_plain((HEAD + GOOD).encode())


@pytest.mark.parametrize(
    ("body", "what", "said"),
    [
        ("`ifdef SYNTHESIS", "a compiler directive", "`ifdef SYNTHESIS"),
        ("`define AND |", "a compiler directive", "`define AND |"),
        ('`include "other.v"', "a compiler directive", '`include "other.v"'),
        ("// synopsys translate_off", "a comment that steers a tool", None),
        ("//synthesis translate_off", "a comment that steers a tool", None),
        ("/* pragma translate_off */", "a comment that steers a tool", None),
        ("/*verilator public*/", "a comment that steers a tool", None),
        ("/* verilator lint_off A */ //pragma x", "a comment that steers a tool", "//pragma x"),
        ("// ends in \\", "a comment that steers a tool", None),
        ("// one\rassign y = x[1];", "a comment that steers a tool", None),
        ("(* full_case *)", "an attribute", None),
        ("(* translate_off *)", "an attribute", None),
        ('wire w = "a";', "a string", '"a";'),
        ("assign y = $random;", "a system task or function", "$random;"),
        ("assign y = x[0] ? 1'bx : x[1];", "an undefined bit", "'bx : x[1];"),
        ("assign y = 2'b 1?;", "an undefined bit", "'b 1?;"),
        ("assign #1 y = x[0];", "a delay or a parameter", "#1 y = x[0];"),
        ("assign y = x[0] === x[1];", "an operator whose result can be undefined", "=== x[1];"),
        ("assign y = x[0] / x[1];", "an operator whose result can be undefined", "/ x[1];"),
        (
            "always @(x[0]) y = ^x;",
            "a sensitivity list that is neither * nor edges",
            "@(x[0]) y = ^x;",
        ),
        ("initial y = 0;", "the keyword initial", "initial y = 0;"),
        ("wor w;", "the keyword wor", "wor w;"),
        (
            "always @(posedge clk) begin r = x[0]; end",
            "a blocking assignment beside a clock",
            "= x[0]; end",
        ),
        ("wire \u00e9;", "a character that does not belong there", None),
        ("wire w;\x0c", "a character that does not belong there", "'"),
    ],
)
def test_what_is_not_plain_is_refused(body: str, what: str, said: str | None) -> None:
    with pytest.raises(MismatchError) as caught:
        require_plain(f"{HEAD}reg y, r;\n{body}\nendmodule\n".encode())
    message = str(caught.value)
    assert message.startswith(f"line 3 of the Verilog has {what}, ")
    assert message.endswith(
        ": another tool may read that otherwise than yosys, so no proof could speak of it; "
        "write it in plain Verilog"
    )
    assert (said or body.split("\r")[0].split("\u00e9")[0][5:15].strip()) in message


def test_reading_back_refuses_what_is_not_plain() -> None:
    described = Description(
        name="m", file="m.v", interface="comb", every=0, latency=0, registers=0, gates={},
        inputs=(Bus("x", "x", 1, 2, "bit"),), outputs=(Bus("y", "y", 1, 1, "bit"),),
    )  # fmt: skip
    text = "module m(input [1:0] x, output y);\nassign y = &x;\nendmodule\n"
    read_back(text.encode(), described)
    hidden = text.replace("assign", "`ifdef SIM\nassign y = |x;\n`endif\nassign")
    with pytest.raises(MismatchError, match=r"^line 2 of the Verilog has a compiler directive, "):
        read_back(hidden.encode(), described)
