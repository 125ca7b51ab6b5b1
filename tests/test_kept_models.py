"""The kept models of examples/models are what their cards say, without their data."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.methods.kept import MODELS, Kept, all_kept, check, keep, measure
from benchmarks.methods.rows import ROOT, Row, read_rows
from benchmarks.methods.runs import count_gates
from lithify.compiler.driver import compile
from lithify.compiler.nets import Net, load
from lithify.compiler.training import train
from lithify.ir.errors import InputError

KEPT = all_kept()
ROWS = {row.name: row for row in read_rows()}
MOST_BYTES = 1_000_000
MOST_BYTES_OF_ALL = 6_000_000


def random_features(net: Net, samples: int) -> NDArray[np.float64]:
    """Features on both sides of the net's thresholds, or in its range of whole numbers."""
    rng, code = np.random.default_rng(0), net.code
    if code.kind == "identity":
        whole = rng.integers(code.low, code.high, (samples, net.features), endpoint=True)
        return whole.astype(np.float64)
    columns = [rng.choice([*row, 0.0], samples) for row in code.thresholds]
    near: NDArray[np.float64] = np.stack(columns, axis=1) + rng.normal(size=(samples, len(columns)))
    return near


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_a_kept_model_compiles_to_what_its_card_says(kept: Kept) -> None:
    net = load(kept.model).net
    assert not net.trainable
    assert kept.faults(net, count_gates(net)) == []
    x = random_features(net, 300)
    scores = compile(net).scores(x)
    assert np.array_equal(scores, net.hard_scores(x))
    assert len({*map(tuple, scores.tolist())}) > 1


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_a_card_names_what_made_the_model(kept: Kept) -> None:
    card, provenance = kept.card(), load(kept.model).provenance
    assert card["seed"] == provenance["seed"]
    assert card["accuracy"]["test"] == provenance["test_accuracy"]
    assert card["data"]["digest"] == provenance["data_digest"]
    assert card["row"] is None or card["row"] in ROWS
    for recipe in re.findall(r"examples/recipes/\w+\.toml", card["command"]):
        assert (ROOT / recipe).is_file()


def test_kept_models_are_small_and_each_has_a_card() -> None:
    sizes = [kept.model.stat().st_size for kept in KEPT]
    assert max(sizes) <= MOST_BYTES
    assert sum(sizes) <= MOST_BYTES_OF_ALL
    assert {path.stem for path in MODELS.glob("*.json")} == {kept.name for kept in KEPT}


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_models_of_bundled_data_are_as_right_as_their_cards_say(name: str) -> None:
    assert check(Kept(name), ROWS) == {
        "name": name,
        "test": Kept(name).card()["accuracy"]["test"],
        "bar": None,
        "faults": [],
        "ok": True,
    }


def row_of(bar: float) -> Row:
    """A row that the iris model is of."""
    return Row("iris", "net", "Iris", 1, "", "", "iris", bar=bar)


@pytest.fixture
def copied(tmp_path: Path) -> Kept:
    """The iris model, kept a second time, of a row."""
    kept = Kept("flowers", tmp_path)
    keep(Kept("iris").model, kept, row=row_of(50.0))
    return kept


def test_a_model_is_kept_the_same_again(copied: Kept) -> None:
    assert copied.model.read_bytes() == Kept("iris").model.read_bytes()
    again = copied.card()
    assert again.pop("row") == "iris"
    assert again.pop("command") == (
        "lithify train examples/recipes/iris.toml -o flowers.safetensors --seed 0"
    )
    assert again.items() <= Kept("iris").card().items()


def test_a_check_finds_what_is_wrong(copied: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    found = copied.card()["accuracy"]["test"]
    assert check(copied, {"iris": row_of(100 * found)})["ok"]
    missed = check(copied, {"iris": row_of(100.0)})
    assert missed["faults"] == ["below the bar of 100.0 %"]
    shutil.copy(Kept("digits").model, copied.model)
    faults = check(copied, {})["faults"]
    assert faults[0] == "the model file is another than the card is of"
    assert faults[1].startswith("it has the gates {'built': {'encoder': 155, ")
    assert faults[2].startswith("it has the classes ['0', '1', ")


def test_other_data_is_not_measured() -> None:
    model = load(Kept("iris").model)
    with pytest.raises(InputError) as caught:
        measure(model.net, model.provenance | {"data_digest": "0"})
    assert str(caught.value) == "the data set 'iris' here is other data than the net's"


def test_a_kept_model_cannot_be_trained() -> None:
    net = load(Kept("iris").model).net
    x = random_features(net, 30)
    with pytest.raises(InputError, match="^the net is hardened: "):
        train(net, x, np.arange(30) % 3)
