"""What yosys made for a board, in the cells of the chip, answers over its serial pins."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyosys
import pytest

from lithify.backends.fpga.synthesis import synthesise
from lithify.backends.fpga.targets import board
from lithify.backends.fpga.top import sources
from lithify.backends.toolchain import run
from lithify.backends.verilog.frames import Layout
from lithify.backends.verilog.verilate import build_simulator
from lithify.compiler.board_cells import board_cells
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

CELLS = Path(pyosys.__file__).parent / "share" / "ice40" / "cells_sim.v"

SCRIPT = """\
read_json top.json
techmap -map pins.v
clean
delete =A:blackbox =A:whitebox
write_verilog -noattr netlist.v
"""

# The library's own models of pins have tristates, which Verilator does not simulate.
PORTS = """inout PACKAGE_PIN, output D_IN_0, D_IN_1, GLOBAL_BUFFER_OUTPUT,
  input LATCH_INPUT_VALUE, CLOCK_ENABLE, INPUT_CLK, OUTPUT_CLK, OUTPUT_ENABLE, D_OUT_0, D_OUT_1"""
PARAMETERS = """parameter [5:0] PIN_TYPE = 0; parameter [0:0] PULLUP = 0;
  parameter [0:0] NEG_TRIGGER = 0; parameter IO_STANDARD = "";"""
PINS = f"""\
module SB_IO({PORTS}); {PARAMETERS}
  generate
    if (PIN_TYPE[5:2] == 0) assign D_IN_0 = PACKAGE_PIN; else assign PACKAGE_PIN = D_OUT_0;
  endgenerate
endmodule
module SB_GB_IO({PORTS}); {PARAMETERS}
  assign GLOBAL_BUFFER_OUTPUT = PACKAGE_PIN;
endmodule
"""

BOARD = b"""\
module board(input clk, input rst, input rx, output tx);
  wire clk_pin = clk;
  wire rx_pin = rx;
  top top(.clk12_0__io(clk_pin), .uart_0__rx__io(rx_pin), .uart_0__tx__io(tx));
endmodule
"""


def classifier() -> Circuit:
    """Three classes over 24 integers."""
    b = Builder()
    x = b.input("x", width=4, count=24, low=0, high=12)
    with b.origin("encoder", "encoder"):
        bits = [b.threshold(bound, row, [1, 2, 4, 8]) for row in x for bound in (4, 8)]
    with b.origin("layers.0", "core"):
        gates = [b.xor(p, q) for p, q in zip(bits, [*bits[3:], *bits[:3]], strict=True)]
    with b.origin("head", "head"):
        b.score("a", gates[:16])
        b.score("b", gates[16:32], bias=-1)
        b.score("c", gates[32:] + bits[:2])
    return b.finish(readout="argmax")


def write_job(folder: Path, circuit: Circuit, layout: Layout) -> None:
    """What the benches of the serial line are to ask, and the answers."""
    codes = simulate.random_codes(circuit, 12, np.random.default_rng(0))
    answers = simulate.run(circuit, codes)
    np.savez(
        folder / "samples.npz",
        codes=codes,
        expected_0=answers.scores,
        expected_1=answers.classes[:, None],
    )
    job = {
        "cycles": 4,
        "warm_up": 400,  # The board's own reset ends 180 cycles after the chip has started.
        "line": "uart",
        "seed": 1,
        "inputs": [asdict(port) for port in layout.inputs],
        "outputs": [asdict(port) for port in layout.outputs],
    }
    (folder / "shell.json").write_text(json.dumps(job))


@pytest.mark.parametrize("kind", ["rows", "chains", "folded"])
def test_the_netlist_of_a_board_answers_over_its_pins(kind: str, tmp_path: Path) -> None:
    circuit, target = classifier(), board("icebreaker")
    chains = kind == "chains"
    made = board_cells(circuit, chains=chains, folded=kind == "folded")
    top = sources(
        made.cells.circuit,
        target,
        every=2 if kind == "rows" else 0,
        baud=3_000_000,
        cells=True,
        arriving=made.arriving,
        cycles=100 if kind == "folded" else 0,
    )
    (tmp_path / "top.il").write_text(top.rtlil)
    parts = synthesise(tmp_path, target.family, chains=chains)
    assert (parts["head"].carries > 0) == chains
    assert (parts["core"].block_rams > 0) == (kind == "folded")
    netlist = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"]
    kinds = [cell["type"] for cell in netlist.values()]
    assert kinds.count("SB_CARRY") == sum(part.carries for part in parts.values())
    assert kinds.count("SB_LUT4") == sum(part.luts for part in parts.values())
    (tmp_path / "pins.v").write_text(PINS)
    (tmp_path / "netlist.ys").write_text(SCRIPT)
    run("yosys", ["-s", "netlist.ys"], cwd=tmp_path, timeout_s=300)
    cells = b"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n" + CELLS.read_bytes()
    texts = {"netlist.v": (tmp_path / "netlist.v").read_bytes(), "cells.v": cells, "board.v": BOARD}
    folder = tmp_path / "simulation"
    ports = ["clk", "rst", "rx", "tx"]
    simulator = build_simulator(texts, top="board", folder=folder, ports=ports)

    write_job(folder, circuit, top.layout)
    done = simulator.run_bench(
        "lithify.hw_tests.benches.shell",
        environment={
            "LITHIFY_SHELL": str(folder),
            "COCOTB_TEST_FILTER": "every_sample|damaged_frames",
        },
    )
    assert done.ok and "PASS=2 FAIL=0 SKIP=0" in done.output, done.output[-3000:]
