"""A second simulator for the benches: Icarus Verilog, on machines that have it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lithify.backends.toolchain import require_tool, run
from lithify.backends.verilog.verilate import Progress, Simulator, require_cocotb

COMPILE_SECONDS = 1800.0
PROGRAM, OPTIONS = "simulator.vvp", "icarus.f"


def build_icarus(
    sources: Mapping[str, bytes],
    *,
    top: str,
    folder: Path,
    progress: Progress = lambda text: None,
) -> Simulator:
    """The Verilog `sources` compiled for Icarus in `folder`: built sooner, run slower."""
    require_tool("iverilog")
    vvp = require_tool("vvp").path
    require_cocotb()
    import cocotb_tools.config

    for name, text in sources.items():
        (folder / name).write_bytes(text)
    (folder / OPTIONS).write_text("+timescale+1ns/1ns\n")
    progress("Icarus compiles the Verilog")
    options: Sequence[str] = ("-f", OPTIONS, "-g2012", "-Wall", "-o", PROGRAM, "-s", top)
    log = folder / "icarus.log"
    run("iverilog", [*options, *sources], cwd=folder, timeout_s=COMPILE_SECONDS, log=log)
    library = cocotb_tools.config.libs_dir / "libcocotbvpi_icarus.so"
    return Simulator(vvp, top, folder, ("-m", str(library), PROGRAM))
