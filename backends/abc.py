"""Runs yosys-abc on binary AIGER files: `compare` (equal?), `sweep` (which
outputs are?), `map_luts`.

It fails by hanging, exits 0 on errors and aborts on bad files: every run has a limit, its output is
read for complaints, and only the sentence that says so counts as "equal".
"""

import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lithify.backends.toolchain import Completed, failure, require_tool, run
from lithify.ir.errors import FormatError, InputError

TOOL = "yosys-abc"
COMPLAINTS = re.compile(r"\*\* cmd error|^Error\b|[Cc]annot open|unknown option|^usage:", re.M)
EQUAL = re.compile(r"^Networks are equivalent\.", re.M)
DIFFERENT = re.compile(r"^Networks are NOT EQUIVALENT\.", re.M)
UNDECIDED = re.compile(r"^Networks are UNDECIDED", re.M)
PATTERN = re.compile(r"^INPUT: (.*?)\.  OUTPUT:", re.M)
LEAST_PRINTED = 6  # ABC prints patterns of fewer inputs as so many bits
WALL_FACTOR, WALL_EXTRA = 4, 10  # wall seconds allowed for so many seconds of CPU time

Recipe = Literal["shallow", "few", "rewritten"]
RECIPES: dict[Recipe, str] = {"shallow": "&if", "few": "&if -a", "rewritten": "&dc2; &if -a"}
"""Ways to map: few levels first; few tables first; the same after gates were rewritten, which no
proof follows through a sum."""

Outcome = Literal["equal", "different", "undecided"]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What `&cec` says of two networks.

    `pattern` is, where they differ and the tool says how, one bit for each input; `reason` says why
    nothing was decided.
    """

    outcome: Outcome
    seconds: float
    pattern: NDArray[np.uint8] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Which outputs SAT sweeping found equal: those of equal literals (2 * node + inverted).

    `literals` is None where the limit came first; `reason` says so.
    """

    literals: NDArray[np.int64] | None
    seconds: float
    reason: str = ""


def version() -> str:
    """The name and version of the engine, for certificates."""
    return f"{TOOL} {require_tool(TOOL).version}"


def interface(aiger: bytes) -> tuple[int, int]:
    """The numbers of inputs and outputs of a binary AIGER file without latches."""
    fields = aiger[:80].split(b"\n", 1)[0].split()
    if len(fields) < 6 or fields[0] != b"aig" or not all(f.isdigit() for f in fields[1:]):
        raise FormatError("not a binary AIGER file: the first line must be aig M I L O A")
    if int(fields[3]):
        raise FormatError(
            f"the AIGER file has {int(fields[3])} latches; only gates can be compared"
        )
    return int(fields[2]), int(fields[4])


def compare(
    left: bytes, right: bytes, *, time_limit: float, conflicts: int = 100_000
) -> Comparison:
    """Whether two binary AIGER files say the same, output by output, inputs matched by order."""
    if interface(left) != interface(right):
        raise InputError(
            "the networks have {} inputs and {} outputs against {} and {}; "
            "only networks of one interface can be compared".format(
                *interface(left), *interface(right)
            )
        )
    inputs, outputs = interface(left)
    if not outputs or left == right:
        return Comparison("equal", 0.0)
    files = {"left.aig": without_names(left), "right.aig": without_names(right)}
    script = f"&r left.aig; &cec -C {conflicts} right.aig"
    done, _ = run_script(script, files, (), time_limit=time_limit)
    if DIFFERENT.search(done.output):
        return Comparison("different", done.seconds, _pattern(done.output, inputs))
    if EQUAL.search(done.output):
        return Comparison("equal", done.seconds)
    if done.stopped:
        return Comparison("undecided", done.seconds, reason=f"{TOOL} {done.stopped}")
    if UNDECIDED.search(done.output):
        return Comparison("undecided", done.seconds, reason=f"{TOOL} gave up")
    raise failure(TOOL, done, Path("."))


