"""The README of a design's folder: what each file is, and how to use it without Lithify."""

from collections.abc import Iterable
from fnmatch import fnmatch

FILE = "README.md"

_FILES = (
    ("design.lith", "the design itself, for every other verb of `lithify`"),
    ("report.txt", "gates by part, and where the net came from"),
    ("report.json", "what report.txt says, for programs"),
    ("certificate.json", "what is proved of which file; `lithify verify` proves it again"),
    ("input_code.json", "how raw features become the integers that the circuit takes"),
    ("c/*_vectors.txt", "inputs to try the C with"),
    ("c/*_expected.txt", "what the C has to answer to them"),
    ("c/*_code.h", "raw features to integers, in C"),
    ("c/*.c", "the net in one C99 file"),
    ("c/*.h", "the header of the C file"),
    ("c/CMakeLists.txt", "builds the C and tries it"),
    ("exchange/*.aig", "the gates as AIGER, for ABC and other provers"),
    ("exchange/*.blif", "the gates as BLIF"),
    ("exchange/*.circuit", "the circuit as text"),
    ("verilog/design.json", "ports, latency and sizes of the Verilog"),
    ("verilog/*.v", "the Verilog; its head says what the ports are"),
    ("verilog/*.core", "the Verilog as a core of FuseSoC"),
    ("verilog/*.tcl", "a Vivado project of the Verilog, placed and routed out of context"),
    ("verilog/*.xdc", "the clock that Vivado is asked for"),
    ("files.sha256", "SHA-256 of all the others: `sha256sum -c`"),
    (FILE, "this page"),
)

_HARDWARE = """
Without Lithify:

    verilator --lint-only -Wall verilog/{name}.v
    fusesoc --cores-root verilog run --target lint ::{name}
    vivado -mode batch -source verilog/vivado.tcl -tclargs xc7a35tcpg236-1
    yosys -p 'read_verilog verilog/{name}.v; synth_ice40 -top {name} -json {name}.json'
"""
_SOFTWARE = """
    cmake -S c -B c/build && cmake --build c/build && ctest --test-dir c/build
"""


def page(name: str, files: Iterable[str]) -> bytes:
    """The page of a folder of these files."""
    there = sorted({*files, FILE})
    lines = [f"# {name}", "", "Written by Lithify.", "", "| file | what it is |", "| --- | --- |"]
    lines += [f"| `{file}` | {_said(file)} |" for file in there]
    commands = _HARDWARE if f"verilog/{name}.v" in there else "\nWithout Lithify:\n"
    return ("\n".join(lines) + "\n" + commands.format(name=name) + _SOFTWARE).encode()


def _said(file: str) -> str:
    """What a file is."""
    return next(text for pattern, text in _FILES if fnmatch(file, pattern))
