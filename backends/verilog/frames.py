"""The protocol of a shell: what the bytes of requests and answers mean.

A frame is END, a body, a CRC-8 of the body, END; inside, END and ESC are escaped (as in SLIP,
RFC 1055), so an END byte always starts afresh whatever was received before.
Request body: tag, then every input element. Answer body: the same tag, a status, and for OK
every output element. An element of w bits takes ceil(w / 8) bytes, least significant first,
sign-extended for signed integers; ports, words and elements go in their order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
POLYNOMIAL = 0x07
"""Of the CRC-8: x^8 + x^2 + x + 1, initial value 0, not reflected; a good frame's is 0."""

Integers = NDArray[np.int64]


class Status(IntEnum):
    """What the second byte of an answer says about the request."""

    OK = 0
    CORRUPT = 1  # a wrong checksum, stop bit or escape
    LENGTH = 2  # whole, but not as long as the inputs
    RANGE = 3  # an element outside its port's range


def crc8(data: bytes) -> int:
    """The checksum of some bytes.

    >>> hex(crc8(b"123456789"))
    '0xf4'
    """
    crc = 0
    for byte in data:
        crc = _CRC_TABLE[crc ^ byte]
    return crc


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1) ^ (POLYNOMIAL | 0x100 if byte & 0x80 else 0)
    return byte


_CRC_TABLE = bytes(_crc_of_byte(byte) for byte in range(256))


def element_bytes(port: Port) -> int:
    """How many bytes an element of the port takes."""
    return -(-port.width // 8)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the frames of one design hold: its input ports and, in the same form, its outputs."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def request_bytes(self) -> int:
        """Bytes of the inputs in a request, before escaping."""
        return sum(port.count * element_bytes(port) for port in self.inputs)

    @property
    def answer_bytes(self) -> int:
        """Bytes of the outputs in an answer, before escaping."""
        return sum(port.count * element_bytes(port) for port in self.outputs)


def layout_of(circuit: Circuit) -> Layout:
    """The layout of a circuit whose outputs are all words."""
    words = circuit.words
    outputs = tuple(Port(word.name, word.width, word.count, word.kind) for word in words)
    return Layout(circuit.inputs, outputs)


def to_bytes(ports: Iterable[Port], values: Integers) -> list[bytes]:
    """The payload of each row of values[rows, elements]."""
    parts, element = [np.empty((len(values), 0), np.uint8)], 0
    for port in ports:
        columns = np.ascontiguousarray(values[:, element : element + port.count], dtype="<i8")
        size = element_bytes(port)
        octets = columns.view(np.uint8).reshape(*columns.shape, 8)[..., :size]
        parts.append(octets.reshape(len(values), port.count * size))
        element += port.count
    return [row.tobytes() for row in np.concatenate(parts, axis=1)]


def from_bytes(ports: Iterable[Port], payload: bytes) -> dict[str, Integers]:
    """The elements of each port by its name; the payload has just the right length."""
    values: dict[str, Integers] = {}
    position = 0
    for port in ports:
        size = element_bytes(port)
        part = np.frombuffer(payload, np.uint8, port.count * size, position)
        octets = np.zeros((port.count, 8), np.uint8)
        octets[:, :size] = part.reshape(port.count, size)
        shift = 64 - 8 * size
        wide = octets.view("<i8")[:, 0] << shift
        values[port.name] = wide >> shift if port.kind == "int" else _unsigned(wide, shift)
        position += port.count * size
    return values


def _unsigned(wide: Integers, shift: int) -> Integers:
    return (wide.view(np.uint64) >> np.uint64(shift)).view(np.int64)


def frame(body: bytes) -> bytes:
    """A body as it goes over the wire."""
    whole = body + bytes([crc8(body)])
    whole = whole.replace(bytes([ESC]), bytes([ESC, ESC_ESC]))
    whole = whole.replace(bytes([END]), bytes([ESC, ESC_END]))
    return bytes([END]) + whole + bytes([END])


def requests(layout: Layout, codes: Integers, *, first_tag: int = 0) -> list[bytes]:
    """The frames of codes[samples, elements], tagged first_tag, first_tag + 1, … modulo 256."""
    payloads = to_bytes(layout.inputs, codes)
    return [frame(bytes([(first_tag + i) % 256]) + row) for i, row in enumerate(payloads)]


def status_of(layout: Layout, body: bytes | None) -> Status:
    """The status that a shell answers to the body of a request, None standing for a corrupt one."""
    if body is None:
        return Status.CORRUPT
    if len(body) != 1 + layout.request_bytes:
        return Status.LENGTH
    values = from_bytes(layout.inputs, body[1:])
    for port in layout.inputs:
        low, high = port.bounds
        if values[port.name].min() < low or values[port.name].max() > high:
            return Status.RANGE
    return Status.OK


@dataclass(slots=True)
class Unframer:
    """Cuts received bytes into frame bodies; what stands before the first END is dropped."""

    _whole: bytearray = field(default_factory=bytearray)
    _hunting: bool = True
    _escaped: bool = False
    _bad: bool = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Each frame that ends in `data`: its body, or None where it arrived corrupt."""
        for byte in data:
            if byte == END:
                whole = bytes(self._whole)
                bad = self._bad or self._escaped or crc8(whole) != 0
                if whole and not self._hunting:
                    yield None if bad else whole[:-1]
                self._whole.clear()
                self._hunting = self._escaped = self._bad = False
            elif byte == ESC:
                self._bad |= self._escaped
                self._escaped = True
            elif not self._hunting:
                if self._escaped:
                    self._bad |= byte not in (ESC_END, ESC_ESC)
                    byte = END if byte == ESC_END else ESC
                self._whole.append(byte)
                self._escaped = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer: which request it belongs to, its status and the outputs by name."""

    tag: int
    status: Status
    outputs: dict[str, Integers]


def decode_answer(layout: Layout, body: bytes) -> Answer:
    """The answer in a frame's body; InputError where no such shell can have sent it."""
    if len(body) < 2 or body[1] not in (*Status,):
        raise InputError(
            f"an answer of {len(body)} bytes ({body[:8].hex(' ')}) is not of this protocol; "
            "is the board programmed with this design?"
        )
    tag, status, payload = body[0], Status(body[1]), body[2:]
    expected = layout.answer_bytes if status is Status.OK else 0
    if len(payload) != expected:
        raise InputError(
            f"an answer has {len(payload)} bytes of outputs where this design has {expected}; "
            "is the board programmed with this design?"
        )
    return Answer(tag, status, from_bytes(layout.outputs, payload) if payload else {})
