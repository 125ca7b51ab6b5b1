"""Logic of netlists: sharing, tables, loops, and cells read from JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lithify.backends.fpga.cell_netlist import CellNetlist, read_netlist
from lithify.backends.fpga.logic import Logic, resolve
from lithify.ir.errors import FormatError


def test_equal_gates_are_shared_and_constants_folded() -> None:
    logic = Logic(["a", "b"])
    a, b = logic.leaves["a"], logic.leaves["b"]
    assert logic.both(a, b) == logic.both(b, a)
    assert [logic.both(a, a ^ 1), logic.both(a, 0), logic.both(1, b), logic.both(a, a)] == [
        0,
        0,
        b,
        a,
    ]
    assert logic.choose(a, b, b) == b
    assert len(logic.graph({}).gates) == 1


@pytest.mark.parametrize("seed", range(5))
def test_tables_and_majorities_mean_what_they_say(seed: int) -> None:
    names = ["a", "b", "c", "d"]
    logic = Logic(names)
    pins = [logic.leaves[name] for name in names]
    bits = int(np.random.default_rng(seed).integers(1 << 16))
    table, majority = logic.table(bits, pins), logic.majority(*pins[:3])
    for pattern in range(16):
        digits = [pattern >> i & 1 for i in range(4)]
        value = logic.values(dict(zip(names, digits, strict=True)))
        assert value(table) == bits >> pattern & 1
        assert value(majority) == (sum(digits[:3]) > 1)


def test_deep_nets_are_no_trouble_and_loops_are_found() -> None:
    assert resolve(0, {100_000: 7}, lambda n: [n + 1], lambda n: 7) == 7  # type: ignore[operator]
    with pytest.raises(RecursionError):
        resolve("a", {}, lambda n: ["b"] if n == "a" else ["a"], lambda n: 0)


def module(**cells: dict[str, Any]) -> dict[str, Any]:
    """A top with the inputs a, b at 2, 3, a pin for the output 9, and the register r at 4."""
    pins = {
        "pin_a": {"type": "SB_IO", "connections": {"PACKAGE_PIN": [12], "D_IN_0": [2]}},
        "pin_y": {"type": "SB_IO", "connections": {"PACKAGE_PIN": [19], "D_OUT_0": [9]}},
        "clock": {
            "type": "SB_GB_IO",
            "connections": {"PACKAGE_PIN": [15], "GLOBAL_BUFFER_OUTPUT": [5]},
        },
    }
    names = {"r": {"bits": [4], "attributes": {"init": "1"}}, "w": {"bits": [9, 2], "offset": 3}}
    ports = {"a": {"bits": [12]}, "y": {"bits": [19]}, "clk": {"bits": [15]}}
    return {"ports": ports, "cells": {**pins, **cells}, "netnames": names}


def flip_flop(kind: str, **more: list[Any]) -> dict[str, Any]:
    return {"type": kind, "connections": {"C": [5], "D": [2], "Q": [4], **more}}


def test_a_netlist_is_read_as_one_step_of_a_machine() -> None:
    table = {
        "type": "SB_LUT4",
        "parameters": {"LUT_INIT": "0000000000001000"},
        "connections": {"I0": [2], "I1": [4], "I2": [], "I3": ["0"], "O": [9]},
    }
    netlist = CellNetlist(module(t=table, f=flip_flop("SB_DFFESS", E=[9], S=["0"])), "it")
    assert netlist.starts == {"r": 1} and netlist.bits == {"r": 4, "w[3]": 9, "w[4]": 2}
    logic = Logic(["a", "r"])
    held: dict[int | str, int] = {2: logic.leaves["a"], 4: logic.leaves["r"]}
    machine = netlist.machine(logic, held)
    assert machine.clocks == {"r": 5} and [*machine.nexts] == ["r"]
    for pattern in range(4):
        a, r = pattern & 1, pattern >> 1
        value = logic.values({"a": a, "r": r})
        assert value(machine.outputs["y"]) == a & r
        assert value(machine.nexts["r"]) == (a if a & r else r)


def test_resets_and_sets_go_behind_the_enable() -> None:
    for kind, pin, wanted in (("SB_DFFSR", "R", 0), ("SB_DFFSS", "S", 1)):
        netlist = CellNetlist(module(f=flip_flop(kind, **{pin: ["1"]})), "it")
        logic = Logic(["a", "r"])
        one = netlist.flip_flops[0]
        literals: dict[int | str, int] = {2: 2, 4: 4, "0": 0, "1": 1}
        assert one.next_bit(logic, literals.__getitem__) == wanted


def gowin(kind: str, pin: str) -> dict[str, Any]:
    pins = {"CLK": [5], "D": [2], "Q": [4], "CE": ["0"], pin: ["1"]}
    return {"type": kind, "connections": pins}


def trellis(mode: str, reset: list[Any]) -> dict[str, Any]:
    pins = {"CLK": [5], "DI": [2], "Q": [4], "CE": ["0"], "LSR": reset}
    said = {"CEMUX": "CE", "REGSET": "SET", "SRMODE": mode, "CLKMUX": "CLK ", "LSRMUX": "LSR"}
    return {"type": "TRELLIS_FF", "parameters": said, "connections": pins}


def test_resets_of_other_families_go_before_the_enable() -> None:
    for cell, wanted in (
        (gowin("DFFRE", "RESET"), 0),
        (gowin("DFFSE", "SET"), 1),
        (trellis("LSR_OVER_CE", ["1"]), 1),
    ):
        (one,) = CellNetlist(module(f=cell), "it").flip_flops
        literals: dict[int | str, int] = {2: 2, 4: 4, "0": 0, "1": 1}
        assert one.next_bit(Logic(["a", "r"]), literals.__getitem__) == wanted
        assert one.does.start == wanted
    for strange in (gowin("DFFNC", "CLEAR"), {**trellis("x", [2]), "parameters": {"CEMUX": "INV"}}):
        with pytest.raises(FormatError, match="reset without the clock, is not read as logic"):
            CellNetlist(module(f=strange), "it")


def test_tables_constants_and_pads_of_other_families() -> None:
    def cell(kind: str, init: str = "", **pins: Any) -> dict[str, Any]:
        bits = {pin: [bit] for pin, bit in pins.items()}
        return {"type": kind, "parameters": {"INIT": init}, "connections": bits}

    made = {
        "t": cell("LUT4", "0000000000001000", A=2, B=30, C="0", D="0", Z=31),
        "g": cell("LUT2", "0110", I0=31, I1=32, F=9),
        "v": cell("VCC", V=30),
        "off": cell("TBUF", I=9, OEN="1", O=40),
        "reset": {**trellis("ASYNC", ["0"]), "connections": {}},
        "other": cell("FD1S3AX"),
    }
    content = module(**made, zero=cell("GND", G=32))
    content["ports"]["z"] = {"bits": [40]}
    netlist, logic = CellNetlist(content, "it"), Logic(["a"])
    machine = netlist.machine(logic, {2: logic.leaves["a"]})
    assert machine.outputs == {"y": logic.leaves["a"], "z": logic.leaves["a"], "z off": 1}
    assert not netlist.flip_flops


def test_what_is_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        CellNetlist(module(ram={"type": "SB_RAM40_4K", "connections": {}}), "top.json")
    assert str(caught.value) == "top.json: cell ram is a SB_RAM40_4K, which is not read as logic"
    for kind in ("SB_DFFN", "SB_DFFR", "SB_DFFES"):
        with pytest.raises(FormatError) as caught:
            CellNetlist(module(f=flip_flop(kind)), "top.json")
        assert str(caught.value) == (
            f"top.json: a flip-flop of the kind {kind}, clocked by the falling edge or reset "
            "without the clock, is not read as logic"
        )
    with pytest.raises(FormatError) as caught:
        CellNetlist(module(), "top.json").values(Logic([]), {})(9)
    assert str(caught.value) == "top.json: nothing drives w[3]"
    path = tmp_path / "top.json"
    path.write_text(json.dumps({"modules": {"other": module()}}))
    with pytest.raises(FormatError) as caught:
        read_netlist(path)
    assert str(caught.value) == f"{path} has no module top"
