"""Place and route with false nextpnrs: other ways after failures, and what is said in the end."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lithify.backends.fpga.placement import (
    Routed,
    StuckWatch,
    check_fits,
    describe_path,
    place_and_route,
    refuse_too_large,
)
from lithify.backends.fpga.synthesis import Cells
from lithify.backends.fpga.targets import board
from lithify.ir.errors import MappingError, ToolFailed

HX8K = board("hx8k-evn")


def step(kind: str, delay: float, cell: str) -> dict[str, Any]:
    return {"type": kind, "delay": delay, "from": {"cell": cell}, "to": {"cell": cell}}


REPORT: dict[str, Any] = {
    "utilization": {"ICESTORM_LC": {"used": 123, "available": 7680}},
    "fmax": {"clk": {"achieved": 45.5, "constraint": 12.0}},
    "critical_paths": [
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                step("clk-to-q", 1.0, "shell.core.core.a_LC"),
                step("routing", 6.0, "shell.core.core.a_LC"),
                step("logic", 1.5, "shell.core.head.b_LC"),
                step("setup", 1.5, "shell.core.head.c_LC"),
            ],
        },
        {"from": "posedge clk", "to": "<async>", "path": [step("logic", 99.0, "tx")]},
    ],
}


def false_nextpnr(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A nextpnr that runs `body`; its arguments are added to the file `calls`."""
    (folder / "report").write_text(json.dumps(REPORT))
    (folder / "top.pcf").write_text("")
    path = folder / "nextpnr"
    path.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> calls\n'
        "way=default; for a; do case $a in router2|--no-tmdriv) way=$a;; esac; done\n"
        "for a; do case $last in --report) report=$a;; esac; last=$a; done\n"
        "echo 'Info: 	 ICESTORM_LC:     123/   7680     1%'\n"
        f"{body}\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("LITHIFY_NEXTPNR_ICE40", str(path))


ROUTER1 = (
    "Info:       {0}000 |       38        943 |   38   943 |      {1}|       0.28       0.28|\n"
)
ROUTER2 = "Info:     iter={0} wires=7017 overused={1} overuse=134 archfail=NA\n"


def route(folder: Path, said: list[str], limit_s: int = 20) -> Routed:
    return place_and_route(folder, HX8K, seed=7, limit_s=limit_s, progress=said.append)


def test_a_routed_design_is_read_off_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false_nextpnr(tmp_path, monkeypatch, "cp report $report")
    said: list[str] = []
    routed = route(tmp_path, said)
    assert (routed.seed, routed.options, routed.fmax_mhz, routed.cells_used) == (7, (), 45.5, 123)
    assert routed.critical_path == (
        "10.0 ns from the core to the head, through 1 cells, 60% of it in wires"
    )
    assert said == ["placing and routing, seed 7"]
    assert (tmp_path / "calls").read_text() == (
        "--hx8k --package ct256 --json top.json --pcf top.pcf --asc seed7.asc "
        "--report seed7.json --write seed7.placed --seed 7 --timing-allow-fail\n"
    )
    assert routed.log.read_text().startswith("$ nextpnr --hx8k")


def rows(*remaining: int) -> str:
    """Lines of a shell script that print a router's table."""
    return "".join(
        f"echo '{ROUTER1.format(n + 1, left).strip()}'\n" for n, left in enumerate(remaining)
    )


STUCK = [9000, *range(1000, 901, -5), 901, 901]
"""Connections left to route, row by row, as they fall too slowly."""
SLOW = [*range(3000, 1000, -100), *range(1000, 800, -10), 0]
"""The same where they fall by a tenth and more each twenty rows."""


@pytest.mark.parametrize(
    "failing",
    [
        "echo 'ERROR: Routing design failed.'; exit 1",
        f"{rows(*STUCK)}sleep 30",
        f"{rows(*STUCK, 0)}cp report $report",
    ],
    ids=["gave up", "stuck", "stuck at first"],
)
def test_another_way_is_taken_where_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    body = f"case $way in --no-tmdriv) cp report $report;; *) {failing};; esac"
    false_nextpnr(tmp_path, monkeypatch, body)
    said: list[str] = []
    routed = route(tmp_path, said)
    assert routed.options == ("--no-tmdriv",) and routed.output.name == "seed7-3.asc"
    assert said == [
        "placing and routing, seed 7",
        "placing and routing, seed 7, --router router2",
        "placing and routing, seed 7, --no-tmdriv",
    ]


@pytest.mark.parametrize("pause", ["", "sleep 1.2"], ids=["quick", "slow"])
def test_a_busy_machine_does_not_choose_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: str
) -> None:
    body = f"{rows(*SLOW[:30])}{pause}\n{rows(*SLOW[30:])}cp report $report"
    false_nextpnr(tmp_path, monkeypatch, body)
    said: list[str] = []
    assert route(tmp_path, said).options == () and len(said) == 1


def test_too_many_flip_flops_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Info: 	 LUT4:     900/   8640    10%\nInfo: 	 DFF:    7000/   6480   108%"
    with pytest.raises(MappingError) as caught:
        check_fits(said, board("tang_nano_9k"))
    assert str(caught.value) == (
        "the design needs 7000 flip-flops and the Gowin GW1NR-9C of the board tang_nano_9k has "
        "6480: allow more levels between registers with --every, or make the net smaller"
    )
    check_fits(said.replace("7000", "6480"), board("tang_nano_9k"))


