"""The repository's own files, for the tests of its form."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("backends", "compiler", "examples", "hw_tests", "ir", "lithify")
SCRIPTS = ("benchmarks",)
IGNORED = {"__pycache__", "out"}
# Libraries that only these places may import; nothing else needs them installed.
ONLY_IN = {
    "torch": (
        "compiler/importers/",
        "compiler/lowering.py",
        "compiler/nets/",
        "compiler/training/",
    ),
    "safetensors": ("compiler/importers/", "compiler/nets/", "compiler/training/"),
    "PIL": ("compiler/training/",),
    "sklearn": ("compiler/training/",),
    "rich": ("lithify/cli/",),
}


def files(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    """The files with one of the suffixes under the folders, sorted; absent folders have none."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and path.is_file() and not IGNORED.intersection(path.parts)
    )


def name_of(path: Path) -> str:
    """The path as the project writes it: relative to the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """The name under which a package's file is imported: ir/text.py is lithify.ir.text.

    >>> module_of(ROOT / "ir" / "text.py")
    'lithify.ir.text'
    >>> module_of(ROOT / "lithify" / "cli" / "__init__.py")
    'lithify.cli'
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "lithify" else ("lithify", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports anywhere in it; a relative import starts with a dot."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
