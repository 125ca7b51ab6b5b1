"""Pipelines: tuples of passes that print and parse, and the runner that times and checks them."""

import ast
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, Protocol

from lithify.compiler.passes.absorb import Absorb
from lithify.compiler.passes.fold import Fold
from lithify.compiler.passes.narrow import Narrow
from lithify.compiler.passes.prune import Prune
from lithify.compiler.passes.rewrite import Rewrite
from lithify.compiler.passes.share import Share
from lithify.compiler.passes.simplify import Simplify
from lithify.compiler.passes.strash import Strash
from lithify.ir.check import check as check_circuit
from lithify.ir.circuit import Circuit
from lithify.ir.errors import CheckError, PassError
from lithify.ir.files import make_folder, write_atomically
from lithify.ir.wording import counted

CHECKED_GATES = 100_000  # circuits up to this size are checked after every pass by default


class Pass(Protocol):
    """A pure function from circuit to circuit: a frozen dataclass whose fields are its options."""

    name: ClassVar[str]

    def __call__(self, circuit: Circuit) -> Circuit:
        """The changed circuit."""
        ...


PASSES: dict[str, type[Pass]] = {
    kind.name: kind for kind in (Fold, Strash, Absorb, Simplify, Share, Narrow, Rewrite, Prune)
}

# Effort 0 is free, 1 takes seconds for a million gates. What asks SAT comes once everything cheap
# is done, and lets the cheap find more: minutes at effort 2, the default. Effort 3 gives every
# engine ten times as long, and is run again for as long as it finds something.
EFFORTS = (
    "fold; prune",
    "fold; strash; absorb; prune; simplify",
    "fold; strash; absorb; prune; simplify; share; narrow; simplify",
    "fold; strash; absorb; prune; simplify; "
    "share(vectors=4096, conflicts=10000, time_limit=600.0); "
    "narrow(vectors=4096, conflicts=10000, time_limit=600.0); rewrite; simplify",
)
REPEATED = len(EFFORTS) - 1  # the effort that goes on for as long as it finds something

Pipeline = tuple[Pass, ...]


def parse(text: str) -> Pipeline:
    """The passes that a text such as "fold; share(rounds=2); prune" names."""
    return tuple(_parse_pass(step.strip()) for step in text.split(";") if step.strip())


def dump(pipeline: Sequence[Pass]) -> str:
    """The text of a pipeline; options at their defaults are left out."""
    return "; ".join(_dump_pass(step) for step in pipeline)


@dataclass(frozen=True, slots=True)
class Step:
    """What one pass did: its text, seconds, and gates, score terms and depth before and after."""

    text: str
    seconds: float
    gates: tuple[int, int]
    terms: tuple[int, int]
    depth: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Run:
    """The circuit at the end of a pipeline and the steps that led there."""

    circuit: Circuit
    steps: tuple[Step, ...]


def run(
    pipeline: Sequence[Pass],
    circuit: Circuit,
    *,
    check: bool | None = None,
    dump_to: Path | None = None,
    stop_after: int | str | None = None,
    progress: Callable[[Step], None] = lambda step: None,
) -> Run:
    """The circuit after the passes, each timed; up to 100,000 gates it and each result are checked.

    With `dump_to` the text of every stage is written there as `00-start.circuit` and so on.
    `stop_after` ends after so many passes, or after the first pass of that name.
    """
    steps: list[Step] = []
    _require_stop(pipeline, stop_after)
    if check or (check is None and circuit.num_gates <= CHECKED_GATES):
        _check_start(circuit)
    if dump_to:
        make_folder(dump_to)
        write_atomically(dump_to / "00-start.circuit", str(circuit).encode())
    for place, step in enumerate(_until(pipeline, stop_after), 1):
        begin = time.perf_counter()
        after = step(circuit)
        seconds = time.perf_counter() - begin
        if check or (check is None and after.num_gates <= CHECKED_GATES):
            _check(after, step, place)
        sizes = [_size(circuit), _size(after)]
        gates, terms, depth = zip(*sizes, strict=True)
        steps.append(Step(_dump_pass(step), seconds, gates, terms, depth))
        progress(steps[-1])
        circuit = after
        if dump_to:
            write_atomically(dump_to / f"{place:02d}-{step.name}.circuit", str(circuit).encode())
    return Run(circuit, tuple(steps))


