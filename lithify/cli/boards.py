"""`lithify boards`: what designs can be built for."""

import argparse
from collections.abc import Mapping

from lithify.cli.screen import Screen

EXAMPLE = ("lithify boards", "lithify build build --board icebreaker")


def configure(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The boards with their chips, sizes and pins, and what was tried with them."""
    from lithify.backends.fpga.targets import boards

    known = boards().values()
    screen.table(
        ("board", "what", "chip", "logic cells"),
        [(b.name, b.title, b.device.title, b.device.cells) for b in known],
    )
    for tried in dict.fromkeys(b.tried for b in known):
        names = [b.name for b in known if b.tried == tried]
        which = "all" if len(names) == len(known) else ", ".join(names)
        screen.show(f"tried with {which}: {tried}")
    return {
        "boards": [
            {
                "name": b.name,
                "title": b.title,
                "device": b.device.name,
                "cells": b.device.cells,
                "tried": b.tried,
                "spi": b.spi_pins,
            }
            for b in known
        ]
    }
