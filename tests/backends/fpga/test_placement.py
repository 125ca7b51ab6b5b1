"""Place and route with false nextpnrs: other ways after failures, and what is said in the end."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lithify.backends.fpga.placement import (
    Routed,
    StuckWatch,
    describe_path,
    place_and_route,
    refuse_too_large,
)
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


def route(folder: Path, said: list[str], limit_s: float = 20.0) -> Routed:
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


@pytest.mark.parametrize(
    "failing", ["echo 'ERROR: Routing design failed.'; exit 1", "sleep 30"], ids=["gave up", "slow"]
)
def test_another_way_is_taken_where_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    body = f"case $way in --no-tmdriv) cp report $report;; *) {failing};; esac"
    false_nextpnr(tmp_path, monkeypatch, body)
    said: list[str] = []
    routed = route(tmp_path, said, limit_s=0.5)
    assert routed.options == ("--no-tmdriv",) and routed.output.name == "seed7-3.asc"
    assert said == [
        "placing and routing, seed 7",
        "placing and routing, seed 7, --router router2",
        "placing and routing, seed 7, --no-tmdriv",
    ]


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
        "7680: 1320 too many (17% over). Boards with enough cells: colorlight-i5 (24288 cells), "
        "orangecrab (24288 cells), ulx3s-12f (24288 cells), ulx3s-25f (24288 cells), and larger "
        "ones. Or make the net smaller: fewer gates, fewer inputs, or narrower ones."
    )
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_larger_boards_are_named() -> None:
    refuse_too_large(1280, board("icestick"))
    with pytest.raises(MappingError) as caught:
        refuse_too_large(2000, board("icestick"))
    assert str(caught.value) == (
        "the design needs at least 2000 logic cells and the Lattice iCE40-HX1K of the board "
        "icestick has 1280: 720 too many (56% over). Boards with enough cells: icebreaker (5280 "
        "cells), upduino (5280 cells), hx8k-evn (7680 cells), colorlight-i5 (24288 cells), and "
        "larger ones. Or make the net smaller: fewer gates, fewer inputs, or narrower ones."
    )
    with pytest.raises(MappingError) as caught:
        refuse_too_large(100_000, board("icestick"))
    assert "(7712% over). No known board has as many. Or make the net smaller" in str(caught.value)


ROUTER1 = (
    "Info:       {0}000 |       38        943 |   38   943 |      {1}|       0.28       0.28|\n"
)
ROUTER2 = "Info:     iter={0} wires=7017 overused={1} overuse=134 archfail=NA\n"


@pytest.mark.parametrize("line", [ROUTER1, ROUTER2])
def test_a_router_without_progress_is_stuck(line: str) -> None:
    clock = [0.0]
    watch = StuckWatch(limit_s=10, now=lambda: clock[0])
    assert watch("Info: Placed 30 cells\n") is None
    clock[0] = 100
    for minute, remaining in enumerate((900, 500, 501, 480)):
        text = line.format(minute + 1, remaining)
        assert watch(text[:20]) is None and watch(text[20:]) is None
        clock[0] += 4
    assert watch(line.format(5, 480)) is None
    clock[0] += 6
    assert watch("") is None
    assert watch(line.format(6, 490)) == "had 480 connections left to route for more than 10 s"


def test_paths_inside_one_part_and_none() -> None:
    path = REPORT["critical_paths"][0]["path"][:3]
    inside = [{"from": "posedge clk", "to": "posedge clk", "path": path[:2]}]
    assert describe_path(inside) == "7.0 ns inside the core, through 0 cells, 86% of it in wires"
    assert describe_path(REPORT["critical_paths"][1:]) == (
        "there is no path from register to register"
    )
