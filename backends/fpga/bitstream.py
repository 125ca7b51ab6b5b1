"""Reads the commands of a bitstream: enough to tell whole from cut, and which chip it is.

Of an iCE40: after the preamble and four sync bytes come commands: the high half of a byte is the
command, the low half how many bytes its operand has; writes of configuration or block memory carry
data.
Of an ECP5: after a comment and a preamble come commands; one of the first checks the chip's
identity code, one of the last says that all is done. So it is of a Gowin chip, whose file has
a line of digits for each command.
"""

from binascii import crc_hqx
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lithify.backends.fpga.targets import Device
from lithify.ir.errors import FormatError

SYNC = b"\x7e\xaa\x99\x7e"
LARGEST = 1 << 20
"""Bytes of the largest iCE40 file that is looked at; a bitstream has at most 135,180."""

ECP5_PREAMBLE = b"\xff\xff\xbd\xb3"
_CHECK_IDENTITY, _DONE = b"\xe2\x00\x00\x00", b"\x5e\x00\x00\x00"
_ECP5_LARGEST = 1 << 25

GOWIN_PREAMBLE = "1010010111000011"
_GOWIN_IDENTITY, _GOWIN_DONE = f"{6:08b}{0:024b}", f"{10:08b}"
_GOWIN_LARGEST = 1 << 26

_ACTION, _CHECK, _WIDTH, _HEIGHT = 0, 2, 6, 7
_WRITES, _RESET_CHECK, _WAKE_UP = (1, 3), 5, 6


@dataclass(frozen=True, slots=True)
class Bitstream:
    """What the commands say: the mark of the chip (see `Device`)."""

    mark: tuple[int, ...]

    def device(self, known: Mapping[str, Device]) -> Device | None:
        """The device that has this mark."""
        for one in known.values():
            if tuple(one.mark) == self.mark:
                return one
        return None


def read_bitstream(path: Path) -> Bitstream:
    """The bitstream in a file; FormatError where it is none or is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
    if ECP5_PREAMBLE in head:
        return _read_ecp5(path)
    if f"\n{GOWIN_PREAMBLE}\n".encode() in head:
        return _read_gowin(path)
    data = path.read_bytes() if size <= LARGEST else b""
    start = data.find(SYNC)
    if not data.startswith(b"\xff\x00") or start < 0:
        raise FormatError(
            f"{path} is not a bitstream: it has {size} bytes and lacks the preamble ff 00 "
            "and the sync word 7e aa 99 7e; `lithify build` makes one"
        )
    try:
        return _read_commands(path, data, start + len(SYNC))
    except (IndexError, KeyError):
        raise FormatError(
            f"{path} is cut off or damaged: its {size} bytes end before the command that starts "
            "the chip; build it again"
        ) from None


def _read_ecp5(path: Path) -> Bitstream:
    """The bitstream of an ECP5."""
    data = path.read_bytes() if path.stat().st_size <= _ECP5_LARGEST else b""
    commands = data[data.find(ECP5_PREAMBLE) + len(ECP5_PREAMBLE) :]
    at = commands[:256].find(_CHECK_IDENTITY)
    code = commands[at + 4 : at + 8]
    if at < 0 or len(code) < 4 or _DONE not in commands[-4096:]:
        raise FormatError(
            f"{path} is cut off or damaged: its {path.stat().st_size} bytes lack the identity code "
            "of the chip, or the command that ends them; build it again"
        )
    return Bitstream((int.from_bytes(code, "big"),))


def _read_gowin(path: Path) -> Bitstream:
    """The bitstream of a Gowin chip."""
    data = path.read_bytes() if path.stat().st_size <= _GOWIN_LARGEST else b""
    lines = data.decode("ascii", "replace").split("\n")
    commands = lines[lines.index(GOWIN_PREAMBLE) + 1 :] if GOWIN_PREAMBLE in lines else []
    codes = [line[32:] for line in commands[:16] if line.startswith(_GOWIN_IDENTITY)]
    whole = any(line.startswith(_GOWIN_DONE) for line in commands[-8:])
    if not codes or not whole or not all({*line} <= {"0", "1"} for line in commands):
        raise FormatError(
            f"{path} is cut off or damaged: its {path.stat().st_size} bytes lack the identity code "
            "of the chip, or the command that ends them, or hold something else; build it again"
        )
    return Bitstream((int(codes[0], 2),))


def _read_commands(path: Path, data: bytes, at: int) -> Bitstream:
    """What the commands from `at` on say; IndexError where they end before the wake-up."""
    settings: dict[int, int] = {}
    first: tuple[int, int] | None = None
    checked_from = at
    while True:
        command, size = data[at] >> 4, data[at] & 15
        if at + size >= len(data):
            raise IndexError
        value = int.from_bytes(data[at + 1 : at + 1 + size], "big")
        at += 1 + size
        if command == _CHECK and crc_hqx(data[checked_from:at], 0xFFFF) != 0:
            raise FormatError(f"{path} is damaged: its checksum is wrong; build it again")
        if command != _ACTION:
            settings[command] = value
        elif value == _RESET_CHECK:
            checked_from = at
        elif value == _WAKE_UP:
            return Bitstream(first or (0, 0))
        elif value in _WRITES:
            bank = settings[_WIDTH] + 1, settings[_HEIGHT]
            first = first or bank
            at += bank[0] * bank[1] // 8 + 2
