"""Asks a programmed board over its line, as `lithify.backends.verilog.frames` defines."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from lithify.backends.fpga.spidev import Bus, open_bus
from lithify.backends.verilog.frames import (
    END,
    Answer,
    Integers,
    Layout,
    Status,
    Unframer,
    decode_answer,
    requests,
)
from lithify.ir.errors import InputError, ToolFailed, ToolMissing
from lithify.ir.ports import element_names

TRIES = 4
"""How often a request is sent before the board is given up."""

QUIET_S = 0.1
"""How long a silence shows that no old answer is still under way."""

NOISY_S = 1.0
"""How long is waited for that silence."""


class Line(Protocol):
    """An open line: what pyserial's `Serial` is, with a short read timeout."""

    @property
    def in_waiting(self) -> int:
        """How many bytes have been received and not read."""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer when the timeout runs out."""

    def write(self, data: bytes, /) -> int | None:
        """Send all of the data."""


def talk(
    port: str,
    layout: Layout,
    codes: ArrayLike,
    *,
    line: str = "uart",
    rate: int = 115200,
    timeout_s: float = 1.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Integers]:
    """The outputs[samples, count] by name that the board at a port gives to the codes.

    The port is a serial one, or an SPI bus. A lost or corrupt answer is asked for again;
    `timeout_s` is the longest wait for one.
    """
    checked = check_codes(layout, codes)
    with open_bus(port, rate) if line == "spi" else _open(port, rate) as wires:
        return converse(wires, layout, checked, timeout_s=timeout_s, progress=progress)


def converse(
    line: Line,
    layout: Layout,
    codes: Integers,
    *,
    timeout_s: float = 1.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Integers]:
    """The outputs by name, over a line that is open."""
    outputs = {port.name: np.zeros((len(codes), port.count), np.int64) for port in layout.outputs}
    _settle(line)
    unframer = Unframer()
    for i, request in enumerate(requests(layout, codes)):
        answer = _ask(line, unframer, layout, request, i % 256, timeout_s)
        for name, values in answer.outputs.items():
            outputs[name][i] = values
        progress(i + 1, len(codes))
    return outputs


def check_codes(layout: Layout, codes: ArrayLike) -> Integers:
    """The codes[samples, elements] as integers, all in their ports' ranges."""
    array = np.asarray(codes)
    elements = sum(port.count for port in layout.inputs)
    if array.ndim != 2 or array.shape[1] != elements or array.dtype.kind not in "biu":
        raise InputError(
            f"inputs of shape {array.shape} and type {array.dtype}; "
            f"the board takes integers [samples, {elements}]"
        )
    start = 0
    for port in layout.inputs:
        columns = array[:, start : start + port.count]
        low, high = port.bounds
        for row, column in np.argwhere((columns < low) | (columns > high))[:1]:
            raise InputError(
                f"sample {row}, input {element_names(port)[column]}: "
                f"{columns[row, column]} is not in {low}..{high}"
            )
        start += port.count
    return array.astype(np.int64)


@contextmanager
def _open(port: str, baud: int) -> Iterator[Line]:
    """The open line of a serial port."""
    try:
        import serial
    except ImportError as error:
        raise ToolMissing(
            "talking to a board takes the Python package pyserial: pip install 'lithify[fpga]'"
        ) from error
    try:
        line = serial.Serial(port, baud, timeout=0.02)
    except (serial.SerialException, ValueError) as error:
        raise ToolFailed(
            f"the serial port {port} cannot be opened ({_reason(error)}). Ports that are there: "
            f"{', '.join(_ports()) or 'none'}. Plug the board in; a port that may not be opened "
            "takes membership of the group dialout"
        ) from error
    with line:
        yield line


def _reason(error: Exception) -> str:
    """What the operating system said, without the wrapping."""
    number = getattr(error, "errno", None)
    if number is None:
        return str(error)
    import os

    return os.strerror(number)


def _ports() -> list[str]:
    from serial.tools import list_ports

    return sorted(port.device for port in list_ports.comports())


def _settle(line: Line) -> None:
    """Nothing; afterwards the shell is between frames and no answer is under way.

    A line that is never silent is left to the requests, which say what they heard.
    """
    line.write(bytes([END, END]))
    begun = heard = time.monotonic()
    while (now := time.monotonic()) < min(heard + QUIET_S, begun + NOISY_S):
        if line.read(max(1, line.in_waiting)):
            heard = now


def _ask(
    line: Line, unframer: Unframer, layout: Layout, request: bytes, tag: int, timeout_s: float
) -> Answer:
    """The answer to one request, sent again while it is corrupt or missing."""
    heard = 0
    for _ in range(TRIES):
        line.write(request)
        end = time.monotonic() + timeout_s
        repeat = False
        while not repeat and time.monotonic() < end:
            data = line.read(max(1, line.in_waiting))
            heard += len(data)
            for body in unframer.feed(data):
                answer = decode_answer(layout, body) if body else None
                if answer is None or answer.status is Status.CORRUPT:
                    repeat = True
                elif answer.tag == tag:
                    return _accepted(answer)
    said = f"{heard} bytes, but no answer to this request" if heard else "nothing"
    raise ToolFailed(
        f"the board sent {said} within {TRIES} tries of {timeout_s:g} s. "
        f"See that {_BUS if isinstance(line, Bus) else _PORT}, and that the board is programmed"
    )


_PORT = (
    "this is the port of its UART (many boards have two, and the second one is it), that the rate "
    "is the one the design was built with"
)
_BUS = "cs_n, sck, copi, cipo and ground are on the pins that README.md of the build names"


def _accepted(answer: Answer) -> Answer:
    """The answer, whose status is OK."""
    if answer.status is not Status.OK:
        raise ToolFailed(
            f"the board refuses the inputs (status {answer.status.name}): it is programmed with "
            "another design; program it with this one"
        )
    return answer
