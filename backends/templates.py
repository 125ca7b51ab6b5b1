"""Texts with places in them that are filled in."""

import re
from collections.abc import Mapping
from pathlib import Path


def filled(template: Path, values: Mapping[str, str]) -> str:
    """The text of a file with every @NAME@ replaced."""
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], template.read_text("utf-8"))
