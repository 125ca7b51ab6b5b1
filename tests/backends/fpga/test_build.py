"""Bitstreams of small nets, made by the real tools."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from lithify.backends.fpga.bitstream import read_bitstream
from lithify.backends.fpga.build import BuildResult, build
from lithify.backends.fpga.families import FAMILIES
from lithify.backends.fpga.synthesis import Cells, cells_by_part
from lithify.backends.fpga.targets import board, boards, devices
from lithify.backends.fpga.top import part_of, sources
from lithify.compiler.mapping import map_cells
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, MappingError, TargetError, WriteError


def tiny(count: int = 6) -> Circuit:
    """Two classes over a few integers: thresholds, gates and scores."""
    b = Builder()
    x = b.input("x", width=3, count=count, low=0, high=6)
    with b.origin("encoder", "encoder"):
        bits = [b.threshold(3, row, [1, 2, 4]) for row in x]
    with b.origin("layers.0", "core"):
        gates = [b.xor(p, q) for p, q in zip(bits, [*bits[1:], bits[0]], strict=True)]
        gates += [b.and_(p, q) for p, q in zip(gates, bits, strict=True)]
    with b.origin("head", "head"):
        b.score("even", gates[:count])
        b.score("odd", gates[count:], bias=1)
    return b.finish(readout="argmax")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildResult, list[str]]:
    said: list[str] = []
    folder = tmp_path_factory.mktemp("icestick")
    return build(
        tiny(), "icestick", folder / "fpga", seeds=(1, 2), alone=(1, 2, 3), progress=said.append
    ), said


def test_a_bitstream_for_the_board_is_made(built: tuple[BuildResult, list[str]]) -> None:
    result, said = built
    device = read_bitstream(result.bitstream).device(devices())
    assert device is not None and device.name == "ice40-hx1k"
    assert said == [
        "writing the design for yosys",
        "synthesising for the Lattice iCE40-HX1K",
        "placing and routing, seed 1",
        "placing and routing, seed 2",
        "packing the bitstream",
        "synthesising the net alone",
        *(f"the net alone: placing and routing, seed {seed}" for seed in (1, 2, 3)),
    ]


def test_the_result_says_what_was_found(built: tuple[BuildResult, list[str]]) -> None:
    result, _ = built
    assert result.meets_clock and result.fmax_mhz > 30 and result.clock_mhz == 12
    assert result.fmax_mhz == max(run.fmax_mhz for run in result.runs)
    assert [run.seed for run in result.runs] == [1, 2]
    total = sum(result.parts.values(), Cells())
    assert total.at_least <= result.best.cells_used < 1280
    assert all(result.parts[part].luts > 0 for part in ("encoder", "core", "head", "shell"))
    assert result.parts["encoder"].luts <= 6 and result.parts["shell"].flip_flops > 80
    assert " ns " in result.best.critical_path
    assert result.layout.request_bytes == 6
    said = json.loads(json.dumps(result.as_dict()))
    assert said["board"] == "icestick" and said["cells_available"] == 1280
    assert [*said["seeds"]] == ["1", "2"] and said["bitstream"] == "design.bin"
    assert [*result.seconds] == ["elaborate", "synthesise", "place and route", "pack", "net alone"]
    assert "seconds" not in said
    assert result.utilisation == result.best.cells_used / 1280


def test_the_net_alone_is_laid_out_between_registers(
    built: tuple[BuildResult, list[str]],
) -> None:
    alone = built[0].alone
    assert alone is not None and [one.seed for one in alone.runs] == [1, 2, 3]
    assert alone.fmax_mhz == sorted(one.fmax_mhz for one in alone.runs)[1]
    said = json.loads(json.dumps(built[0].as_dict()))["alone"]
    assert "shell" not in said["critical_path"]
    assert said["fmax_mhz"] == round(alone.fmax_mhz, 2) and said["latency"] == built[0].latency
    # Eighteen input bits, the scores and the class, each in a flip-flop, and the net between.
    assert 18 + 8 < said["cells_used"] < built[0].best.cells_used
    statistics = json.loads((built[0].bitstream.parent / "alone" / "cells.json").read_text())
    cells = sum(cells_by_part(statistics, FAMILIES["ice40"]).values(), Cells())
    core = built[0].parts
    assert cells.luts >= sum(core[part].luts for part in ("encoder", "core", "head")) // 2


def test_an_ecp5_bitstream_is_made_and_names_its_chip(tmp_path: Path) -> None:
    result = build(tiny(2), "ulx3s-12f", tmp_path)
    assert result.bitstream.name == "design.bit" and result.alone is None
    device = read_bitstream(result.bitstream).device(devices())
    assert device is not None and device.name == "lfe5u-12f"
    assert result.meets_clock and result.clock_mhz == 25
    whole = result.bitstream.read_bytes()
    cut = tmp_path / "cut.bit"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError) as caught:
        read_bitstream(cut)
    assert str(caught.value) == (
        f"{cut} is cut off or damaged: its {len(whole) // 2} bytes lack the identity code of the "
        "chip, or the command that ends them; build it again"
    )


def test_a_gowin_bitstream_is_made_and_the_net_alone_gets_pins(tmp_path: Path) -> None:
    result = build(tiny(2), "tang_nano_9k", tmp_path, alone=(1,))
    assert result.bitstream.name == "design.fs" and result.alone is not None
    device = read_bitstream(result.bitstream).device(devices())
    assert device is not None and device.name == "gw1n-9c"
    assert result.meets_clock and result.clock_mhz == 27
    total = sum(result.parts.values(), Cells())
    # nextpnr knows the delay of tables of four inputs alone.
    cells = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]["cells"]
    kinds = {cell["type"] for cell in cells.values()}
    assert "LUT4" in kinds and not kinds & {"LUT1", "LUT2", "LUT3"}
    # Some tables only lead a signal on.
    assert 0.8 * total.luts < result.best.cells_used < 1.2 * total.luts
    assert result.alone.fmax_mhz > result.fmax_mhz
    pins = (tmp_path / "alone" / "top.cst").read_text()
    assert pins.startswith('IO_LOC "clk" 52;\n') and len(set(pins.split())) == 9


def test_every_log_is_kept_and_the_files_name_no_place(
    built: tuple[BuildResult, list[str]],
) -> None:
    folder = built[0].bitstream.parent
    names = {path.name for path in folder.iterdir()}
    assert {"synthesis.log", "nextpnr-seed1.log", "nextpnr-seed2.log", "icepack.log"} <= names
    assert not any(name.endswith(".part") for name in names)
    for name in ("top.il", "top.pcf", "top.json", "seed1.asc"):
        text = (folder / name).read_text()
        assert str(folder.parent) not in text and "site-packages" not in text


def test_the_same_design_gives_the_same_bytes(
    built: tuple[BuildResult, list[str]], tmp_path: Path
) -> None:
    first = built[0]
    again = build(tiny(), board("icestick"), str(tmp_path), seeds=(first.best.seed,))
    assert again.bitstream.read_bytes() == first.bitstream.read_bytes()


def test_a_design_that_is_too_large_is_refused_before_it_is_placed(tmp_path: Path) -> None:
    b = Builder()
    b.output("y", b.input("x", width=8, count=170)[0])
    with pytest.raises(MappingError) as caught:
        build(b.finish(readout="bits"), "icestick", tmp_path)
    assert "of the board icestick has 1280: " in str(caught.value)
    assert "Boards with enough: fomu (5280), icebreaker (5280), upduino" in str(caught.value)
    assert not list(tmp_path.glob("nextpnr*"))


@pytest.mark.parametrize("name", ["icestick", "ulx3s-12f", "tang_nano_9k"])
def test_a_folded_design_is_made_of_block_rams(name: str, tmp_path: Path) -> None:
    circuit = map_cells(tiny(20), inputs=4).circuit
    result = build(circuit, name, tmp_path, cells=True, cycles=300, alone=(1,))
    described = result.core
    assert described.folded and described.interval == described.latency == result.latency <= 300
    assert result.parts["core"].block_rams > 0 and result.parts["encoder"] == Cells()
    assert read_bitstream(result.bitstream).device(devices()) is not None
    assert result.alone is not None and result.alone.interval == result.latency
    assert result.meets_clock and result.predicted_mhz is None
    said = result.as_dict()
    assert said["interval"] == result.latency
    assert not list(tmp_path.glob("*.placed"))


def test_nonsense_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="^'icestik' is not a known board; nearest: icestick"):
        build(tiny(), "icestik", tmp_path / "a")
    for seeds in ((), (1, -1)):
        with pytest.raises(InputError) as caught:
            build(tiny(), "icestick", tmp_path / "a", seeds=seeds)
        assert str(caught.value) == (
            f"seeds {[*seeds]}: place and route takes at least one, and none below 0, such as 1"
        )
    with pytest.raises(InputError) as caught:
        build(tiny(), "icestick", tmp_path / "a", every=-1)
    assert str(caught.value) == "every=-1: a row of registers each so many levels; 0 for none"
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError) as failed:
        build(tiny(), "icestick", tmp_path / "file" / "b")
    assert str(failed.value) == (
        f"cannot make the folder {tmp_path / 'file' / 'b'}: a file is in the way; "
        "choose another path or change its permissions"
    )
    with pytest.raises(InputError, match="^a clock of 12 MHz cannot give 5000000 baud"):
        build(tiny(), "icestick", tmp_path / "c", baud=5_000_000)


@pytest.mark.parametrize("name", boards())
def test_the_sources_of_each_board_use_its_pins(name: str) -> None:
    target = board(name)
    made = sources(tiny(), target, every=2)
    line = r'^set_io (\S+) (\S+)|COMP "(\S+)" SITE "(\S+)"|^IO_LOC "(\S+)" (\S+);'
    found = re.findall(line, made.constraints, re.M)
    pins = {a or c or e: b or d or f for a, b, c, d, e, f in found}
    platform = target.new_platform()
    wanted = {signal.name: signal.ios[0].names[0] for signal in platform.lookup("uart", 0).ios}
    assert pins["uart_0__rx__io"] == wanted["rx"] and pins["uart_0__tx__io"] == wanted["tx"]
    clock = made.clock_hz / 1e6
    assert (f"clk{clock:g}" in made.constraints) == (name not in ("fomu", "orangecrab", "upduino"))
    assert made == sources(tiny(), target, every=2, baud=115200)
    bus = sources(tiny(), target, every=2, line="spi")
    pins = {
        a or c or e: b or d or f for a, b, c, d, e, f in re.findall(line, bus.constraints, re.M)
    }
    wired = {pin.removesuffix("__io").split("__")[-1]: pins[pin] for pin in pins if "spi" in pin}
    assert wired.keys() == {"cs_n", "sck", "copi", "cipo"} and "uart" not in bus.constraints
    assert len({*pins.values()}) == len(pins) and bus.rate == bus.clock_hz / 8


def test_cells_are_counted_by_part() -> None:
    def module(**counts: int) -> dict[str, object]:
        return {"num_cells_by_type": counts}

    parts = cells_by_part(
        {
            "modules": {
                "\\top": module(SB_LUT4=1),
                "\\top.shell": module(SB_DFFESR=2, SB_DFF=1, **{"top.shell.core": 1}),
                "\\top.shell.core": module(SB_DFF=3),
                "\\top.shell.core.words": module(SB_RAM40_4K=2),
                "\\top.shell.core.encoder": module(SB_LUT4=5),
                "\\top.shell.core.core": module(SB_LUT4=7, SB_DFF=1),
                "\\top.shell.core.head": module(SB_LUT4=9, SB_CARRY=4),
            }
        },
        FAMILIES["ice40"],
    )
    assert parts == {
        "encoder": Cells(5, 0, 0),
        "core": Cells(7, 4, 0, 2),
        "head": Cells(9, 0, 4),
        "shell": Cells(1, 3, 0),
    }
    assert sum(parts.values(), Cells()) == Cells(22, 7, 4, 2)


def test_a_path_belongs_to_a_part() -> None:
    names = ("shell.core.head.x_LC", "shell.core", "top.shell.corelike", "cd_sync.ready_LC", "")
    assert [part_of(name) for name in names] == ["head", "core", "shell", "shell", "shell"]
    assert np.all([part_of(f"top.shell.core.{part}") == part for part in ("encoder", "core")])
