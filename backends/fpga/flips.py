"""Single wrong bits in the logic cells of a bitstream: what a proof of it has to notice."""

from collections.abc import Iterator

import numpy as np

from lithify.backends.fpga.chip_database import ChipDatabase, Site
from lithify.backends.fpga.unpacked import LOGIC_TILE, Tiles, Unpacked

BITS = 20
"""Bits of a logic cell."""


def flips(
    database: ChipDatabase, tiles: Tiles, unpacked: Unpacked, rng: np.random.Generator
) -> Iterator[tuple[Site, int, Tiles]]:
    """Used logic cells in random order, a random bit of each, and all tiles with it flipped."""
    used = sorted(site for site in database.sites["lc"] if unpacked.setting(site).any())
    for at in rng.permutation(len(used)).tolist():
        x, y, z = site = used[at]
        bit = int(rng.integers(BITS))
        row, column = database.tile_bits(LOGIC_TILE)[f"LC_{z}"][bit]
        changed = tiles[x, y].copy()
        changed[row, column] ^= 1
        yield site, bit, {**tiles, (x, y): changed}
