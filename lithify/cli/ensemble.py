"""`lithify ensemble`: nets drawn from a trained posterior, in one model that can reject."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.screen import Screen

EXAMPLE = (
    "lithify ensemble bayes.toml digits.safetensors -o eight.safetensors",
    "lithify ensemble bayes.toml digits.safetensors -o eight.safetensors --reject 0.02",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Which model, how many members, what to reject."""
    parser.add_argument("recipe", type=Path, help="the recipe of the model, with the method bayes")
    parser.add_argument("model", type=Path, help="the model that `lithify train` made of it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model file to write")
    parser.add_argument("--members", type=int, default=8, help="how many nets to draw (8)")
    parser.add_argument(
        "--reject", type=float, default=0.0, help="the share of validation samples to reject (0)"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides what is drawn (0)")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """How mode and ensemble do on the test samples; the model file holds the ensemble."""
    from lithify.compiler.nets import load, save
    from lithify.compiler.training.posterior import follow

    found = follow(
        arguments.recipe,
        load(arguments.model),
        members=arguments.members,
        reject=arguments.reject,
        seed=arguments.seed,
    )
    save(found.net, arguments.output, provenance=found.provenance)
    screen.show(
        f"hard accuracy on the test samples: {100 * found.accuracy:.2f} %, the mode alone "
        f"{100 * found.mode_accuracy:.2f} %"
    )
    if arguments.reject:
        screen.show(
            f"rejected: {100 * found.rejected:.2f} %; accuracy of the rest "
            f"{100 * found.accuracy_of_accepted:.2f} %"
        )
    screen.show(f"written: {arguments.output}")
    return {"model": str(arguments.output), **found.provenance}
