"""Equal and complementary signals become one: simulation finds them, SAT proves them."""

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.backends import abc
from lithify.backends.aiger import to_aig, write_aig
from lithify.compiler.cones import cone
from lithify.compiler.passes.rebuild import INVERTER, rebuild
from lithify.compiler.signatures import Classes, classify, from_literals
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.errors import PassError
from lithify.ir.simulate import pack, run_planes

BUFFER = 0b10
MOST_WORDS = 1 << 24  # of simulation results held at a time
LEAST_WORDS = 4
WIDEST = 12  # thresholds of more fan-ins are free inputs to the proof: adders would stall it

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """Merge signals that are equal or complementary, found by simulation and proved by SAT.

    Equality is proved over all input bits. What is not proved within `conflicts` for one pair and
    `time_limit` CPU seconds in all stays as it is.
    """

    name: ClassVar[str] = "share"
    vectors: int = 1024
    conflicts: int = 1000
    time_limit: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse negative options."""
        if min(self.vectors, self.conflicts, self.time_limit, self.seed) < 0:
            raise PassError("pass share: its options are numbers from 0 up")

    def __call__(self, circuit: Circuit) -> Circuit:
        """The circuit where every proved class of signals is one signal."""
        return merge(circuit, *self.find(circuit))

    def find(
        self, circuit: Circuit, codes: ArrayLike | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Gate signals, and for each the literal (2 * signal + inverted) that it equals.

        `codes[samples, elements]`, for instance real inputs, spare the proof false candidates.
        """
        suspects = self._suspects(circuit, codes)
        if not suspects.size:
            return suspects, suspects
        wide = (circuit.kinds == THRESHOLD) & (np.diff(circuit.offsets) > WIDEST)
        cuts = (circuit.first_gate + np.flatnonzero(wide)).astype(np.int32)
        part = cone(circuit, suspects, cuts)
        aig = to_aig(part)
        file = write_aig(aig, aig.literal_of[part.words[0].signals.ravel()], (), ())
        swept = abc.sweep(file, time_limit=self.time_limit, conflicts=self.conflicts)
        if swept.literals is None:
            log.warning(
                "share: %d candidates were left as they are: %s", suspects.size, swept.reason
            )
            return suspects[:0], suspects[:0]
        proved = from_literals(swept.literals)
        chosen = proved.representatives()
        literals = 2 * suspects[chosen] + (proved.inverted ^ proved.inverted[chosen])
        changed = chosen != np.arange(suspects.size)
        return suspects[changed], literals[changed].astype(np.int32)

    def _suspects(self, circuit: Circuit, codes: ArrayLike | None) -> NDArray[np.int32]:
        """Ascending: the constant 0, inputs and living gates whose signature is not unique."""
        rng = np.random.default_rng(self.seed)
        words = min(-(-self.vectors // 64), MOST_WORDS // circuit.num_signals)
        shape = (circuit.num_input_bits, max(words, LEAST_WORDS))
        planes = rng.integers(0, 2**64, shape, dtype=np.uint64)
        if codes is not None:
            planes = np.concatenate([planes, pack(circuit, codes)], axis=1)
        alive = np.ones(circuit.num_signals, np.bool_)
        alive[1] = False
        alive[circuit.first_gate :] = circuit.live()
        signals = np.flatnonzero(alive).astype(np.int32)
        return signals[_shared(classify(run_planes(circuit, planes)[signals]), signals, circuit)]


def merge(circuit: Circuit, signals: NDArray[np.int32], literals: NDArray[np.int32]) -> Circuit:
    """The circuit where each of these gate signals is replaced by a literal of a lower signal."""
    if not signals.size:
        return circuit
    gates = signals - circuit.first_gate
    arity = np.diff(circuit.offsets)
    stays = np.ones(circuit.num_gates, np.bool_)
    stays[gates] = False
    pins = np.repeat(stays, arity)
    arity[gates] = 1
    offsets = np.concatenate([[0], np.cumsum(arity)])
    fanins, weights = np.empty(offsets[-1], np.int32), np.ones(offsets[-1], np.int32)
    kept = np.repeat(stays, arity)
    fanins[kept], weights[kept] = circuit.fanins[pins], circuit.full_weights()[pins]
    fanins[offsets[gates]] = literals >> 1
    kinds, tables = circuit.kinds.copy(), circuit.tables.copy()
    kinds[gates], tables[gates] = TABLE, np.where(literals & 1, INVERTER, BUFFER)
    merged = replace(
        circuit, kinds=kinds, tables=tables, offsets=offsets, fanins=fanins, weights=weights
    )
    tidy = rebuild(merged, fold=True, hash=True, absorb=True)
    return rebuild(tidy, keep=tidy.live())


def _shared(classes: Classes, signals: NDArray[np.int32], circuit: Circuit) -> NDArray[np.bool_]:
    """Which rows are in a class of at least two, one of them a gate."""
    number = classes.number
    sizes = np.bincount(number)
    gates = np.bincount(number, weights=signals >= circuit.first_gate)
    shared: NDArray[np.bool_] = ((sizes > 1) & (gates > 0))[number]
    return shared
