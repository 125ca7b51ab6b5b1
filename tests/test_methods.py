"""The results page: runs are kept, resumed and not repeated, and the table says how far it is."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.methods.__main__ import RESULTS, main, train_missing
from benchmarks.methods.kept import Kept, all_kept, keep
from benchmarks.methods.others import draw, elsewhere
from benchmarks.methods.page import judge, page, table
from benchmarks.methods.rows import RECIPES, ROOT, Row, choose, read_rows
from benchmarks.methods.runs import Folder, adopt, finished, follow, leaves, mean_and_deviation
from benchmarks.wiring import read_records
from lithify.compiler.nets import load, save
from lithify.ir.errors import InputError

TINY = """
[data]
name = "iris"

[net]
thresholds = 3
layers = [12, 6]
residual = 0.4

[train]
epochs = 5
batch = 40
learning_rate = 0.1
"""


class Stopped(Exception):
    """What stands for a killed process."""


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Row:
    """A row whose recipe trains in a moment."""
    monkeypatch.setattr("benchmarks.methods.rows.RECIPES", tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    return Row("tiny", "a net", "Iris", 3, "50.0", "a paper", "tiny", bar=40.0)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Where the runs are kept."""
    return Folder(tmp_path / "out")


def test_finished_runs_are_not_repeated(row: Row, folder: Folder) -> None:
    assert train_missing(row, folder, 2) == 2
    first = folder.read()
    assert [run["seed"] for run in first] == [0, 1]
    assert train_missing(row, folder, None) == 1
    assert train_missing(row, folder, None) == 0
    runs = folder.read()
    assert runs[:2] == first
    assert [run["seed"] for run in finished(row, runs)] == [0, 1, 2]
    curve = [json.loads(line) for line in folder.curve(row, 1).read_text().splitlines()]
    assert [line["epoch"] for line in curve] == [0, 1, 2, 3, 4]
    assert max(line["accuracy"] for line in curve) == runs[1]["validation"]
    assert list(folder.unfinished(row, 0, "").parent.glob("*.checkpoint")) == []


def test_a_killed_run_goes_on_where_it_was(row: Row, folder: Folder, tmp_path: Path) -> None:
    said: list[str] = []

    def stop(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        follow(row, 0, folder, stop)
    assert folder.read() == []
    again = follow(row, 0, folder, said.append)
    assert [re.findall(r"epoch (\d)", line) for line in said] == [[str(n)] for n in (1, 2, 3, 4, 5)]
    whole = follow(row, 0, Folder(tmp_path / "other"), quiet)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}


def test_a_line_that_was_cut_short_is_no_run(row: Row, folder: Folder) -> None:
    train_missing(row, folder, 1)
    whole = folder.runs.read_text()
    folder.runs.write_text(whole + whole[:40])
    assert train_missing(row, folder, 1) == 1
    assert [run["seed"] for run in folder.read()] == [0, 1]


def test_a_changed_recipe_makes_runs_stale(row: Row, folder: Folder) -> None:
    train_missing(row, folder, 1)
    same = Row("tiny", "a net", "Iris", 3, "50.0", "a paper", "tiny", bar=40.0)
    path = row.path
    path.write_text("# Other words.\nseed = 9\n" + TINY)
    assert len(finished(same, folder.read())) == 1
    path.write_text(TINY.replace("epochs = 5", "epochs = 6"))
    changed = Row("tiny", "a net", "Iris", 3, "50.0", "a paper", "tiny", bar=40.0)
    assert finished(changed, folder.read()) == []


def test_a_trained_model_is_a_run(row: Row, folder: Folder) -> None:
    made = follow(row, 1, folder, quiet)
    model = folder.unfinished(row, 1, ".safetensors")
    taken = adopt(row, model, folder)
    assert taken == {**made, "seconds": None}
    assert 0 <= made["agreement"] <= 1 and abs(made["soft"] - made["test"]) < 0.5
    hard = save(load(model).net, folder.path / "hard.safetensors", hard=True, **kept(model))
    assert adopt(row, hard, folder) == {**taken, "soft": None, "agreement": None}
    found = load(model)
    recipe = found.provenance["recipe"]
    recipe["train"]["epochs"] = 7
    other = save(found.net, folder.path / "other.safetensors", provenance=found.provenance)
    with pytest.raises(InputError) as caught:
        adopt(row, other, folder)
    assert str(caught.value) == f"{other}: made with train.epochs = 7; tiny.toml says 5"
    wrong = found.provenance | {"test_accuracy": 0.0}
    recipe["train"]["epochs"] = 5
    with pytest.raises(InputError) as caught:
        adopt(row, save(found.net, other, provenance=wrong), folder)
    right = 100 * found.provenance["test_accuracy"]
    assert str(caught.value) == (
        f"tiny: the net is right for {right:.2f} % of the test samples, but its provenance says "
        "0.00 %"
    )


