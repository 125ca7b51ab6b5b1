"""Block RAMs and tables of a folded design on real chips: proved, and refuted for one wrong bit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lithify.backends.fpga.core_cells import core_alone, core_ports, table_module, without_core
from lithify.backends.fpga.synthesis import synthesise
from lithify.backends.fpga.targets import Board, board
from lithify.backends.fpga.top import Sources, sources
from lithify.compiler.mapping import map_cells
from lithify.compiler.proof.board import prove_folded_cells
from lithify.compiler.proof.verdict import NotProved, Proved
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError

CYCLES = 600
PLACES = {"icestick": "SB_RAM40_4K", "ulx3s-12f": "DP16KD"}


def net(count: int = 40) -> Circuit:
    """Two classes over integers, as tables of four inputs."""
    b = Builder()
    x = b.input("x", width=3, count=count, low=0, high=6)
    bits = [b.threshold(3, row, [1, 2, 4]) for row in x]
    gates = [b.xor(p, q) for p, q in zip(bits, [*bits[1:], bits[0]], strict=True)]
    b.score("even", gates[::2])
    b.score("odd", gates[1::2], bias=1)
    return map_cells(b.finish(readout="argmax"), inputs=4).circuit


NET = net()


@pytest.fixture(scope="module", params=PLACES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Board, Sources, Path]:
    """The cells of a board, in a folder."""
    target, folder = board(request.param), tmp_path_factory.mktemp("cells")
    source = sources(NET, target, every=0, baud=115200, cells=True, cycles=CYCLES)
    (folder / "top.il").write_text(source.rtlil)
    synthesise(folder, target.family)
    return target, source, folder


def module_of(folder: Path) -> dict[str, Any]:
    module: dict[str, Any] = json.loads((folder / "top.json").read_text())["modules"]["top"]
    return module


def changed(folder: Path, place: Path, module: Mapping[str, Any]) -> Path:
    """A folder with the same design and other cells."""
    (place / "top.il").write_bytes((folder / "top.il").read_bytes())
    (place / "top.json").write_text(json.dumps({"modules": {"top": module}}))
    return place


def flipped(module: dict[str, Any], beginning: str, kind: str, parameter: str) -> None:
    """The lowest 1 of the first such cell that has one becomes 0."""
    for name, cell in module["cells"].items():
        bits = str(cell["parameters"].get(parameter, ""))
        if name.startswith(beginning) and cell["type"] == kind and "1" in bits:
            at = bits.rindex("1")
            cell["parameters"][parameter] = f"{bits[:at]}0{bits[at + 1 :]}"
            return
    raise AssertionError(f"no {kind} of {beginning} has a bit in {parameter}")


def test_tables_and_block_rams_are_proved(made: tuple[Board, Sources, Path]) -> None:
    target, source, folder = made
    cells = module_of(folder)["cells"].values()
    assert any(cell["type"] == PLACES[target.name] for cell in cells)
    verdict = prove_folded_cells(NET, source.core, folder, target.family)
    assert isinstance(verdict, Proved) and verdict.pairs > 100
    assert verdict.method.endswith("and the core's cells run cycle by cycle")


def test_a_bit_of_a_block_ram_or_of_a_table_is_noticed(
    made: tuple[Board, Sources, Path], tmp_path: Path
) -> None:
    target, source, folder = made
    table = ("SB_LUT4", "LUT_INIT") if target.name == "icestick" else ("LUT4", "INIT")
    memory = ("SB_RAM40_4K", "INIT_0") if target.name == "icestick" else ("DP16KD", "INITVAL_00")
    for beginning, (kind, parameter) in (
        ("shell.core.steps", memory),
        ("shell.core.chosen", table),
        ("shell.sender", table),
    ):
        module = module_of(folder)
        flipped(module, beginning, kind, parameter)
        other = changed(folder, tmp_path, module)
        try:
            verdict = prove_folded_cells(NET, source.core, other, target.family)
        except MismatchError as error:
            assert "differ" in str(error)
        else:
            assert isinstance(verdict, NotProved) and "the Verilog read back" in verdict.reason


def test_what_is_not_known_is_not_proved(made: tuple[Board, Sources, Path], tmp_path: Path) -> None:
    target, source, folder = made
    without = replace(target.family, models=None)
    verdict = prove_folded_cells(NET, source.core, folder, without)
    assert isinstance(verdict, NotProved)
    assert verdict.reason == f"nothing says what {PLACES[target.name]} and its like do"
    ports, module = core_ports(folder, source.core), module_of(folder)
    del module["netnames"]["shell.core.in_valid"]
    with pytest.raises(FormatError) as caught:
        without_core(module, ports)
    assert str(caught.value) == "the netlist has lost the port in_valid of the folded core"
    if target.name == "ulx3s-12f":
        module = module_of(folder)
        name = next(n for n, cell in module["cells"].items() if cell["type"] == "DP16KD")
        module["cells"][name]["connections"]["RSTA"] = ["1"]
        with pytest.raises(FormatError) as caught:
            core_alone(module, ports, target.family)
        assert str(caught.value) == f"{name} uses the pin RSTA, of which its model knows nothing"


def test_a_table_is_a_tree_of_choices() -> None:
    text = table_module("LUT4", "Z", "A B C D", "INIT")
    assert text.count("lithify_choice level") == 15
    assert ".A(level0[0]), .B(level0[8]), .S(D), .Y(level1[0])" in text
    assert ".A(level3[0]), .B(level3[1]), .S(A), .Y(level4[0])" in text
