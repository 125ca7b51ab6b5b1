"""`lithify doctor`: what was found, what is missing, how to get it.

It fails where something is missing that the core or an installed extra needs.
"""

import argparse
import dataclasses
from collections.abc import Mapping

from lithify.cli.screen import Screen

EXAMPLE = ("lithify doctor", "lithify doctor --json")


def configure(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    assert parser.description is not None
    parser.description += (
        " The exit code is 1 where something is missing that the core or an installed extra of "
        "Lithify (train, sim, fpga) needs, else 0."
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The inventory; `missing` names what was not found, `needed` what of that is needed here."""
    from lithify.backends.toolchain import installed_extras, inventory
    from lithify.backends.tools import OPTIONAL

    extras = installed_extras()
    found = inventory()
    missing = [item for item in found if not item.found]
    needed = [item.name for item in missing if item.extra in ("", *extras)]
    rows = [
        (
            "yes" if item.found else "NO" if item.name in needed else "no",
            item.name,
            item.version or "-",
            item.needed_for,
        )
        for item in found
    ]
    screen.table(("found", "what", "version", "what it is for"), rows)
    for item in missing:
        screen.show(f"{item.name}: {item.how_to_get}")
    here = f"Lithify with the extras {', '.join(extras)}" if extras else "Lithify without extras"
    if not missing:
        screen.show("everything was found")
    elif needed:
        screen.show(f"{here} needs, and lacks: {', '.join(needed)}")
    else:
        others = sum(item.extra != OPTIONAL for item in missing)
        more = f"; {others} missing for other extras" if others else ""
        screen.show(f"{here} has all that it needs{more}")
    return {
        "tools": [dataclasses.asdict(item) for item in found],
        "extras": list(extras),
        "missing": [item.name for item in missing],
        "needed": needed,
        "ok": not needed,
    }
