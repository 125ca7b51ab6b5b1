"""The command line: help that teaches, JSON, exit codes, errors of one paragraph."""

import importlib
import json
import logging
from pathlib import Path

import pytest
from command import lithify

from lithify.cli.main import VERBS, missing, parser

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_shows_an_example_and_json(verb: str, capsys: Capture) -> None:
    ran = lithify(capsys, [verb, "--help"])
    assert ran.code == 0
    assert f"lithify {verb}" in ran.out.split("example:")[1]
    assert "--json" in ran.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_every_verb_are_accepted_by_its_parser(verb: str) -> None:
    for line in importlib.import_module(f"lithify.cli.{verb}").EXAMPLE:
        words = line.split("   ")[0].replace('"fold; strash; prune"', "fold;strash").split()
        assert words[0] == "lithify"
        assert parser(words[1]).parse_args(words[1:]).verb == words[1]


def test_the_help_lists_every_verb(capsys: Capture) -> None:
    ran = lithify(capsys, ["--help"])
    assert all(f"\n    {verb} " in ran.out for verb in VERBS)


def test_an_unknown_verb_is_an_error_of_the_command_line(capsys: Capture) -> None:
    ran = lithify(capsys, ["fold"])
    assert ran.code == 2
    assert ran.err.startswith("lithify: argument VERB: invalid choice: 'fold' (choose from ")
    assert ran.err.endswith("`lithify --help` shows how.\n")


def test_a_missing_argument_is_an_error_of_the_command_line(capsys: Capture) -> None:
    ran = lithify(capsys, ["compile", "net.blif"])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "lithify: the following arguments are required: -o/--output\n"
        "`lithify compile --help` shows how.\n"
    )


def test_errors_are_said_on_stderr_and_as_json(capsys: Capture, tmp_path: Path) -> None:
    words = ["report", tmp_path / "none.lith"]
    message = (
        f"lithify report: {tmp_path}/none.lith: cannot be read (No such file or directory); name a "
        ".lith file, or the folder that `lithify compile` made"
    )
    ran = lithify(capsys, words)
    assert (ran.code, ran.out, ran.err) == (2, "", message + "\n")
    ran = lithify(capsys, [*words, "--json"])
    assert ran.code == 2
    assert ran.result == {"ok": False, "error": {"kind": "FormatError", "message": message}}


def test_a_package_that_is_not_installed_is_named_with_its_extra() -> None:
    assert missing(ModuleNotFoundError("no", name="cocotb_tools.runner")) == (
        "the Python package cocotb_tools is not installed, and this needs it; to get it: "
        "pip install 'lithify[sim]'"
    )
    with pytest.raises(ModuleNotFoundError):
        missing(ModuleNotFoundError("no", name="something_else"))


def test_doctor_and_boards_give_their_tables_and_json(capsys: Capture) -> None:
    tools = lithify(capsys, ["doctor", "--json"]).result["tools"]
    assert {"cc", "verilator", "yosys", "nextpnr-ice40"} <= {tool["name"] for tool in tools}
    assert "verilator" in lithify(capsys, ["doctor"]).out
    boards = lithify(capsys, ["boards", "--json"]).result["boards"]
    assert {"icebreaker", "hx8k-evn"} <= {board["name"] for board in boards}
    shown = lithify(capsys, ["boards"]).out
    assert all(board["name"] in shown for board in boards)


PARTS = (("tool", "yosys", ""), ("tool", "verilator", "sim"), ("library", "libusb", "fpga"))


@pytest.mark.parametrize(
    ("missing", "extras", "needed", "said"),
    [
        ([], (), [], "everything was found"),
        (
            ["verilator"],
            (),
            [],
            "Lithify without extras has all that it needs; 1 missing for other extras",
        ),
        (
            ["verilator"],
            ("fpga",),
            [],
            "Lithify with the extras fpga has all that it needs; 1 missing for other extras",
        ),
        (["yosys"], (), ["yosys"], "Lithify without extras needs, and lacks: yosys"),
        (
            ["verilator", "libusb"],
            ("fpga", "sim"),
            ["verilator", "libusb"],
            "Lithify with the extras fpga, sim needs, and lacks: verilator, libusb",
        ),
    ],
)
def test_doctor_fails_where_something_is_missing_that_is_needed_here(
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    missing: list[str],
    extras: tuple[str, ...],
    needed: list[str],
    said: str,
) -> None:
    from lithify.backends import toolchain

    lines = [
        toolchain.Found(name, kind, name not in missing, "1", "", "work", f"get {name}", extra)
        for kind, name, extra in PARTS
    ]
    monkeypatch.setattr(toolchain, "inventory", lambda: tuple(lines))
    monkeypatch.setattr(toolchain, "installed_extras", lambda: extras)
    ran = lithify(capsys, ["doctor"])
    assert (ran.code, ran.err) == (1 if needed else 0, "")
    assert ran.out.splitlines()[-1] == said
    assert all(f"{name}: get {name}\n" in ran.out for name in missing)
    result = lithify(capsys, ["doctor", "--json"]).result
    assert (result["missing"], result["needed"], result["ok"]) == (missing, needed, not needed)


def test_an_interrupted_command_says_so(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from lithify.backends import toolchain

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(toolchain, "inventory", interrupt)
    ran = lithify(capsys, ["doctor"])
    assert (ran.code, ran.out, ran.err) == (130, "", "interrupted\n")


def test_an_interrupted_training_tells_how_to_go_on(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lithify.compiler import training

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "run_recipe", interrupt)
    ran = lithify(capsys, ["train", tmp_path / "a.toml", "-o", tmp_path / "a.safetensors"])
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "interrupted; `--resume` goes on where training was\n"


def test_a_file_that_the_system_refuses_is_said_in_a_sentence(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lithify.backends import toolchain

    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(toolchain, "inventory", refuse)
    ran = lithify(capsys, ["doctor"])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "lithify doctor: /some/file: Permission denied; change its permissions or choose "
        "another place\n"
    )


def test_json_is_sorted_and_complete(capsys: Capture) -> None:
    out = lithify(capsys, ["boards", "--json"]).out
    assert out == json.dumps(json.loads(out), indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_what_modules_log_is_said_and_warnings_also_where_it_is_quiet(
    quiet: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("lithify.backends.tools")

    def execute(arguments: object, screen: object) -> dict[str, object]:
        log.info("building")
        log.warning("[bold] is slow")
        return {}

    monkeypatch.setattr("lithify.cli.doctor.execute", execute)
    assert (
        lithify(capsys, ["doctor", *quiet]).err == "  building\n" * (not quiet) + "[bold] is slow\n"
    )
    log.info("later")
    assert capsys.readouterr().err == "" and not logging.getLogger("lithify").handlers
