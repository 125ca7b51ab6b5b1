"""The files beside the Verilog: each checked as it says, and each change of one noticed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings

from lithify.backends.c.exported import answers_of
from lithify.compiler.codes import InputCode
from lithify.compiler.design import Design
from lithify.compiler.driver import compile
from lithify.compiler.proof import files as module
from lithify.compiler.proof.certificate import Certificate
from lithify.compiler.proof.verdict import NotProved
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, MismatchError


def made() -> Design:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input("x", width=3, count=8, high=5)
    bits = b.thresholds(rng.integers(1, 6, 8), x, np.tile([1, 2, 4], (8, 1)))
    y = b.tables(rng.integers(0, 16, 60).astype(np.uint64), bits[rng.integers(0, 8, (60, 2))])
    for label in range(3):
        b.score(f"class{label}", y[label::3])
    code = InputCode.identity(8, low=0, high=5)
    return replace(compile(b.finish(readout="argmax"), name="net"), code=code)


DESIGN = made()
FILES = dict(DESIGN.exports)


def test_every_file_is_named_with_its_digest_and_how_it_was_checked() -> None:
    checks = {one.name: one for one in DESIGN.check_files(FILES)}
    assert {name: one.how for name, one in checks.items()} == {
        "c/CMakeLists.txt": "same bytes",
        "c/net.c": "simulated",
        "c/net.h": "same bytes",
        "c/net_code.h": "same bytes",
        "c/net_expected.txt": "same bytes",
        "c/net_vectors.txt": "same bytes",
        "exchange/net.aig": "proved",
        "exchange/net.blif": "proved",
        "exchange/net.circuit": "proved",
        "input_code.json": "same bytes",
    }
    assert checks["c/net.c"].line() == (
        "c/net.c: simulated, compiled and run, equal to the interpreter on 2050 samples"
    )
    assert checks["c/net.c"].samples == 2050 and checks["exchange/net.aig"].samples == 0
    assert checks["exchange/net.aig"].said == "read back, the netlist by gate-by-gate matching"
    assert len({one.sha256 for one in checks.values()}) == len(FILES)
    more = {one.name: one for one in DESIGN.check_files(FILES, samples=[[5] * 8] * 10)}
    assert more["c/net.c"].samples == 2060


def changed(name: str, change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {**FILES, name: change(FILES[name])}


def flip(data: bytes) -> bytes:
    """A BLIF file in which one cover is another."""
    place = data.index(b"\n11 1\n") + 1
    return data[:place] + b"10" + data[place + 2 :]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("exchange/net.blif", flip, "exchange/net.blif is not the netlist; refuted: for "),
        (
            "exchange/net.blif",
            lambda data: data.replace(b"x[3].1", b"x[33].1"),
            "the inputs of exchange/net.blif are not the netlist's: x[3].1 is missing",
        ),
        (
            "exchange/net.aig",
            lambda data: data.replace(b"i3 x[1].0\n", b"i3 x[0].3\n"),
            "the inputs of exchange/net.aig are not the netlist's: x[1].0 is missing",
        ),
        (
            "exchange/net.circuit",
            lambda data: data.replace(b"class1", b"class7"),
            "exchange/net.circuit is another circuit than the design's",
        ),
    ],
)
def test_a_file_that_is_not_the_design_is_refused(
    name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    files = changed(name, change)
    assert files != FILES
    with pytest.raises(MismatchError) as caught:
        DESIGN.check_files(files)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["c/net.c", "c/net.h"])
def test_c_of_others_is_never_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "answers_of", lambda *a, **k: pytest.fail("it was run"))
    files = changed(name, lambda data: data + b"\n")
    checks = {one.name: one for one in DESIGN.check_files(files)}
    assert checks["c/net.c"].how == "not checked"
    assert (checks["c/net.h"].how == "not checked") == (name == "c/net.h")
    assert checks["c/net.c"].said == (
        "not what this Lithify writes for the design, so it was not run"
    )


def test_c_that_answers_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    right = answers_of

    def wrong(*given: object, **named: object) -> np.ndarray:
        found = right(*given, **named)  # type: ignore[arg-type]
        found[0, 1] += 1
        return found

    monkeypatch.setattr(module, "answers_of", wrong)
    with pytest.raises(MismatchError, match=r"^c/net\.c answers \[\d, .* where the interpreter"):
        DESIGN.check_files(FILES)


def test_what_could_not_be_checked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_tool", lambda name: None)
    monkeypatch.setattr(module, "prove_same_gates", lambda *a, **k: NotProved("it hung", 9, 1.0))
    checks = {one.name: one for one in DESIGN.check_files(FILES)}
    assert checks["c/net.c"].said == "not run, since there is no C compiler"
    assert (checks["exchange/net.aig"].how, checks["exchange/net.aig"].said) == (
        "simulated",
        "read back, equal on 2050 samples (it hung)",
    )


@settings(max_examples=15, deadline=None)
@given(circuits(most_gates=25))
def test_the_exchange_files_of_any_circuit_are_proved(circuit: Circuit) -> None:
    design = compile(circuit, name="net", effort=0, interface="comb")
    files = {name: data for name, data in design.exports.items() if "exchange" in name}
    assert {one.how for one in design.check_files(files)} == {"proved"}


def test_the_certificate_keeps_the_checks_and_refuses_damage() -> None:
    files = DESIGN.check_files(FILES)
    proved = DESIGN.verify().certificate
    assert proved is not None and proved.files == files
    assert Certificate.from_bytes(proved.to_bytes()) == proved
    for damage in (b'"how": "guessed"', b'"how": 1'):
        bad = proved.to_bytes().replace(b'"how": "simulated"', damage)
        with pytest.raises(FormatError) as caught:
            Certificate.from_bytes(bad, "c.json")
        assert str(caught.value) == (
            "c.json is corrupt: its files do not have the fields of a file"
        )


def test_a_folder_is_written_from_what_was_checked(tmp_path: Path) -> None:
    proved = DESIGN.verify()
    proved.write(tmp_path)
    assert proved.certificate is not None
    stored = Certificate.from_bytes((tmp_path / "certificate.json").read_bytes())
    assert stored == proved.certificate
    here = {one.name: (tmp_path / one.name).read_bytes() for one in stored.files}
    assert proved.check_files(here) == stored.files
