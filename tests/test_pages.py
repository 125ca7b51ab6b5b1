"""The Python examples of a documentation page run, one after the other in one namespace."""

import re

import pytest
from source_tree import ROOT

PAGES = (
    "README.md",
    "docs/adding.md",
    "docs/c.md",
    "docs/streams.md",
    "docs/tour.md",
    "docs/shell.md",
)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page: str) -> None:
    text = (ROOT / page).read_text()
    namespace: dict[str, object] = {"__name__": "page"}
    for example in EXAMPLE.finditer(text):
        above = "\n" * text.count("\n", 0, example.start(1))
        exec(compile(above + example[1], page, "exec"), namespace)
    assert len(namespace) > 2
