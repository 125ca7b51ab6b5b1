"""Every stage of trained nets on all their test samples: `python -m benchmarks.stages [MODEL …]`.

A model is a file of `lithify train`; without one it is every kept model whose data is here. The
class scores of the hard net are compared with those of the circuit as it was lowered, of the
optimised one, of the C engine and of the exported C; then the stages are proved equal, down to the
Verilog as yosys reads it, with the test samples among the vectors. Of a net that was saved with its
soft weights, the classes of the soft net are compared with the hard one's as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.methods.kept import all_kept
from benchmarks.methods.runs import soft_predict, test_samples
from lithify.compiler.driver import compile
from lithify.compiler.nets import load
from lithify.compiler.proof.certificate import PROVED
from lithify.compiler.proof.files import SIMULATED
from lithify.ir.errors import InputError, LithifyError
from lithify.ir.simulate import run

BATCH = 1000
Plain = dict[str, Any]


def measure(path: Path, *, effort: int, time_limit: float) -> Plain:
    """What each stage of a model answers on its test samples, beside the hard net."""
    model = load(path)
    net, (x, y) = model.net, test_samples(model.provenance)
    hard = np.asarray(net.hard_scores(x))
    design = compile(net, effort=effort)
    codes = design.codes(x)
    equal = {
        "lowered": samples_equal(hard, [run(design.lowered, c).scores for c in batches(codes)]),
        "optimised": samples_equal(hard, [run(design.circuit, c).scores for c in batches(codes)]),
        "engine": samples_equal(hard, [design.scores(x)]),
    }
    say(f"{path.stem}: {equal} of {len(y)}; proving")
    certificate = design.verify(x, time_limit=time_limit, progress=lambda *_: None).certificate
    assert certificate is not None
    (exported,) = (one for one in certificate.files if one.name == f"c/{design.name}.c")
    soft = soft_predict(net, x) if net.trainable else None
    return {
        "net": path.stem,
        "samples": len(y),
        "accuracy": float((hard.argmax(1) == y).mean()),
        "soft": None if soft is None else int((soft == hard.argmax(1)).sum()),
        "equal": equal,
        "exported": exported.samples if exported.how == SIMULATED else 0,
        "stages": {stage.name: stage.verdict for stage in certificate.stages},
        "methods": {stage.name: stage.line() for stage in certificate.stages},
    }


def batches(codes: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """As many samples as the interpreter takes at a time."""
    return [codes[start : start + BATCH] for start in range(0, len(codes), BATCH)]


def samples_equal(hard: np.ndarray[Any, Any], found: list[np.ndarray[Any, Any]]) -> int:
    """On how many samples all class scores are the same."""
    return int((hard == np.concatenate(found)).all(1).sum())


def faults(row: Plain) -> list[str]:
    """What is not as it has to be."""
    n = row["samples"]
    found = [f"{name}: {n - k} of {n} samples differ" for name, k in row["equal"].items() if k < n]
    if row["exported"] < n:
        found.append(f"exported C: run on {row['exported']} of {n} samples")
    return found + [f"{name}: {said}" for name, said in row["stages"].items() if said != PROVED]


def line(row: Plain) -> str:
    """One net as a line."""
    soft = "-" if row["soft"] is None else f"{row['soft']:,}"
    counts = "".join(f"{k:>11,}" for k in (*row["equal"].values(), row["exported"]))
    said = "; ".join(faults(row)) or "proved: " + ", ".join(row["stages"])
    return f"{row['net']:<20}{row['samples']:>9,}{soft:>9}{counts}  {said}"


def say(text: str) -> None:
    """What happens now, on stderr."""
    print(text, file=sys.stderr, flush=True)


def models(named: list[Path]) -> list[Path]:
    """The files named, or the kept models whose data is here."""
    if named:
        return named
    found = []
    for kept in all_kept():
        try:
            test_samples(load(kept.model).provenance)
        except InputError as error:
            say(f"{kept.name}: left out: {error}")
        else:
            found.append(kept.model)
    return found


def main() -> int:
    """The exit code: 1 where a stage differs."""
    about, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stages", description=about, epilog=rest
    )
    parser.add_argument("models", nargs="*", type=Path, help="model files (all kept ones)")
    parser.add_argument("--effort", type=int, default=1, help="of the optimiser (1)")
    parser.add_argument(
        "--time-limit", type=float, default=600.0, help="CPU seconds a stage, for engines (600)"
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    names = "".join(f"{name:>11}" for name in ("lowered", "optimised", "engine", "exported C"))
    print(f"{'net':<20}{'samples':>9}{'soft':>9}{names}  stages")
    rows = []
    try:
        for path in models(options.models):
            rows.append(measure(path, effort=options.effort, time_limit=options.time_limit))
            print(line(rows[-1]), flush=True)
    except LithifyError as error:
        sys.exit(f"benchmarks.stages: {error}")
    if options.json:
        print(json.dumps(rows))
    return 1 if any(faults(row) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
