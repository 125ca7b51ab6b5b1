"""The boards and devices that designs are built for, each read from one TOML file."""

import importlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from lithify.backends.fpga.families import FAMILIES, Family
from lithify.ir.errors import TargetError

Row = Mapping[str, Any]
Named = TypeVar("Named")
_KINDS = {"boards": "board", "devices": "device"}


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of chip: `cells` logic cells, each a four-input table and a flip-flop.

    `mark` names it in a bitstream: the width and height of an iCE40's configuration memory, the
    identity code of an ECP5. `database` is the file of the chip database that reads one.
    `delay_ps` are the four figures of `lithify.backends.fpga.delay`.
    """

    name: str
    title: str
    family: str
    cells: int
    block_rams: int
    nextpnr: str
    mark: list[int]
    database: str
    delay_ps: list[int]


@dataclass(frozen=True, slots=True)
class Board:
    """A board: its chip, the Amaranth platform that knows its pins, how it is programmed.

    `spi` are pins for an SPI bus: select, clock, to the board, from it. `tried` says what of the
    way to this board has been done for real, and by nothing else.
    """

    name: str
    title: str
    platform: str
    device: Device
    package: str
    speed: str
    loader: str
    loader_options: list[str]
    spi: list[str]
    tried: str
    notes: str

    @property
    def spi_pins(self) -> dict[str, str]:
        """The pins for an SPI bus by what they are for, in the names of the Amaranth platform."""
        return dict(zip(("cs_n", "sck", "copi", "cipo"), self.spi, strict=True))

    @property
    def family(self) -> Family:
        """The tools and cells of its chip."""
        return FAMILIES[self.device.family]

    def filled(self, options: Sequence[str], **more: str) -> list[str]:
        """Options of a tool with the fields in them filled in: the device's, the board's, others.

        >>> board("ulx3s-25f").filled(("{nextpnr}", "--speed", "{speed}"))
        ['--25k', '--speed', '6']
        """
        known = {
            "nextpnr": self.device.nextpnr,
            "database": self.device.database,
            "package": self.package,
            "speed": self.speed,
            **more,
        }
        return [option.format_map(known) for option in options]

    def new_platform(self) -> Any:
        """A new instance of the Amaranth platform."""
        module, _, name = self.platform.partition(":")
        return getattr(importlib.import_module(module), name)()


@cache
def devices() -> Mapping[str, Device]:
    """All devices by name."""
    return {name: Device(**row) for name, row in _rows("devices", Device).items()}


@cache
def boards() -> Mapping[str, Board]:
    """All boards by name."""
    return {
        name: Board(**{**row, "device": device(row["device"])})
        for name, row in _rows("boards", Board).items()
    }


def device(name: str) -> Device:
    """The device of that name; TargetError with the nearest names."""
    return _choose("devices", name, devices())


def board(name: str) -> Board:
    """The board of that name; TargetError with the nearest names.

    >>> board("icebreaker").device.cells
    5280
    """
    return _choose("boards", name, boards())


def _choose(kind: str, name: str, known: Mapping[str, Named]) -> Named:
    if name in known:
        return known[name]
    near = get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(known)}"
    see = "; `lithify boards` tells more about each" if kind == "boards" else ""
    raise TargetError(f"{name!r} is not a known {_KINDS[kind]}; {hint}{see}")


def _rows(kind: str, shape: type) -> dict[str, Row]:
    """The files of a folder by their names, each as the fields of `shape`."""
    found = {}
    for file in files("lithify.backends.fpga").joinpath(kind).iterdir():
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            found[name] = read_row(file.name, file.read_text("utf-8"), shape)
    return dict(sorted(found.items()))


def read_row(file: str, text: str, shape: type) -> Row:
    """The fields of `shape` that a file gives; TargetError names the file and the key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file} is not TOML: {error}") from error
    wanted = {item.name: item.type for item in fields(shape) if item.name != "name"}
    for key in table:
        if key not in wanted:
            near = get_close_matches(key, wanted, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(wanted)}"
            raise TargetError(f"{file}: unknown key {key!r}; {hint}")
    for key, annotation in wanted.items():
        if key not in table:
            raise TargetError(f"{file}: the key {key!r} is missing")
        _check_type(file, key, table[key], annotation)
    return {"name": file.removesuffix(".toml"), **table}


def _check_type(file: str, key: str, value: object, annotation: Any) -> None:
    """Nothing; TargetError where a value is not of its field's type."""
    element = {list[int]: int, list[str]: str}.get(annotation)
    if element is not None:
        good = isinstance(value, list) and all(isinstance(item, element) for item in value)
        wanted = f"a list of {'integers' if element is int else 'strings'}"
    else:
        good = isinstance(value, int if annotation is int else str)
        wanted = "an integer" if annotation is int else "a string"
    if not good:
        raise TargetError(f"{file}: {key} is {value!r}; it must be {wanted}")
