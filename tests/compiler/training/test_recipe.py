"""Recipes: strict keys and types, and a run that gives a net with its provenance."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from lithify.compiler.lowering import lower
from lithify.compiler.nets import ImageLayerSpec, SoftBitLayerSpec
from lithify.compiler.nets.families import SPECS
from lithify.compiler.nets.gates.build import LogicSpec
from lithify.compiler.nets.gates.images import ConvolutionSpec
from lithify.compiler.nets.soft_bits.build import SoftBitSpec
from lithify.compiler.nets.space import Shape
from lithify.compiler.training import accuracy, read_recipe, run_recipe
from lithify.compiler.training.augment import Augment
from lithify.compiler.training.gap import soft_accuracy
from lithify.compiler.training.methods import METHODS
from lithify.compiler.training.recipe import DataPart, Recipe
from lithify.compiler.training.settings import Settings
from lithify.ir import simulate
from lithify.ir.errors import InputError, ParseError

ROOT = Path(__file__).parents[3]
IRIS = """
seed = 4

[data]
name = "iris"
test = 0.3

[net]
encoder = "quantile"
thresholds = 4
layers = [60, 30]
temperature = 2
residual = 0.4

[train]
epochs = 15
batch = 16
learning_rate = 0.05
"""


SOFT_BITS = """
[data]
name = "iris"

[net]
kind = "db"
thresholds = 3

[[net.layers]]
kind = "complement"

[[net.layers]]
kind = "and"
width = 11
start = 0.49
spread = 0

[[net.layers]]
kind = "count"
groups = 3

[[net.layers]]
kind = "harden"

[train]
epochs = 30
learning_rate = 0.02

