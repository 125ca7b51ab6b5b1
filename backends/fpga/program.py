"""Loads a bitstream into a board with openFPGALoader, and says in plain words what is missing."""

import re
from collections.abc import Callable
from pathlib import Path

from lithify.backends.fpga import targets
from lithify.backends.fpga.bitstream import read_bitstream
from lithify.backends.fpga.targets import Board
from lithify.backends.toolchain import Completed, failure, require_tool, run
from lithify.ir.errors import InputError, TargetError, ToolError, ToolFailed, ToolMissing

TIMEOUT_S = 180.0

LIBRARIES = {"libusb": "libusb-1.0-0", "libftdi": "libftdi1-2"}
"""The Debian package of each shared library that openFPGALoader is linked to."""

UDEV_RULE = 'ATTRS{idVendor}=="0403", MODE="0660", GROUP="plugdev", TAG+="uaccess"'
"""Lets the user at the computer use the FTDI chips of these boards."""

_ABSENT = re.compile(r"device not found|No USB devices found|unable to open ftdi device: -3\b")
_FORBIDDEN = re.compile(
    r"usb_open\(\) failed|unable to open ftdi device: -4\b|LIBUSB_ERROR_ACCESS|permission denied",
    re.IGNORECASE,
)
_BUSY = re.compile(r"unable to claim|unable to open ftdi device: -5\b|LIBUSB_ERROR_BUSY")


def program(
    bitstream: Path | str,
    board: Board | str,
    *,
    progress: Callable[[str], None] = lambda text: None,
    log: Path | None = None,
) -> Completed:
    """The finished run of openFPGALoader, after the bitstream was checked against the board."""
    target = targets.board(board) if isinstance(board, str) else board
    path = check_bitstream(Path(bitstream), target)
    tool = require_tool("openFPGALoader")
    progress(f"programming the {target.title}")
    args = ["--board", target.loader, *target.loader_options, str(path.resolve())]
    done = run(tool, args, cwd=path.resolve().parent, timeout_s=TIMEOUT_S, log=log, check=False)
    if not done.ok:
        raise explain(done, target, path.resolve().parent)
    return done


def check_bitstream(path: Path, board: Board) -> Path:
    """The path; an error where there is no file, no bitstream, or one for another chip."""
    if not path.is_file():
        raise InputError(f"there is no bitstream {path}; `lithify build` makes one")
    found = read_bitstream(path)
    device = found.device(targets.devices())
    if device != board.device:
        kind = f"the {device.title}" if device else f"an unknown chip {found.mark}"
        raise TargetError(
            f"{path} is a bitstream for {kind}; the board {board.name} has the "
            f"{board.device.title}. Build the design for {board.name}, or name the board "
            "it was built for"
        )
    return path


def explain(done: Completed, board: Board, cwd: Path) -> ToolError:
    """The error for a failed run of openFPGALoader, in words that say what to do."""
    said = done.output
    if missing := re.search(r"loading shared libraries: (lib[a-z]+)\S*", said):
        library = missing[0].split(": ")[1].rstrip(":")
        packages = " ".join(sorted(LIBRARIES.values()))
        return ToolMissing(
            f"openFPGALoader cannot start because the shared library {library} is missing; it "
            "does not come with the Python package. On Debian and Ubuntu: "
            f"sudo apt install {packages}"
        )
    if "cannot find board" in said:
        return ToolFailed(
            f"openFPGALoader does not know {board.loader!r}, its name for the board {board.name}; "
            "`openFPGALoader --list-boards` prints those it knows. Install another version of it, "
            f"or correct `loader` in boards/{board.name}.toml"
        )
    if _FORBIDDEN.search(said):
        return ToolFailed(
            f"the {board.title} is there but this user may not open it. Put the line "
            f"{UDEV_RULE} into /etc/udev/rules.d/99-fpga.rules, run `sudo udevadm control "
            "--reload-rules && sudo udevadm trigger`, and plug the board in again"
        )
    if _BUSY.search(said):
        return ToolFailed(
            f"the {board.title} is in use by another program; close serial terminals and other "
            "programming tools, or plug the board in again"
        )
    if _ABSENT.search(said):
        notes = f" {board.notes}" if board.notes else ""
        return ToolFailed(
            f"no {board.title} was found on USB. Plug it in, with a cable that carries data, and "
            "see that `lsusb` lists it (as FTDI, 0403:6010 or 0403:6014); in a virtual machine "
            f"or container, pass the USB device through.{notes}"
        )
    return failure("openFPGALoader", done, cwd)
