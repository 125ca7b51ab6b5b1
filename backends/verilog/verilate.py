"""A simulator for a Verilog design: Verilator's model, its runtime and cocotb in one program.

Verilator writes C++, g++ compiles it in as many pieces as there are cores. The runtime, which is
the same for every design, is compiled once and kept in the user's cache folder.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lithify.backends.toolchain import Completed, Tool, Watch, require_tool, run
from lithify.ir.errors import ToolFailed, ToolMissing

Progress = Callable[[str], None]

COMPILE_SECONDS = 1800.0
UNIT_BYTES = 4_000_000
"""How much C++ g++ gets at once; it needs about 500 times that much memory."""

RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_vpi.cpp", "verilated_threads.cpp")
WAVES_RUNTIME = "verilated_vcd_c.cpp"
SWITCHES = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
WAVES_SWITCHES = ("TRACE", "TRACE_VCD")
VERILATOR = (
    *("-cc", "--vpi", "--prefix", "Vtop", "-Mdir", "model", "--timescale", "1ns/1ns"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-UNOPTFLAT"),
    # Without these g++ gets functions that take it minutes.
    *("--output-split", "20000", "--output-split-cfuncs", "500"),
)

log = logging.getLogger(__name__)


RANDOM_START = ("+verilator+rand+reset+2", "+verilator+seed+{seed}")
"""Registers start with random bits: a design must not count on zeros."""
WAVES = "waves.vcd"


@dataclass(frozen=True, slots=True)
class Simulator:
    """A compiled design; `run_bench` runs the cocotb tests of a module in it.

    The `arguments` of the program may name the {seed}.
    """

    program: Path
    top: str
    folder: Path
    arguments: tuple[str, ...]

    def run_bench(
        self,
        module: str,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 3600.0,
        seed: int = 1,
        watch: Watch | None = None,
    ) -> Completed:
        """What became of the tests; their log is `simulate.log`, cocotb's report `results.xml`."""
        tool = Tool("the simulation", (str(self.program),))
        results = self.folder / "results.xml"
        results.unlink(missing_ok=True)
        variables = {**_cocotb(self.top, module, results, seed), **(environment or {})}
        return run(
            tool,
            [one.replace("{seed}", str(seed)) for one in self.arguments],
            cwd=self.folder,
            timeout_s=timeout_s,
            log=self.folder / "simulate.log",
            check=False,
            watch=watch,
            environment=variables,
        )


def build_simulator(
    sources: Mapping[str, bytes],
    *,
    top: str,
    folder: Path,
    ports: Sequence[str] = (),
    optimise: bool = False,
    waves: bool = False,
    progress: Progress = lambda text: None,
) -> Simulator:
    """The simulator of the Verilog `sources`, made in `folder` unless it is there already.

    Benches see the `ports` of the top module; without any they see every signal, which costs
    time. `optimise` compiles five times as fast a model in twice the time. With `waves` it writes
    WAVES in its folder: every signal at every time.
    """
    verilator, compiler = _tools()
    key = _digest(
        *(part for name, text in sorted(sources.items()) for part in (name.encode(), text)),
        repr(
            (top, tuple(ports), optimise, VERILATOR, _flags(waves), *_versions(compiler))
        ).encode(),
    )
    arguments = (*RANDOM_START, *(("--trace", "--trace-file", WAVES) if waves else ()))
    simulator = Simulator(folder / "simulator", top, folder, arguments)
    stamp = folder / "simulator.json"
    if _stamped(stamp, key, simulator.program):
        progress("the simulator is up to date")
        return simulator
    model = folder / "model"
    model.mkdir(parents=True, exist_ok=True)
    for old in (stamp, *model.iterdir()):
        old.unlink(missing_ok=True)
    for name, text in sources.items():
        (folder / name).write_bytes(text)
    progress("Verilator writes the model")
    _verilate(verilator, [*sources, *(["--trace"] if waves else [])], top, ports, folder)
    level = "-O1" if optimise else "-O0"
    _compile(verilator, compiler, folder, (level, *_flags(waves)), progress)
    stamp.write_text(json.dumps({"key": key, "program": _digest(simulator.program.read_bytes())}))
    return simulator