def run_effort(
    effort: int,
    circuit: Circuit,
    *,
    check: bool | None = None,
    dump_to: Path | None = None,
    progress: Callable[[Step], None] = lambda step: None,
) -> Run:
    """The circuit after the passes of an effort, 0 to 3; the highest ends when it finds no more."""
    best = run(parse(EFFORTS[effort]), circuit, check=check, dump_to=dump_to, progress=progress)
    steps, found, again = best.steps, effort == REPEATED, 1
    while found:
        folder = dump_to / f"again-{again}" if dump_to else None
        more = run(
            parse(EFFORTS[effort]), best.circuit, check=check, dump_to=folder, progress=progress
        )
        steps, again = steps + more.steps, again + 1
        found = cost(more.circuit) < cost(best.circuit)
        best = more if found else best
    return Run(best.circuit, steps)


def cost(circuit: Circuit) -> tuple[int, int]:
    """What is to become less: gates, then everything that gates and scores read."""
    terms = sum(score.signals.size for score in circuit.scores)
    return circuit.num_gates, circuit.fanins.size + terms


def _require_stop(pipeline: Sequence[Pass], stop_after: int | str | None) -> None:
    """Refuse a place to stop after that the pipeline does not have."""
    if isinstance(stop_after, str):
        known = stop_after in [step.name for step in pipeline]
    else:
        known = stop_after is None or 0 <= stop_after <= len(pipeline)
    if not known:
        count = counted(len(pipeline), "pass", "passes")
        raise PassError(
            f"stop after {stop_after!r}: the pipeline has {count}: {dump(pipeline) or 'none'}"
        )


def _until(pipeline: Sequence[Pass], stop_after: int | str | None) -> Iterator[Pass]:
    """The passes up to the one to stop after."""
    for place, step in enumerate(pipeline, 1):
        if isinstance(stop_after, int) and place > stop_after:
            return
        yield step
        if step.name == stop_after:
            return


def _size(circuit: Circuit) -> tuple[int, int, int]:
    return circuit.num_gates, sum(s.signals.size for s in circuit.scores), circuit.depth


def _check_start(circuit: Circuit) -> None:
    try:
        check_circuit(circuit)
    except CheckError as error:
        raise CheckError(f"the circuit that the passes are to start from: {error}") from error


def _check(circuit: Circuit, step: Pass, place: int) -> None:
    try:
        check_circuit(circuit)
    except CheckError as error:
        text = f"pass {place}, {_dump_pass(step)}, made an illegal circuit: {error}"
        raise PassError(text) from error


def _dump_pass(step: Pass) -> str:
    options = [
        f"{f.name}={getattr(step, f.name)!r}"
        for f in fields(step)  # type: ignore[arg-type]  # a Pass is a dataclass by its contract
        if getattr(step, f.name) != f.default
    ]
    return f"{step.name}({', '.join(options)})" if options else step.name


def _parse_pass(text: str) -> Pass:
    match = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", text)
    if not match:
        raise PassError(f"pass {text!r}: write a name, or name(option=value, ...)")
    name, options = match.groups()
    kind = PASSES.get(name)
    if kind is None:
        raise PassError(f"pass {name!r} is unknown{_nearest(name, PASSES)}")
    given = dict(_parse_option(kind, part) for part in (options or "").split(",") if part.strip())
    return kind(**given)


def _parse_option(kind: type[Pass], text: str) -> tuple[str, object]:
    """The name and value of one option, judged by the type of its default."""
    defaults = {f.name: f.default for f in fields(kind)}  # type: ignore[arg-type]  # see _dump_pass
    name, _, value = (part.strip() for part in text.partition("="))
    if name not in defaults:
        raise PassError(f"pass {kind.name}: option {name!r} is unknown{_nearest(name, defaults)}")
    try:
        parsed = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        parsed = None
    wanted = type(defaults[name])
    if wanted is float and type(parsed) is int:
        parsed = float(parsed)
    if type(parsed) is not wanted:
        raise PassError(f"pass {kind.name}: {name}={value or '?'} is not of type {wanted.__name__}")
    return name, parsed


def _nearest(name: str, known: Sequence[str] | dict[str, object] | dict[str, type[Pass]]) -> str:
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(known)}"
