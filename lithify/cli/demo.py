"""`lithify demo`: the whole way on the bundled handwritten digits, every station real."""

import argparse
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithify.cli import build, simulate
from lithify.cli.screen import Screen
from lithify.ir.errors import MismatchError
from lithify.ir.files import make_folder

if TYPE_CHECKING:
    from lithify.backends.fpga.build import BuildResult
    from lithify.backends.verilog.simulate import SimulationResult
    from lithify.compiler.design import Design
    from lithify.compiler.training.recipe import Result

EXAMPLE = ("lithify demo", "lithify demo -o digits --board hx8k-evn --seed 1")
STEPS = 6


def configure(parser: argparse.ArgumentParser) -> None:
    """Where to, for which board, from which seed."""
    parser.add_argument("-o", "--output", type=Path, default=Path("build/digits"), help="folder")
    parser.add_argument("--board", default="icebreaker", help="see `lithify boards` (icebreaker)")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the training (0)")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """Everything of the summary; the folder holds everything that was made."""
    from lithify.backends.fpga.targets import board

    start = time.monotonic()
    board(arguments.board)
    folder = make_folder(arguments.output)
    trained = _train(folder, arguments.seed, screen)
    design = _compile(folder, arguments.board, screen)
    screen.say(f"[4/{STEPS}] simulate every test sample in Verilator, and")
    screen.say(f"[5/{STEPS}] synthesise, place and route for the {arguments.board}, side by side")
    with ThreadPoolExecutor(2) as pool:
        x, y = (values[trained.split.test] for values in (trained.dataset.x, trained.dataset.y))
        simulating = pool.submit(
            simulate.run, design, folder, x, y, progress=lambda t: screen.say(f"  Verilator: {t}")
        )
        building = pool.submit(
            build.run,
            design,
            arguments.board,
            folder / arguments.board,
            progress=lambda t: screen.say(f"  {arguments.board}: {t}"),
        )
        (simulated, _), (built, _) = simulating.result(), building.result()
    screen.say(f"[6/{STEPS}] compare the hard net, both circuits, C and Verilator, score by score")
    _compare(design, trained)
    summary = _Summary(folder, trained, design, simulated, built, time.monotonic() - start)
    summary.show(screen)
    return summary.data()


def _train(folder: Path, seed: int, screen: Screen) -> "Result":
    """The trained net; the model and the held-back samples are in the folder."""
    from lithify.cli.samples import write_samples
    from lithify.compiler.nets import save
    from lithify.compiler.training import run_recipe

    screen.say(f"[1/{STEPS}] train a logic-gate net on 1,797 handwritten digits of 8 x 8 pixels")
    recipe = files("lithify.examples").joinpath("recipes/digits.toml")
    with as_file(recipe) as path, screen.progress("training") as bar:
        result = run_recipe(
            path,
            seed=seed,
            progress=lambda now: bar(
                now.epoch.number,
                now.epochs,
                f"loss {now.epoch.loss:.3f}, hard accuracy {100 * now.epoch.accuracy:.1f} %",
            ),
        )
    save(result.net, folder / "digits.safetensors", provenance=result.provenance)
    held = result.split.test
    write_samples(folder / "test.npz", result.dataset.x[held], result.dataset.y[held])
    return result


def _compile(folder: Path, board: str, screen: Screen) -> "Design":
    """The proved design, written to the folder."""
    from lithify.cli.verify import prove
    from lithify.compiler.driver import compile

    screen.say(f"[2/{STEPS}] harden, lower, optimise")
    design = compile(folder / "digits.safetensors", target=board)
    for step in design.steps:
        screen.say(f"  {step.text:<8} {step.gates[1]:>6,} gates, {step.terms[1]:>5,} score terms")
    screen.say(f"[3/{STEPS}] write Verilog and C, and prove every stage equal to the one before")
    design = prove(design, screen)
    design.write(folder)
    return design


def _compare(design: "Design", trained: "Result") -> None:
    """Nothing where the hard net, both circuits and the C engine give equal scores."""
    import numpy as np

    from lithify.ir import simulate

    x = trained.dataset.x[trained.split.test]
    codes, expected = design.codes(x), trained.net.hard_scores(x)
    found = {
        "lowered circuit": simulate.run(design.lowered, codes).scores,
        "optimised circuit": simulate.run(design.circuit, codes).scores,
        "netlist": simulate.run(design.netlist.circuit, codes).words["scores"],
        "C engine": design.scores(x),
    }
    for name, scores in found.items():
        if not np.array_equal(scores, expected):
            sample = int(np.argwhere((scores != expected).any(1))[0, 0])
            raise MismatchError(
                f"{name}: the scores of test sample {sample} are {scores[sample].tolist()}, those "
                f"of the hard net {expected[sample].tolist()}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Summary:
    """One screen of what came out."""

    folder: Path
    trained: "Result"
    design: "Design"
    simulated: "SimulationResult"
    built: "BuildResult"
    seconds: float

    def data(self) -> dict[str, Any]:
        """The summary as JSON-able values."""
        from lithify.compiler import report

        return {
            "ok": self.simulated.ok and self.built.meets_clock and self.proved,
            "hard_accuracy": self.trained.test_accuracy,
            "test_samples": len(self.trained.split.test),
            "stages": report.data(self.design)["stages"],
            "simulated": {
                "samples": self.simulated.compared,
                "mismatches": self.simulated.mismatches,
                "latency": self.simulated.latency,
            },
            "build": self.built.as_dict(),
            "proved": self.proved,
            "proof": list(self.design.certificate.lines()) if self.design.certificate else [],
            "folder": str(self.folder),
            "seconds": round(self.seconds, 1),
        }

    @property
    def proved(self) -> bool:
        """Whether every stage was."""
        return self.design.certificate is not None and self.design.certificate.ok

    def show(self, screen: Screen) -> None:
        """The summary for people."""
        from lithify.compiler import report

        built, accuracy = self.built, 100 * self.trained.test_accuracy
        gates = self.design.netlist.circuit.size_by_part()
        screen.show()
        screen.show(
            f"hard accuracy    {accuracy:.2f} % of {len(self.trained.split.test)} held-back digits "
            "(the net in gates, not the soft one)"
        )
        screen.table(
            ("part", "gates", "LUT4", "flip-flops"),
            [
                (part, gates[part], built.parts[part].luts, built.parts[part].flip_flops)
                for part in report.PARTS
            ],
        )
        screen.show(f"depth            {self.design.netlist.circuit.depth} gates with the head")
        screen.show(
            f"{self.built.board.name:<16} {built.best.cells_used} of {built.board.device.cells} "
            f"cells with the UART shell, {built.fmax_mhz:.1f} MHz routed, "
            f"{built.latency} cycles of latency"
        )
        screen.show(
            f"Verilator        {self.simulated.compared} of {self.simulated.samples} samples "
            f"compared, {self.simulated.mismatches} wrong; C engine and interpreter equal"
        )
        assert self.design.certificate is not None
        for line in self.design.certificate.lines():
            screen.show(f"proof            {line}")
        screen.show(f"took             {self.seconds:.0f} s")
        screen.show("\neverything is in " + str(self.folder))
        for names, what in listing(self.folder, built.board.name):
            screen.show(f"  {names:<34} {what}")


def listing(folder: Path, board: str) -> list[tuple[str, str]]:
    """What stands in the folder of a demo: names, and what they are."""
    found = []
    for names, what in FILES.items():
        there = [one for one in names.format(board=board).split() if (folder / one).exists()]
        if there:
            found.append((", ".join(there), what))
    return found


FILES = {
    "digits.safetensors": "the trained model",
    "test.npz": "the held-back samples",
    "design.lith": "the compiled design, enough for every other verb",
    "certificate.json": "what was proved; `lithify verify` proves it again",
    "report.txt report.json": "gates by part, and where the net came from",
    "verilog/digits.v": "valid/ready stream, by Amaranth",
    "README.md": "what each file is, and commands that need no Lithify",
    "files.sha256": "SHA-256 of what was compiled, for `sha256sum -c`",
    "verilog/digits.core": "the Verilog for FuseSoC",
    "verilog/vivado.tcl verilog/constraints.xdc": "a project of the Verilog for Vivado",
    "verilog/design.json": "ports, clocking and latency of the Verilog",
    "c/digits.c c/digits.h": "one C99 file for any CPU",
    "c/CMakeLists.txt c/digits_vectors.txt c/digits_expected.txt": "builds and tries it",
    "c/digits_code.h input_code.json": "how features become its inputs, in C and for others",
    "exchange": "AIGER, BLIF and the circuit as text",
    "simulation.json simulation": "what Verilator found, its model and log",
    "{board}/design.bin {board}/design.bit": "the bitstream; `lithify program` loads it",
    "{board}/certificate.json": "what is proved of the bitstream, and what is not",
    "{board}/README.md": "how to make the bitstream again without Lithify",
    "{board}/build.json": "cells, clock and critical path; the logs are beside it",
}
"""Names in the folder, and what they are."""
