"""Two hundred circuits with one fault: every one must be told from the original.

Faults of a gate: its output inverted, one row of its table flipped, one fan-in rewired, the bound
or a weight of a threshold moved. Of a score: its bias or a weight moved. Of the class: that ties go
to the highest. A mutant that is proved equal to the original is counted and drawn again. Without a
design the circuit is a random net of the demo's shape with a layer of thresholds, optimised.
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
from lithify.ir.arithmetic import CLASS, expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.ports import Score

KINDS = ("inverted output", "flipped row", "rewired fan-in", "moved bound")
WEIGHT, TERM, BIAS, TIES = "moved weight", "moved score weight", "moved bias", "tie rule"
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
    with builder.origin("layers.3", "core"):
        pins = np.stack([rng.choice(signals, 15, replace=False) for _ in range(40)])
        weights = rng.integers(1, 4, pins.shape) * rng.choice([-1, 1], pins.shape)
        neurons = builder.thresholds(rng.integers(-3, 4, 40), pins, weights)
    for label in range(10):
        terms = [*signals[60 * label : 60 * label + 60], *neurons[4 * label : 4 * label + 4]]
        builder.score(f"class{label}", terms, [1] * 60 + [3] * 4, bias=label % 3)
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


def fault(circuit: Circuit, rng: np.random.Generator) -> tuple[str, Circuit, Circuit]:
    """The kind of fault, what the mutant is to be compared with, and the mutant."""
    drawn = int(rng.integers(8))
    wide = np.flatnonzero(circuit.kinds != TABLE)
    if drawn == 0 and wide.size:
        return WEIGHT, circuit, _moved_weight(circuit, int(rng.choice(wide)), rng)
    if drawn == 1 and wide.size:
        bounds = circuit.bounds.copy()
        bounds[rng.choice(wide)] += rng.choice([-1, 1])
        return KINDS[3], circuit, replace(circuit, tables=bounds.view(np.uint64))
    if drawn in (2, 3) and circuit.scores:
        return _moved_score(circuit, rng, bias=drawn == 2)
    if drawn == 4 and circuit.readout == "argmax":
        return TIES, *ties_to_the_highest(circuit)
    kind, mutant = mutate(circuit, rng)
    return kind, circuit, mutant


def _moved_weight(circuit: Circuit, gate: int, rng: np.random.Generator) -> Circuit:
    """The circuit with one weight of a threshold a step further from 0."""
    weights = circuit.full_weights().copy()
    pin = int(rng.integers(circuit.offsets[gate], circuit.offsets[gate + 1]))
    weights[pin] += np.sign(weights[pin])
    return replace(circuit, weights=weights)


def _moved_score(
    circuit: Circuit, rng: np.random.Generator, *, bias: bool
) -> tuple[str, Circuit, Circuit]:
    """The circuit with the bias or a weight of one score a step further."""
    number = int(rng.integers(len(circuit.scores)))
    chosen = circuit.scores[number]
    weights = chosen.weights.copy()
    if bias or not weights.size:
        changed = replace(chosen, bias=chosen.bias + 1)
    else:
        weights[rng.integers(weights.size)] += 1
        changed = replace(chosen, weights=weights)
    outputs = tuple(changed if one is chosen else one for one in circuit.outputs)
    return BIAS if bias else TERM, circuit, replace(circuit, outputs=outputs)


def ties_to_the_highest(circuit: Circuit) -> tuple[Circuit, Circuit]:
    """The netlist of a circuit, and one whose class is the highest of those with the best score."""
    number = {score.name: i for i, score in enumerate(circuit.scores)}
    leaning = tuple(
        replace(one, bias=2 * one.bias + number[one.name], weights=2 * one.weights)
        if isinstance(one, Score)
        else one
        for one in circuit.outputs
    )
    right, other = expand(circuit).circuit, expand(replace(circuit, outputs=leaning)).circuit
    builder = Builder(fold=False, hash=False)
    for port in circuit.inputs:
        builder.port(port)
    mine, theirs = builder.copy(right), builder.copy(other)
    for word, leant in zip(right.words, other.words, strict=True):
        signals = theirs[leant.signals] if word.name == CLASS else mine[word.signals]
        builder.output(word.name, signals, kind=word.kind)
    return right, builder.finish()


def measure(circuit: Circuit, *, count: int = 200, seed: int = 0) -> Result:
    """What became of `count` mutants that are not proved equal to the circuit."""
    rng, start = np.random.default_rng(seed), time.perf_counter()
    refuted: Counter[str] = Counter()
    equal = undecided = unconfirmed = 0
    while refuted.total() + undecided + unconfirmed < count and equal < MOST_EQUAL:
        kind, right, mutant = fault(circuit, rng)
        verdict = prove_equal(right, mutant)
        if isinstance(verdict, Proved):
            equal += 1
        elif isinstance(verdict, NotProved):
            undecided += 1
        elif _is_confirmed(right, mutant, verdict):
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
    parser.add_argument("--count", type=int, default=200, help="how many mutants")
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