def kept(model: Path) -> dict[str, Any]:
    """The provenance of a model, to hand on."""
    return {"provenance": load(model).provenance}


def run(seed: int, test: float, **more: Any) -> dict[str, Any]:
    """A line of a finished run."""
    sizes = {"encoder": 1, "core": 2000, "head": 3}
    gates = {"built": sizes, "optimised": sizes | {"core": 40}}
    soft = {"soft": test + 0.01, "agreement": 0.98}
    return {"seed": seed, "test": test, "seconds": 30.0, "gates": gates, **soft, **more}


def test_the_table_says_how_far_each_row_is(row: Row) -> None:
    missing = Row("later", "a net", "data", 2, "60", "a paper", "none", bar=70.0)
    runs = [run(seed, 0.4 + seed / 10, row="tiny", recipe=row.digest) for seed in (0, 1)]
    lines = [re.split(r"\s{2,}", line) for line in table((row, missing), runs).splitlines()]
    sizes = ["1 / 2,000 / 3", "1 / 40 / 3"]
    ours = ["45.00 ± 7.07", "46.00, 98.00 agree"]
    assert lines[1] == ["tiny", "50.0", *ours, "40 met so far", "2 of 3", *sizes, "30 s"]
    assert lines[2] == ["later", "60", "not run", "70", "0 of 2"]
    again = table((row,), []).splitlines()[1]
    assert re.split(r"\s{2,}", again) == ["tiny", "50.0", "not run", "40", "0 of 3"]


def test_a_row_is_compared_with_its_yardstick(row: Row) -> None:
    other = Row("better", "a net", "Iris", 3, "", "", "tiny", bar=40.0, not_below="tiny")
    of_row = [run(seed, 0.5 + seed / 10, row="tiny", recipe=row.digest) for seed in (0, 1, 2)]
    for accuracy, met in ((0.51, True), (0.49, False)):
        ours = run(0, accuracy, row="better", recipe=other.digest)
        found = judge((row, other), [*of_row, ours])[1]
        assert (found["not_below"], found["met"]) == (met, met)
    assert mean_and_deviation(of_row) == pytest.approx((60.0, 10.0))


@pytest.mark.parametrize(
    ("mode", "accepted", "met"), [(0.96, 0.98, True), (0.98, 0.98, False), (0.96, 0.975, False)]
)
def test_an_ensemble_has_to_beat_its_mode_and_to_know_its_errors(
    row: Row, mode: float, accepted: float, met: bool
) -> None:
    eight = replace(row, name="eight", bar=None, members=8, reject=0.02)
    more = {"mode_accuracy": mode, "rejected": 0.02, "accuracy_of_accepted": accepted}
    runs = [run(0, 0.97, row="eight", recipe=eight.digest, **more)]
    (found,) = judge((eight,), runs)
    assert found["met"] is met
    assert found["cut"] == pytest.approx(100 * (1 - (1 - accepted) / 0.03))
    assert ("MISSED so far" in table((eight,), runs)) is not met
    assert f"the mode alone has {100 * mode:.2f} %; 2.00 % of the answers" in page(
        (eight,), runs, [], []
    )


def test_an_ensemble_needs_the_model_it_is_drawn_from(row: Row, folder: Folder) -> None:
    (eight,) = choose(read_rows(), ["bayes_ensemble"])
    with pytest.raises(InputError) as caught:
        draw(eight, 1, folder, quiet)
    assert str(caught.value) == (
        "there is no model of binary_bayes with seed 1 to draw from; make it with "
        "`python -m benchmarks.methods --only binary_bayes`"
    )


