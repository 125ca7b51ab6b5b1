"""Every pass over random circuits: the function is kept, no gate is added, nothing is found twice.

    python tests/fuzz_passes.py --count 10000 --seed 7

Half of the circuits are of extremes; some have ports with a range or a pattern, so that inputs
outside of these do not matter. Passes that run programs take every 20th circuit.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
from odd_circuits import all_circuits

from lithify.compiler.pipeline import PASSES, Pass
from lithify.compiler.proof.simulation import difference, vectors_for
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.generate import patterned

TOOLS = ("share", "narrow", "rewrite")
TOOLS_EVERY = 20
SAMPLES = 200
"""Inverters that a word shows and that gates took in are the one thing that may be left over."""


def circuits(seed: int) -> Iterator[Circuit]:
    """Circuits without end, some with patterns."""
    from dataclasses import replace

    rng = np.random.default_rng(seed)
    for circuit in all_circuits(seed):
        yield replace(circuit, inputs=tuple(patterned(p, rng) for p in circuit.inputs))


def try_pass(step: Pass, before: Circuit, seed: int) -> Circuit:
    """What the pass makes of a circuit, which was found to keep the laws."""
    after = step(before)
    check(after)
    assert (after.inputs, after.readout) == (before.inputs, before.readout), "interface"
    codes = vectors_for(before, SAMPLES, np.random.default_rng(seed))
    assert difference(before, after, codes) is None, "function"
    shown = sum(word.signals.size for word in before.words) if step.name in TOOLS else 0
    assert after.num_gates <= before.num_gates + shown, "gates"
    if step.name not in TOOLS:
        assert step(after) == after, "found something the second time"
    return after


def fuzz(seed: int, count: int) -> list[str]:
    """What failed, a line each."""
    failed = []
    for tried, circuit in enumerate(islice(circuits(seed), count)):
        for name, kind in PASSES.items():
            if name in TOOLS and tried % TOOLS_EVERY:
                continue
            try:
                try_pass(kind(), circuit, tried)
            except (AssertionError, InputError) as error:
                failed.append(f"circuit {tried} of seed {seed}, {name}: {error}")
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    failures = fuzz(given.seed, given.count)
    print(*failures, sep="\n")
    print(f"{given.count} circuits, {len(failures)} failures")
    sys.exit(bool(failures))
