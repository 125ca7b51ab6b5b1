"""Recipes: a TOML file that names the data, the net and the training."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from importlib import metadata
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from lithify.compiler.nets.families import SPECS
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.spec import ENCODERS, NetSpec
from lithify.compiler.training import checkpoint as checkpoints
from lithify.compiler.training import data
from lithify.compiler.training.augment import Augment
from lithify.compiler.training.gap import soft_accuracy
from lithify.compiler.training.loop import accuracy, train
from lithify.compiler.training.method import Adam, Method
from lithify.compiler.training.methods import METHODS
from lithify.compiler.training.run import History, Progress
from lithify.compiler.training.settings import Settings, require_seed
from lithify.ir.errors import InputError, ParseError

T = TypeVar("T")
# What the key `kind` of a table chooses from, and the choice where it is left out.
KINDS: dict[type[Any], tuple[str, Mapping[str, type[Any]]]] = {
    NetSpec: ("logic", SPECS),
    Method: ("adam", METHODS),
}


@dataclass(frozen=True, slots=True)
class DataPart:
    """Which data, and how it is split; without `test` the standard split, or a fifth.

    A name that ends in .npz is a path, seen from the recipe's folder.
    """

    #: the data set: one of scikit-learn's (`breast_cancer`, `digits`, `iris`, `wine`), an image set
    #: (`cifar10`, `fashion_mnist`, `mnist`), `tabular/NAME`, or the path of an `.npz` file
    name: str
    #: the share of the samples that is held back for the test; without it the split that comes with
    #: the data, else a fifth
    test: float | None = None
    #: the share of the rest that chooses the epoch and is not trained on; with 0 all of the rest is
    #: trained on, and the last epoch is taken
    validation: float = 0.1


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that makes a trained net, for a seed."""

    data: DataPart
    net: NetSpec
    train: Settings = field(default_factory=Settings)
    augment: Augment = field(default_factory=Augment)
    method: Method = field(default_factory=Adam)
    #: decides the split, the wiring, the start and the order of the samples; `--seed` stands in
    #: for it
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A trained net, its data, and how well its hard form does on each part of it."""

    net: Net
    dataset: data.Dataset
    split: data.Split
    history: History
    validation_accuracy: float | None
    test_accuracy: float
    provenance: dict[str, Any]


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """The recipe in a TOML file; every key must be known and of its type."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; see examples/recipes/ for recipes") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: no recipe: it is no text; see examples/recipes/ for recipes, in TOML"
        ) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _misplaced(str(error), str(path), text) from error
    return _read(Recipe, tables, str(path), "")


