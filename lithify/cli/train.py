"""`lithify train`: follow a recipe, save the model."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lithify.cli.screen import Screen
from lithify.ir.files import require_file

if TYPE_CHECKING:
    from lithify.compiler.training.run import Progress

EXAMPLE = (
    "lithify train examples/recipes/digits.toml -o digits.safetensors",
    "lithify train digits.toml -o digits.safetensors --seed 3 --test-data test.npz",
    "lithify train digits.toml -o digits.safetensors --resume     (after an interruption)",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The recipe, and what may differ from it."""
    parser.add_argument("recipe", type=Path, help="a TOML file: data, net, training")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model file to write")
    parser.add_argument("--seed", type=int, help="in place of the recipe's seed")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument(
        "--resume", action="store_true", help="go on from OUTPUT.checkpoint, bit for bit"
    )
    parser.add_argument(
        "--test-data", type=Path, metavar="FILE", help="write the held-back samples there (.npz)"
    )


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """What was reached; the model file holds the net."""
    from lithify.cli.samples import write_samples
    from lithify.compiler.nets import save
    from lithify.compiler.training import run_recipe

    require_file(arguments.output)
    if arguments.test_data:
        require_file(arguments.test_data)
    checkpoint = arguments.output.with_name(arguments.output.name + ".checkpoint")
    with screen.progress("training") as bar:

        def progress(now: "Progress") -> None:
            note = (
                f"loss {now.epoch.loss:.4f}, hard accuracy {100 * now.epoch.accuracy:.2f} % "
                f"(taken so far: {100 * now.best.accuracy:.2f} %)"
            )
            bar(now.epoch.number, now.epochs, note)

        result = run_recipe(
            arguments.recipe,
            seed=arguments.seed,
            device=arguments.device,
            progress=progress,
            checkpoint=checkpoint,
            resume=arguments.resume,
        )
    save(result.net, arguments.output, provenance=result.provenance)
    checkpoint.unlink(missing_ok=True)
    if arguments.test_data:
        held = result.split.test
        write_samples(arguments.test_data, result.dataset.x[held], result.dataset.y[held])
    reached = (
        f"hard accuracy: {100 * result.test_accuracy:.2f} % of {len(result.split.test)} held-back"
    )
    if result.validation_accuracy is None:
        screen.show(f"{reached} samples, after the last epoch")
    else:
        screen.show(f"{reached} samples, {100 * result.validation_accuracy:.2f} % in validation")
    screen.show(f"written: {arguments.output}")
    return {"model": str(arguments.output), **result.provenance}
