"""Certificates: written, read, checked again; damage and changes are said."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lithify.backends.verilog.description import FILE, Description
from lithify.backends.verilog.emit import emit
from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof import certificate as module
from lithify.compiler.proof.certificate import Certificate, Subjects, certify, recheck
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted, explain
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError
from lithify.ir.ports import Score


def subjects() -> Subjects:
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, count=8, high=5)
    bits = b.thresholds(rng.integers(1, 6, 8), x, np.tile([1, 2, 4], (8, 1)))
    y = b.tables(rng.integers(0, 16, 60).astype(np.uint64), bits[rng.integers(0, 8, (60, 2))])
    for label in range(3):
        b.score(f"class{label}", y[label::3])
    lowered = b.finish(readout="argmax")
    optimised = run(parse(EFFORTS[-1]), lowered).circuit
    netlist = expand(optimised)
    files = emit(netlist)
    description = Description.from_json(files[FILE])
    return Subjects(optimised, lowered, netlist, files[description.file], description)


SUBJECTS = subjects()
CERTIFICATE = certify(SUBJECTS)
DATA = CERTIFICATE.to_bytes()


def test_all_stages_are_proved_and_recorded() -> None:
    assert CERTIFICATE.ok
    assert [(s.name, s.left, s.right, s.verdict) for s in CERTIFICATE.stages] == [
        ("optimise", "lowered", "optimised", "proved"),
        ("expand", "optimised", "netlist", "proved"),
        ("verilog", "netlist", "verilog", "proved"),
    ]
    assert sorted(CERTIFICATE.digests) == [
        "description", "lowered", "netlist", "optimised", "verilog",
    ]  # fmt: skip
    assert sorted(CERTIFICATE.seconds) == ["expand", "optimise", "verilog"]
    assert CERTIFICATE.lines()[1].startswith(
        "optimised = netlist: proved by weight conservation (lithify), "
    )


def test_certificates_of_one_design_are_equal_byte_for_byte() -> None:
    assert certify(subjects()).to_bytes() == DATA
    timed = json.loads(CERTIFICATE.to_bytes(times=True))
    assert timed.pop("seconds").keys() == CERTIFICATE.seconds.keys()
    assert timed == json.loads(DATA)


def test_a_certificate_reads_back_and_is_proved_again() -> None:
    read = Certificate.from_bytes(DATA)
    assert read == CERTIFICATE
    seen: list[str] = []
    again = recheck(read, SUBJECTS, progress=lambda name, verdict: seen.append(name))
    assert again == CERTIFICATE
    assert seen == ["optimise", "expand", "verilog"]


def test_a_design_without_verilog_has_fewer_stages() -> None:
    small = certify(Subjects(SUBJECTS.optimised, netlist=SUBJECTS.netlist))
    assert [stage.name for stage in small.stages] == ["expand"]
    with pytest.raises(MismatchError) as caught:
        recheck(CERTIFICATE, Subjects(SUBJECTS.optimised, netlist=SUBJECTS.netlist))
    assert str(caught.value) == "the certificate speaks of description, which is not here"


def other_circuit(circuit: Circuit) -> Circuit:
    tables = circuit.tables.copy()
    tables[-1] ^= np.uint64(1)
    return replace(circuit, tables=tables)


NOW = {
    "lowered": "$",
    "description": "$",
    "optimised": r"\. As it is now against lowered: refuted: for .*, scores is ",
    "netlist": r"\. As it is now against optimised: refuted: for ",
    "verilog": r"\. As it is now against netlist: proved by gate-by-gate matching .*, so it does "
    r"the same$",
}


@pytest.mark.parametrize("name", NOW)
def test_a_changed_artefact_is_named_and_compared(name: str) -> None:
    s = SUBJECTS
    assert s.lowered and s.netlist and s.verilog and s.description
    changes: dict[str, Any] = {
        "lowered": other_circuit(s.lowered),
        "optimised": other_circuit(s.optimised),
        "netlist": replace(s.netlist, circuit=other_circuit(s.netlist.circuit)),
        "verilog": s.verilog + b"\n",
        "description": replace(s.description, registers=99),
    }
    changed = replace(s, **{name: changes[name]})
    with pytest.raises(MismatchError) as caught:
        recheck(CERTIFICATE, changed)
    named = (
        f"{name} is not what the certificate speaks of: its SHA-256 is {changed.digests()[name]}, "
        f"not {CERTIFICATE.digests[name]}; it was changed, or the certificate belongs to another "
        "design"
    )
    assert re.match(re.escape(named) + NOW[name], str(caught.value)), str(caught.value)


def test_verilog_that_no_tool_need_read_alike_is_said_not_to_be_compared() -> None:
    assert SUBJECTS.verilog
    changed = replace(SUBJECTS, verilog=b"`define x y\n" + SUBJECTS.verilog)
    with pytest.raises(MismatchError) as caught:
        recheck(CERTIFICATE, changed)
    assert (
        "or the certificate belongs to another design. As it is now it cannot be compared with "
        "netlist: line 1 of the Verilog has a compiler directive, '`define x y': another tool"
    ) in str(caught.value)


def test_a_forged_digest_does_not_help_a_wrong_design() -> None:
    assert SUBJECTS.lowered
    outputs = list(SUBJECTS.lowered.outputs)
    assert isinstance(outputs[0], Score)
    outputs[0] = replace(outputs[0], bias=1)
    wrong = replace(SUBJECTS, lowered=replace(SUBJECTS.lowered, outputs=tuple(outputs)))
    forged = replace(CERTIFICATE, digests=wrong.digests())
    with pytest.raises(MismatchError, match=r"^stage optimise: optimised is not lowered; refuted:"):
        recheck(forged, wrong)


def test_a_stage_that_is_proved_no_more_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = NotProved("it hung", 77, 1.0)
    monkeypatch.setattr(module, "prove_equal", lambda *a, **k: verdict)
    open_ = certify(SUBJECTS)
    assert not open_.ok
    assert open_.lines()[0] == (
        "lowered = optimised: not proved, agreed on 77 test vectors (it hung)"
    )
    assert recheck(open_, SUBJECTS) == open_
    with pytest.raises(MismatchError) as caught:
        recheck(CERTIFICATE, SUBJECTS)
    assert str(caught.value) == (
        "stage optimise is proved in the certificate, but was not now: it hung"
    )


def damaged(**change: object) -> bytes:
    return json.dumps({**json.loads(DATA), **change}).encode()


def stage_with(**change: object) -> bytes:
    stages = json.loads(DATA)["stages"]
    stages[1] |= change
    return damaged(stages=stages)


FIELDS = "c.json is corrupt: stage 1 does not have the fields of a stage"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "c.json is no certificate: its format is not 'lithify certificate'"),
        (
            damaged(format="design"),
            "c.json is no certificate: its format is not 'lithify certificate'",
        ),
        (
            damaged(version=2),
            "c.json is a certificate of version 2; this Lithify reads version 1",
        ),
        (damaged(digests=[]), "c.json is corrupt: digests are not SHA-256 by name"),
        (damaged(digests={"lowered": "ab"}), "c.json is corrupt: digests are not SHA-256 by name"),
        (damaged(digests={}), "c.json is corrupt: lowered has no digest"),
        (damaged(stages=[]), "c.json is corrupt: it has no list of stages"),
        (damaged(stages=[1]), "c.json is corrupt: stage 0 does not have the fields of a stage"),
        (stage_with(verdict="surely"), FIELDS),
        (stage_with(pairs=True), FIELDS),
        (stage_with(engines=[1]), FIELDS),
        (stage_with(more=1), FIELDS),
    ],
)
def test_damage_is_said(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Certificate.from_bytes(data, "c.json")
    assert str(caught.value) == message


def test_a_certificate_of_brackets_is_said() -> None:
    with pytest.raises(FormatError, match=r"^c\.json is corrupt or truncated: maximum recursion"):
        Certificate.from_bytes(b"[" * 100_000, "c.json")


@pytest.mark.parametrize("size", [0, 1, 100, len(DATA) - 3])
def test_a_truncated_certificate_is_said(size: int) -> None:
    with pytest.raises(
        FormatError, match=r"^c\.json is corrupt or truncated: .*; compile the design"
    ):
        Certificate.from_bytes(DATA[:size], "c.json")


def test_no_test_vector_is_not_spoken_of() -> None:
    circuit = SUBJECTS.optimised
    verdict = NotProved("it is not read as logic", 0, 2.0)
    said = "not proved within 2.0 s: it is not read as logic"
    assert explain(verdict, circuit) == said
    line = module.record("pack", "a", "b", verdict).line()
    assert line == "a = b: not proved (it is not read as logic)"
    proved = explain(Proved("matching", ("lithify",), 3, 0, 0.25), circuit)
    assert proved == "proved by matching (lithify): 3 equalities, in 0.2 s"


def test_verdicts_are_explained_in_the_users_terms() -> None:
    circuit = SUBJECTS.optimised
    assert explain(Proved("&cec", ("abc 1",), 3, 64, 0.25), circuit) == (
        "proved by &cec (abc 1): 3 equalities, after 64 test vectors, in 0.2 s"
    )
    assert explain(NotProved("it hung", 64, 2.0), circuit) == (
        "not proved within 2.0 s, agreed on 64 test vectors: it hung"
    )
    assert explain(Refuted((0, 3, 0, 0, 0, 0, 0, 5), "scores", (1, 2), (1, 3)), circuit) == (
        "refuted: for x[1] = 3, x[7] = 5, the other inputs 0, scores is [1, 3] instead of [1, 2]"
    )
    assert explain(Refuted((0,) * 8, "class", (1,), (2,)), circuit) == (
        "refuted: for all inputs 0, class is 2 instead of 1"
    )
