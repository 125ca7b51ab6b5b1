"""The C engine against straight-line C: `python -m benchmarks.engine [--sizes ...] [--check]`.

Both sides run equally many samples, in turns in this process; ratios are of medians of CPU time,
but for two threads, which are judged by the clock.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.engine.binary import BATCHES, of_binary
from benchmarks.engine.fuzz import fuzz
from benchmarks.engine.measure import KEPT, Figures, of_kept, of_size
from benchmarks.engine.nets import SIZES

LEAST: dict[str, dict[str, float]] = {
    "8k": {"gates only, x": 3, "whole path, x": 10},
    "48k": {
        "gates only, x": 16,
        "whole path, x": 15,
        "share of the permutation bound": 0.7,
        "256 bits, of 512": 0.7,
        "128 bits, of 512": 0.4,
        "64 bits, of 512": 0.3,
        "64 bits, x": 4,
        "two threads, x": 1.8,
    },
    "256k": {"gates only, x": 40, "whole path, x": 25, "share of the permutation bound": 0.7},
    "1M": {"gates only, x": 30, "whole path, x": 20},
}
MOST: dict[str, dict[str, float]] = {
    "8k": {"ready, CPU s": 0.1},
    "48k": {"ready, CPU s": 0.3},
    "256k": {"ready, CPU s": 2},
    "1M": {"ready, CPU s": 4},
    "binary": {f"batch {batch}: of the bare loop's time": 1.3 for batch in BATCHES},
    "fuzz": {"wrong": 0, "wrong as exported C": 0},
}


def shown(title: str, figures: Figures) -> list[str]:
    """Print the figures with their bars; the names of those that miss theirs."""
    print(f"\n{title}")
    missed = []
    for name, value in figures.items():
        least, most = LEAST.get(title, {}).get(name), MOST.get(title, {}).get(name)
        bad = (least is not None and value < least) or (most is not None and value > most)
        bar = f"at least {least:g}" if least is not None else ""
        bar = f"at most {most:g}" if most is not None else bar
        text = f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
        print(f"  {name:34} {text:>12}  {bar}{' (missed)' if bad else ''}".rstrip(), flush=True)
        missed += [f"{title}: {name}"] if bad else []
    return missed


def main() -> int:
    """0, or 1 where a bar is missed and `--check` was given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    parser.add_argument("--sizes", default="8k,48k", help=f"of {', '.join(SIZES)}; or none")
    parser.add_argument("--kept", action="store_true", help="the nets of examples/models too")
    parser.add_argument("--binary", action="store_true", help="a net of weights of 1 and -1 too")
    parser.add_argument("--fuzz", type=int, default=0, help="so many random circuits too")
    parser.add_argument("--exported", type=int, default=0, help="so many of them as C files")
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        for size in options.sizes.split(",") if options.sizes != "none" else ():
            figures[size] = of_size(size, Path(name))
            missed += shown(size, figures[size])
        if options.binary:
            figures["binary"] = of_binary(Path(name))
            missed += shown("binary", figures["binary"])
        for path in sorted(KEPT.glob("*.safetensors")) if options.kept else ():
            figures[path.stem] = of_kept(path.stem, Path(name))
            missed += shown(path.stem, figures[path.stem])
    if options.fuzz:
        figures["fuzz"] = fuzz(options.fuzz, options.exported)
        missed += shown("fuzz", figures["fuzz"])
    print(f"\nmissed: {', '.join(missed) or 'nothing'}")
    if options.json:
        print(json.dumps(figures))
    return int(bool(missed) and options.check)


if __name__ == "__main__":
    sys.exit(main())
