"""Every example in a docstring runs, under the module's real name."""

import doctest
import importlib
from pathlib import Path

import pytest
import source_tree

WITH_EXAMPLES = [
    source_tree.module_of(path)
    for path in source_tree.files(*source_tree.PACKAGES)
    if ">>> " in path.read_text()
]


def failures(name: str) -> int:
    """How many examples of a module fail."""
    return doctest.testmod(importlib.import_module(name)).failed


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name: str) -> None:
    assert failures(name) == 0


def test_examples_of_the_tests_run() -> None:
    assert failures("source_tree") == 0


def test_a_wrong_example_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong_example.py").write_text('"""Says\n\n>>> 1 + 1\n3\n"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert failures("wrong_example") == 1