def _tools() -> tuple[Tool, Tool]:
    """Verilator and the compiler, after a look at everything else that is needed."""
    compiler = require_tool("g++")
    verilator = require_tool("verilator")
    require_cocotb()
    return verilator, compiler


def require_cocotb() -> None:
    """Nothing; ToolMissing where cocotb is not installed."""
    try:
        importlib.metadata.version("cocotb")
    except importlib.metadata.PackageNotFoundError:
        raise ToolMissing(
            "cocotb was not found: it drives the simulation. "
            "To get it: pip install 'lithify[sim]' (package cocotb)."
        ) from None


def _flags(waves: bool) -> tuple[str, ...]:
    """What g++ is told, but for how much to optimise."""
    switched = WAVES_SWITCHES if waves else ()
    switches = (f"-DVM_{switch}={int(switch in switched)}" for switch in SWITCHES)
    return ("-w", "-pthread", "-fcf-protection=none", "-DVERILATOR=1", *switches)


def _verilate(
    verilator: Tool, sources: list[str], top: str, ports: Sequence[str], folder: Path
) -> None:
    """Write the C++ of the model into `model`."""
    # The launcher beside it is a perl script that only starts this binary.
    binary = verilator.path.with_name("verilator_bin")
    if binary.is_file():
        verilator = Tool("verilator", (str(binary),), verilator.environment)
    visible = ["--public-flat-rw"]
    if ports:
        lines = [f'public_flat_rw -module "{top}" -var "{port}"\n' for port in ports]
        (folder / "ports.vlt").write_text("`verilator_config\n" + "".join(lines))
        visible = ["ports.vlt"]
    run(
        verilator,
        [*VERILATOR, "--top-module", top, *visible, *sources],
        cwd=folder,
        timeout_s=COMPILE_SECONDS,
        log=folder / "verilator.log",
    )


def _compile(
    verilator: Tool, compiler: Tool, folder: Path, options: Sequence[str], progress: Progress
) -> None:
    """Compile the model, its main program and the runtime, and link them."""
    import cocotb_tools.config

    include = _include(verilator)
    flags = [*options, "-I.", f"-I{include}", f"-I{include}/vltstd"]
    runtime_jobs = _runtime_jobs(compiler, include, options, _cache_folder(folder / "runtime"))
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    units = _units(folder / "model", main)
    jobs: list[Callable[[], Path]] = [
        *runtime_jobs,
        *(_compiling(compiler, unit, flags, number) for number, unit in enumerate(units)),
    ]
    cores = len(os.sched_getaffinity(0))
    objects = []
    with ThreadPoolExecutor(cores) as pool:
        for done, path in enumerate(pool.map(lambda job: job(), jobs), 1):
            progress(f"g++ compiled {done} of {len(jobs)} pieces")
            objects.append(str(path))
    libraries = cocotb_tools.config.libs_dir
    run(
        compiler,
        [
            *objects,
            *("-o", "simulator", "-pthread", f"-L{libraries}", f"-Wl,-rpath,{libraries}"),
            "-lcocotbvpi_verilator",
        ],
        cwd=folder,
        timeout_s=COMPILE_SECONDS,
        log=folder / "link.log",
    )


