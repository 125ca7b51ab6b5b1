"""The cells of all families of chips: what tables, flip-flops and pads do, and by which pins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Bit = int | str
Cell = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of table cell: its output, its inputs from the lowest on, and what holds its bits."""

    output: str
    inputs: tuple[str, ...]
    parameter: str


@dataclass(frozen=True, slots=True)
class Pad:
    """A kind of cell at a pin of the chip; `off` leaves the pin to others."""

    pin: str
    inward: str = ""
    outward: str = ""
    off: str = ""


@dataclass(frozen=True, slots=True)
class Clocked:
    """What moves a flip-flop: `reset` puts `value` there, at once unless the enable comes `first`.

    It starts with `start`.
    """

    d: Bit
    q: Bit
    clock: Bit
    enable: Bit = "1"
    reset: Bit = "0"
    value: int = 0
    enable_first: bool = False
    start: int = 0


_GOWIN = ("I0", "I1", "I2", "I3")
_TABLES = {
    "SB_LUT4": Table("O", _GOWIN, "LUT_INIT"),
    **{f"LUT{n}": Table("F", _GOWIN[:n], "INIT") for n in (1, 2, 3, 4)},
}
_LATTICE = Table("Z", ("A", "B", "C", "D"), "INIT")

PADS: Mapping[str, Pad] = {
    "SB_IO": Pad("PACKAGE_PIN", "D_IN_0", "D_OUT_0"),
    "SB_GB_IO": Pad("PACKAGE_PIN", "GLOBAL_BUFFER_OUTPUT"),
    "IB": Pad("I", inward="O"),
    "OB": Pad("O", outward="I"),
    "OBZ": Pad("O", outward="I", off="T"),
    "TRELLIS_IO": Pad("B", "O", "I", "T"),
    "IBUF": Pad("I", inward="O"),
    "OBUF": Pad("O", outward="I"),
    "TBUF": Pad("O", outward="I", off="OEN"),
}

CONSTANTS: Mapping[str, tuple[str, Bit]] = {"GND": ("G", "0"), "VCC": ("V", "1")}
"""Cells that drive a constant from a pin."""

IGNORED = frozenset({"$scopeinfo", "SB_HFOSC", "SGSR"})
"""Cells that are no logic; the global reset of an ECP5 is over before anything else acts."""

_ICE40 = {
    "SB_DFF" + kind: (kind, "C", "E", "S" if kind.endswith("SS") else "R")
    for kind in ("", "E", "SR", "SS", "ESR", "ESS")
}
_GOWIN_DFF = {
    "DFF" + kind: (kind, "CLK", "CE", "SET" if kind.startswith("S") else "RESET")
    for kind in ("", "E", "R", "RE", "S", "SE")
}


def table_of(cell: Cell) -> Table | None:
    """The kind of table that a cell is, if it is one."""
    if cell["type"] == "LUT4" and "Z" in cell["connections"]:
        return _LATTICE
    return _TABLES.get(cell["type"])


def looks_clocked(kind: str) -> bool:
    """Whether a cell is a flip-flop, of a kind that is known or not."""
    return kind in ("$_DFF_P_", "TRELLIS_FF") or kind.startswith(("SB_DFF", "DFF"))


def makes_global_reset(cell: Cell) -> bool:
    """Whether a cell is one of the flip-flops that the global reset of an ECP5 comes from.

    After synthesis these alone say that their own reset, which is never used, would act at once.
    """
    mode = str(cell.get("parameters", {}).get("SRMODE", "")).strip()
    return cell["type"] == "FD1S3AX" or (cell["type"] == "TRELLIS_FF" and mode == "ASYNC")


def clocked(cell: Cell) -> Clocked | None:
    """What a flip-flop does; None for those that no synchronous design of Lithify has."""
    kind, pins = cell["type"], {k: v[0] for k, v in cell["connections"].items() if v}
    if kind == "$_DFF_P_":
        return Clocked(pins["D"], pins["Q"], pins["C"])
    if kind == "TRELLIS_FF":
        return _trellis(cell["parameters"], pins)
    what, clock, enable, reset = {**_ICE40, **_GOWIN_DFF}.get(kind, ("", "", "", ""))
    if not clock:
        return None
    ice40 = kind in _ICE40
    sets = what.endswith("SS") if ice40 else what.startswith("S")
    return Clocked(
        pins["D"],
        pins["Q"],
        pins[clock],
        enable=pins.get(enable, "1"),
        reset=pins.get(reset, "0"),
        value=int(sets),
        enable_first=ice40,
        # A flip-flop of Gowin starts as its reset leaves it, one of an iCE40 always with 0.
        start=int(sets and not ice40),
    )


def _trellis(parameters: Mapping[str, str], pins: Mapping[str, Bit]) -> Clocked | None:
    """A flip-flop of an ECP5."""
    said = {key: str(value).strip() for key, value in parameters.items()}
    reset = pins.get("LSR", "0")
    at_once = said.get("SRMODE", "ASYNC") == "ASYNC" and reset != "0"
    plain = said.get("CLKMUX", "CLK") == "CLK" and said.get("LSRMUX", "LSR") == "LSR"
    enabled = said.get("CEMUX", "1")
    if at_once or not plain or enabled not in ("CE", "1"):
        return None
    sets = int(said.get("REGSET", "RESET") == "SET")
    enable = pins.get("CE", "1") if enabled == "CE" else "1"
    return Clocked(pins["DI"], pins["Q"], pins["CLK"], enable, reset, value=sets, start=sets)
