"""Folded Verilog is run symbolically: what it computes is the circuit, and faults are noticed."""

import json
import re
from functools import cache

import numpy as np
import pytest
from numba import types
from numba.typed import Dict
from numpy.typing import NDArray
from verilog_nets import parted_net

from lithify.backends.artifacts import Artifacts
from lithify.backends.verilog.description import Description
from lithify.backends.verilog.emit import VerilogOptions, emit
from lithify.backends.verilog.folding import FANINS, fold
from lithify.backends.verilog.machine import CHOICE, UNDEFINED, Machine, read_machine
from lithify.backends.verilog.plain import require_plain
from lithify.backends.verilog.unfold import Unfolding, _and
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


def test_gates_are_simplified_to_the_same_function() -> None:
    rng = np.random.default_rng(5)
    inputs, first = 4, 5
    patterns = np.arange(1 << inputs)
    columns = [np.zeros(1 << inputs, np.bool_), *(patterns >> i & 1 == 1 for i in range(inputs))]
    for _ in range(40):
        known, gates = Dict.empty(types.int64, types.int64), np.zeros((400, 2), np.int64)
        planes, used = list(columns), 0
        made = list(range(2, 2 * first))
        for _ in range(60):
            a, b = (int(one) for one in rng.choice(made, 2))
            literal = _and(a, b, known, gates, used, first)
            if literal >> 1 == first + used:
                p, q = gates[used].tolist()
                planes.append(plane(planes, p) & plane(planes, q))
                used += 1
            assert np.array_equal(plane(planes, literal), plane(planes, a) & plane(planes, b))
            made += [literal, literal ^ 1]
        assert used < 60  # some needed no gate


def plane(planes: list[NDArray[np.bool_]], literal: int) -> NDArray[np.bool_]:
    return planes[literal >> 1] ^ bool(literal & 1)


def test_what_is_not_known_stays_so() -> None:
    known, gates = Dict.empty(types.int64, types.int64), np.zeros((4, 2), np.int64)
    assert _and(UNDEFINED, 0, known, gates, 0, 3) == 0
    for a, b in ((UNDEFINED, 4), (4, UNDEFINED), (UNDEFINED, 1)):
        assert _and(a, b, known, gates, 0, 3) == UNDEFINED


def choosing(clock: int | str = 2) -> Machine:
    """A register that takes what is chosen between 1 and its own bit by an input."""
    bits = {"clk": 2, "s": 3, "y": 4}
    module = {
        "ports": {
            name: {"direction": "output" if name == "y" else "input", "bits": [bit]}
            for name, bit in bits.items()
        },
        "netnames": {},
        "cells": {
            "register": {"type": "$_DFF_P_", "connections": {"C": [clock], "D": [5], "Q": [4]}},
            "choice": {
                "type": CHOICE,
                "connections": {"A": [4], "B": ["1"], "S": [3], "Y": [5]},
            },
        },
    }
    return read_machine(json.dumps({"modules": {"m": module}}).encode(), "m", "clk")


def test_a_choice_knows_what_it_can() -> None:
    run = Unfolding(choosing(), ["s"], ["y"])
    contents = np.empty(0, np.int64)
    for state, given, after in (
        (0, {"s": 0}, 0),
        (0, {"s": 1}, 1),
        (1, {}, 1),  # whatever is chosen
        (0, {}, UNDEFINED),
        (UNDEFINED, {"s": 1}, 1),
        (UNDEFINED, {"s": 0}, UNDEFINED),
        (0, {"s": 2}, 2),  # the sample's own bit
    ):
        _, registers = run.cycle(np.array([state], np.int64), contents, given)
        assert registers.tolist() == [after], (state, given)


def test_a_register_without_a_clock_stays_as_it_is() -> None:
    run = Unfolding(choosing("0"), ["s"], ["y"])
    _, registers = run.cycle(np.array([0], np.int64), np.empty(0, np.int64), {"s": 1})
    assert registers.tolist() == [0]
    with pytest.raises(MismatchError, match="something else than the rising edge of clk"):
        choosing(3)
