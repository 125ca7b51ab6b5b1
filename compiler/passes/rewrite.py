"""Tables rewritten as and-inverter graphs by ABC, kept where that makes fewer."""

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lithify.backends import abc, aiger, blif_reader
from lithify.backends.ordering import topological
from lithify.compiler.mapping.cut import cut
from lithify.compiler.mapping.origins import with_origins
from lithify.compiler.passes.prune import Prune
from lithify.compiler.passes.rebuild import rebuild
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.errors import PassError, ToolFailed

I32 = NDArray[np.int32]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Make the tables anew, of as many inputs as the widest has (`&dc2; &if -a`).

    That is kept where there are fewer gates and no more fan-ins.

    Thresholds and scores stay as they are. Circuits of more than `gates` are left alone, and so is
    what takes more than `time_limit` CPU seconds.
    """

    name: ClassVar[str] = "rewrite"
    gates: int = 100_000
    time_limit: float = 120.0

    def __post_init__(self) -> None:
        """Refuse negative options."""
        if min(self.gates, self.time_limit) < 0:
            raise PassError("pass rewrite: its options are numbers from 0 up")

    def __call__(self, circuit: Circuit) -> Circuit:
        """The rewritten circuit, or the one before where that is as small."""
        tables = circuit.kinds == TABLE
        if not tables.any() or circuit.num_gates > self.gates:
            return circuit
        widest = max(2, int(np.diff(circuit.offsets)[tables].max()))
        free = (circuit.first_gate + np.flatnonzero(~tables)).astype(np.int32)
        wanted = _wanted(circuit, tables)
        file = aiger.write(Prune()(cut(circuit, free, wanted)))
        try:
            made = abc.map_luts(file, inputs=widest, time_limit=self.time_limit, recipe="rewritten")
        except ToolFailed as error:
            log.warning("rewrite: the tables were left as they are: %s", error)
            return circuit
        joined = _joined(circuit, free, wanted, blif_reader.read(made, "<yosys-abc>"))
        tidy = rebuild(joined, fold=True, hash=True, absorb=True)
        after = rebuild(tidy, keep=tidy.live())
        smaller = after.fanins.size <= circuit.fanins.size
        return after if smaller and after.num_gates < circuit.num_gates else circuit


def _wanted(circuit: Circuit, tables: NDArray[np.bool_]) -> I32:
    """The signals of tables that thresholds and outputs read."""
    by_thresholds = np.repeat(~tables, np.diff(circuit.offsets))
    read = np.union1d(circuit.fanins[by_thresholds], circuit.output_signals)
    gates = read[read >= circuit.first_gate] - circuit.first_gate
    wanted: I32 = (circuit.first_gate + gates[tables[gates]]).astype(np.int32)
    return wanted


def _joined(circuit: Circuit, free: I32, wanted: I32, made: Circuit) -> Circuit:
    """The thresholds as they are, and the tables as they were made, as one circuit."""
    first, gates = circuit.first_gate, free - circuit.first_gate
    stays = circuit.kinds == THRESHOLD
    image = np.full(circuit.num_signals, -1, np.int32)
    image[:first], image[free] = np.arange(first), first + np.arange(free.size)
    if wanted.size:
        # What was mapped has the thresholds as inputs behind the others, so its signals are ours.
        image[wanted] = np.concatenate([word.signals.ravel() for word in made.words])
    pins = np.repeat(stays, np.diff(circuit.offsets))
    arity = np.concatenate([np.diff(circuit.offsets)[gates], np.diff(made.offsets)])
    fanins = np.concatenate([image[circuit.fanins[pins]], made.fanins])
    weights = np.concatenate([circuit.full_weights()[pins], made.full_weights()])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(arity)])
    order, stuck = topological(offsets, fanins, first)
    assert stuck < 0 and (fanins >= 0).all()
    moved = np.arange(first + arity.size, dtype=np.int32)
    moved[first + order] = first + np.arange(arity.size, dtype=np.int32)
    ends = np.cumsum(arity[order])
    rows = np.repeat(offsets[:-1][order] - ends + arity[order], arity[order])
    rows += np.arange(fanins.size)
    kinds = np.concatenate([circuit.kinds[gates], made.kinds])[order]
    joined = Circuit(
        inputs=circuit.inputs,
        kinds=kinds,
        tables=np.concatenate([circuit.tables[gates], made.tables])[order],
        offsets=np.concatenate([np.zeros(1, np.int64), ends]),
        fanins=moved[fanins[rows]],
        weights=weights[rows] if (weights != 1).any() else weights[:0],
        outputs=tuple(
            replace(output, signals=moved[image[output.signals]]) for output in circuit.outputs
        ),
        readout=circuit.readout,
        origins=circuit.origins,
        origin_of=np.full(arity.size, -1, np.int32),
        unit_of=np.zeros(arity.size, np.int32),
    )
    return with_origins(joined, circuit)
