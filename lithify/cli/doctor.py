"""`lithify doctor`: what was found, what is missing, how to get it."""

import argparse
import dataclasses
from collections.abc import Mapping

from lithify.cli.screen import Screen

EXAMPLE = ("lithify doctor", "lithify doctor --json")


def configure(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The inventory; `missing` names what was not found."""
    from lithify.backends.toolchain import inventory

    found = inventory()
    rows = [
        ("yes" if item.found else "NO", item.name, item.version or "-", item.needed_for)
        for item in found
    ]
    screen.table(("found", "what", "version", "what it is for"), rows)
    missing = [item for item in found if not item.found]
    for item in missing:
        screen.show(f"{item.name}: {item.how_to_get}")
    screen.show("everything was found" if not missing else f"{len(missing)} missing, see above")
    return {
        "tools": [dataclasses.asdict(item) for item in found],
        "missing": [item.name for item in missing],
    }
