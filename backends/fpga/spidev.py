"""An SPI bus of this computer, through Linux's spidev, as a line that a board is asked over.

Whatever is sent brings as many bytes back. To read is to send END bytes, which mean nothing to the
shell; those that come back while it has nothing to say are left out.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lithify.backends.verilog.frames import END
from lithify.ir.errors import ToolFailed, ToolMissing

MOST = 4096
"""Bytes that the driver takes at once, unless it is told otherwise when it is loaded."""
ASKED = 64
"""Bytes that are sent to see whether there is an answer."""

TRANSFER = struct.Struct("=QQIIHBBBBBx")
"""Linux's `spi_ioc_transfer`: addresses to send from and receive at, bytes, hertz, and zeros."""
SPI_IOC_MESSAGE = 1 << 30 | TRANSFER.size << 16 | ord("k") << 8
SPI_IOC_WR_MODE = 1 << 30 | 1 << 16 | ord("k") << 8 | 1
MODE_0 = b"\0"


class Bus:
    """A line over `transfer`, which sends some bytes and gives those that came meanwhile."""

    def __init__(self, transfer: Callable[[bytes], bytes]) -> None:
        self._transfer = transfer
        self._kept = bytearray()
        self._last = END

    @property
    def in_waiting(self) -> int:
        """How many bytes have been received and not read."""
        return len(self._kept)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none when nothing but END bytes came."""
        if not self._kept:
            self.write(bytes([END] * ASKED))
        found = bytes(self._kept[:size])
        del self._kept[:size]
        return found

    def write(self, data: bytes, /) -> int:
        """Send all of the data, and keep what comes for it."""
        for first in range(0, len(data), MOST):
            for byte in self._transfer(data[first : first + MOST]):
                self._keep(byte)
        return len(data)

    def _keep(self, byte: int) -> None:
        """Keep a byte; of END bytes those alone that a frame begins or ends with."""
        if byte == END:
            self._kept += bytes([END] * (self._last != END))
        else:
            self._kept += bytes([END] * (self._last == END) + [byte])
        self._last = byte


@contextmanager
def open_bus(port: str, rate: int) -> Iterator[Bus]:
    """The open bus of a device file such as /dev/spidev0.0, clocked at `rate` bits a second."""
    try:
        from fcntl import ioctl
    except ImportError as error:
        raise ToolMissing("an SPI bus takes Linux: it is reached through spidev") from error
    try:
        file = os.open(port, os.O_RDWR)
    except OSError as error:
        raise ToolFailed(
            f"the SPI bus {port} cannot be opened ({error.strerror}){_HELP}"
        ) from error

    def transfer(data: bytes) -> bytes:
        sent = ctypes.create_string_buffer(data, len(data))
        back = ctypes.create_string_buffer(len(data))
        at = ctypes.addressof(sent), ctypes.addressof(back)
        ioctl(file, SPI_IOC_MESSAGE, TRANSFER.pack(*at, len(data), rate, 0, 8, 0, 0, 0, 0))
        return back.raw

    try:
        ioctl(file, SPI_IOC_WR_MODE, MODE_0)
        yield Bus(transfer)
    except OSError as error:
        if error.errno == errno.ENOTTY:
            raise ToolFailed(f"{port} is no SPI bus{_HELP}") from error
        raise ToolFailed(f"the SPI bus {port} fails: {error.strerror}{_HELP}") from error
    finally:
        os.close(file)


_HELP = (
    ". Buses of Linux are files such as /dev/spidev0.0, which a Raspberry Pi has after "
    "`raspi-config nonint do_spi 0`; one that may not be opened takes membership of the group spi"
)
