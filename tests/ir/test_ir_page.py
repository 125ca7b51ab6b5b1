"""The page about circuits is right: its examples run, its grammar and tables name what there is."""

import doctest
import io
import re
import zipfile
from pathlib import Path

import numpy as np

from lithify.ir import binary
from lithify.ir.generate import random_circuit
from lithify.ir.parser import HEADER

PAGE = Path(__file__).parents[2] / "docs" / "ir.md"


def test_the_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 20 and result.failed == 0


def test_the_grammar_defines_every_name_that_it_uses() -> None:
    grammar = re.search(r"```ebnf\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert grammar is not None
    defined = set(re.findall(r"^(\w+) +=", grammar[1], re.MULTILINE))
    used = set(re.findall(r"\w+", re.sub(r'"[^"]*"', " ", grammar[1])))
    terminals = {"number", "string", "identifier", "letter", "digit", "hexdigit", "width"}
    assert used - defined == terminals
    assert all(f'"{word}"' in grammar[1] for word in HEADER.split())


def test_the_page_lists_every_array() -> None:
    listed = re.findall(r"^\| `(\w+)\.npy`", PAGE.read_text(), re.MULTILINE)
    data = binary.to_bytes(random_circuit(np.random.default_rng(0)))
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names == ["manifest.json", *(f"{name}.npy" for name in listed)]


def test_the_page_lists_every_attribute_of_a_node() -> None:
    graph = random_circuit(np.random.default_rng(1), gates=60).graph
    text = PAGE.read_text()
    for node in graph:
        assert all(f"`{name}`" in text for name in graph.nodes[node])
    assert all(f"`{name}`" in text for name in graph.graph)
