"""An iCE40 bitstream that was unpacked again, read as logic through the chip database.

What is read: tables, carries, flip-flops with enable and reset, and every switch of the routing.
What is not: how pins and clocks are set up, memories and other hard blocks.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lithify.backends.fpga.chip_database import ChipDatabase, Site
from lithify.backends.fpga.logic import Literal, Logic, Machine, resolve
from lithify.ir.errors import FormatError, MismatchError

TABLE_ORDER = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
"""Where the sixteen bits of a table stand among the twenty bits of a logic cell."""
CARRY, FLIP_FLOP, SET, ASYNCHRONOUS = 8, 9, 18, 19
LOGIC_TILE = 1

Tiles = dict[tuple[int, int], NDArray[np.uint8]]


def read_tiles(text: str, database: ChipDatabase) -> Tiles:
    """The bits of every tile of an unpacked bitstream (.asc)."""
    tiles: Tiles = {}
    blocks = text.split("\n.")
    for block in blocks:
        head, _, body = block.partition("\n")
        words = head.split()
        if len(words) != 3 or not words[0].endswith("_tile"):
            continue
        x, y = int(words[1]), int(words[2])
        rows = [line for line in body.split("\n") if line and not line.startswith(".")]
        bits = np.array([[digit == "1" for digit in row] for row in rows], np.uint8)
        if not (0 <= x < database.width and 0 <= y < database.height) or bits.shape != (
            database.tile_shape(x, y)
        ):
            raise FormatError(f"tile {x} {y} of the bitstream is not one of {database.name}")
        tiles[x, y] = bits
    if not tiles:
        raise FormatError("the unpacked bitstream has no tiles")
    return tiles


class Unpacked:
    """The cells of a bitstream and what drives each of their wires."""

    def __init__(self, database: ChipDatabase, tiles: Tiles, pins: Mapping[Site, str]) -> None:
        """`pins` names the sites of the pins that are used."""
        self._database, self._tiles, self._pins = database, tiles, pins
        self._settings = database.tile_bits(LOGIC_TILE)
        self._roots = self._find_roots()
        self._cells = database.sites["lc"]

    def _find_roots(self) -> NDArray[np.int64]:
        """The wire at the beginning of each, through all switches that are closed."""
        base, pips, switches = self._database, self._database.pips, self._database.switches
        height, width = base.height, base.width
        rows = max(bits.shape[0] for bits in self._tiles.values())
        columns = max(bits.shape[1] for bits in self._tiles.values())
        memory = np.zeros((width, height, rows, columns), np.int32)
        for (x, y), bits in self._tiles.items():
            memory[x, y, : bits.shape[0], : bits.shape[1]] = bits
        value = np.zeros(len(switches), np.int32)
        for number in range(switches["at"].shape[1]):
            used = np.flatnonzero((switches["bits"] > number) & (switches["bel"] < 0))
            one = switches[used]
            bit = memory[one["x"], one["y"], one["at"][:, number, 0], one["at"][:, number, 1]]
            value[used] = 2 * value[used] + bit
        closed = np.flatnonzero((value[pips["switch"]] == pips["mask"]) & (pips["mask"] != 0))
        sources, targets = pips["source"][closed], pips["target"][closed]
        drivers = np.bincount(targets, minlength=base.num_wires)
        if (drivers > 1).any():
            wire = int(np.argmax(drivers > 1))
            raise MismatchError(f"the wire {base.wire_name(wire)} of the bitstream has two drivers")
        roots = np.arange(base.num_wires)
        roots[targets] = sources
        for _ in range(base.num_wires.bit_length()):
            further = roots[roots]
            if np.array_equal(further, roots):
                return roots
            roots = further
        raise MismatchError("the routing of the bitstream has a loop")

    @cached_property
    def _sources(self) -> Mapping[int, Hashable]:
        """What each wire that begins at a cell is."""
        found: dict[int, Hashable] = {}
        for site, ports in self._cells.items():
            found[ports["out"]] = "out", site
            found[ports["cout"]] = "carry", site
            if "lout" in ports:
                found[ports["lout"]] = "table", site
        for site, ports in self._database.sites["gb"].items():
            for name, wire in ports.items():
                if name.startswith("glb_netwk"):
                    found[wire] = "global", site
        for site, name in self._pins.items():
            found[self._database.sites["io"][site]["D_IN_0"]] = "pin", name
        return found

    def source(self, wire: int, default: int = 0) -> Hashable:
        """What drives a wire: a node, or a constant where nothing does.

        MismatchError where it is a block that is not read, or a pin that no port is on.
        """
        root = int(self._roots[wire])
        if root in self._sources:
            return self._sources[root]
        if root in self._database.outputs:
            raise MismatchError(
                f"the bitstream reads {self._database.wire_name(root)}, which is no table, carry, "
                "flip-flop or pin of the design"
            )
        return default

    def setting(self, site: Site) -> NDArray[np.uint8]:
        """The twenty bits of a logic cell."""
        x, y, z = site
        places = self._settings[f"LC_{z}"]
        return self._tiles[x, y][places[:, 0], places[:, 1]]

    def _flag(self, site: Site, name: str) -> bool:
        row, column = self._settings[name][0]
        return bool(self._tiles[site[0], site[1]][row, column])

    @cached_property
    def flip_flops(self) -> Sequence[Site]:
        """The sites of all logic cells whose flip-flop is used."""
        return [site for site in self._cells if self.setting(site)[FLIP_FLOP]]

    def _inputs(self, site: Site) -> list[Hashable]:
        """What drives the four inputs of a table."""
        before = self._database.table_inputs[self._cells[site]["in_0_lut"]]
        return [self.source(before[number]) for number in range(4)]

    def _carry_in(self, site: Site) -> Hashable:
        """What enters the carry of a cell; that of a tile's first cell may be set to 1."""
        if site[2] == 0 and self._flag(site, "CarryInSet"):
            return 1
        return self.source(self._cells[site]["carry_in_mux"])

    def _needs(self, node: Hashable) -> Sequence[Hashable]:
        assert isinstance(node, tuple)
        kind, site = node
        if kind == "global":
            return [self.source(self._database.sites["gb"][site]["fabout"])]
        if kind == "out":
            return [("table", site)]
        if kind == "carry":
            return [*self._inputs(site)[1:3], self._carry_in(site)]
        return self._table(site)[1]

    def _table(self, site: Site) -> tuple[int, Sequence[Hashable]]:
        """A table and the inputs that it depends on, constants put into it.

        A cell that makes a constant may also read itself, without any effect.
        """
        setting = self.setting(site)
        bits = [int(setting[at]) for at in TABLE_ORDER]
        pins: list[Hashable] = []
        for pin in self._inputs(site):
            low, high = bits[0::2], bits[1::2]
            if pin in (0, 1) or low == high:
                bits = high if pin == 1 else low
            else:
                # The pins that are kept go behind those still to be looked at.
                bits = low + high
                pins.append(pin)
        return sum(bit << at for at, bit in enumerate(bits)), pins

    def machine(
        self, logic: Logic, held: Mapping[Hashable, Literal], outputs: Mapping[str, Site]
    ) -> Machine:
        """Outputs and next bits as literals; flip-flops are named by their sites.

        `held` has the literals of pins by ("pin", name) and of flip-flops by ("out", site).
        """
        done: dict[Hashable, Literal] = {0: 0, 1: 1, **held}

        def make(node: Hashable) -> Literal:
            assert isinstance(node, tuple)
            kind, site = node
            pins = [done[one] for one in self._needs(node)]
            if kind in ("global", "out"):
                return pins[0]
            setting = self.setting(site)
            if kind == "carry":
                return logic.majority(*pins) if setting[CARRY] else 0
            return logic.table(self._table(site)[0], pins)

        def literal(node: Hashable) -> Literal:
            try:
                return resolve(node, done, self._needs, make)
            except RecursionError as loop:
                raise MismatchError(f"the bitstream has a loop of gates at {loop}") from loop

        pads = self._database.sites["io"]
        return Machine(
            outputs={n: literal(self.source(pads[s]["D_OUT_0"])) for n, s in outputs.items()},
            nexts={str(site): self._next(site, logic, literal) for site in self.flip_flops},
            clocks={str(site): self._clock(site) for site in self.flip_flops},
        )

    def _next(self, site: Site, logic: Logic, literal: Callable[[Hashable], Literal]) -> Literal:
        ports, setting = self._cells[site], self.setting(site)
        if setting[ASYNCHRONOUS]:
            raise MismatchError(f"the flip-flop at {site} is reset without the clock")
        enable = literal(self.source(ports["cen"], 1))
        reset = literal(self.source(ports["s_r"]))
        loaded = logic.choose(reset, int(setting[SET]), literal(("table", site)))
        return logic.choose(enable, loaded, literal(("out", site)))

    def _clock(self, site: Site) -> Hashable:
        wire = int(self._roots[self._cells[site]["clk"]])
        return wire, self._flag(site, "NegClk")
