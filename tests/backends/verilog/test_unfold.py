"""Folded Verilog is run symbolically: what it computes is the circuit, and faults are noticed."""

import re
from functools import cache

import numpy as np
import pytest
from verilog_nets import parted_net

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.description import Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.folding import FANINS, fold
from lithify.backends.verilog.plain import require_plain
from lithify.compiler.mapping import map_cells
from lithify.compiler.proof.readback import prove_verilog
from lithify.compiler.proof.verdict import Proved, Refuted, Verdict
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError, MismatchError


@cache
def net() -> Circuit:
    return map_cells(parted_net(np.random.default_rng(4)), inputs=FANINS).circuit


@cache
def made(cycles: int = 150) -> Artifacts:
    return emit(net(), VerilogOptions(interface="stream", cycles=cycles))


def proved(old: str = "", new: str = "") -> Verdict:
    """What is found of the folded net, one piece of its text replaced."""
    text, described = made()["net.v"].decode(), Description.from_json(made()["design.json"])
    changed, count = re.subn(old, new, text, count=1) if old else (text, 1)
    assert count
    return prove_verilog(net(), changed.encode(), described)


def test_the_folded_net_is_proved() -> None:
    verdict = proved()
    assert isinstance(verdict, Proved)
    assert verdict.method == "gate-by-gate matching"


def test_it_is_plain_and_says_what_it_is() -> None:
    described = Description.from_json(made()["design.json"])
    require_plain(made()["net.v"])
    assert described.folded and described.interval == described.latency <= 150
    assert emit(net(), VerilogOptions(interface="stream", cycles=150)) == made()
    assert f"latency {described.latency}" in made()["net.v"].decode()


def test_a_bit_of_a_table_that_is_another_is_refuted() -> None:
    word = re.search(r"steps\[11\] = \d+'h([0-9a-f]+);", made()["net.v"].decode())
    assert word
    # The tables are highest, the first lane's the lowest of them.
    at = 4 * fold(net(), 150).lanes - 1
    other = f"{word[1][:at]}{'1' if word[1][at] != '1' else '2'}{word[1][at + 1 :]}"
    assert isinstance(proved(re.escape(word[0]), word[0].replace(word[1], other)), Refuted)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"posedge clk", "negedge clk", "something else than the rising edge of clk"),
        (r"out_valid <= \S+", "out_valid <= 1'h1", "is not . while it waits for a sample"),
        (
            r"assign in_ready = [^;]+",
            "assign in_ready = 1'h1 ",
            "is not 0 while a sample is worked",
        ),
    ],
)
def test_another_control_is_noticed(old: str, new: str, said: str) -> None:
    with pytest.raises(MismatchError, match=said):
        proved(old, new)


def test_another_latency_is_noticed() -> None:
    data = made()["design.json"].decode()
    latency = Description.from_json(made()["design.json"]).latency
    other = Description.from_json(data.replace(str(latency), str(latency + 1)).encode())
    with pytest.raises(
        MismatchError, match="output in_ready .* is not 0 while a sample is worked on"
    ):
        prove_verilog(net(), made()["net.v"], other)


def test_memories_of_an_initial_block_are_plain_and_nothing_else_of_it() -> None:
    text = "module m;\n  reg [1:0] a [1:0];\n  initial begin\n    a[0] = 2'h1;\n    {}\n  end\n"
    require_plain(text.format("a[1] = 2'd3;").encode())
    for other in ("b[1] = 2'h3;", "a[1] = 2'hx;", "a[1] = a[0];", "#1 a[1] = 2'h3;"):
        with pytest.raises(MismatchError):
            require_plain(text.format(other).encode())


def test_options_that_do_not_go_with_folding() -> None:
    with pytest.raises(InputError, match="a folded design is a stream"):
        VerilogOptions(interface="pipeline", cycles=100)
    with pytest.raises(InputError, match="cycles=-1"):
        VerilogOptions(interface="stream", cycles=-1)
