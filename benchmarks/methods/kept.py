"""Kept models: hard nets in examples/models, each with a card that says what it is.

    python -m benchmarks.methods.kept MODEL NAME [--row ROW] [--command TEXT]

makes NAME of a trained model: measures it on its test samples, compiles it, writes both files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.methods.rows import ROOT, Row, choose, read_rows
from benchmarks.methods.runs import count_gates, test_samples
from lithify.compiler.nets import Net, load, save
from lithify.compiler.training import accuracy
from lithify.ir.errors import InputError, LithifyError
from lithify.ir.files import write_atomically

MODELS = ROOT / "examples" / "models"
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept model by its name."""

    name: str
    folder: Path = MODELS

    @property
    def model(self) -> Path:
        """The hard net."""
        return self.folder / f"{self.name}.safetensors"

    @property
    def path(self) -> Path:
        """The card."""
        return self.folder / f"{self.name}.json"

    def card(self) -> Plain:
        """What the card says."""
        card: Plain = json.loads(self.path.read_text())
        return card

    def faults(self, net: Net, gates: dict[str, Plain]) -> list[str]:
        """What of the model is not what the card says, as far as it shows without the data."""
        card, found = self.card(), []
        if digest(self.model) != card["sha256"]:
            found.append("the model file is another than the card is of")
        if gates != card["gates"]:
            found.append(f"it has the gates {gates}, the card says {card['gates']}")
        if list(net.classes) != card["classes"]:
            found.append(f"it has the classes {list(net.classes)}, the card says {card['classes']}")
        return found


def all_kept(folder: Path = MODELS) -> list[Kept]:
    """Every kept model, by name."""
    return [Kept(path.stem, folder) for path in sorted(folder.glob("*.safetensors"))]


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(net: Net, provenance: Plain) -> tuple[float, int]:
    """The hard accuracy on the test samples that the provenance names, and how many these are."""
    x, y = test_samples(provenance)
    return accuracy(net, x, y), len(y)


def make_card(net: Net, provenance: Plain, command: str, row: str | None) -> Plain:
    """The card of a net, measured now; InputError where its provenance says another accuracy."""
    recipe = provenance["recipe"]
    card: Plain = {
        "data": {
            "name": recipe["data"]["name"],
            "title": provenance["data"],
            "digest": provenance["data_digest"],
        },
        "split": {key: recipe["data"][key] for key in ("test", "validation")},
        "seed": provenance["seed"],
        "row": row,
        "command": command,
        "versions": provenance["versions"],
        "classes": list(net.classes),
        "gates": count_gates(net),
    }
    found, samples = measure(net, provenance)
    if found != provenance["test_accuracy"]:
        raise InputError(
            f"the net is right for {100 * found:.2f} % of the test samples, but its file says "
            f"{100 * provenance['test_accuracy']:.2f} %"
        )
    card["accuracy"] = {
        "test": found,
        "test_samples": samples,
        "validation": provenance["validation_accuracy"],
        "best_epoch": provenance["best_epoch"],
    }
    return card


def keep(model: Path, kept: Kept, *, command: str = "", row: Row | None = None) -> Plain:
    """The card that was written, and the hard net beside it."""
    found = load(model)
    kept.folder.mkdir(parents=True, exist_ok=True)
    recipe = kept.name if row is None else row.recipe
    usual = (
        f"lithify train examples/recipes/{recipe}.toml -o {kept.name}.safetensors "
        f"--seed {found.provenance['seed']}"
    )
    card = make_card(found.net, found.provenance, command or usual, row.name if row else None)
    save(found.net, kept.model, hard=True, provenance=found.provenance)
    card["sha256"] = digest(kept.model)
    write_atomically(kept.path, (json.dumps(card, indent=1, sort_keys=True) + "\n").encode())
    return card


def check(kept: Kept, rows: dict[str, Row]) -> Plain:
    """How a kept model does now, beside its card and the bar of its row; `ok` where all is well."""
    model, card = load(kept.model), kept.card()
    net = model.net
    faults = kept.faults(net, count_gates(net))
    row = rows.get(card["row"] or "")
    bar = row.bar if row else None
    found: float | None = None
    try:
        found, samples = measure(net, model.provenance)
    except InputError as error:
        faults.append(f"not measured: {error}")
    else:
        if (found, samples) != (card["accuracy"]["test"], card["accuracy"]["test_samples"]):
            faults.append(f"the card says {100 * card['accuracy']['test']:.2f} %")
        if bar is not None and 100 * found < bar:
            faults.append(f"below the bar of {bar} %")
    return {"name": kept.name, "test": found, "bar": bar, "faults": faults, "ok": not faults}


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.methods.kept", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("model", type=Path, help="a model that `lithify train` wrote")
    parser.add_argument("name", help="what it is kept as")
    parser.add_argument("--row", help="the row of the results page whose bar it has to reach")
    parser.add_argument("--command", default="", help="how it was trained, if not by its recipe")
    options = parser.parse_args()
    try:
        row = choose(read_rows(), [options.row])[0] if options.row else None
        card = keep(options.model, Kept(options.name), command=options.command, row=row)
    except LithifyError as error:
        sys.exit(f"benchmarks.methods.kept: {error}")
    size = Kept(options.name).model.stat().st_size
    print(f"{options.name}: {100 * card['accuracy']['test']:.2f} %, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
