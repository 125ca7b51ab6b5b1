"""Boards and devices: what their files say, and what is said of wrong ones."""

import pytest

from lithify.backends.fpga.families import FAMILIES
from lithify.backends.fpga.targets import Board, Device, board, boards, device, devices, read_row
from lithify.ir.errors import TargetError

DEVICE = """
title = "t"
family = "ice40"
cells = 1
block_rams = 1
nextpnr = "--x"
mark = [1, 2]
"""


def test_every_board_is_read() -> None:
    assert {"hx8k-evn", "icebreaker", "icestick", "orangecrab", "ulx3s-85f"} <= {*boards()}
    assert {one.device.family for one in boards().values()} == {*FAMILIES}
    assert {one.device.name for one in boards().values()} == {*devices()}
    assert len({tuple(one.mark) for one in devices().values()}) == len(devices())
    assert board("icebreaker").device is device("ice40-up5k")
    assert {one.name for one in boards().values()} == {*boards()}


@pytest.mark.parametrize("name", boards())
def test_a_board_agrees_with_its_amaranth_platform(name: str) -> None:
    target = board(name)
    platform = target.new_platform()
    names = (getattr(platform, "device", "").lower(), platform.package.lower())
    if target.device.family == "ice40":
        assert names == (target.device.name.replace("-", ""), target.package)
        assert platform.default_clk_frequency == 12e6
    elif target.device.family == "gowin":
        chip = f"{target.device.nextpnr}{target.package}{target.speed}"
        assert target.filled(target.family.chip) == [
            *("--device", chip, "--vopt", f"family={platform._chipdb_device}")
        ]
        assert platform.part == chip
    else:
        package = platform._nextpnr_package_options[platform.package]
        assert names[0] == target.device.name and platform.speed == target.speed
        assert target.package == package.upper()
    uart = platform.lookup("uart", 0)
    assert {"rx", "tx"} <= {signal.name for signal in uart.ios}
    if target.device.family != "gowin":
        assert platform._nextpnr_device_options[platform.device] == target.device.nextpnr


def test_an_unknown_board_names_the_nearest() -> None:
    with pytest.raises(TargetError) as caught:
        board("icebraker")
    assert str(caught.value) == (
        "'icebraker' is not a known board; nearest: icebreaker, icestick, orangecrab; "
        "`lithify boards` tells more about each"
    )
    with pytest.raises(TargetError) as caught:
        board("zzz")
    assert str(caught.value) == (
        "'zzz' is not a known board; there are colorlight-i5, ecpix5-45f, ecpix5-85f, fomu, "
        "hx8k-evn, icebreaker, icestick, orangecrab, tang_nano_9k, ulx3s-12f, ulx3s-25f, "
        "ulx3s-45f, ulx3s-85f, upduino; `lithify boards` tells more about each"
    )
    with pytest.raises(TargetError) as caught:
        device("ice40-hx9k")
    assert str(caught.value) == (
        "'ice40-hx9k' is not a known device; nearest: ice40-hx8k, ice40-hx1k, ice40-up5k"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "x.toml is not TOML: Invalid value (at end of document)"),
        (DEVICE + "cels = 3", "x.toml: unknown key 'cels'; did you mean 'cells'?"),
        (
            DEVICE + "zzzz = 3",
            "x.toml: unknown key 'zzzz'; "
            "the keys are title, family, cells, block_rams, nextpnr, mark, database, delay_ps",
        ),
        (DEVICE.replace("cells = 1", ""), "x.toml: the key 'cells' is missing"),
        (DEVICE.replace("cells = 1", "cells = '1'"), "x.toml: cells is '1'; it must be an integer"),
        (DEVICE.replace('"t"', "5"), "x.toml: title is 5; it must be a string"),
        (DEVICE.replace("[1, 2]", "['a']"), "x.toml: mark is ['a']; it must be a list of integers"),
        (DEVICE.replace("[1, 2]", "7"), "x.toml: mark is 7; it must be a list of integers"),
    ],
)
def test_a_wrong_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_row("x.toml", text, Device)
    assert str(caught.value) == message


def test_lists_of_strings_are_checked() -> None:
    keys = "title platform device package speed loader tried notes".split()
    text = "spi = []\n" + "\n".join(f'{key} = ""' for key in keys)
    assert read_row("y.toml", text + "\nloader_options = ['-f']", Board)["loader_options"] == ["-f"]
    with pytest.raises(TargetError, match="^y.toml: loader_options is \\[1\\]; it must be a list"):
        read_row("y.toml", text + "\nloader_options = [1]", Board)
