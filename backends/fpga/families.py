"""The families of chips that designs are built for: their tools, cells and files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Models:
    """What proofs take of cells: the table among them, and what the library leaves out.

    Of the table these are its kind, its output, its inputs, lowest first, and what holds its bits.
    Pins of block RAMs that are `tied` have to be 0, since their models leave them out.
    """

    table: tuple[str, str, str, str]
    tied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One family: `cell` is what its reports count, the kinds of cells are those of yosys.

    `chip`, `constrained` and `packing` are options of nextpnr for the chip and for pins, and those
    of the packer, with fields of the device and board to fill in; `pin` is a line of constraints
    for nextpnr's that put no port on a pin by themselves, and need one. `routed` is the option for
    nextpnr's output and the suffix of that file, `pins` the suffix of the pin constraints.
    `tables_of` is the file that makes its table cells, of yosys or beside this one; `pads` are
    commands that name cells and give buffers to pins without one, where nothing else does.
    `library` says what cells do, in files of yosys or beside this one. `memories` are block RAMs;
    without `models` nothing is proved of designs that have some. With `chains` tables can become
    carries, which share cells with tables.
    """

    synthesis: str
    tables_of: str
    pads: str
    nextpnr: str
    chip: tuple[str, ...]
    pins: str
    constrained: tuple[str, ...]
    pin: str
    routed: tuple[str, str]
    packer: str
    packing: tuple[str, ...]
    bitstream: str
    cell: str
    tables: tuple[str, ...]
    flip_flops: str
    carries: str
    memories: tuple[str, ...]
    library: tuple[str, ...]
    models: Models | None
    chains: bool
    read_back: bool


_GOWIN_PADS = ("-inpad IBUF O:I", "-outpad OBUF I:O", "-toutpad TBUF ~OEN:I:O")

ALONE_MHZ = "500"
"""What is aimed at where no constraint says it: more than can be had."""

_AS_GPIO = ("--mspi_as_gpio", "--sspi_as_gpio")
"""Gives the pins that a chip is programmed by to the design, which boards wire to other things."""

FAMILIES: Mapping[str, Family] = {
    "ice40": Family(
        synthesis="synth_ice40",
        tables_of="+/ice40/cells_map.v",
        pads="",
        nextpnr="nextpnr-ice40",
        chip=("{nextpnr}", "--package", "{package}"),
        pins="pcf",
        constrained=("--pcf", "top.pcf"),
        pin="",
        routed=("--asc", "asc"),
        packer="icepack",
        packing=("{routed}", "{packed}"),
        bitstream="design.bin",
        cell="ICESTORM_LC",
        tables=("SB_LUT4",),
        flip_flops="SB_DFF",
        carries="SB_CARRY",
        memories=("SB_RAM40_4K",),
        library=("+/ice40/cells_sim.v",),
        models=Models(("SB_LUT4", "O", "I0 I1 I2 I3", "LUT_INIT")),
        chains=True,
        read_back=True,
    ),
    "ecp5": Family(
        synthesis="synth_ecp5 -nowidelut -noccu2",
        tables_of="+/lattice/cells_map_trellis.v",
        pads="",
        nextpnr="nextpnr-ecp5",
        chip=("{nextpnr}", "--package", "{package}", "--speed", "{speed}"),
        pins="lpf",
        constrained=("--lpf", "top.lpf"),
        pin="",
        routed=("--textcfg", "config"),
        packer="ecppack",
        packing=("--compress", "{routed}", "{packed}"),
        bitstream="design.bit",
        cell="TRELLIS_COMB",
        tables=("LUT4",),
        flip_flops="TRELLIS_FF",
        carries="CCU2C",
        memories=("DP16KD",),
        library=("+/lattice/cells_sim_ecp5.v", "ecp5_memory.v"),
        models=Models(
            ("LUT4", "Z", "A B C D", "INIT"),
            tied=("RSTA", "RSTB", "CSA0", "CSA1", "CSA2", "CSB0", "CSB1", "CSB2"),
        ),
        chains=False,
        read_back=False,
    ),
    "gowin": Family(
        synthesis="synth_gowin -noiopads -nowidelut -noalu -run begin:map_cells",
        tables_of="gowin_tables.v",
        pads=f"autoname top\niopadmap -bits {' '.join(_GOWIN_PADS)} top",
        nextpnr="nextpnr-himbaechel-gowin",
        chip=("--device", "{nextpnr}{package}{speed}", "--vopt", "family={database}"),
        pins="cst",
        constrained=("--vopt", "cst=top.cst", "--freq", ALONE_MHZ),
        pin='IO_LOC "{port}" {pin};',
        routed=("--write", "routed"),
        packer="gowin_pack",
        packing=("-d", "{database}", *_AS_GPIO, "-o", "{packed}", "{routed}"),
        bitstream="design.fs",
        cell="LUT4",
        tables=("LUT4",),
        flip_flops="DFF",
        carries="ALU",
        memories=("SDPB", "SDPX9B", "pROM", "pROMX9", "SP", "SPX9", "DPB", "DPX9B"),
        library=("+/gowin/cells_sim.v",),
        models=None,
        chains=False,
        read_back=False,
    ),
}
"""All families by name. A bitstream that cannot be read back is not proved."""