def test_another_benchmark_is_a_run(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stand_in.py").write_text(
        "import json, sys\n"
        "seed = int(sys.argv[sys.argv.index('--first') + 1])\n"
        "rows = [{'keep': k, 'accuracies': [0.5 + k / 10, seed / 10]} for k in (True, False)]\n"
        "print('a line')\n"
        "print(json.dumps({'rows': rows}))\n"
        "sys.exit(seed == 3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    row = Row("other", "a net", "data", 9, "", "", module="stand_in", least_gain=4.0)
    run = elsewhere(row, 8, folder, quiet)
    assert (run["test"], run["without"]) == (pytest.approx(0.7), pytest.approx(0.65))
    assert folder.read() == [run]
    (found,) = judge((row,), folder.read())
    assert found["met"] is True
    lines = page((row,), folder.read(), [], [])
    assert "`other`: without what it is about 65.00 %, 5.00 points less; 4 are asked for" in lines
    (found,) = judge((replace(row, least_gain=6.0),), folder.read())
    assert found["met"] is False
    with pytest.raises(InputError) as caught:
        elsewhere(row, 3, folder, quiet)
    assert str(caught.value) == "`-m stand_in --json --first 3` ended with code 1"


def test_rows_are_chosen_by_name() -> None:
    rows = read_rows()
    assert choose(rows, None) == rows
    assert [one.name for one in choose(rows, ["cifar10"])] == ["cifar10"]
    with pytest.raises(InputError, match=r"^there is no row 'cifar'; there are db_binary_iris, "):
        choose(rows, ["cifar"])


def test_every_published_figure_has_its_source() -> None:
    rows = read_rows()
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert bool(row.published) == bool(re.search(r"\d{4}\.\d{5}", row.source))
        assert row.not_below is None or row.not_below in {one.name for one in rows}
        assert row.path.parent == RECIPES
        assert bool(row.recipe) != bool(row.module)
        assert not row.drawn_from or row.drawn_from in {one.name for one in rows}


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit code of `python -m benchmarks.methods` with these words."""
    monkeypatch.setattr("sys.argv", ["benchmarks.methods", *map(str, words)])
    return main()


def test_the_command_ends_with_the_table_as_json(
    row: Row,
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("benchmarks.methods.__main__.read_rows", lambda: (row,))
    words = ("--out", folder.path, "--json")
    assert command(monkeypatch, *words, "--runs", 1) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert "\n".join(lines) == table((row,), folder.read())
    assert json.loads(last) == {"rows": judge((row,), folder.read())}
    model = folder.unfinished(row, 0, ".safetensors")
    folder.runs.unlink()
    assert command(monkeypatch, *words, "--only", "tiny", "--adopt", model) == 0
    assert [run["seed"] for run in folder.read()] == [0]


def test_a_row_that_cannot_be_trained_fails_the_command(
    row: Row,
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("benchmarks.methods.__main__.read_rows", lambda: (row,))
    row.path.write_text(TINY.replace('"iris"', '"irs"'))
    assert command(monkeypatch, "--out", folder.path) == 1
    said = capsys.readouterr()
    assert said.err.startswith("tiny: data set 'irs' is unknown; did you mean iris")
    assert "not run" in said.out


def test_a_check_fails_where_a_bar_is_missed(
    row: Row,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flowers = Kept("flowers", tmp_path)
    keep(Kept("iris").model, flowers, row=row)
    monkeypatch.setattr("benchmarks.methods.__main__.all_kept", lambda: [flowers])
    found = 100 * flowers.card()["accuracy"]["test"]
    for bar, code, said in ((40.0, 0, "as its card says"), (100.0, 1, "below the bar of 100.0 %")):
        rows = (replace(row, bar=bar),)
        monkeypatch.setattr("benchmarks.methods.__main__.read_rows", lambda rows=rows: rows)
        assert command(monkeypatch, "--check") == code
        assert capsys.readouterr().out == f"flowers: {found:.2f} %, bar {bar:g} %: {said}\n"
    with pytest.raises(InputError) as caught:
        monkeypatch.setattr("benchmarks.methods.__main__.all_kept", lambda: [])
        command(monkeypatch, "--check")
    assert str(caught.value) == "there is no kept model to check; see examples/models"


def test_leaves_have_dotted_names() -> None:
    plain = {"a": {"b": [1, {"c": 2}]}, "d": 3}
    assert dict(leaves(plain)) == {"a.b.0": 1, "a.b.1.c": 2, "d": 3}


def test_the_page_is_what_the_records_say() -> None:
    written = page(read_rows(), Folder(RESULTS).read(), all_kept(), read_records())
    found = (ROOT / "docs" / "results.md").read_text()
    assert found == written, (
        "docs/results.md is not up to date: python -m benchmarks.methods --write docs/results.md"
    )
