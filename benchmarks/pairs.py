"""Random small pairs of circuits, proved and compared exhaustively: no verdict may be wrong.

`python -m benchmarks.pairs [--count 2000] [--check]`: each pair is a random circuit with a copy of
it that was optimised or has one gate changed or both. All inputs of both are simulated, and the
verdict of the proof has to agree with what is seen: a wrong "proved" is the worst that can happen.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.mutants import mutate
from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.simulation import observe
from lithify.compiler.proof.verdict import NotProved, Proved
from lithify.ir.circuit import Circuit
from lithify.ir.generate import patterned, random_circuit

MOST_INPUTS = 4096
KINDS = ("proved, and equal", "refuted, and different", "undecided", "WRONG")


def small_circuit(rng: np.random.Generator) -> Circuit:
    """A random circuit of few inputs, some of them ports with a pattern."""
    while True:
        circuit = random_circuit(rng, gates=int(rng.integers(1, 25)), fold=bool(rng.integers(2)))
        circuit = replace(circuit, inputs=tuple(patterned(p, rng) for p in circuit.inputs))
        if circuit.num_gates and np.prod([len(v) for v in _values(circuit)]) <= MOST_INPUTS:
            return circuit


def _values(circuit: Circuit) -> list[list[int]]:
    """What each element can be."""
    values: list[list[int]] = []
    for port in circuit.inputs:
        low, high = port.bounds
        own = list(range(low, high + 1)) if port.pattern == "any" else port.codes.tolist()
        values += [own] * port.count
    return values


def all_codes(circuit: Circuit) -> NDArray[np.int64]:
    """Every legal input."""
    codes = list(product(*_values(circuit)))
    return np.array(codes, np.int64).reshape(len(codes), circuit.elements)


def same(one: Circuit, other: Circuit) -> bool:
    """Whether two circuits say the same for every legal input."""
    codes = all_codes(one)
    left, right = observe(one, codes), observe(other, codes)
    return all(np.array_equal(left[name], right[name]) for name in left)


def pair(rng: np.random.Generator) -> tuple[Circuit, Circuit]:
    """A circuit, and a copy that was changed, optimised or both."""
    one = small_circuit(rng)
    other = mutate(one, rng)[1] if rng.integers(2) else one
    if other is one or rng.integers(2):
        other = run(parse(EFFORTS[1]), other).circuit
    return one, other


def judge(one: Circuit, other: Circuit) -> str:
    """One of KINDS: what the proof said against what is so."""
    verdict = prove_equal(one, other, vectors=64)
    if isinstance(verdict, NotProved):
        return KINDS[2]
    proved = isinstance(verdict, Proved)
    if proved != same(one, other):
        return KINDS[3]
    return KINDS[0] if proved else KINDS[1]


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check is given and a verdict was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairs", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many pairs (2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 where a verdict was wrong")
    options = parser.parse_args(arguments)
    rng, start = np.random.default_rng(options.seed), time.process_time()
    found = Counter(judge(*pair(rng)) for _ in range(options.count))
    for kind in KINDS:
        print(f"{kind:<24}{found[kind]:>6}")
    print(f"{time.process_time() - start:.1f} CPU s, without those of engines")
    if options.json:
        print(json.dumps({kind: found[kind] for kind in KINDS}))
    return 1 if options.check and found[KINDS[3]] else 0


if __name__ == "__main__":
    sys.exit(main())
