"""Cells against yosys: `python -m benchmarks.optimise [MODEL …] [--json] [--check]`.

For every kept model the tables of six and of four inputs of encoder, core and head after our
optimiser and mapper, each proved, against `synth_xilinx -family xcup` and `synth_ice40`, mapped by
abc9 or abc, as is better, on the plain Verilog of the net as it was lowered; then popcounts alone.
Percentages are what we need less: of tables of six, and of the logic cells of an iCE40 where tables
have four inputs, both sides with their carry chains and as nextpnr packs them, for the class (see
yardstick.py). For the last one, both sides have the head alone, from its terms to the class: beside
the core, our head's tables take in gates of it. What yosys needed is kept in results/yosys.jsonl,
since it takes hours for large nets; a way of mapping is stopped after half an hour of CPU time.
The whole result of all kept models is written to results/optimise.json.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.optimise.plain import sources
from benchmarks.optimise.yardstick import Yosys, packed
from lithify.compiler.cones import cone
from lithify.compiler.driver import compile
from lithify.compiler.mapping import map_cells
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.verdict import Proved, explain
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.files import write_atomically

MODELS = Path(__file__).parents[2] / "examples" / "models"
RESULTS = Path(__file__).parents[1] / "results" / "optimise.json"
POPCOUNTS = (64, 256, 784)
# Least saving of the whole and of the head, median over the nets, and tables a bit of a popcount.
BARS = {6: (20.0, 35.0), 4: (10.0, 15.0)}
MOST_A_BIT = 1.1
PROOF_SECONDS = 300.0


def saving(ours: int, theirs: int | None) -> float:
    """How many per cent fewer ours are; NaN where yosys did not end."""
    if theirs is None:
        return math.nan
    return 100.0 * (1 - ours / theirs) if theirs else 0.0


def measure(path: Path, inputs: int, yosys: Yosys) -> dict[str, Any]:
    """The figures of one net and one size of tables."""
    design = compile(path)
    cells = map_cells(design.circuit, inputs=inputs, carries=inputs == 4)
    alone = head_alone(design.circuit)
    counted = map_cells(alone, inputs=inputs, carries=inputs == 4)
    verdict = prove_cells(design.circuit, cells, time_limit=PROOF_SECONDS)
    verdicts = [verdict, prove_cells(alone, counted, time_limit=PROOF_SECONDS)]
    sizes: list[int] = []
    if inputs == 4:
        for circuit in (cells.circuit, counted.circuit):
            size, chained = packed(class_of(circuit))
            sizes.append(size)
            verdicts.append(chained)
    else:
        sizes = [cells.circuit.num_gates, class_of(counted.circuit).num_gates]
    whole, head = yosys.best(path.stem, sources(design.lowered), inputs)
    parts = cells.circuit.size_by_part()
    return {
        "net": path.stem,
        "inputs": inputs,
        "encoder": parts["encoder"],
        "core": parts["core"],
        "head": parts["head"],
        "total": cells.circuit.num_gates,
        "depth": cells.circuit.depth,
        "proved": all(isinstance(one, Proved) for one in verdicts),
        "verdict": explain(verdict, design.circuit),
        "cells": sizes[0],
        "head cells": sizes[1],
        "yosys tables": whole and whole.luts,
        "yosys other cells": whole and whole.others,
        "yosys cells": whole and whole.cells,
        "yosys head cells": head and head.cells,
    }


def head_alone(circuit: Circuit) -> Circuit:
    """The scores and the class of a circuit over its terms as inputs."""
    terms = np.unique(np.concatenate([score.signals for score in circuit.scores]))
    terms = terms[terms > 1]
    builder = Builder()
    place = np.arange(circuit.num_signals, dtype=np.int32)
    place[terms] = builder.input("terms", count=terms.size).ravel()
    for score in circuit.scores:
        builder.score(score.name, place[score.signals], weights=score.weights, bias=score.bias)
    return builder.finish(readout="argmax")


def class_of(circuit: Circuit) -> Circuit:
    """The cells that the class needs."""
    (signals,) = (word.signals for word in circuit.words if word.name == "class")
    return cone(circuit, signals.ravel())


def popcount(bits: int) -> float:
    """Tables of six inputs a bit."""
    b = Builder()
    b.score("ones", b.input("x", count=bits))
    return map_cells(b.finish(readout="scores"), inputs=6).circuit.num_gates / bits


def line(row: dict[str, Any]) -> str:
    """One net as a line of the table."""
    parts = "".join(f"{row[key]:>8,}" for key in ("encoder", "core", "head", "total"))
    theirs = f"{'too long':>23}"
    if row["yosys cells"] is not None:
        theirs = f"{row['yosys tables']:>8,} + {row['yosys other cells']:<5,}"
        theirs += f"{row['yosys cells']:>7,}"
    fewer = (
        saving(row["cells"], row["yosys cells"]),
        saving(row["head cells"], row["yosys head cells"]),
    )
    said = "proved" if row["proved"] else "NOT PROVED"
    percent = "".join(f"{one:7.1f} %" for one in fewer)
    return f"{row['net']:<20} LUT{row['inputs']}{parts}{theirs}{percent}  {said}"


def judged(rows: list[dict[str, Any]], counts: dict[int, float]) -> list[str]:
    """The bars that are missed."""
    missed = [f"{r['net']}: {r['verdict']}" for r in rows if not r["proved"]]
    for inputs, (total, head) in BARS.items():
        some = [r for r in rows if r["inputs"] == inputs]
        for key, bar in (("cells", total), ("head cells", head)):
            theirs = f"yosys {key}"
            median = statistics.median(saving(r[key], r[theirs]) for r in some if r[theirs])
            if median < bar:
                missed.append(f"LUT{inputs}, {key}: {median:.1f} % fewer of at least {bar:g} %")
        more = [r["net"] for r in some if saving(r["cells"], r["yosys cells"]) < 0]
        missed += [f"LUT{inputs}: {name} needs more than yosys" for name in more]
    missed += [f"popcount {n}: {c:.2f} a bit" for n, c in counts.items() if c > MOST_A_BIT]
    return missed


def main() -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimise", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="model files (all kept ones)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    yosys = Yosys()
    heads = "".join(f"{key:>8}" for key in ("encoder", "core", "head", "total"))
    print(f"{'net':<20}     {heads}{'yosys + others':>17}{'cells':>6}{'total':>8}{'head':>9}")
    rows = []
    for path in options.models or sorted(MODELS.glob("*.safetensors")):
        for inputs in BARS:
            rows.append(measure(path, inputs, yosys))
            print(line(rows[-1]), flush=True)
    counts = {bits: popcount(bits) for bits in POPCOUNTS}
    for bits, each in counts.items():
        print(f"popcount of {bits}: {each:.2f} LUT6 a bit")
    missed = judged(rows, counts)
    found = {"nets": rows, "popcounts": counts, "met": not missed}
    if not options.models:
        write_atomically(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    print("\n".join(["", "MISSED:", *missed] if missed else ["", "every bar is kept"]))
    if options.json:
        print(json.dumps(found))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
