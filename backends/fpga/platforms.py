"""Amaranth platforms of boards that amaranth-boards lacks, or that lack a serial port there."""

from collections.abc import Mapping
from typing import Any, ClassVar

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal
from amaranth.vendor import LatticeECP5Platform
from amaranth_boards.fomu_pvt import FomuPVTPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.resources import LEDResources, UARTResource
from amaranth_boards.upduino_v2 import UpduinoV2Platform


class OrangeCrab(OrangeCrabR0_2_25FPlatform):
    """OrangeCrab r0.2 with a serial port on the first two pins of its header."""

    resources = [
        *OrangeCrabR0_2_25FPlatform.resources,
        UARTResource(0, rx="N17", tx="M18", attrs=Attrs(IO_TYPE="LVCMOS33")),
    ]


class UPduino(UpduinoV2Platform):
    """UPduino 3: the oscillator of the chip at 12 MHz, the serial port of its FTDI chip."""

    hfosc_div = 2
    resources = [
        *UpduinoV2Platform.resources,
        UARTResource(0, rx="15", tx="14", attrs=Attrs(IO_STANDARD="SB_LVCMOS")),
    ]


class Fomu(FomuPVTPlatform):
    """Fomu PVT: the oscillator of the chip at 12 MHz, a serial port on two of its four pads."""

    default_clk = "SB_HFOSC"
    hfosc_div = 2
    resources = [
        *FomuPVTPlatform.resources,
        UARTResource(0, rx="E4", tx="D5", attrs=Attrs(IO_STANDARD="SB_LVCMOS")),
    ]


class ColorlightI5(LatticeECP5Platform):
    """Colorlight i5 with its extension board."""

    device = "LFE5U-25F"
    package = "BG381"
    speed = "6"
    default_clk = "clk25"
    resources = [
        Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), Attrs(IO_TYPE="LVCMOS33")),
        *LEDResources(pins="U16", invert=True, attrs=Attrs(IO_TYPE="LVCMOS33")),
        UARTResource(0, rx="H18", tx="J17", attrs=Attrs(IO_TYPE="LVCMOS33")),
    ]
    connectors: ClassVar[list[object]] = []


def add_spi(platform: Any, pins: Mapping[str, str]) -> None:
    """Give a platform the resource `spi`, at some pins by name, of the kind of its UART's."""
    wires = [
        Subsignal(name, Pins(pin, dir="o" if name == "cipo" else "i")) for name, pin in pins.items()
    ]
    platform.add_resources([Resource("spi", 0, *wires, platform.lookup("uart", 0).attrs)])
