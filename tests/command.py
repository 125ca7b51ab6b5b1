"""Running the command line inside a test."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lithify.cli.main import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What the command did."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


def lithify(capsys: pytest.CaptureFixture[str], words: Sequence[object]) -> Ran:
    """The command line run with these words."""
    capsys.readouterr()
    try:
        code = main([str(word) for word in words])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)