def sweep(aiger: bytes, *, time_limit: float, conflicts: int = 1000) -> Sweep:
    """Which outputs of a binary AIGER file are equal or complementary, by SAT sweeping."""
    if not interface(aiger)[1]:
        return Sweep(np.empty(0, np.int64), 0.0)
    script = f"&r in.aig; &fraig -y -C {conflicts}; &w -s out.aig"
    done, files = run_script(
        script, {"in.aig": without_names(aiger)}, ("out.aig",), time_limit=time_limit
    )
    if done.stopped:
        return Sweep(None, done.seconds, f"{TOOL} {done.stopped}")
    if "out.aig" not in files:
        raise failure(TOOL, done, Path("."))
    literals = output_literals(files["out.aig"])
    if len(literals) != interface(aiger)[1]:
        raise failure(TOOL, done, Path("."))
    return Sweep(literals, done.seconds)


def map_luts(aiger: bytes, *, inputs: int, time_limit: float, recipe: Recipe = "shallow") -> bytes:
    """The BLIF file of a binary AIGER file mapped to tables of at most so many inputs.

    Inputs and outputs keep their order, not their names.
    """
    script = f"&r in.aig; &st; {RECIPES[recipe]} -K {inputs}; &put; write_blif out.blif"
    done, files = run_script(
        script, {"in.aig": without_names(aiger)}, ("out.blif",), time_limit=time_limit
    )
    if done.stopped or "out.blif" not in files:
        raise failure(TOOL, done, Path("."))
    return files["out.blif"]


def output_literals(aiger: bytes) -> NDArray[np.int64]:
    """The literals of the outputs of a binary AIGER file."""
    _, outputs = interface(aiger)
    lines = aiger.split(b"\n", outputs + 1)[1 : outputs + 1]
    if len(lines) != outputs or not all(line.isdigit() for line in lines):
        raise FormatError(f"the AIGER file ends before its {outputs} outputs are named")
    return np.array(lines, dtype="S20").astype(np.int64)


def run_script(
    script: str, files: Mapping[str, bytes], wanted: Sequence[str], *, time_limit: float
) -> tuple[Completed, dict[str, bytes]]:
    """What became of an ABC script run beside these files, and those wanted that it left.

    Reaching the limit (CPU seconds) is no error, `stopped` says so; anything that ABC complains of
    is ToolFailed.
    """
    with tempfile.TemporaryDirectory(prefix="lithify-abc-") as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        done = run(
            TOOL,
            ["-q", script],
            cwd=folder,
            timeout_s=WALL_FACTOR * max(time_limit, 0) + WALL_EXTRA,
            cpu_s=max(1, math.ceil(time_limit)),
            check=False,
        )
        if not done.stopped and (done.code or COMPLAINTS.search(done.output)):
            raise failure(TOOL, done, Path("."))
        left = {f: (folder / f).read_bytes() for f in wanted if (folder / f).is_file()}
    return done, left


def without_names(aiger: bytes) -> bytes:
    """A binary AIGER file without its symbols and comments, which change how patterns print."""
    _, outputs = interface(aiger)
    ands = int(aiger[:80].split(b"\n", 1)[0].split()[5])
    body = len(b"\n".join(aiger.split(b"\n", outputs + 1)[: outputs + 1])) + 1
    data = np.frombuffer(aiger, np.uint8)[body:]
    ends = np.flatnonzero(data < 128)
    if len(ends) < 2 * ands:
        raise FormatError(f"the AIGER file ends before its {ands} gates are given")
    return aiger[: body + (int(ends[2 * ands - 1]) + 1 if ands else 0)]


def _pattern(output: str, inputs: int) -> NDArray[np.uint8] | None:
    """The input bits that ABC printed, such as `a = 5'h1F`; None where it printed none."""
    found = PATTERN.search(output)
    digits = re.fullmatch(r"\w+ = (\d+)'h([0-9A-Fa-f]+)", found[1]) if found else None
    if digits is None or int(digits[1]) != max(inputs, LEAST_PRINTED):
        return None
    value = int(digits[2], 16)
    octets = np.frombuffer(value.to_bytes(-(-int(digits[1]) // 8), "little"), np.uint8)
    return np.unpackbits(octets, count=inputs, bitorder="little")
