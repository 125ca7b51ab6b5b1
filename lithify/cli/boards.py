"""`lithify boards`: what designs can be built for."""

import argparse
from collections.abc import Mapping

from lithify.cli.screen import Screen

EXAMPLE = ("lithify boards", "lithify build build --board icebreaker")


def configure(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """The boards with their chips, sizes and what was tried."""
    from lithify.backends.fpga.targets import boards

    known = boards().values()
    screen.table(
        ("board", "what", "chip", "logic cells", "tried"),
        [(b.name, b.title, b.device.title, b.device.cells, b.tried) for b in known],
    )
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