[method]
kind = "radam"
"""


def either(names: Iterable[str]) -> str:
    """Names as a message lists them."""
    return " or ".join(", ".join(names).rsplit(", ", 1))


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    path = tmp_path / "iris.toml"
    path.write_text(IRIS)
    return path


def test_a_recipe_is_read_whole(iris: Path) -> None:
    assert read_recipe(iris) == Recipe(
        DataPart("iris", test=0.3),
        LogicSpec(layers=(60, 30), thresholds=4, temperature=2.0, residual=0.4),
        Settings(epochs=15, batch=16, learning_rate=0.05),
        seed=4,
    )


def test_a_recipe_makes_a_net_that_becomes_a_circuit(iris: Path) -> None:
    result = run_recipe(iris)
    x, y = result.dataset.x, result.dataset.y
    test = result.split.test
    assert result.test_accuracy == accuracy(result.net, x[test], y[test]) > 0.8
    assert result.validation_accuracy == result.history.best.accuracy
    assert result.provenance["soft_test_accuracy"] == soft_accuracy(result.net, x[test], y[test])
    assert result.net.classes == ("setosa", "versicolor", "virginica")
    circuit = lower(result.net)
    answers = simulate.run(circuit, result.net.code.encode(x))
    assert np.array_equal(answers.scores, result.net.hard_scores(x))
    known = {key: result.provenance[key] for key in ("seed", "data", "test_samples")}
    assert known == {"seed": 4, "data": "iris", "test_samples": 45}
    assert result.provenance["recipe"]["net"]["layers"] == (60, 30)
    assert result.provenance["data_digest"] == result.dataset.digest


def test_a_recipe_without_validation_trains_on_all_of_the_rest(iris: Path) -> None:
    iris.write_text(IRIS.replace("test = 0.3", "test = 0.3\nvalidation = 0.0"))
    result = run_recipe(iris)
    assert (len(result.split.train), len(result.split.validation)) == (105, 0)
    assert result.history.best == result.history.epochs[-1]
    assert result.validation_accuracy is None is result.provenance["validation_accuracy"]


def test_a_recipe_makes_a_net_of_soft_bits(iris: Path) -> None:
    iris.write_text(SOFT_BITS)
    assert read_recipe(iris).net == SoftBitSpec(
        layers=(
            SoftBitLayerSpec("complement"),
            SoftBitLayerSpec("and", width=11, start=0.49, spread=0.0),
            SoftBitLayerSpec("count", groups=3),
            SoftBitLayerSpec("harden"),
        ),
        thresholds=3,
    )
    result = run_recipe(iris)
    x = result.dataset.x
    assert result.test_accuracy > 0.8
    soft = result.net(torch.from_numpy(x)).detach().numpy().argmax(axis=1)
    assert np.array_equal(soft, result.net.hard_predict(x))
    answers = simulate.run(lower(result.net), result.net.code.encode(x))
    assert np.array_equal(answers.scores, result.net.hard_scores(x))
    assert result.provenance["recipe"]["net"]["layers"][2]["groups"] == 3


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"db"', '"dB"', "net.kind is 'dB'; it must be {families}"),
        ('"db"', "7", "net.kind is 7; it must be {families}"),
        (
            "groups",
            "group",
            "the key net.layers.2.group is unknown; did you mean net.layers.2.groups?",
        ),
        ("width = 11", 'width = "11"', "net.layers.1.width is '11'; it must be an integer"),
        ("width = 11", "", "net.layers.1.width is missing; 'and' needs it"),
        ('kind = "count"', "", "net.layers.2.kind is missing; see examples/recipes/ for recipes"),
        (
            "thresholds = 3",
            "residual = 0.5",
            "the key net.residual is unknown; known: kind, "
            "encoder, thresholds, code, rare, layers, temperature, votes",
        ),
        (
            "thresholds = 3",
            "layers = [60]",
            "net.layers is [60]; it must be tables, [[net.layers]]",
        ),
        ('"radam"', '"sgd"', "method.kind is 'sgd'; it must be {methods}"),
    ],
)
def test_soft_bit_recipes_that_cannot_be(old: str, new: str, text: str, iris: Path) -> None:
    changed = SOFT_BITS.replace(old, new, 1)
    iris.write_text(changed if "[60]" not in new else changed.partition("[[")[0])
    with pytest.raises(InputError) as caught:
        read_recipe(iris)
    filled = text.format(families=either(SPECS), methods=either(METHODS))
    assert str(caught.value) == f"{iris}: {filled}"


def test_a_seed_given_stands_in_for_the_recipes(iris: Path) -> None:
    one, same, other = (run_recipe(iris, seed=seed) for seed in (4, None, 7))
    assert one.history == same.history
    assert np.array_equal(one.split.test, same.split.test)
    assert not np.array_equal(one.split.test, other.split.test)
    assert other.provenance["seed"] == 7


def test_a_seed_below_zero(iris: Path) -> None:
    with pytest.raises(InputError) as caught:
        run_recipe(iris, seed=-1)
    assert str(caught.value) == "the seed is -1; it must be 0 or more"


def test_the_test_samples_do_not_reach_the_net(iris: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lithify.compiler.training import data

    plain = run_recipe(iris)
    load = data.load

    def spoilt(name: str, folder: Path) -> data.Dataset:
        found = load(name, folder=folder)
        found.x[plain.split.test] = 1e6
        return found

    monkeypatch.setattr(data, "load", spoilt)
    again = run_recipe(iris)
    assert again.history == plain.history
    assert again.net.code == plain.net.code


def test_a_recipe_resumes(iris: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "iris.checkpoint"
    whole = run_recipe(iris, checkpoint=checkpoint)
    told: list[object] = []
    again = run_recipe(iris, checkpoint=checkpoint, resume=True, progress=told.append)
    assert told == []
    assert again.history == whole.history


def test_a_recipe_trains_on_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 3))
    y = np.where(x[:, 0] > 0, "up", "down")
    (tmp_path / "flights").mkdir()
    np.savez(tmp_path / "flights" / "own.npz", x=x, y=y)
    recipe = tmp_path / "flights" / "own.toml"
    recipe.write_text(IRIS.replace('"iris"', '"own.npz"').replace("[60, 30]", "[40, 20]"))
    monkeypatch.chdir(tmp_path)
    result = run_recipe("flights/own.toml")
    assert result.net.classes == ("down", "up")
    assert result.test_accuracy > 0.8
    assert result.provenance["data"] == "own.npz"


def test_whole_numbers_outside_the_training_range_have_codes(tmp_path: Path) -> None:
    x = np.arange(60).reshape(30, 2)
    train, test = np.arange(1, 29), np.array([0, 29])
    np.savez(tmp_path / "own.npz", X=x, y=np.arange(30) % 2, train_idx=train, test_idx=test)
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        '[data]\nname = "own.npz"\n[net]\nthresholds = 3\nlayers = [8]\n[train]\nepochs = 1\n'
    )
    result = run_recipe(recipe)
    assert result.split.test.tolist() == [0, 29]
    assert result.net.code.kind == "rank"


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "recipes").glob("*.toml")))
def test_the_examples_can_be_read(path: Path) -> None:
    assert path.stem.startswith(read_recipe(path).data.name.removeprefix("tabular/"))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("[net]", "[nets]", "the key nets is unknown; did you mean net?"),
        (
            "[train]",
            "[frobnicate]",
            "the key frobnicate is unknown; known: data, net, train, augment, method, seed",
        ),
        ("epochs", "epoch", "the key train.epoch is unknown; did you mean train.epochs?"),
        (
            "thresholds = 4",
            "q = 4",
            "the key net.q is unknown; known: kind, encoder, thresholds, code, rare, layers, "
            "temperature, parametrisation, residual, noise, estimator, gumbel, "
            "sharpness, freeze, candidates, locality",
        ),
        ('name = "iris"', "", "data.name is missing; see examples/recipes/ for recipes"),
        ("layers = [60, 30]", "", "net.layers is missing; see examples/recipes/ for recipes"),
        ("epochs = 15", 'epochs = "15"', "train.epochs is '15'; it must be an integer"),
        ("epochs = 15", "epochs = true", "train.epochs is True; it must be an integer"),
        ("epochs = 15", "epochs = 0", "train.epochs is 0; it must be at least 1"),
        ("[60, 30]", "[60, 30.5]", "net.layers is [60, 30.5]; it must be a list of integers"),
        ("residual = 0.4", "residual = false", "net.residual is False; it must be a number"),
        ('"iris"', "3", "data.name is 3; it must be a text"),
        ("seed = 4", "train = 4", "train is 4; it must be a table, [train]"),
        (
            '"quantile"',
            '"gray"',
            "net.encoder is 'gray'; it must be learned or quantile or uniform",
        ),
        (
            '"quantile"',
            '"learned"\nrare = 0.1',
            "net.rare is 0.1; thresholds that learn are all kept: leave it out",
        ),
    ],
)
def test_recipes_that_cannot_be(old: str, new: str, text: str, iris: Path) -> None:
    changed = IRIS.replace(old, new, 1)
    iris.write_text(changed if new != "train = 4" else changed.split("[train]")[0])
    with pytest.raises(InputError) as caught:
        read_recipe(iris)
    assert str(caught.value) == f"{iris}: {text}"


def test_a_recipe_without_a_net(iris: Path) -> None:
    iris.write_text('[data]\nname = "iris"\n')
    with pytest.raises(InputError) as caught:
        read_recipe(iris)
    assert str(caught.value) == f"{iris}: net is missing; see examples/recipes/ for recipes"


def test_a_recipe_moves_images(iris: Path) -> None:
    digits = IRIS.replace('"iris"', '"digits"').replace("[60, 30]", "[60, 40]")
    iris.write_text(digits.replace("epochs = 15", "epochs = 1"))
    plain = run_recipe(iris)
    iris.write_text(iris.read_text() + "[augment]\nshift = 1\nrotation = 10\n")
    assert read_recipe(iris).augment == Augment(shift=1, rotation=10.0)
    moved = run_recipe(iris)
    assert moved.provenance["recipe"]["augment"]["shift"] == 1
    assert moved.history != plain.history


def test_a_recipe_that_moves_what_are_no_images(iris: Path) -> None:
    iris.write_text(IRIS + "[augment]\nmirror = true\n")
    with pytest.raises(InputError) as caught:
        run_recipe(iris)
    assert str(caught.value) == (
        f"{iris}: augment moves images, and the samples of iris are none; leave it out"
    )


CONVOLUTION = """
[data]
name = "digits"

