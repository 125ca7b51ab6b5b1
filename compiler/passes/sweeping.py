"""Which signals of a circuit are equal or complementary for every legal input, by SAT sweeping."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends import abc
from lithify.backends.aiger import to_aig, write_aig
from lithify.compiler.cones import ROOTS, cone
from lithify.compiler.proof.guard import guarded_inputs
from lithify.compiler.signatures import Classes, from_literals
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.simulate import pack, random_codes, run_planes

MOST_WORDS = 1 << 24  # of simulation results held at a time
LEAST_WORDS = 4
WIDEST = 12  # thresholds of more fan-ins are free inputs to the proof: adders would stall it


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """The classes of proved equal signals, or why there are none."""

    classes: Classes | None
    reason: str = ""


def sweep(
    circuit: Circuit, signals: NDArray[np.int32], *, conflicts: int, time_limit: float
) -> Swept:
    """The classes of these signals, ascending, behind a guard that lets legal inputs through only.

    Pairs that take more than `conflicts` to decide stay apart; the engine runs for at most
    `time_limit` CPU seconds.
    """
    wide = (circuit.kinds == THRESHOLD) & (np.diff(circuit.offsets) > WIDEST)
    cuts = (circuit.first_gate + np.flatnonzero(wide)).astype(np.int32)
    part = guarded(cone(circuit, signals, cuts))
    aig = to_aig(part)
    file = write_aig(aig, aig.literal_of[part.words[0].signals.ravel()], (), ())
    swept = abc.sweep(file, time_limit=time_limit, conflicts=conflicts)
    if swept.literals is None:
        return Swept(None, swept.reason)
    return Swept(from_literals(swept.literals))


def guarded(part: Circuit) -> Circuit:
    """The cone behind a guard, so that what is equal within the ports' ranges is equal."""
    builder = Builder(fold=False, hash=False)
    inputs = guarded_inputs(builder, part.inputs)
    renamed = builder.copy(part, inputs=inputs)
    builder.output(ROOTS, renamed[part.words[0].signals])
    return builder.finish()


def legal_planes(
    circuit: Circuit, vectors: int, rng: np.random.Generator, codes: ArrayLike | None = None
) -> NDArray[np.uint64]:
    """The planes of every signal for random legal inputs, as many as memory allows, and `codes`."""
    words = min(-(-vectors // 64), MOST_WORDS // circuit.num_signals)
    drawn = random_codes(circuit, 64 * max(words, LEAST_WORDS), rng)
    planes = pack(circuit, drawn)
    if codes is not None and len(given := np.asarray(codes)):
        filled = np.concatenate([given, np.repeat(given[-1:], -len(given) % 64, axis=0)])
        planes = np.concatenate([planes, pack(circuit, filled)], axis=1)
    return run_planes(circuit, planes)
