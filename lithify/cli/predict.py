"""`lithify predict`: classes and scores by the C engine."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lithify.cli.screen import Screen
from lithify.ir.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    codes = design.engine_codes(x)
    screen.say(f"  {counted(len(x), 'sample')} through the C engine")
    if not design.circuit.scores:
        engine = design.engine(threads=arguments.threads)
        words = {name: w.tolist() for name, w in engine.words(codes).items()}
        shown = [(i, *row) for i, row in enumerate(zip(*words.values(), strict=True))]
        screen.table(("sample", *words), shown[:SHOWN])
        if len(x) > SHOWN:
            screen.show(f"and {len(x) - SHOWN} more; --json shows all")
        return {"words": words}
    answers = design.engine(threads=arguments.threads).run(codes)
    found, scores, words = answers.classes, answers.scores, answers.words
    names = design.classes or tuple(str(i) for i in range(scores.shape[1]))
    beside = [w.ravel() if w.shape[1] == 1 else [*map(tuple, w)] for w in words.values()]
    rows = enumerate(zip(found, *beside, *scores.T, strict=True))
    screen.table(
        ("sample", "class", *words, *names), [(i, names[c], *row) for i, (c, *row) in rows][:SHOWN]
    )
    if len(found) > SHOWN:
        screen.show(f"and {len(found) - SHOWN} more; --json shows all")
    result: dict[str, object] = {"classes": found.tolist(), "scores": scores.tolist()}
    if words:
        result["words"] = {name: w.tolist() for name, w in words.items()}
    if y is not None:
        result["accuracy"] = float((found == y).mean())
        screen.show(f"accuracy: {100 * float((found == y).mean()):.2f} % of {len(y)} samples")
    if "reject" in words:
        result |= _accepted(found, words["reject"][:, 0] == 0, y, screen)
    return result


def _accepted(
    found: "NDArray[np.int64]",
    kept: "NDArray[np.bool_]",
    y: "NDArray[np.int64] | None",
    screen: Screen,
) -> dict[str, object]:
    """How many answers the reject output leaves, and how good these are."""
    share = float(1 - kept.mean()) if kept.size else 0.0
    result: dict[str, object] = {"rejected": share}
    said = f"rejected: {100 * share:.2f} %"
    if y is not None and kept.any():
        right = float((found == y)[kept].mean())
        result["accuracy_of_accepted"] = right
        said += f"; accuracy of the rest {100 * right:.2f} %"
    screen.show(said)
    return result