[net]
kind = "convolution"
residual = 0.5

[[net.layers]]
kind = "convolution"
channels = 6
stride = 2

[[net.layers]]
kind = "dense"
width = 100

[train]
epochs = 1
"""


def test_a_recipe_makes_a_net_over_images(iris: Path) -> None:
    iris.write_text(CONVOLUTION)
    assert read_recipe(iris).net == ConvolutionSpec(
        layers=(
            ImageLayerSpec("convolution", channels=6, stride=2),
            ImageLayerSpec("dense", width=100),
        ),
        residual=0.5,
    )
    result = run_recipe(iris)
    assert result.net.encoder.image == Shape(1, 8, 8)
    x = result.dataset.x[:200]
    answers = simulate.run(lower(result.net), result.net.code.encode(x))
    assert np.array_equal(answers.scores, result.net.hard_scores(x))


def test_a_net_over_images_of_what_are_no_images(iris: Path) -> None:
    iris.write_text(CONVOLUTION.replace("digits", "iris"))
    with pytest.raises(InputError) as caught:
        run_recipe(iris)
    assert str(caught.value) == (
        "net.kind 'convolution' takes images, and the samples of iris are none; x of an archive is "
        "[samples, height, width] or [samples, channels, height, width]"
    )


def test_text_that_is_no_toml(iris: Path) -> None:
    iris.write_text('[data]\nname = "iris\n')
    with pytest.raises(ParseError) as caught:
        read_recipe(iris)
    assert str(caught.value) == (
        f"{iris}:2:13: Illegal character '\\n'\n    name = \"iris\n                ^"
    )


def test_no_recipe_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "a.toml")
    assert str(caught.value) == (
        f"{tmp_path / 'a.toml'}: no such file; see examples/recipes/ for recipes"
    )
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "b.toml")
    said = "no recipe: it is no text; see examples/recipes/ for recipes, in TOML"
    assert str(caught.value) == f"{tmp_path / 'b.toml'}: {said}"
    with pytest.raises(InputError, match=r": cannot be read \(Is a directory\)$"):
        read_recipe(tmp_path)
