"""Pipelines print and parse; the runner times, checks, dumps and stops; errors teach."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from lithify.compiler.passes.fold import Fold
from lithify.compiler.passes.prune import Prune
from lithify.compiler.passes.share import Share
from lithify.compiler.pipeline import EFFORTS, Pass, Step, dump, parse, run
from lithify.ir.circuit import Circuit
from lithify.ir.errors import CheckError, PassError
from lithify.ir.generate import random_circuit
from lithify.ir.text import parse as parse_circuit


@pytest.fixture
def circuit() -> Circuit:
    return random_circuit(np.random.default_rng(5))


@pytest.mark.parametrize("text", EFFORTS)
def test_pipelines_print_what_was_parsed(text: str) -> None:
    assert dump(parse(text)) == text


def test_names_become_passes() -> None:
    assert parse("fold; ;share ;prune;") == (Fold(), Share(), Prune())
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fold; prun", "pass 'prun' is unknown; did you mean prune?"),
        (
            "xyzzy",
            "pass 'xyzzy' is unknown; there are fold, strash, absorb, simplify, share, narrow, "
            "rewrite, prune",
        ),
        ("fold(", "pass 'fold(': write a name, or name(option=value, ...)"),
        ("share(seed=-1)", "pass share: its options are numbers from 0 up"),
        ("prune(x=1)", "pass prune: option 'x' is unknown; there are "),
    ],
)
def test_what_cannot_be_parsed_is_named(text: str, message: str) -> None:
    with pytest.raises(PassError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_the_runner_reports_every_step(circuit: Circuit) -> None:
    seen: list[Step] = []
    result = run(parse("fold; strash; prune"), circuit, progress=seen.append)
    assert tuple(seen) == result.steps
    assert [step.text for step in seen] == ["fold", "strash", "prune"]
    assert seen[0].gates[0] == circuit.num_gates
    assert seen[-1].gates[1] == result.circuit.num_gates
    assert all(a.gates[1] == b.gates[0] for a, b in zip(seen, seen[1:], strict=False))
    assert all(step.seconds >= 0 for step in seen)


@pytest.mark.parametrize("stop", [1, "fold"])
def test_the_runner_stops_where_told(circuit: Circuit, stop: int | str) -> None:
    result = run(parse("fold; strash; fold; prune"), circuit, stop_after=stop)
    assert result.circuit == Fold()(circuit)
    assert len(result.steps) == 1


def test_stopping_after_no_pass_and_after_the_last(circuit: Circuit) -> None:
    assert run(parse("fold; prune"), circuit, stop_after=0).circuit is circuit
    assert len(run(parse("fold; prune"), circuit, stop_after=2).steps) == 2


@pytest.mark.parametrize(
    ("text", "stop", "message"),
    [
        ("fold; prune", "share", "stop after 'share': the pipeline has 2 passes: fold; prune"),
        ("fold; prune", 3, "stop after 3: the pipeline has 2 passes: fold; prune"),
        ("fold", -1, "stop after -1: the pipeline has 1 pass: fold"),
        ("", 1, "stop after 1: the pipeline has 0 passes: none"),
    ],
)
def test_stopping_after_a_pass_that_is_not_there_is_an_error(
    circuit: Circuit, tmp_path: Path, text: str, stop: int | str, message: str
) -> None:
    with pytest.raises(PassError) as caught:
        run(parse(text), circuit, stop_after=stop, dump_to=tmp_path / "stages")
    assert str(caught.value) == message
    assert not (tmp_path / "stages").exists()


def test_every_stage_can_be_dumped_and_read_again(circuit: Circuit, tmp_path: Path) -> None:
    result = run(parse("fold; prune"), circuit, dump_to=tmp_path / "a" / "b")
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names == ["00-start.circuit", "01-fold.circuit", "02-prune.circuit"]
    stages = [parse_circuit((tmp_path / "a" / "b" / name).read_text()) for name in names]
    assert (stages[0], stages[-1]) == (circuit, result.circuit)


@dataclass(frozen=True, slots=True)
class Vandal:
    """A pass that breaks the first gate."""

    name: ClassVar[str] = "vandal"
    depth: int = 1

    def __call__(self, circuit: Circuit) -> Circuit:
        fanins = circuit.fanins.copy()
        fanins[0] = circuit.num_signals
        rows = (circuit.kinds, circuit.tables, circuit.offsets, fanins, circuit.weights)
        origins = (circuit.origins, circuit.origin_of, circuit.unit_of)
        return Circuit(circuit.inputs, *rows, circuit.outputs, circuit.readout, *origins)


def test_a_circuit_that_is_broken_from_the_start_is_said(circuit: Circuit) -> None:
    broken = Vandal()(circuit)
    with pytest.raises(
        CheckError, match=r"^the circuit that the passes are to start from: gate \S+: "
    ):
        run((), broken)
    assert run((), broken, check=False).circuit is broken


def test_a_pass_that_breaks_the_circuit_is_named(circuit: Circuit) -> None:
    passes: tuple[Pass, ...] = (Fold(), Vandal(depth=2))
    with pytest.raises(PassError, match=r"^pass 2, vandal\(depth=2\), made an illegal circuit: "):
        run(passes, circuit)
    run(passes[:1], circuit, check=False)
