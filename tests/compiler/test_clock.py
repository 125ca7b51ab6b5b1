"""A wished clock chooses how many levels stand between registers."""

from pathlib import Path

import numpy as np
import pytest
from command import lithify as command
from verilog_nets import parted_net

import lithify
from lithify.compiler.clock import expected
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError


def net() -> Circuit:
    return parted_net(np.random.default_rng(4), width=60)


def test_a_faster_clock_takes_more_registers_and_all_is_proved() -> None:
    slow, fast = (lithify.compile(net(), target="hx8k-evn", mhz=mhz) for mhz in (70, 250))
    assert slow.every > fast.every >= 1
    for design in (slow, fast):
        found = expected(design.circuit, "hx8k-evn", design.every)
        assert found.mhz >= design.mhz and found.tables > 50
        more = expected(design.circuit, "hx8k-evn", design.every + 1)
        assert more.mhz < design.mhz
    proved = fast.verify()
    assert proved.certificate is not None and proved.certificate.ok
    assert b"latency" in fast.verilog["net.v"]


def test_registers_are_fewer_than_with_rows_between_levels() -> None:
    chosen = lithify.compile(net(), target="hx8k-evn", mhz=180)
    even = lithify.compile(net(), target="hx8k-evn", every=chosen.every)
    texts = [design.verilog["net.v"].decode() for design in (chosen, even)]
    registers = [int(text.split(" registers")[0].rsplit(" ", 1)[1]) for text in texts]
    assert registers[0] < registers[1]


def test_the_clock_is_kept_in_the_file(tmp_path: Path) -> None:
    design = lithify.compile(net(), target="icebreaker", mhz=40)
    again = lithify.Design.load(design.save(tmp_path / "net.lith"))
    assert (again.mhz, again.every) == (40.0, design.every)
    assert again.verilog == design.verilog


def test_the_command_says_what_is_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.circuit").write_text(str(net()))
    words = ["compile", tmp_path / "net.circuit", "-o", tmp_path / "b", "--no-proof"]
    ran = command(capsys, [*words, "--board", "icebreaker", "--mhz", 40, "--json"])
    assert ran.code == 0 and ran.result["clock"]["wished"] == 40
    assert ran.result["clock"]["expected"] >= 40
    ran = command(capsys, [*words, "--board", "icebreaker", "--mhz", 40])
    assert "icebreaker: 40 MHz wished for, " in ran.out and " levels between registers" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mhz": 100}, "100 MHz on which board? Name one; `lithify boards` lists them"),
        (
            {"mhz": 100, "target": "ulx3s-25f", "interface": "comb"},
            '100 MHz: the comb interface has no clock; choose interface "pipeline" or "stream"',
        ),
        (
            {"mhz": -3, "target": "ulx3s-25f"},
            "-3 MHz is no clock; ask for a number above 0, such as 100",
        ),
        (
            {"mhz": float("nan"), "target": "ulx3s-25f"},
            "nan MHz is no clock; ask for a number above 0, such as 100",
        ),
    ],
)
def test_a_clock_that_cannot_be_asked_for(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        lithify.compile(net(), **options)  # type: ignore[arg-type]
    assert str(caught.value) == said
