"""Where nextpnr put the flip-flops and pins of a design: what matches a bitstream with its netlist.

Nothing of it has to be trusted: a proof that holds under a wrong match holds all the same.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from lithify.backends.fpga.cell_netlist import CellNetlist
from lithify.backends.fpga.chip_database import ChipDatabase, Site
from lithify.ir.errors import FormatError

FILE = "sites.json"
_PLACE = re.compile(r"X(\d+)/Y(\d+)/lc(\d)")
_PIN = re.compile(r"^set_io (?:-\S+ )*(\S+) (\S+)", re.MULTILINE)


def flip_flop_sites(placed: Path, netlist: CellNetlist) -> dict[str, Site]:
    """The sites of a netlist's flip-flops in what nextpnr wrote, by the nets that they drive."""
    top = json.loads(placed.read_text("utf-8"))["modules"]["top"]
    known = {name: one.name for one in netlist.flip_flops for name in netlist.names_of(one.q)}
    nets = {
        bit: known[name]
        for name, net in top["netnames"].items()
        for bit in net["bits"]
        if name in known
    }
    found = {}
    for cell in top["cells"].values():
        if cell["type"] != "ICESTORM_LC" or not int(cell["parameters"]["DFF_ENABLE"], 2):
            continue
        place = _PLACE.fullmatch(cell["attributes"]["NEXTPNR_BEL"])
        output = cell["connections"]["O"]
        if place and output and output[0] in nets:
            found[nets[output[0]]] = (int(place[1]), int(place[2]), int(place[3]))
    return dict(sorted(found.items()))


def read_sites(path: Path) -> dict[str, Site]:
    """The sites in a file that `lithify build` left."""
    try:
        rows = json.loads(path.read_text("utf-8"))
        return {str(name): (int(x), int(y), int(z)) for name, (x, y, z) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} does not say where flip-flops are: {error}") from error


def pin_sites(constraints: str, package: str, database: ChipDatabase) -> Mapping[str, Site]:
    """The sites of the ports that constraints put on pins."""
    pins = database.pins(package)
    found = {}
    for port, pin in _PIN.findall(constraints):
        if pin not in pins:
            raise FormatError(f"{package} has no pin {pin}, which the constraints give to {port}")
        found[port] = pins[pin]
    return found
