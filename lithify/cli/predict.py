"""`lithify predict`: classes and scores by the C engine."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lithify.cli.screen import Screen

EXAMPLE = (
    "lithify predict build --data test.npz",
    "lithify predict design.lith --data test.npz --limit 10 --json",
)
SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Which design, which data."""
    parser.add_argument("design", type=Path, help="a .lith file, or a folder of `lithify compile`")
    parser.add_argument("--data", type=Path, required=True, help="an .npz file with x, and maybe y")
    parser.add_argument("--limit", type=int, help="only the first so many samples")
    parser.add_argument("--threads", type=int, default=1, help="threads of the engine (1)")


def execute(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, object]:
    """Classes, scores and, where labels are known, the accuracy."""
    from lithify.cli.samples import class_numbers, read_samples
    from lithify.compiler.design import Design

    design = Design.load(arguments.design)
    x, labels = read_samples(arguments.data, limit=arguments.limit)
    y = class_numbers(arguments.data, labels, design, screen)
    if not design.circuit.scores:
        engine = design.engine(threads=arguments.threads)
        words = {name: w.tolist() for name, w in engine.words(design.codes(x)).items()}
        shown = [(i, *row) for i, row in enumerate(zip(*words.values(), strict=True))]
        screen.table(("sample", *words), shown[:SHOWN])
        if len(x) > SHOWN:
            screen.show(f"and {len(x) - SHOWN} more; --json shows all")
        return {"words": words}
    scores = design.engine(threads=arguments.threads).scores(design.codes(x))
    found = scores.argmax(1)
    names = design.classes or tuple(str(i) for i in range(scores.shape[1]))
    screen.table(
        ("sample", "class", *names),
        [(i, names[c], *row) for i, (c, row) in enumerate(zip(found, scores, strict=True))][:SHOWN],
    )
    if len(found) > SHOWN:
        screen.show(f"and {len(found) - SHOWN} more; --json shows all")
    result: dict[str, object] = {"classes": found.tolist(), "scores": scores.tolist()}
    if y is not None:
        result["accuracy"] = float((found == y).mean())
        screen.show(f"accuracy: {100 * float((found == y).mean()):.2f} % of {len(y)} samples")
    return result
