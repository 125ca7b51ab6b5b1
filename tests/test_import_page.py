"""The page of imports runs from top to bottom: its Python, and its commands in the shell."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import lithify as command
from source_tree import ROOT

Capture = pytest.CaptureFixture[str]
PAGE = "docs/import.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$|((?:^    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def run(block: str, capsys: Capture) -> int:
    """How many commands of Lithify a block has; what stands between them is for the shell."""
    count, shell = 0, ""
    for line in re.sub(r"^    ", "", block, flags=re.MULTILINE).splitlines():
        if not line.startswith("lithify "):
            shell += line + "\n"
            continue
        subprocess.run(["bash", "-euc", shell], check=True)
        shell = ""
        ran = command(capsys, shlex.split(line, comments=True)[1:])
        assert ran.code == 0, f"{line}\n{ran.err}"
        count += 1
    assert not shell, "commands of the shell that no command of Lithify follows"
    return count


def test_the_page_runs_in_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    text = (ROOT / PAGE).read_text()
    namespace: dict[str, object] = {"__name__": "page"}
    count = 0
    for example in BLOCK.finditer(text):
        if example[1] is None:
            count += run(example[2], capsys)
        else:
            above = "\n" * text.count("\n", 0, example.start(1))
            exec(compile(above + example[1], PAGE, "exec"), namespace)
    assert count == text.count("\n    lithify ") > 20
