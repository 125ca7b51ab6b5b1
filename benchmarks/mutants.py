"""A hundred circuits with one gate changed: every one must be told from the original.

Kinds: the output of a gate inverted, one row of its table flipped, one fan-in rewired, the bound of
a threshold moved. A mutant that is proved equal to the original is counted and drawn again. Without
a design the circuit is a random net of the demo's shape, optimised.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.simulation import confirm
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted
from lithify.ir.builder import Builder
from lithify.ir.circuit import TABLE, Circuit

KINDS = ("inverted output", "flipped row", "rewired fan-in", "moved bound")
MOST_EQUAL = 1000
THROUGH = (0b1010, 0b1100)


@dataclass(frozen=True, slots=True)
class Result:
    """How many mutants of each kind were refuted, and what else was seen."""

    refuted: dict[str, int]
    proved_equal: int
    undecided: int
    unconfirmed: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every mutant that is not equal was refuted, with a confirmed counterexample."""
        return not self.undecided and not self.unconfirmed


def demo_like(seed: int = 0) -> Circuit:
    """A random net of the demo's shape: thermometers of 64 pixels, three layers, ten sums."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    pixels = builder.input("pixels", width=5, count=64, high=16)
    with builder.origin("encoder", "encoder"):
        places = np.tile(np.left_shift(1, np.arange(5)), (64, 1))
        levels = [builder.thresholds(np.full(64, t), pixels, places) for t in (3, 7, 11, 15)]
    signals = np.concatenate(levels)
    for depth in range(3):
        with builder.origin(f"layers.{depth}", "core"):
            through = rng.choice(THROUGH, 600)
            tables = np.where(rng.random(600) < 0.4, through, rng.integers(1, 15, 600))
            fanins = signals[rng.integers(0, signals.size, (600, 2))]
            signals = builder.tables(tables.astype(np.uint64), fanins)
    for label in range(10):
        builder.score(f"class{label}", signals[60 * label : 60 * label + 60])
    return run(parse(EFFORTS[-1]), builder.finish(readout="argmax")).circuit


def mutate(circuit: Circuit, rng: np.random.Generator) -> tuple[str, Circuit]:
    """The kind of change, and the circuit with one gate changed."""
    gate = int(rng.integers(circuit.num_gates))
    arity = len(circuit.gate_fanins(gate))
    tables, fanins = circuit.tables.copy(), circuit.fanins.copy()
    signal = circuit.first_gate + gate
    if circuit.kinds[gate] != TABLE:
        tables.view(np.int64)[gate] += rng.choice([-1, 1])
        return KINDS[3], replace(circuit, tables=tables)
    kind = int(rng.integers(3)) if arity else 0
    if kind == 0:
        tables[gate] ^= np.uint64((1 << (1 << arity)) - 1)
    elif kind == 1:
        tables[gate] ^= np.uint64(1 << int(rng.integers(1 << arity)))
    else:
        fanins[circuit.offsets[gate] + rng.integers(arity)] = rng.integers(2, signal)
    return KINDS[kind], replace(circuit, tables=tables, fanins=fanins)


def measure(circuit: Circuit, *, count: int = 100, seed: int = 0) -> Result:
    """What became of `count` mutants that are not proved equal to the circuit."""
    rng, start = np.random.default_rng(seed), time.perf_counter()
    refuted: Counter[str] = Counter()
    equal = undecided = unconfirmed = 0
    while refuted.total() + undecided + unconfirmed < count and equal < MOST_EQUAL:
        kind, mutant = mutate(circuit, rng)
        verdict = prove_equal(circuit, mutant)
        if isinstance(verdict, Proved):
            equal += 1
        elif isinstance(verdict, NotProved):
            undecided += 1
        elif _is_confirmed(circuit, mutant, verdict):
            refuted[kind] += 1
        else:
            unconfirmed += 1
    return Result(
        dict(sorted(refuted.items())), equal, undecided, unconfirmed, time.perf_counter() - start
    )


def _is_confirmed(circuit: Circuit, mutant: Circuit, verdict: Refuted) -> bool:
    """Whether the interpreter sees the two circuits differ on the counterexample."""
    return confirm(circuit, mutant, np.array(verdict.codes, np.int64)) is not None


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and a mutant was not refuted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--design", help="a .lith file, or a folder that `lithify compile` made")
    parser.add_argument("--count", type=int, default=100, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--check", action="store_true", help="fail unless all are refuted")
    options = parser.parse_args(arguments)
    if options.design:
        from lithify.compiler.design import Design

        circuit = Design.load(options.design).circuit
    else:
        circuit = demo_like(options.seed)
    result = measure(circuit, count=options.count, seed=options.seed)
    total = sum(result.refuted.values())
    print(f"{circuit!r}: {total} of {options.count} mutants refuted")
    for kind, number in result.refuted.items():
        print(f"  {kind:16} {number:4}")
    print(
        f"  proved equal and drawn again {result.proved_equal}; undecided {result.undecided}; "
        f"counterexample not confirmed {result.unconfirmed}; {result.seconds:.1f} s"
    )
    good = result.ok and total == options.count
    if options.json:
        found = {"gates": circuit.num_gates, "refuted": result.refuted, "ok": good}
        found |= {"proved_equal": result.proved_equal, "undecided": result.undecided}
        print(json.dumps({**found, "unconfirmed": result.unconfirmed, "seconds": result.seconds}))
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
