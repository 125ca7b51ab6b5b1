"""Equal and complementary signals become one: simulation finds them, SAT proves them."""

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.passes.rebuild import INVERTER, rebuild
from lithify.compiler.passes.sweeping import legal_planes, sweep
from lithify.compiler.signatures import Classes, classify
from lithify.ir.builder import Builder
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import PassError
from lithify.ir.ports import Score

BUFFER = 0b10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """Merge signals that are equal or complementary, found by simulation and proved by SAT.

    Equality is proved for every input in the ranges of the ports. What is not proved within
    `conflicts` for one pair and `time_limit` CPU seconds in all stays as it is.
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
        """Signals, and for each the literal (2 * signal + inverted) that it equals.

        `codes[samples, elements]`, for instance real inputs, spare the proof false candidates.
        """
        suspects = self._suspects(circuit, codes)
        if not suspects.size:
            return suspects, suspects
        swept = sweep(circuit, suspects, conflicts=self.conflicts, time_limit=self.time_limit)
        if (proved := swept.classes) is None:
            log.warning(
                "share: %d candidates were left as they are: %s", suspects.size, swept.reason
            )
            return suspects[:0], suspects[:0]
        chosen = proved.representatives()
        literals = 2 * suspects[chosen] + (proved.inverted ^ proved.inverted[chosen])
        changed = chosen != np.arange(suspects.size)
        return suspects[changed], literals[changed].astype(np.int32)

    def _suspects(self, circuit: Circuit, codes: ArrayLike | None) -> NDArray[np.int32]:
        """Ascending: the constant 0, inputs and living gates whose signature is not unique."""
        planes = legal_planes(circuit, self.vectors, np.random.default_rng(self.seed), codes)
        alive = np.ones(circuit.num_signals, np.bool_)
        alive[1] = False
        alive[circuit.first_gate :] = circuit.live()
        signals = np.flatnonzero(alive).astype(np.int32)
        return signals[_shared(classify(planes[signals]))]


def merge(circuit: Circuit, signals: NDArray[np.int32], literals: NDArray[np.int32]) -> Circuit:
    """The circuit where each of these signals is replaced by a literal of a lower signal."""
    if not signals.size:
        return circuit
    inputs = signals < circuit.first_gate
    merged = replaced(circuit, signals[~inputs], literals[~inputs])
    if inputs.any():
        merged = _without_inputs(merged, signals[inputs], literals[inputs])
    tidy = rebuild(merged, fold=True, hash=True, absorb=True)
    return rebuild(tidy, keep=tidy.live())


def replaced(circuit: Circuit, signals: NDArray[np.int32], literals: NDArray[np.int32]) -> Circuit:
    """The circuit where each of these gates is a wire from, or the inverse of, a lower signal."""
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
    return replace(
        circuit, kinds=kinds, tables=tables, offsets=offsets, fanins=fanins, weights=weights
    )


def _without_inputs(
    circuit: Circuit, signals: NDArray[np.int32], literals: NDArray[np.int32]
) -> Circuit:
    """The circuit where nothing reads these input bits, but literals of lower signals."""
    builder = Builder(fold=False, hash=False)
    for port in circuit.inputs:
        builder.port(port)
    stands = np.arange(circuit.first_gate, dtype=np.int32)
    # Ascending, so that what a literal reads has been replaced already where it is to be.
    for signal, literal in zip(signals.tolist(), literals.tolist(), strict=True):
        source = int(stands[literal >> 1])
        stands[signal] = builder.not_(source) if literal & 1 else source
    renamed = builder.copy(circuit, inputs=stands[2:])
    for output in circuit.outputs:
        if isinstance(output, Score):
            at = renamed[output.signals]
            builder.score(output.name, at, output.weights, bias=output.bias)
        else:
            builder.output(output.name, renamed[output.signals], kind=output.kind)
    return builder.finish(readout=circuit.readout)


def _shared(classes: Classes) -> NDArray[np.bool_]:
    """Which rows are in a class of at least two."""
    sizes = np.bincount(classes.number)
    shared: NDArray[np.bool_] = (sizes > 1)[classes.number]
    return shared
