"""Recipes: a TOML file that names the data, the net and the training."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from lithify.compiler.nets.build import logic
from lithify.compiler.nets.encoders import Thermometer
from lithify.compiler.nets.net import Net
from lithify.compiler.nets.soft_bit_build import LayerSpec, soft_bit_net
from lithify.compiler.training import data
from lithify.compiler.training.loop import History, Progress, accuracy, train
from lithify.compiler.training.settings import Settings, require_seed
from lithify.ir.errors import InputError, ParseError

ENCODERS = {"quantile": Thermometer.quantile, "uniform": Thermometer.uniform}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DataPart:
    """Which data, and how it is split; without `test` the standard split, or a fifth.

    A name that ends in .npz is a path, seen from the recipe's folder.
    """

    name: str
    test: float | None = None
    validation: float = 0.1


@dataclass(frozen=True, slots=True)
class NetPart:
    """The encoder and the widths of the logic layers."""

    layers: tuple[int, ...]
    encoder: str = "quantile"
    thresholds: int = 1
    code: str = "auto"
    temperature: float | None = None
    parametrisation: str = "softmax16"
    residual: float = 0.9
    noise: float = 1.0
    kind: str = "logic"


@dataclass(frozen=True, slots=True)
class SoftBitPart:
    """The encoder and the layers of a net of soft bits."""

    layers: tuple[LayerSpec, ...]
    encoder: str = "quantile"
    thresholds: int = 1
    code: str = "auto"
    temperature: float = 1.0
    kind: str = "db"


NETS: dict[str, type[NetPart] | type[SoftBitPart]] = {"logic": NetPart, "db": SoftBitPart}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that makes a trained net, for a seed."""

    data: DataPart
    net: NetPart | SoftBitPart
    train: Settings = field(default_factory=Settings)
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A trained net, its data, and how well its hard form does on each part of it."""

    net: Net
    dataset: data.Dataset
    split: data.Split
    history: History
    validation_accuracy: float
    test_accuracy: float
    provenance: dict[str, Any]


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """The recipe in a TOML file; every key must be known and of its type."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; see examples/recipes/ for recipes") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from error
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _misplaced(str(error), str(path), text) from error
    recipe = _read(Recipe, plain, str(path), "")
    if recipe.net.encoder not in ENCODERS:
        raise InputError(
            f"{path}: net.encoder is {recipe.net.encoder!r}; it must be {' or '.join(ENCODERS)}"
        )
    return recipe


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
    dataset = data.load(recipe.data.name, folder=Path(path).parent)
    split = data.split(
        dataset, seed=chosen, test=recipe.data.test, validation=recipe.data.validation
    )
    net = build(recipe.net, dataset, split, chosen)
    x, y = dataset.x, dataset.y
    settings = asdict(recipe.train)
    history = train(
        net,
        x[split.train],
        y[split.train],
        validation=(x[split.validation], y[split.validation]),
        seed=chosen,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
        **settings,
    )
    tested = accuracy(net, x[split.test], y[split.test])
    provenance = {
        "recipe": asdict(recipe),
        "seed": chosen,
        "data": dataset.title,
        "data_digest": dataset.digest,
        "best_epoch": history.best.number,
        "validation_accuracy": history.best.accuracy,
        "test_accuracy": tested,
        "test_samples": len(split.test),
        "versions": {name: metadata.version(name) for name in ("lithify", "numpy", "torch")},
    }
    return Result(net, dataset, split, history, history.best.accuracy, tested, provenance)


def build(part: NetPart | SoftBitPart, dataset: data.Dataset, split: data.Split, seed: int) -> Net:
    """The untrained net of a recipe, its encoder fitted on the training samples alone."""
    encoder = ENCODERS[part.encoder](
        dataset.x[split.train],
        thresholds=part.thresholds,
        low=dataset.low,
        high=dataset.high,
        code=_code(part.code, dataset, split),
    )
    if isinstance(part, SoftBitPart):
        return soft_bit_net(
            layers=part.layers,
            classes=len(dataset.classes),
            encoder=encoder,
            temperature=part.temperature,
            class_names=dataset.classes,
            seed=seed,
        )
    return logic(
        layers=part.layers,
        classes=len(dataset.classes),
        encoder=encoder,
        temperature=part.temperature,
        parametrisation=part.parametrisation,
        residual=part.residual,
        noise=part.noise,
        class_names=dataset.classes,
        seed=seed,
    )


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
    for key in plain:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(hints)}"
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
    if hint == NetPart | SoftBitPart:
        hint = _net_part(value, path)
    if hint in (DataPart, NetPart, SoftBitPart, Settings):
        if isinstance(value, dict):
            return _read(hint, value, path, f"{name}.")
        raise InputError(f"{path}: {name} is {value!r}; it must be a table, [{name}]")
    if hint == tuple[LayerSpec, ...]:
        return _layers(value, path, name)
    if get_origin(hint) is UnionType:
        hint = get_args(hint)[0]
    if hint is float and type(value) is int:
        return float(value)
    if get_origin(hint) is tuple:
        if isinstance(value, list) and all(type(one) is int for one in value):
            return tuple(value)
        raise InputError(f"{path}: {name} is {value!r}; it must be a list of integers")
    if type(value) is not hint:
        words = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}
        raise InputError(f"{path}: {name} is {value!r}; it must be {words[hint]}")
    return value


def _net_part(value: Any, path: str) -> type[NetPart] | type[SoftBitPart]:
    """What the kind of net takes."""
    kind = value.get("kind", "logic") if isinstance(value, dict) else "logic"
    if not isinstance(kind, str) or kind not in NETS:
        raise InputError(f"{path}: net.kind is {kind!r}; it must be {' or '.join(NETS)}")
    return NETS[kind]


def _layers(value: Any, path: str, name: str) -> tuple[LayerSpec, ...]:
    """The layers of a list of tables."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InputError(f"{path}: {name} is {value!r}; it must be tables, [[{name}]]")
    return tuple(_read(LayerSpec, one, path, f"{name}.{i}.") for i, one in enumerate(value))


def _misplaced(message: str, path: str, text: str) -> ParseError:
    """The parse error at the place that tomllib names in words."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    lines = text.splitlines() or [""]
    line, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
    what = re.sub(r" \(at .*\)$", "", message)
    source = lines[min(line, len(lines)) - 1]
    return ParseError(what, filename=path, line=line, column=column, source=source)
