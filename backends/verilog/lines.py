"""How bytes come to a shell and leave it: a serial line, or an SPI bus."""

from collections.abc import Mapping
from typing import NamedTuple

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from lithify.backends.verilog import serial, spi
from lithify.ir.errors import InputError

FEWEST_CYCLES = {"uart": serial.FEWEST_CYCLES, "spi": spi.FEWEST_CYCLES}
"""Clock cycles that a bit takes at least, by the kind of line."""
BAUD = 115200


class Line(NamedTuple):
    """Two ends with bytes on their inner sides, and the pins on their outer ones, by name.

    The receiver has `data`, `strobe` and `bad`, the transmitter `data`, `valid` and `ready`. A bit
    takes so many clock cycles; on a bus, where the other side gives the clock, no fewer.
    """

    receiver: wiring.Component
    transmitter: wiring.Component
    pins: Mapping[str, Member]
    cycles: int


def line_of(kind: str, cycles: int) -> Line:
    """A line of that kind."""
    if kind == "spi":
        pins = {"cs_n": In(1, init=1), "sck": In(1), "copi": In(1), "cipo": Out(1)}
        return Line(spi.Receiver(), spi.Transmitter(), pins, cycles)
    pins = {"rx": In(1, init=1), "tx": Out(1, init=1)}
    return Line(serial.Receiver(cycles), serial.Transmitter(cycles), pins, cycles)


def rate_of(kind: str, clock_hz: float, baud: int | None) -> int:
    """The bits a second of a line, at most those of a bus; InputError where they cannot be had.

    >>> rate_of("uart", 12e6, None), rate_of("spi", 12e6, None)
    (115200, 1500000)
    """
    if kind not in FEWEST_CYCLES:
        raise InputError(f"{kind!r} is no line of a shell; there are {', '.join(FEWEST_CYCLES)}")
    if kind == "spi":
        if baud is not None:
            raise InputError(f"{baud} baud: an SPI bus gets its clock from the other side")
        return int(clock_hz / FEWEST_CYCLES[kind])
    rate = BAUD if baud is None else baud
    serial.cycles_per_bit(clock_hz, rate)
    return rate
