"""The tables of docs/recipes.md, from what recipes are read into.

    python tests/recipe_page.py

writes them into the page. The meaning of a key is the comment `#: ...` above its field.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from source_tree import ROOT

from lithify.compiler.training.recipe import KINDS, Recipe
from lithify.ir.files import write_atomically

PAGE = ROOT / "docs" / "recipes.md"
BEGIN = "<!-- keys: `make pages` writes what follows -->"
END = "<!-- end of keys -->"
WORDS = {str: "text", int: "integer", float: "number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table of a recipe."""

    owner: str
    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a recipe."""

    title: str
    about: str
    keys: tuple[Key, ...]


def sections() -> Iterator[Section]:
    """Every table that a recipe can have, in the order of the page."""
    hints = get_type_hints(Recipe)
    tables = {one.name: hints[one.name] for one in fields(Recipe) if is_dataclass(hints[one.name])}
    yield section("At the top, before every table", Recipe, without={*tables})
    for table, kind in tables.items():
        if kind in KINDS:
            yield from _choices(table, kind)
        else:
            yield section(f"[{table}]", kind)


def _choices(table: str, kind: type[Any]) -> Iterator[Section]:
    """A table whose key `kind` chooses what else is in it."""
    default, kinds = KINDS[kind]
    shared = {one.name for one in fields(kind)}
    if shared:
        yield section(f"[{table}], whatever its kind", kind)
    for name, one in sorted(kinds.items()):
        usual = " (the default)" if name == default else ""
        yield section(f'[{table}] with kind = "{name}"{usual}', one, without=shared)
        for key, part in _lists_of_tables(one):
            yield section(f'[[{table}.{key}]] with kind = "{name}"', part)


def section(title: str, kind: type[Any], *, without: set[str] | None = None) -> Section:
    """The table that is read into a dataclass."""
    hints, said = get_type_hints(kind), meanings(kind)
    keys = tuple(
        Key(kind.__name__, one.name, _type(hints[one.name]), _default(one), said[one.name])
        for one in fields(kind)
        if one.name not in (without or ())
    )
    return Section(title, inspect.cleandoc(kind.__doc__ or ""), keys)


def meanings(kind: type[Any]) -> dict[str, str]:
    """The comment above each field, of the class that has the field itself; empty without one."""
    found: dict[str, str] = {one.name: "" for one in fields(kind)}
    for base in reversed(kind.__mro__):
        if is_dataclass(base):
            found |= _comments(textwrap.dedent(inspect.getsource(base)))
    return {name: found[name] for name in found if name in {one.name for one in fields(kind)}}


def _comments(source: str) -> dict[str, str]:
    """The comments `#:` above the annotated names of a class."""
    lines = source.splitlines()
    found: dict[str, str] = {}
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            above = one.lineno - 1
            first = above
            while lines[first - 1].strip().startswith("#:"):
                first -= 1
            text = (line.strip().removeprefix("#:").strip() for line in lines[first:above])
            found[one.target.id] = " ".join(text)
    return found


def _lists_of_tables(kind: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """The keys of a dataclass that are lists of tables."""
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
            yield name, get_args(hint)[0]


def _type(hint: Any) -> str:
    """The type in the words that errors use."""
    if get_origin(hint) is UnionType:
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return "list of tables" if is_dataclass(inner) else f"list of {WORDS[inner]}s"
    return WORDS[hint]


def _default(one: Any) -> str:
    """The default as a recipe would say it."""
    if one.default is MISSING:
        return "**needed**" if one.default_factory is MISSING else "each its own"
    if one.default is None:
        return ""
    value = str(one.default).lower() if isinstance(one.default, bool) else one.default
    return f'`"{value}"`' if isinstance(one.default, str) else f"`{value}`"


def tables() -> str:
    """The part of the page between its marks."""
    lines: list[str] = []
    for one in sections():
        lines += ["", f"### {one.title}", "", *one.about.splitlines()]
        if one.keys:
            lines += ["", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key in one.keys:
            meaning = key.meaning.replace("|", "\\|")
            lines.append(f"| `{key.name}` | {key.type} | {key.default} | {meaning} |")
    return "\n".join([BEGIN, *lines, "", END])


def page(old: str) -> str:
    """The page with its tables as they are now."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + tables() + after


if __name__ == "__main__":
    write_atomically(PAGE, page(PAGE.read_text()).encode())
