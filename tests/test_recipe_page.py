"""docs/recipes.md names every key that a recipe takes, with its meaning, and its examples work."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipe_page import BEGIN, END, PAGE, Key, meanings, page, sections
from source_tree import ROOT

from lithify.compiler.nets.families import SPECS
from lithify.compiler.training import read_recipe
from lithify.compiler.training.data import load
from lithify.compiler.training.methods import METHODS
from lithify.compiler.training.settings import Settings

RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.toml"))
EXAMPLE = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def keys() -> list[Key]:
    """Every key of every table."""
    return [key for one in sections() for key in one.keys]


def test_the_page_says_what_recipes_take_now() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "docs/recipes.md is not up to date: run `make pages`"


def test_every_key_has_a_meaning() -> None:
    silent = [f"{key.owner}.{key.name}" for key in keys() if not key.meaning]
    assert silent == [], "write what the key means in a comment `#: ...` above its field"


def test_every_table_is_described() -> None:
    assert [one.title for one in sections() if not one.about] == []


def test_every_family_and_method_has_its_section() -> None:
    titles = [one.title for one in sections()]
    for table, kinds in (("net", SPECS), ("method", METHODS)):
        for kind in kinds:
            (title,) = (one for one in titles if one.startswith(f'[{table}] with kind = "{kind}"'))
            assert title.endswith(" (the default)") is (kind in ("adam", "logic"))
    assert len(titles) == len({*titles})


def test_a_key_is_told_as_it_is() -> None:
    told = {(key.owner, key.name): key for key in keys()}
    batch = told["Settings", "batch"]
    assert (batch.type, batch.default) == ("integer", f"`{Settings().batch}`")
    layers = told["LogicSpec", "layers"]
    assert (layers.type, layers.default) == ("list of integers", "**needed**")
    assert told["SoftBitSpec", "layers"].type == "list of tables"
    assert told["NetSpec", "encoder"].default == '`"quantile"`'
    assert told["Settings", "patience"].default == ""
    assert ("LogicSpec", "encoder") not in told


def test_a_field_without_a_comment_has_no_meaning() -> None:
    assert set(meanings(Key).values()) == {""}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_read(path: Path) -> None:
    assert read_recipe(path).train.epochs >= 1


def test_the_examples_of_the_page_are_recipes(tmp_path: Path) -> None:
    examples = EXAMPLE.findall(PAGE.read_text())
    assert len(examples) >= 2
    for index, text in enumerate(examples):
        path = tmp_path / f"{index}.toml"
        path.write_text(text)
        assert read_recipe(path).net.family in SPECS


def test_the_archive_of_the_page_is_data(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    rng = np.random.default_rng(0)
    given: dict[str, Any] = {"features": rng.random((30, 4)), "labels": np.arange(30) % 3}
    exec(code.replace("plants.npz", str(tmp_path / "plants.npz")), given)
    dataset = load("plants.npz", folder=tmp_path)
    assert dataset.x.shape == (30, 4)
    assert len(dataset.classes) == 3


def test_the_marks_are_in_the_page_once() -> None:
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
