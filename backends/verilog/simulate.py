"""Simulation of a written design: every sample through Verilator, compared with the expected."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends.artifacts import Artifacts
from lithify.backends.toolchain import failure
from lithify.backends.verilog.description import FILE, Bus, Description
from lithify.backends.verilog.icarus import build_icarus
from lithify.backends.verilog.verilate import Progress, Simulator, build_simulator
from lithify.ir.errors import InputError
from lithify.ir.files import make_folder
from lithify.ir.simulate import Answers

Int64 = NDArray[np.int64]

BENCHES = {
    "whole_set": "lithify.hw_tests.benches.whole_set",
    "stream": "lithify.hw_tests.benches.stream",
}
MOST_SEED = 2**31 - 1
"""What Verilator takes; 0 would be another seed every time."""
MUCH_WORK = 200_000_000
"""Gates times samples from which an optimised model is worth its longer build."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One output that was wrong for one sample; `seen` is None where bits were undefined."""

    sample: int
    output: str
    inputs: tuple[int, ...]
    expected: tuple[int, ...]
    seen: tuple[int, ...] | None

    def __str__(self) -> str:
        """A line for people."""
        seen = "undefined" if self.seen is None else _shown(self.seen)
        return (
            f"sample {self.sample}: {self.output} is {seen}, expected {_shown(self.expected)}, "
            f"for input {_shown(self.inputs)}"
        )


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a simulation found. `first` are the first mismatches, `complaints` broken handshakes.

    The latency was checked along: answers were looked for in the cycle in which they are due.
    Coverage counts the bits that were both 0 and 1 in the course of the samples.
    """

    samples: int
    compared: int
    mismatches: int
    first: tuple[Mismatch, ...]
    complaints: tuple[str, ...]
    interface: str
    latency: int
    cycles: int
    input_bits: tuple[int, int]
    output_bits: tuple[int, int]
    build_seconds: float
    seconds: float
    log: Path

    @property
    def ok(self) -> bool:
        """Whether every answer was right, and in time."""
        return not self.mismatches and not self.complaints


def simulate(
    design: str | Path | Artifacts,
    codes: ArrayLike,
    expected: Answers | Mapping[str, ArrayLike],
    *,
    bench: str = "whole_set",
    folder: str | Path | None = None,
    seed: int = 1,
    stalls: float = 0.1,
    patterns: int = 0,
    waves: bool = False,
    icarus: bool = False,
    timeout_s: float = 3600.0,
    progress: Progress = lambda text: None,
) -> SimulationResult:
    """What the design, simulated by Verilator, answers to `codes`, compared with `expected`.

    `design` is a folder with `design.json` and the Verilog, or what `emit` gave. `codes` has a row
    for each sample and a column for each input element; `expected` has the outputs by name.
    Everything made is in `folder`, by default `simulation` in the design's folder, or a new folder
    among the temporaries. In a pipeline, a share `stalls` of the cycles stands still. The stream
    bench can be asked for so many `patterns` of stalls at random, of which the result then speaks.
    With `waves` every signal at every time is in WAVES (`lithify.backends.verilog.verilate`). With
    `icarus` Icarus Verilog simulates in place of Verilator.
    """
    described, files, beside = open_design(design)
    _check_options(described, bench, stalls)
    check_seed(seed)
    inputs, answers = _samples(described, codes, expected)
    work = make_folder(folder or beside or mkdtemp(prefix="lithify-")).resolve()
    started = time.monotonic()
    what: dict[str, Any] = {"top": described.name, "folder": work, "progress": progress}
    if icarus:
        simulator = build_icarus(files, **what)
    else:
        much = sum(described.gates.values()) * len(inputs) > MUCH_WORK
        ports = _ports(described)
        simulator = build_simulator(files, ports=ports, optimise=much, waves=waves, **what)
    built = time.monotonic()
    _write_job(
        work, described, inputs, answers, {"seed": seed, "stalls": stalls, "patterns": patterns}
    )
    result = _run(simulator, BENCHES[bench], len(inputs), seed, timeout_s, progress)
    return SimulationResult(
        samples=len(inputs),
        compared=result["compared"],
        mismatches=result["mismatches"],
        first=tuple(_mismatch(detail) for detail in result["details"]),
        complaints=tuple(result["complaints"]),
        interface=described.interface,
        latency=described.latency,
        cycles=result["cycles"],
        input_bits=_toggled([inputs], described.inputs),
        output_bits=_toggled(answers, described.outputs),
        build_seconds=built - started,
        seconds=time.monotonic() - built,
        log=work / "simulate.log",
    )


def open_design(
    design: str | Path | Artifacts,
) -> tuple[Description, dict[str, bytes], Path | None]:
    """The description, the Verilog, and the folder beside it that things made for it go to."""
    if isinstance(design, Artifacts):
        described = Description.from_json(design[FILE])
        files = {described.file: design[described.file]}
        return described, files, None
    home = Path(design)
    try:
        described = Description.from_json((home / FILE).read_bytes(), where=str(home / FILE))
        files = {described.file: (home / described.file).read_bytes()}
    except OSError as error:
        raise InputError(
            f"{home} holds no Verilog design: {error.filename}: {error.strerror}. "
            "Write one with `lithify compile`, or name another folder."
        ) from error
    return described, files, home / "simulation"


def _check_options(described: Description, bench: str, stalls: float) -> None:
    if bench not in BENCHES:
        raise InputError(f"bench {bench!r} is none of {', '.join(BENCHES)}")
    if bench == "stream" and described.interface != "stream":
        raise InputError(
            f"the stream bench needs a design with the stream interface; "
            f"that of {described.name} is {described.interface}"
        )
    if not 0 <= stalls < 1:
        raise InputError(f"stalls={stalls:g}: the share of cycles that stand still, 0 to below 1")


def check_seed(seed: int) -> None:
    """Nothing; InputError where the simulator cannot take the seed."""
    if not 1 <= seed <= MOST_SEED:
        raise InputError(f"seed {seed}: the simulator takes 1 to {MOST_SEED}")


def _samples(
    described: Description, codes: ArrayLike, expected: Answers | Mapping[str, ArrayLike]
) -> tuple[Int64, list[Int64]]:
    """The samples and the expected answers as arrays of the right shapes."""
    inputs = np.asarray(codes)
    elements = sum(bus.count for bus in described.inputs)
    if inputs.ndim != 2 or inputs.shape[1] != elements or not len(inputs):
        raise InputError(
            f"the samples have shape {inputs.shape}; the design takes [samples, {elements}], "
            "and at least one sample"
        )
    if not np.issubdtype(inputs.dtype, np.integer):
        raise InputError(f"the samples are {inputs.dtype}; the design takes integer codes")
    wanted = named_answers(expected) if isinstance(expected, Answers) else expected
    answers = []
    for bus in described.outputs:
        if bus.name not in wanted:
            raise InputError(f"expected answers lack the output {bus.name!r} of the design")
        answer = np.asarray(wanted[bus.name], np.int64)
        if answer.shape != (len(inputs), bus.count):
            raise InputError(
                f"expected answers of {bus.name!r} have shape {answer.shape}; "
                f"there are {len(inputs)} samples of {bus.count} values"
            )
        answers.append(answer)
    return inputs.astype(np.int64), answers


def named_answers(answers: Answers) -> dict[str, ArrayLike]:
    """The answers of the interpreter, under the names that the outputs have in hardware."""
    named: dict[str, ArrayLike] = dict(answers.words)
    if answers.scores.shape[1]:
        named |= {"scores": answers.scores, "class": answers.classes[:, None]}
    return named


def _ports(described: Description) -> list[str]:
    """Every port of the top module."""
    extra = {
        "comb": [],
        "pipeline": ["clk", "en"],
        "stream": ["clk", "rst", "in_valid", "in_ready", "out_valid", "out_ready"],
    }[described.interface]
    buses = [bus.signal for bus in (*described.inputs, *described.outputs)]
    return [*(extra if described.latency else []), *buses]


def _write_job(
    work: Path,
    described: Description,
    inputs: Int64,
    answers: list[Int64],
    options: Mapping[str, float],
) -> None:
    (work / "result.json").unlink(missing_ok=True)
    (work / FILE).write_bytes(described.to_json())
    (work / "job.json").write_text(json.dumps(options))
    named: dict[str, Any] = {f"expected_{i}": answer for i, answer in enumerate(answers)}
    np.savez(work / "samples.npz", codes=inputs, **named)


def _run(
    simulator: Simulator,
    module: str,
    samples: int,
    seed: int,
    timeout_s: float,
    progress: Progress,
) -> dict[str, Any]:
    """What the bench left behind."""

    def watch(text: str) -> None:
        if found := re.findall(r"compared (\d+)$", text, re.MULTILINE):
            progress(f"simulated {found[-1]} of {samples} samples")

    done = simulator.run_bench(
        module,
        environment={"LITHIFY_JOB": str(simulator.folder)},
        timeout_s=timeout_s,
        seed=seed,
        watch=watch,
    )
    found = simulator.folder / "result.json"
    report = simulator.folder / "results.xml"
    failed = not report.is_file() or "<failure" in report.read_text()
    if not done.ok or failed or not found.is_file():
        raise failure("the simulation", done, simulator.folder)
    result: dict[str, Any] = json.loads(found.read_text())
    return result


def _mismatch(detail: Mapping[str, Any]) -> Mismatch:
    seen = detail["seen"]
    return Mismatch(
        sample=detail["sample"],
        output=detail["output"],
        inputs=tuple(detail["inputs"]),
        expected=tuple(detail["expected"]),
        seen=None if seen is None else tuple(seen),
    )


def _toggled(values: list[Int64], buses: tuple[Bus, ...]) -> tuple[int, int]:
    """How many bits were both 0 and 1 in the samples, and how many there are."""
    columns = np.concatenate([value.reshape(len(value), -1) for value in values], axis=1)
    ones = np.bitwise_or.reduce(columns, axis=0)
    zeros = np.bitwise_or.reduce(~columns, axis=0)
    widths = np.repeat([bus.width for bus in buses], [bus.count for bus in buses])
    both = (ones & zeros)[:, None] >> np.arange(64) & 1
    seen = both[np.arange(64) < widths[:, None]]
    return int(seen.sum()), int(seen.size)


def _shown(values: tuple[int, ...]) -> str:
    """The values, shortened where there are many."""
    if len(values) == 1:
        return str(values[0])
    dots = f", ... ({len(values)} values)" if len(values) > 16 else ""
    return "[" + ", ".join(map(str, values[:16])) + dots + "]"
