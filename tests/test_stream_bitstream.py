"""The design that the benchmark of streams builds: every bit of the ports has a pin of its own."""

import re

import numpy as np
from verilog_nets import parted_net

from benchmarks.stream_bitstream import IN, OUT, sources
from lithify.backends.fpga.targets import board
from lithify.compiler.mapping.clocked import map_clocked


def test_every_bit_has_a_pin_of_its_own() -> None:
    target = board("hx8k-evn")
    circuit = map_clocked(parted_net(np.random.default_rng(2))).circuit
    text, constraints, shell = sources(circuit, target, 2)
    pins = dict(re.findall(r"^set_io (\S+) (\S+)", constraints, re.MULTILINE))
    assert len(set(pins.values())) == len(pins)
    bits = sum(len(getattr(shell, name)) for name in (*IN, *OUT))
    assert sum(name.startswith("d_") for name in pins) == bits == 11 + 12
    assert set(pins.values()) & {"J3"} == {pins["clk12_0__io"]}
    assert "module \\top.shell.gather\n" in text and "\nmodule \\cells." in text
