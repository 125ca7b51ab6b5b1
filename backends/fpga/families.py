"""The families of chips that designs are built for: their tools, cells and files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One family: `cell` is what its reports count, the kinds of cells are those of yosys.

    `routed` is the option for nextpnr's output and the suffix of that file; `packing` are the
    options of the packer. `pins` is the suffix and option of the pin constraints.
    `tables_of` is the file of yosys that makes its table cells.
    """

    synthesis: str
    tables_of: str
    nextpnr: str
    pins: str
    routed: tuple[str, str]
    packer: str
    packing: tuple[str, ...]
    bitstream: str
    cell: str
    tables: tuple[str, ...]
    flip_flops: str
    carries: str
    read_back: bool


FAMILIES: Mapping[str, Family] = {
    "ice40": Family(
        synthesis="synth_ice40",
        tables_of="+/ice40/cells_map.v",
        nextpnr="nextpnr-ice40",
        pins="pcf",
        routed=("--asc", "asc"),
        packer="icepack",
        packing=(),
        bitstream="design.bin",
        cell="ICESTORM_LC",
        tables=("SB_LUT4",),
        flip_flops="SB_DFF",
        carries="SB_CARRY",
        read_back=True,
    ),
    "ecp5": Family(
        synthesis="synth_ecp5",
        tables_of="+/lattice/cells_map_trellis.v",
        nextpnr="nextpnr-ecp5",
        pins="lpf",
        routed=("--textcfg", "config"),
        packer="ecppack",
        packing=("--compress",),
        bitstream="design.bit",
        cell="TRELLIS_COMB",
        tables=("LUT4",),
        flip_flops="TRELLIS_FF",
        carries="CCU2C",
        read_back=False,
    ),
}
"""All families by name. A bitstream that cannot be read back is not proved."""
