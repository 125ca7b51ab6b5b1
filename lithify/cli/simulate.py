"""`lithify simulate`: a whole data set through the Verilog, every score compared."""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.cli.build import home, origin
from lithify.cli.screen import Screen
from lithify.ir.errors import InputError
from lithify.ir.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lithify.backends.artifacts import Artifacts
    from lithify.backends.verilog.simulate import SimulationResult
    from lithify.backends.verilog.waves import Waves
    from lithify.compiler.design import Design

    Array = NDArray[Any]

EXAMPLE = (
    "lithify simulate build --data test.npz",
    "lithify simulate build --data test.npz --stalls 0.5",
    "lithify simulate build --data test.npz --cells ice40",
    "lithify simulate build --data test.npz --limit 100 --waves 20",
    "lithify simulate build --data test.npz --bench uart --limit 20",
)
RECORDS = "simulation*.json"
"""That of the Verilog, those of its cells, and of shells around it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design, which data, which bench."""
    parser.add_argument("design", type=Path, help="the folder that `lithify compile` made")
    parser.add_argument("--data", type=Path, required=True, help="an .npz file with x, and maybe y")
    parser.add_argument("--limit", type=int, help="only the first so many samples")
    parser.add_argument(
        "--bench",
        choices=("whole_set", "stream", "uart", "spi"),
        default="whole_set",
        help="whole_set: every sample once; stream: stalls and resets at random, with a "
        "scoreboard; uart, spi: the shell of the boards, with damaged frames and resets",
    )
    parser.add_argument(
        "--cells",
        metavar="FAMILY",
        help="the cells of a chip that yosys makes of the Verilog, in place of the Verilog: "
        "ice40, ecp5 or gowin",
    )
    parser.add_argument(
        "--simulator",
        choices=("verilator", "icarus"),
        default="verilator",
        help="icarus: Icarus Verilog, where that is installed; slower (verilator)",
    )
    parser.add_argument(
        "--waves",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="also write the waves of the first N samples (VCD); without N, of the first mismatch",
    )
    parser.add_argument("--seed", type=int, default=1, help="of stalls and disturbances (1)")
    parser.add_argument(
        "--stalls", type=float, default=0.1, help="share of cycles that whole_set stalls (0.1)"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was compared and what differed."""
    from lithify.backends.verilog.simulate import check_seed
    from lithify.cli.samples import class_numbers, read_samples
    from lithify.compiler.design import Design

    check_seed(arguments.seed)
    design = Design.load(arguments.design)
    if design.in_software:
        raise InputError(
            f"{arguments.design}: compiled for C alone, without Verilog; compile it without "
            "--target c"
        )
    x, labels = read_samples(arguments.data, limit=arguments.limit)
    y = class_numbers(arguments.data, labels, design, screen)
    folder = home(arguments.design)

    def progress(text: str) -> None:
        screen.say(f"  {text}")

    shell = arguments.bench in ("uart", "spi")
    if shell and arguments.cells:
        raise InputError(
            f"--cells {arguments.cells}: --bench {arguments.bench} makes a shell of its own; "
            "simulate the cells of the design with another bench"
        )
    icarus = arguments.simulator == "icarus"
    if icarus and (shell or arguments.waves is not None):
        raise InputError(
            "--simulator icarus: it runs the benches whole_set and stream, and writes no waves; "
            "leave it out for others"
        )
    if arguments.waves is not None and (shell or arguments.waves < 0):
        raise InputError(
            f"--waves {arguments.waves or ''}: samples of the benches whole_set and stream have "
            "waves, the first N of them or those before the first mismatch"
        )
    if shell:
        return run_shell(design, folder, x, arguments.bench, arguments.seed, progress, screen)
    options = {"seed": arguments.seed, "stalls": arguments.stalls, "bench": arguments.bench}
    options |= {"cells": arguments.cells, "waves": arguments.waves, "icarus": icarus}
    _, record = run(design, folder, x, y, progress=progress, **options)
    show(record, screen)
    return record


def run(
    design: "Design",
    folder: Path,
    x: "Array",
    y: "Array | None",
    *,
    cells: str | None = None,
    waves: int | None = None,
    icarus: bool = False,
    progress: Callable[[str], None],
    **options: Any,
) -> "tuple[SimulationResult, Mapping[str, object]]":
    """A simulation of the Verilog in a folder, and the record of it that was left there.

    Of its `cells` in a family of chips there is another record.
    """
    from lithify.backends.fpga.in_cells import in_cells
    from lithify.backends.verilog.simulate import simulate
    from lithify.backends.verilog.waves import write_waves
    from lithify.compiler.output import VERILOG
    from lithify.ir.files import write_atomically

    what: Path | Artifacts = folder / VERILOG
    kind = "-icarus" if icarus else ""
    place, of_cells = folder / f"simulation{kind}", {}
    if cells:
        place = folder / f"simulation-{cells}{kind}"
        what, count = in_cells(folder / VERILOG, cells, place / "cells", progress=progress)
        of_cells = {"family": cells, "cells": count}
    codes = design.codes(x)
    progress(f"{counted(len(x), 'sample')} through the interpreter, for the expected answers")
    expected = design.interpret(x)
    options = {**options, "icarus": icarus, "progress": progress}
    result = simulate(what, codes, expected, folder=place, **options)
    record: dict[str, object] = {
        "ok": result.ok,
        **origin(design),
        **of_cells,
        "simulator": "Icarus Verilog" if icarus else "Verilator",
        "samples": result.samples,
        "compared": result.compared,
        "mismatches": result.mismatches,
        "first": [str(mismatch) for mismatch in result.first],
        "complaints": list(result.complaints),
        "interface": result.interface,
        "latency": result.latency,
        "cycles": result.cycles,
        "input bits toggled": list(result.input_bits),
        "output bits toggled": list(result.output_bits),
    }
    if y is not None and not result.mismatches:
        record["accuracy"] = float((expected.classes == y).mean())
    if waves is not None:
        made = write_waves(what, codes, expected, result, count=waves, folder=place, **options)
        record["waves"] = _said_of_waves(made)
    data = json.dumps(record, indent=1, sort_keys=True).encode()
    write_atomically(folder / f"{place.name}.json", data)
    return result, record


def _said_of_waves(made: "Waves | None") -> str:
    """Where the waves are, and of what."""
    if made is None:
        return "no answer was wrong: there are no waves of one (--waves N: of the first N samples)"
    where = f"{made.file}: samples {made.samples[0]} to {made.samples[-1]}"
    return where if made.seen else f"{where}, alone in which no answer is wrong"


def run_shell(
    design: "Design",
    folder: Path,
    x: "Array",
    line: str,
    seed: int,
    progress: Callable[[str], None],
    screen: Screen,
) -> Mapping[str, object]:
    """The shell asked for every sample; ToolFailed says which answer was wrong."""
    from lithify.backends.verilog.cores import core_of
    from lithify.backends.verilog.shell_simulate import simulate_shell
    from lithify.ir.files import write_atomically

    place = folder / f"simulation-{line}"
    codes = design.codes(x)
    core = core_of(design.netlist, every=design.every, cycles=design.cycles)
    result = simulate_shell(core, codes, folder=place, line=line, seed=seed, progress=progress)
    record = {"ok": True, **origin(design), "shell": line, "samples": result.samples}
    data = json.dumps(record, indent=1, sort_keys=True).encode()
    write_atomically(folder / f"{place.name}.json", data)
    show(record, screen)
    return record


def show(record: Mapping[str, object], screen: Screen) -> None:
    """The result in words."""
    if "shell" in record:
        screen.show(
            f"Verilator: the shell answered {record['samples']} samples ({record['shell']}), "
            "all right"
        )
        return
    cells = f" of {record['cells']} cells ({record['family']})" if "cells" in record else ""
    screen.show(
        f"{record.get('simulator', 'Verilator')}: {record['compared']} answers{cells} compared, "
        f"{record['mismatches']} wrong; "
        f"{record['interface']}, latency {record['latency']}, {record['cycles']} cycles"
    )
    for part in ("first", "complaints"):
        said = record[part]
        assert isinstance(said, list)
        for line in said[:5]:
            screen.show(f"  {line}")
    if "waves" in record:
        screen.show(f"waves: {record['waves']}")
    accuracy = record.get("accuracy")
    if isinstance(accuracy, float):
        screen.show(f"accuracy of the simulated Verilog: {100 * accuracy:.2f} %")
