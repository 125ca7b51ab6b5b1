"""Random circuits through every kernel and the exported C, compared with the interpreter."""

from __future__ import annotations

import numpy as np

from lithify.backends.c.counting import counting
from lithify.backends.c.emit import emit
from lithify.backends.c.engine import Engine
from lithify.backends.c.exported import answers_of
from lithify.backends.c.library import load
from lithify.backends.c.program import schedule
from lithify.ir import simulate
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit, random_pools, random_sums
from lithify.ir.ports import Port
from lithify.ir.simulate import Answers

MOST_SAMPLES = 1200
REPORTED = 100
WEIGHTS = ((-1, 1), (-1, 0, 1), (-3, -1, 1, 2))
PORTS = (
    Port("bits", 1, 130, "bit"),
    Port("pixels", 8, 60, "uint"),
    Port("degrees", 6, 70, "int", -20, 25),
)


def differs(mine: Answers, right: Answers) -> bool:
    """Whether any answer is another."""
    same = np.array_equal(mine.scores, right.scores) and np.array_equal(mine.classes, right.classes)
    return not same or any(not np.array_equal(mine.words[n], w) for n, w in right.words.items())


def exported_differs(circuit: Circuit, seed: int) -> bool:
    """Whether the exported C answers otherwise."""
    codes = simulate.random_codes(circuit, 70, np.random.default_rng(seed))
    right = simulate.run(circuit, codes)
    words = [right.words[word.name] for word in circuit.words]
    rows = np.concatenate([right.classes[:, None], right.scores, *words], axis=1)
    return not np.array_equal(answers_of(circuit, emit(circuit), codes, name="net"), rows)


def _drawn(rng: np.random.Generator, seed: int) -> Circuit:
    """A circuit of anything, each fifth time one of layers of sums, each tenth one of pools."""
    if seed % 10 == 3:
        return random_pools(rng, layers=rng.integers(1, 70, 2).tolist())
    if seed % 5:
        return random_circuit(rng, gates=int(rng.integers(1, 80)))
    ports = [port for port in PORTS if rng.random() < 0.7] or PORTS
    weights = WEIGHTS[int(rng.integers(len(WEIGHTS)))]
    return random_sums(rng, ports, widths=rng.integers(1, 70, 2).tolist(), weights=weights)


def fuzz(circuits: int, exported: int) -> dict[str, float]:
    """How many circuits were tried and how many answered wrong, by kernel or as exported C."""
    wrong = wrong_exported = 0
    kernel = load()
    for seed in range(circuits):
        rng = np.random.default_rng(seed)
        circuit = _drawn(rng, seed)
        samples = int(rng.integers(0, MOST_SAMPLES))
        codes = simulate.random_codes(circuit, samples, rng)
        right = simulate.run(circuit, codes)
        counts = counting(circuit) if seed % 2 else None
        program = counts or schedule(circuit, compare=bool(seed % 2), count=seed // 2 % 2 == 0)
        for width in kernel.vectors:
            for threads in (1, 2):
                mine = Engine(program, vector=width, threads=threads).run(codes)
                wrong += differs(mine, right)
        if seed < exported:
            wrong_exported += exported_differs(circuit, seed)
        if (seed + 1) % REPORTED == 0:
            print(f"  {seed + 1} circuits: {wrong + wrong_exported} wrong", flush=True)
    return {
        "circuits": circuits,
        "wrong": wrong,
        "exported": min(exported, circuits),
        "wrong as exported C": wrong_exported,
    }