def _units(model: Path, main: Path) -> list[Path]:
    """Files of about equal size that include all C++ of the model and the main program."""
    files = sorted(model.glob("*.cpp"), key=lambda path: (-path.stat().st_size, path.name))
    total = sum(path.stat().st_size for path in files)
    count = max(len(os.sched_getaffinity(0)), -(-total // UNIT_BYTES))
    bins: list[tuple[int, list[str]]] = [(0, []) for _ in range(min(count, len(files)))]
    for path in files:
        size, names = bins[0]
        bins[0] = (size + path.stat().st_size, [*names, path.name])
        bins.sort()
    bins[0][1].append(str(main))
    units = []
    for number, (_, names) in enumerate(bins):
        unit = model / f"unit_{number}.cc"
        unit.write_text("".join(f'#include "{name}"\n' for name in names))
        units.append(unit)
    return units


def _compiling(compiler: Tool, unit: Path, flags: Sequence[str], number: int) -> Callable[[], Path]:
    """Compiles one unit, when called; gives the object file."""

    def compile_unit() -> Path:
        made = unit.with_suffix(".o")
        run(
            compiler,
            [*flags, "-c", unit.name, "-o", made.name],
            cwd=unit.parent,
            timeout_s=COMPILE_SECONDS,
            log=unit.parent.parent / f"compile_{number}.log",
        )
        return made

    return compile_unit


def _runtime_jobs(
    compiler: Tool, include: Path, options: Sequence[str], folder: Path
) -> list[Callable[[], Path]]:
    """For each file of the runtime a call that compiles it, or finds it in the cache."""
    names = [*RUNTIME, *([WAVES_RUNTIME] if "-DVM_TRACE=1" in options else [])]
    return [_runtime_job(compiler, include / name, options, folder) for name in names]


def _runtime_job(
    compiler: Tool, source: Path, options: Sequence[str], folder: Path
) -> Callable[[], Path]:
    def compile_runtime() -> Path:
        made_by = (*options, *_versions(compiler), *compiler.command)
        key = _digest(repr(made_by).encode(), source.read_bytes())
        for path in folder.glob(f"{source.stem}-{key}-*.o"):
            if path.stem.endswith(_digest(path.read_bytes())):
                return path
            log.warning("the cached object %s is damaged; it is built again", path)
            path.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as name:
            made = Path(name, "made.o")
            where = [f"-I{source.parent}", f"-I{source.parent}/vltstd"]
            run(
                compiler,
                [*options, *where, "-c", source, "-o", made.name],
                cwd=made.parent,
                timeout_s=COMPILE_SECONDS,
            )
            kept = folder / f"{source.stem}-{key}-{_digest(made.read_bytes())}.o"
            os.replace(made, kept)
        return kept

    return compile_runtime


def _include(verilator: Tool) -> Path:
    """The folder of Verilator's runtime sources."""
    root = dict(verilator.environment).get("VERILATOR_ROOT")
    if root is None:
        asked = run(verilator, ["--getenv", "VERILATOR_ROOT"], cwd=Path.cwd(), timeout_s=60)
        root = asked.output.strip()
    include = Path(root, "include")
    if not (include / "verilated.cpp").is_file():
        raise ToolFailed(
            f"verilator has no runtime sources in {include}; "
            "unset LITHIFY_VERILATOR to use the one of the Python package"
        )
    return include


def _cache_folder(instead: Path) -> Path:
    """The user's cache folder, or the one to use instead where that cannot be written."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(chosen) if chosen else Path.home() / ".cache") / "lithify" / "verilator"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        reason = "it cannot be written"
    except (OSError, RuntimeError) as error:
        reason = str(error)
    log.warning("no cache folder (%s): Verilator's runtime is compiled in %s", reason, instead)
    instead.mkdir(exist_ok=True)
    return instead


def _versions(compiler: Tool) -> tuple[str, ...]:
    packages = (importlib.metadata.version(name) for name in ("cocotb", "verilator"))
    return (compiler.version, *packages)


def _stamped(stamp: Path, key: str, program: Path) -> bool:
    """Whether `program` is what was built last, for this key."""
    try:
        said = json.loads(stamp.read_text())
        return bool(said == {"key": key, "program": _digest(program.read_bytes())})
    except (OSError, ValueError):
        return False


def _digest(*parts: bytes) -> str:
    h = hashlib.sha256()
    for part in parts:
        h.update(len(part).to_bytes(8, "little") + part)
    return h.hexdigest()[:24]


def _cocotb(top: str, module: str, results: Path, seed: int) -> dict[str, str]:
    """The variables by which cocotb, inside the simulator, finds Python and the tests."""
    import cocotb_tools.config
    import find_libpython

    library = find_libpython.find_libpython()
    if library is None:
        raise ToolMissing(
            "the shared library of this Python was not found: cocotb runs Python inside the "
            "simulator with it. To get it: your system's package (Debian and Ubuntu: apt install "
            "libpython3-dev), or a Python built with --enable-shared."
        )
    return {
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_TEST_MODULES": module,
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "GPI_USERS": f"{library};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TOPLEVEL_LANG": "verilog",
    }
