"""The rules of the house that no linter checks."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from source_tree import PACKAGES, ROOT, SCRIPTS, files, name_of, tree

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50
LEAST_TEST_LINES = 0.6  # for each source line
SOURCE = ("backends", "compiler", "ir", "lithify")
TESTS = ("hw_tests", "tests")
TEXT = (".c", ".h", ".md", ".py", ".sv", ".toml", ".v")
LOOSE = ("CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "README.md", "pyproject.toml")
# Brackets keep the patterns from matching this file.
MARKS = re.compile("TOD[O]|FIXM[E]|XX[X]|raise NotImplemented[E]rror")
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home|tmp/[a-z])/")
LINKS = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")  # to files, in Markdown
MAY_PRINT = ("benchmarks/", "examples/", "lithify/cli/")

Rule = Callable[[ast.Module], Iterator[int]]


def everything() -> list[Path]:
    """Every text file of the project's own."""
    loose = [ROOT / name for name in LOOSE]
    hidden = [path for path in (ROOT / ".ci").iterdir() if path.is_file()]
    return [*files(*PACKAGES, *SCRIPTS, "docs", "tests", suffixes=TEXT), *loose, *hidden]


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    """Every place that matches, as file:line."""
    return [
        f"{name_of(path)}:{number}"
        for path in everything()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def lines_against(rule: Rule, *folders: str) -> list[str]:
    """Every place that breaks the rule, as file:line."""
    return [f"{name_of(path)}:{line}" for path in files(*folders) for line in rule(tree(path))]


def long_functions(module: ast.Module) -> Iterator[int]:
    """The first lines of functions whose bodies, without docstrings, are too long."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            assert node.end_lineno is not None
            if node.end_lineno - begin.lineno + 1 > MOST_LINES_OF_A_FUNCTION:
                yield node.lineno


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes every error and does not end by raising it again."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("BaseException", "Exception"))
        for kind in kinds
    )
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def raises_anything(node: ast.Raise) -> bool:
    """Whether what is raised is a bare Exception."""
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(raised, ast.Name) and raised.id in ("BaseException", "Exception")


def broad_exceptions(module: ast.Module) -> Iterator[int]:
    """The lines that catch every error without raising it again, or raise a bare Exception."""
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler) and catches_everything(node):
            yield node.lineno
        elif isinstance(node, ast.Raise) and raises_anything(node):
            yield node.lineno


def prints(module: ast.Module) -> Iterator[int]:
    """The lines that call print."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print":
                yield node.lineno


def without_docstring(module: ast.Module) -> Iterator[int]:
    """Line 1 where a module does not begin by saying what it is."""
    if ast.get_docstring(module) is None:
        yield 1


def count_lines(*folders: str, suffixes: tuple[str, ...]) -> int:
    """The lines of all files with one of the suffixes."""
    return sum(len(path.read_text().splitlines()) for path in files(*folders, suffixes=suffixes))


def test_no_file_is_long() -> None:
    lengths = {
        name_of(path): len(path.read_text().splitlines())
        for path in files(*PACKAGES, *SCRIPTS, ".ci", "tests")
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("rule", "folders"),
    [
        (long_functions, (*PACKAGES, *SCRIPTS, "tests")),
        (broad_exceptions, (*PACKAGES, *SCRIPTS)),
        (without_docstring, (*PACKAGES, *SCRIPTS, ".ci", "tests")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_line_breaks_the_rule(rule: Rule, folders: tuple[str, ...]) -> None:
    assert lines_against(rule, *folders) == []


def test_only_the_command_prints() -> None:
    found = lines_against(prints, *PACKAGES, *SCRIPTS)
    assert [place for place in found if not place.startswith(MAY_PRINT)] == []


def test_nothing_is_left_to_do() -> None:
    assert lines_matching(MARKS) == []


def test_no_path_of_one_machine() -> None:
    assert lines_matching(MACHINE_PATHS) == []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [path for path in everything() if path.suffix == ".md"]
    links = [(page, link) for page in pages for link in LINKS.findall(page.read_text())]
    dead = [f"{name_of(page)}: {link}" for page, link in links if not (page.parent / link).exists()]
    assert dead == []


def test_there_are_enough_tests() -> None:
    source = count_lines(*SOURCE, suffixes=(".py",))
    tests = count_lines(*TESTS, suffixes=(".py", ".lith", ".expect"))
    assert tests / source >= LEAST_TEST_LINES, f"{tests} test lines for {source} source lines"


@pytest.mark.parametrize(
    ("rule", "code", "lines"),
    [
        (long_functions, "def f():\n    'Says.'\n" + "    x = 1\n" * 50, []),
        (long_functions, "\ndef f():\n" + "    x = 1\n" * 51, [2]),
        (broad_exceptions, "try: f()\nexcept: pass", [2]),
        (broad_exceptions, "try: f()\nexcept (OSError, Exception) as e:\n    raise E from e", [2]),
        (broad_exceptions, "try: f()\nexcept BaseException:\n    g()\n    raise", []),
        (broad_exceptions, "try: f()\nexcept OSError: pass", []),
        (broad_exceptions, "raise Exception('no')", [1]),
        (broad_exceptions, "raise ValueError('no')", []),
        (prints, "\nprint(1)", [2]),
        (prints, "log.print(1)", []),
        (without_docstring, "x = 1", [1]),
        (without_docstring, '"""Says."""', []),
    ],
)
def test_the_rules_see_what_breaks_them(rule: Rule, code: str, lines: list[int]) -> None:
    assert list(rule(ast.parse(code))) == lines


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (MARKS, "# {}DO later".format("TO"), True),
        (MARKS, "to do", False),
        (MACHINE_PATHS, "see {}root/x".format("/"), True),
        (MACHINE_PATHS, "{}tmp/a/b".format("/"), True),
        (MACHINE_PATHS, "docs/work/x and ~/tmp", False),
    ],
)
def test_the_patterns_see_what_they_should(
    pattern: re.Pattern[str], text: str, matches: bool
) -> None:
    assert bool(pattern.search(text)) is matches
