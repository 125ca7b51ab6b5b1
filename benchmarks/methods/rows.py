"""The rows of the results page: recipe, seeds, what is published and what ours must reach."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lithify.ir.errors import InputError

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("rows.toml")
RECIPES = ROOT / "examples" / "recipes"


@dataclass(frozen=True)
class Row:
    """One line of the table; `bar` and `published` are in per cent of the test set.

    `not_below` names a row whose mean, less its deviation, this one must reach as well. With
    several `members` a run is an ensemble drawn from the model of the row `drawn_from`, which
    rejects a share of its answers. With a `module` a run is that of another benchmark, whose net
    has to gain so many points over what it is compared with.
    """

    name: str
    net: str
    data: str
    seeds: int
    published: str
    source: str
    recipe: str = ""
    module: str = ""
    bar: float | None = None
    not_below: str | None = None
    note: str = ""
    drawn_from: str = ""
    members: int = 1
    reject: float = 0.0
    least_gain: float | None = None

    @property
    def path(self) -> Path:
        """The recipe's file, which need not be there yet."""
        return RECIPES / f"{self.recipe}.toml"

    @cached_property
    def tables(self) -> dict[str, Any] | None:
        """What the recipe says, without its seed; None where there is no recipe yet."""
        if self.module:
            return {"module": self.module}
        if not self.path.is_file():
            return None
        tables = tomllib.loads(self.path.read_text())
        tables.pop("seed", None)
        return tables

    @property
    def digest(self) -> str:
        """A short name for what the recipe says; its comments and the seed do not matter."""
        text = json.dumps(self.tables, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_rows(path: Path = TABLE) -> tuple[Row, ...]:
    """The rows of the table."""
    return tuple(Row(**plain) for plain in tomllib.loads(path.read_text())["row"])


def choose(rows: tuple[Row, ...], names: list[str] | None) -> tuple[Row, ...]:
    """The rows of these names, all without names; InputError for a name that there is none of."""
    known = {row.name: row for row in rows}
    for name in names or ():
        if name not in known:
            raise InputError(f"there is no row {name!r}; there are {', '.join(known)}")
    return tuple(known[name] for name in names or known)
