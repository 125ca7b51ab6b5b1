"""Whatever is wrong with what a user hands in: one paragraph, exit code 2, nothing lost."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command import lithify
from tiny_nets import blobs, tiny_net

from lithify.cli.samples import write_samples
from lithify.compiler.driver import compile
from lithify.compiler.nets import save
from lithify.compiler.recognise import KNOWN
from lithify.ir.text import dump

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, samples and a design that are all good."""
    folder = tmp_path_factory.mktemp("good")
    save(tiny_net(), folder / "good.safetensors")
    write_samples(folder / "good.npz", *blobs(20))
    design = compile(folder / "good.safetensors")
    design.save(folder / "good.lith")
    (folder / "good.circuit").write_text(dump(design.circuit))
    write_samples(folder / "codes.npz", design.codes(blobs(20)[0]), blobs(20)[1])
    return folder


def refused(capsys: Capture, *words: object) -> str:
    """The one paragraph that a command line is refused with."""
    ran = lithify(capsys, words)
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err and ran.err.endswith("\n")
    return ran.err[:-1]


def test_a_truncated_model(home: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes((home / "good.safetensors").read_bytes()[:-100])
    message = refused(capsys, "compile", bad, "-o", tmp_path / "out")
    assert message.startswith(f"lithify compile: {bad}: ")
    assert not (tmp_path / "out").exists()


def test_a_pickle_in_place_of_a_model(tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    message = refused(capsys, "compile", bad, "-o", tmp_path / "out")
    assert message.startswith(f"lithify compile: {bad}: it holds more than tensors")


def test_a_model_that_is_not_there_or_of_an_unknown_kind(tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "model.txt"
    bad.write_text("What is this?")
    assert refused(capsys, "compile", bad, "-o", tmp_path / "out") == (
        f"lithify compile: {bad}: what it holds is not known (it starts with b'What is this?'); "
        f"there are {KNOWN}"
    )
    bad = tmp_path / "net.blif"
    assert refused(capsys, "compile", bad, "-o", tmp_path / "out") == (
        f"lithify compile: {bad}: cannot be read (No such file or directory); check the path and "
        "its permissions"
    )


def test_a_circuit_with_an_error_in_its_text(home: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.circuit"
    lines = (home / "good.circuit").read_text().splitlines()
    lines[1] = lines[1].replace("input", "inputt")
    bad.write_text("\n".join(lines) + "\n")
    message = refused(capsys, "compile", bad, "-o", tmp_path / "out")
    first, source, caret = message.split("\n")
    assert first.startswith(f"lithify compile: {bad}:2:1: ")
    assert (source, caret) == (f"    {lines[1]}", "    ^")


@pytest.mark.parametrize(
    ("keep", "reason"),
    [(0.0, "not a zip file"), (0.01, "not a zip file"), (0.99, "truncated")],
)
def test_a_damaged_design(
    home: Path, tmp_path: Path, capsys: Capture, keep: float, reason: str
) -> None:
    bad = tmp_path / "bad.lith"
    data = (home / "good.lith").read_bytes()
    bad.write_bytes(data[: int(keep * len(data))])
    assert refused(capsys, "report", bad) == (
        f"lithify report: {bad}: not a design file, or a damaged one (File is {reason}); "
        "make it again with `lithify compile`"
    )


@pytest.mark.parametrize(
    ("name", "kind"), [("good.circuit", "text circuit"), ("good.safetensors", "model")]
)
def test_what_is_not_compiled_yet(home: Path, capsys: Capture, name: str, kind: str) -> None:
    for verb in (("predict", "--data", home / "good.npz"), ("build", "--board", "icebreaker")):
        assert refused(capsys, verb[0], home / name, *verb[1:]) == (
            f"lithify {verb[0]}: {home / name}: no design yet (its format is {kind}): make one of "
            "it with `lithify compile`"
        )


def test_a_design_with_a_damaged_circuit(home: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.lith"
    with zipfile.ZipFile(home / "good.lith") as good, zipfile.ZipFile(bad, "w") as archive:
        for name in good.namelist():
            data = good.read(name)
            archive.writestr(name, data[:-500] if name == "optimised.circuit" else data)
    message = refused(capsys, "report", bad)
    assert message.startswith(f"lithify report: {bad}/optimised.circuit")


def test_a_design_of_a_later_version(home: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.lith"
    with zipfile.ZipFile(home / "good.lith") as good, zipfile.ZipFile(bad, "w") as archive:
        for name in good.namelist():
            data = good.read(name).replace(b'"version": 1', b'"version": 9')
            archive.writestr(name, data)
    assert refused(capsys, "report", bad) == (
        f"lithify report: {bad}: version 9 of the design format; this Lithify reads version 1"
    )


def test_a_damaged_certificate(home: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "build"
    words = ["compile", home / "good.safetensors", "-o", folder, "--quiet"]
    assert lithify(capsys, words).code == 0
    certificate = folder / "certificate.json"
    certificate.write_bytes(certificate.read_bytes()[:100])
    message = refused(capsys, "verify", folder)
    assert message.startswith(f"lithify verify: {certificate} is corrupt or truncated: ")
    assert message.endswith("; compile the design again")


def test_an_unknown_board(home: Path, capsys: Capture) -> None:
    assert refused(capsys, "build", home / "good.lith", "--board", "icebraker") == (
        "lithify build: 'icebraker' is not a known board; nearest: icebreaker, icestick, "
        "orangecrab; `lithify boards` tells more about each"
    )
    assert refused(capsys, "build", home / "good.lith") == (
        "lithify build: no board: name one with --board; `lithify boards` lists them"
    )


def test_no_build_to_program(tmp_path: Path, capsys: Capture) -> None:
    assert refused(capsys, "program", tmp_path) == (
        f"lithify program: {tmp_path}: holds no build; `lithify build` makes one for a board"
    )


def test_an_output_folder_that_cannot_be_written(
    home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    message = refused(capsys, "compile", home / "good.safetensors", "-o", file / "out")
    assert message == (
        f"lithify compile: cannot make the folder {file / 'out'}: a file is in the way; "
        "choose another path or change its permissions"
    )
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 5)), "the features have shape (3, 5); this net takes [samples, 4]"),
        (
            np.array([[0, 1, np.nan, 3]]),
            "feature 2 of sample 0 is nan; replace missing and infinite values first",
        ),
        (np.array([["a", "b", "c", "d"]]), "the features are of type <U1; numbers are needed"),
    ],
)
def test_samples_that_the_net_cannot_take(
    home: Path, tmp_path: Path, capsys: Capture, x: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "bad.npz", x=x)
    words = ("predict", home / "good.lith", "--data", tmp_path / "bad.npz")
    assert refused(capsys, *words) == f"lithify predict: {message}"


def test_an_empty_data_set(home: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.npz"
    np.savez(bad, x=np.zeros((0, 4)))
    assert refused(capsys, "predict", home / "good.lith", "--data", bad) == (
        f"lithify predict: {bad}: x has shape (0, 4); it must be [samples, features], not empty"
    )


def test_a_recipe_with_a_wrong_key_and_one_that_is_no_toml(tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.toml"
    words = ("train", bad, "-o", tmp_path / "model.safetensors")
    bad.write_text('[data]\nname = "digits"\n[net]\nlayer = [10]\n')
    assert refused(capsys, *words) == (
        f"lithify train: {bad}: the key net.layer is unknown; did you mean net.layers?"
    )
    bad.write_text('[data]\nname = digits"\n')
    message = refused(capsys, *words)
    assert message.startswith(f"lithify train: {bad}:2:8: ")
    assert message.endswith('\n    name = digits"\n           ^')
    assert list(tmp_path.iterdir()) == [bad]


def test_passes_that_do_not_exist(home: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("compile", home / "good.circuit", "-o", tmp_path / "out", "--passes", "fold; prun")
    assert refused(capsys, *words) == (
        "lithify compile: pass 'prun' is unknown; did you mean prune?"
    )


def test_a_demo_in_a_place_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "demo"
    assert refused(capsys, "demo", "-o", folder, "--quiet") == (
        f"lithify demo: cannot make the folder {folder}: a file is in the way; choose another "
        "path or change its permissions"
    )


def test_a_demo_for_an_unknown_board_is_refused_before_training(
    tmp_path: Path, capsys: Capture
) -> None:
    words = ("demo", "-o", tmp_path / "demo", "--board", "icebraker", "--quiet")
    assert refused(capsys, *words).startswith("lithify demo: 'icebraker' is not a known board; ")
    assert not (tmp_path / "demo").exists()


PLACES = (".", "m", "no/m", "r.toml/t.npz")
RECIPE = '[data]\nname = "digits"\n[net]\nlayers = [10]\n'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["-o", "no/m"],
            "cannot write {0}/no/m: the folder {0}/no does not exist; create it or "
            "choose another path",
        ),
        (
            ["-o", "m", "--test-data", "r.toml/t.npz"],
            "cannot write {0}/r.toml/t.npz: {0}/r.toml is not a folder; choose another path",
        ),
        (
            ["-o", "m", "--test-data", "."],
            "cannot write {0}: it is a folder; name a file inside it",
        ),
        (
            ["-o", "m", "--resume"],
            "there is no checkpoint at {0}/m.checkpoint; leave out --resume "
            "(in Python: resume=True) to train from the beginning",
        ),
        (["-o", "m", "--seed", "-1"], "the seed is -1; it must be 0 or more"),
    ],
)
def test_a_training_is_refused_before_its_data_is_read(
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("the data was read")

    monkeypatch.setattr("lithify.compiler.training.data.load", load)
    (tmp_path / "r.toml").write_text(RECIPE)
    paths = [tmp_path / word if word in PLACES else word for word in words]
    said = refused(capsys, "train", tmp_path / "r.toml", *paths)
    assert said == f"lithify train: {message.format(tmp_path)}"
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


@pytest.mark.parametrize(
    ("limit", "shown"), [("-1", "-1"), ("nan", "nan"), ("0", "0"), ("inf", "inf")]
)
def test_a_time_limit_that_no_engine_can_be_given(
    home: Path, capsys: Capture, limit: str, shown: str
) -> None:
    assert refused(capsys, "verify", home / "good.lith", "--time-limit", limit) == (
        f"lithify verify: the time limit is {shown} CPU seconds; it must be above 0 and at most "
        "1,000,000"
    )


@pytest.mark.parametrize("stop", ["9", "-1", "share"])
def test_a_pass_to_stop_after_that_there_is_not(
    home: Path, tmp_path: Path, capsys: Capture, stop: str
) -> None:
    words = ("compile", home / "good.circuit", "-o", tmp_path / "out", "--stop-after", stop)
    message = refused(capsys, *words, "--passes", "fold; prune")
    shown = f"'{stop}'" if stop.isalpha() else stop
    assert message == (
        f"lithify compile: stop after {shown}: the pipeline has 2 passes: fold; prune"
    )


@pytest.mark.parametrize("bench", ["whole_set", "uart"])
@pytest.mark.parametrize("seed", [-1, 0, 2**31])
def test_a_seed_that_the_simulator_cannot_take(
    home: Path, tmp_path: Path, capsys: Capture, seed: int, bench: str
) -> None:
    design = compile(home / "good.circuit").write(tmp_path / "build")
    words = ("simulate", design, "--data", home / "codes.npz", "--seed", seed, "--bench", bench)
    assert refused(capsys, *words) == (
        f"lithify simulate: seed {seed}: the simulator takes 1 to 2147483647"
    )


def test_a_design_without_its_verilog_is_not_simulated(home: Path, capsys: Capture) -> None:
    message = refused(capsys, "simulate", home / "good.lith", "--data", home / "good.npz")
    assert message.endswith("Write one with `lithify compile`, or name another folder.")


@pytest.mark.parametrize("verb", ["predict", "simulate"])
def test_labels_that_are_no_classes(home: Path, tmp_path: Path, capsys: Capture, verb: str) -> None:
    bad = tmp_path / "bad.npz"
    np.savez(bad, x=blobs(3)[0], y=[0, 1, 3])
    assert refused(capsys, verb, home / "good.lith", "--data", bad) == (
        f"lithify {verb}: {bad}: label 2 is 3; the classes are the numbers 0 to 2, or their names "
        "as texts"
    )