def test_a_run_beyond_its_limit_is_refused_and_not_tried_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false_nextpnr(tmp_path, monkeypatch, "while :; do :; done")
    with pytest.raises(MappingError) as caught:
        route(tmp_path, [], limit_s=1)
    assert str(caught.value) == (
        "placing and routing on the Lattice iCE40-HX8K, by default, was stopped: it used more than "
        "1 s of CPU time. It fills 123 of 7680 logic cells. No other way is tried after that, "
        "since it would depend on the machine which bitstream comes out. Allow more with --limit "
        f"4, or use fewer gates or a larger board. Log: {tmp_path}/nextpnr-seed7.log"
    )
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_no_way_leads_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false_nextpnr(tmp_path, monkeypatch, "echo 'ERROR: Unable to find legal placement'; exit 1")
    with pytest.raises(MappingError) as caught:
        route(tmp_path, [])
    assert str(caught.value) == (
        "the design could not be placed and routed on the Lattice iCE40-HX8K, tried by default, "
        "--router router2, --no-tmdriv. It fills 123 of 7680 logic cells. Fewer gates, more local "
        f"connections or a larger board would help. Logs: {tmp_path}/nextpnr-seed7*.log"
    )


def test_any_other_failure_is_the_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false_nextpnr(tmp_path, monkeypatch, "echo 'ERROR: unable to open JSON'; exit 1")
    with pytest.raises(ToolFailed, match="^nextpnr-ice40 failed with exit code 1"):
        route(tmp_path, [])
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_what_does_not_fit_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "echo 'Info:  ICESTORM_LC:    9000/   7680   117%'; echo 'ERROR: placement'; exit 1"
    false_nextpnr(tmp_path, monkeypatch, body.replace("123", "9000"))
    (tmp_path / "nextpnr").write_text(
        (tmp_path / "nextpnr").read_text().replace("     123/", "    9000/")
    )
    with pytest.raises(MappingError) as caught:
        route(tmp_path, [])
    assert str(caught.value) == (
        "the design needs 9000 logic cells and the Lattice iCE40-HX8K of the board hx8k-evn has "
        "7680: 1320 too many (17% over). Boards with enough: colorlight-i5 (24288), orangecrab "
        "(24288), ulx3s-12f (24288), ulx3s-25f (24288), and larger ones. Or make the net smaller, "
        "by fewer gates, fewer inputs or narrower ones; or fold it, with `lithify compile "
        "--cycles`."
    )
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_larger_boards_are_named() -> None:
    refuse_too_large(Cells(1280, 9, 9, 16), board("icestick"))
    with pytest.raises(MappingError) as caught:
        refuse_too_large(Cells(luts=2000), board("icestick"))
    assert str(caught.value) == (
        "the design needs at least 2000 logic cells and the Lattice iCE40-HX1K of the board "
        "icestick has 1280: 720 too many (56% over). Boards with enough: fomu (5280), "
        "icebreaker (5280), upduino (5280), hx8k-evn (7680), and larger ones. Or make the net "
        "smaller, by fewer gates, fewer inputs or narrower ones; or fold it, with `lithify compile "
        "--cycles`."
    )
    with pytest.raises(MappingError) as caught:
        refuse_too_large(Cells(9, 9, 9, 31), board("icebreaker"))
    assert str(caught.value) == (
        "the design needs at least 31 block RAMs and the Lattice iCE40-UP5K of the board "
        "icebreaker has 30: 1 too many (3% over). Boards with enough: hx8k-evn (32), "
        "colorlight-i5 (56), orangecrab (56), ulx3s-12f (56), and larger ones. Or allow more "
        "cycles with `lithify compile --cycles`, so that fewer tables are looked up at once; or "
        "make the net smaller."
    )
    with pytest.raises(MappingError) as caught:
        refuse_too_large(Cells(flip_flops=100_000), board("icestick"))
    assert "(7712% over). No known board has as many. Or make the net smaller" in str(caught.value)


@pytest.mark.parametrize("line", [ROUTER1, ROUTER2])
@pytest.mark.parametrize("size", [7, 1000, 1 << 20])
def test_a_router_is_stuck_by_its_own_count(line: str, size: int) -> None:
    def said(*remaining: int) -> str | None:
        text = "Info: Placed 30 cells\n"
        text += "".join(line.format(n + 1, left) for n, left in enumerate(remaining))
        watch = StuckWatch()
        return [watch(text[at : at + size]) for at in range(0, len(text), size)][-1]

    assert said(*SLOW) is None and said(*STUCK[:21]) is None and said(*[0] * 30) is None
    for more in ([], [0]):
        assert said(*STUCK, *more) == (
            "still had 901 connections to route, and 1000 of them 20 rows of its log before"
        )


def test_paths_inside_one_part_and_none() -> None:
    path = REPORT["critical_paths"][0]["path"][:3]
    inside = [{"from": "posedge clk", "to": "posedge clk", "path": path[:2]}]
    assert describe_path(inside) == "7.0 ns inside the core, through 0 cells, 86% of it in wires"
    assert describe_path(REPORT["critical_paths"][1:]) == (
        "there is no path from register to register"
    )