def run_recipe(
    path: str | os.PathLike[str],
    *,
    seed: int | None = None,
    device: str = "auto",
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Result:
    """The result of following the recipe at `path`; `seed` stands in for the recipe's own."""
    recipe = read_recipe(path)
    chosen = recipe.seed if seed is None else seed
    require_seed(chosen)
    if checkpoint is not None and resume:
        checkpoints.require(Path(checkpoint))
    dataset = data.load(recipe.data.name, folder=Path(path).parent)
    split = data.split(
        dataset, seed=chosen, test=recipe.data.test, validation=recipe.data.validation
    )
    if not recipe.augment.idle and dataset.image is None:
        raise InputError(
            f"{path}: augment moves images, and the samples of {dataset.title} are none; "
            "leave it out"
        )
    net = build(recipe.net, dataset, split, chosen)

    def anew(start: int) -> Net:
        """The untrained net of a later start."""
        entropy = np.random.SeedSequence([chosen, 7, start])
        return build(recipe.net, dataset, split, int(entropy.generate_state(1)[0]))

    x, y = dataset.x, dataset.y
    settings = asdict(recipe.train)
    history = train(
        net,
        x[split.train],
        y[split.train],
        validation=(x[split.validation], y[split.validation]) if len(split.validation) else None,
        seed=chosen,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
        method=recipe.method,
        augment=recipe.augment,
        image=dataset.image,
        anew=anew,
        **settings,
    )
    return _judged(recipe, chosen, net, dataset, split, history)


def _judged(
    recipe: Recipe, seed: int, net: Net, dataset: data.Dataset, split: data.Split, history: History
) -> Result:
    """The result of a finished training, measured on the test samples."""
    x, y = dataset.x[split.test], dataset.y[split.test]
    tested = accuracy(net, x, y)
    validated = history.best.accuracy if len(split.validation) else None
    provenance = {
        "recipe": plain(recipe),
        "seed": seed,
        "data": dataset.title,
        "data_digest": dataset.digest,
        "best_epoch": history.best.number,
        "validation_accuracy": validated,
        "test_accuracy": tested,
        "soft_test_accuracy": soft_accuracy(net, x, y),
        "test_samples": len(split.test),
        "versions": {name: metadata.version(name) for name in ("lithify", "numpy", "torch")},
    }
    return Result(net, dataset, split, history, validated, tested, provenance)


def plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as its TOML file says it, every default written out."""
    tables = asdict(recipe)
    tables["net"] = {"kind": recipe.net.family, **tables["net"]}
    tables["method"] = {"kind": recipe.method.kind, **tables["method"]}
    return tables


def build(spec: NetSpec, dataset: data.Dataset, split: data.Split, seed: int) -> Net:
    """The untrained net of a recipe, its encoder fitted on the training samples alone."""
    if spec.spatial and dataset.image is None:
        raise InputError(
            f"net.kind {spec.family!r} takes images, and the samples of {dataset.title} are none; "
            "x of an archive is [samples, height, width] or [samples, channels, height, width]"
        )
    encoder = ENCODERS[spec.encoder](
        dataset.x[split.train],
        thresholds=spec.thresholds,
        low=dataset.low,
        high=dataset.high,
        code=_code(spec.code, dataset, split),
        image=dataset.image if spec.spatial else None,
        **({"rare": spec.rare} if spec.rare else {}),
    )
    return spec.build(encoder, classes=len(dataset.classes), class_names=dataset.classes, seed=seed)


def _code(asked: str, dataset: data.Dataset, split: data.Split) -> str:
    """Ranks where training does not show the range of whole numbers that the others have."""
    if asked != "auto" or dataset.low is not None:
        return asked
    x, known = dataset.x, dataset.x[split.train]
    inside = x.min() >= known.min() and x.max() <= known.max()
    return asked if inside and (x == np.floor(x)).all() else "rank"


def _read(kind: type[T], plain: Mapping[str, Any], path: str, prefix: str) -> T:
    """A dataclass from a table with exactly its keys and types."""
    hints = get_type_hints(kind)
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    if issubclass(kind, tuple(KINDS)):
        known.insert(0, "kind")
    for key in plain:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise InputError(f"{path}: the key {prefix}{key} is unknown; {hint}")
    values: dict[str, Any] = {}
    for one in fields(kind):  # type: ignore[arg-type]
        name = f"{prefix}{one.name}"
        if one.name in plain:
            values[one.name] = _value(hints[one.name], plain[one.name], path, name)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise InputError(f"{path}: {name} is missing; see examples/recipes/ for recipes")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{path}: {prefix}{error}") from error


def _value(hint: Any, value: Any, path: str, name: str) -> Any:
    """The value in the type that the key has."""
    if is_dataclass(hint):
        return _part(hint, value, path, name)
    if get_origin(hint) is UnionType:
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint)[0], value, path, name)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        words = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}
        raise InputError(f"{path}: {name} is {value!r}; it must be {words[hint]}")
    return value


def _part(hint: Any, value: Any, path: str, name: str) -> Any:
    """The dataclass of a table; its key `kind` chooses where there are several."""
    if not isinstance(value, dict):
        raise InputError(f"{path}: {name} is {value!r}; it must be a table, [{name}]")
    if hint in KINDS:
        default, kinds = KINDS[hint]
        kind = value.get("kind", default)
        if not isinstance(kind, str) or kind not in kinds:
            raise InputError(f"{path}: {name}.kind is {kind!r}; it must be {_either(kinds)}")
        hint = kinds[kind]
    return _read(hint, value, path, f"{name}.")


def _tuple(hint: Any, value: Any, path: str, name: str) -> tuple[Any, ...]:
    """The elements of a list of tables or of integers."""
    if is_dataclass(hint):
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise InputError(f"{path}: {name} is {value!r}; it must be tables, [[{name}]]")
        return tuple(_part(hint, one, path, f"{name}.{i}") for i, one in enumerate(value))
    if isinstance(value, list) and all(type(one) is int for one in value):
        return tuple(value)
    raise InputError(f"{path}: {name} is {value!r}; it must be a list of integers")


def _either(names: Collection[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} or {last}" if rest else last


def _misplaced(message: str, path: str, text: str) -> ParseError:
    """The parse error at the place that tomllib names in words."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    lines = text.splitlines() or [""]
    line, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
    what = re.sub(r" \(at .*\)$", "", message)
    source = lines[min(line, len(lines)) - 1]
    return ParseError(what, filename=path, line=line, column=column, source=source)
