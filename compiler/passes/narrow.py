"""Tables lose fan-ins that no legal input makes them need: simulation finds them, SAT proves it."""

import logging
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.compiler.passes.rebuild import rebuild
from lithify.compiler.passes.sweeping import legal_planes, sweep
from lithify.ir.builder import Builder
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import PassError
from lithify.ir.jit import njit
from lithify.ir.wording import counted

I64 = NDArray[np.int64]
LEAST_PINS = 3  # a table of two that needs one of them is that one: `share` finds it

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Narrow:
    """Take away fan-ins of tables whose patterns never occur together (support reduction).

    Proved for every input in the ranges of the ports. What is not proved within `conflicts` for
    one table and `time_limit` CPU seconds in all stays as it is.
    """

    name: ClassVar[str] = "narrow"
    vectors: int = 2048
    conflicts: int = 1000
    time_limit: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse negative options."""
        if min(self.vectors, self.conflicts, self.time_limit, self.seed) < 0:
            raise PassError("pass narrow: its options are numbers from 0 up")

    def __call__(self, circuit: Circuit) -> Circuit:
        """The circuit whose proved tables are narrower."""
        gates, narrow = self.find(circuit)
        if not gates.size:
            return circuit
        made = _with_tables(circuit, gates, narrow)
        tidy = rebuild(made, fold=True, hash=True, absorb=True)
        return rebuild(tidy, keep=tidy.live())

    def find(
        self, circuit: Circuit, codes: ArrayLike | None = None
    ) -> tuple[I64, NDArray[np.uint64]]:
        """Gates, and for each a table over the same fan-ins that needs fewer of them."""
        planes = legal_planes(circuit, self.vectors, np.random.default_rng(self.seed), codes)
        tables = circuit.bounds.copy()
        least = np.where(circuit.live(), LEAST_PINS, 7)
        narrowed(
            circuit.kinds, tables, circuit.offsets, circuit.fanins, planes, circuit.first_gate,
            least,
        )  # fmt: skip
        gates = np.flatnonzero(tables != circuit.bounds)
        if not gates.size:
            return gates, circuit.tables[gates]
        beside, made = _beside(circuit, gates, tables[gates].view(np.uint64))
        signals = np.concatenate([circuit.first_gate + gates, made]).astype(np.int32)
        swept = sweep(beside, signals, conflicts=self.conflicts, time_limit=self.time_limit)
        if (proved := swept.classes) is None:
            log.warning(
                "narrow: left as they are: %s: %s", counted(gates.size, "table"), swept.reason
            )
            return gates[:0], circuit.tables[gates[:0]]
        same = proved.number[: gates.size] == proved.number[gates.size :]
        same &= proved.inverted[: gates.size] == proved.inverted[gates.size :]
        return gates[same], tables[gates[same]].view(np.uint64)


def _with_tables(circuit: Circuit, gates: I64, tables: NDArray[np.uint64]) -> Circuit:
    changed = circuit.tables.copy()
    changed[gates] = tables
    return replace(circuit, tables=changed)


def _beside(
    circuit: Circuit, gates: I64, tables: NDArray[np.uint64]
) -> tuple[Circuit, NDArray[np.int32]]:
    """The circuit with these tables beside its gates, and their signals."""
    builder = Builder(fold=False, hash=False)
    for port in circuit.inputs:
        builder.port(port)
    builder.copy(circuit)
    arity = np.diff(circuit.offsets)
    chosen = np.zeros(circuit.num_gates, np.bool_)
    chosen[gates] = True
    pins = circuit.fanins[np.repeat(chosen, arity)]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(arity[gates])])
    kinds = np.full(gates.size, TABLE, np.uint8)
    made = builder.gates(kinds, tables, offsets, pins, np.empty(0, np.int32))
    return builder.finish(), made


@njit
def narrowed(
    kinds: NDArray[np.uint8],
    tables: I64,
    offsets: I64,
    fanins: NDArray[np.int32],
    planes: NDArray[np.uint64],
    first: int,
    least: I64,
) -> None:
    """Writes into `tables` those that agree on all patterns seen and ignore what fan-ins they can.

    Gates of fewer fan-ins than `least` stay.
    """
    for g in range(kinds.size):
        begin, k = offsets[g], offsets[g + 1] - offsets[g]
        if kinds[g] != 0 or k < least[g]:
            continue
        seen = seen_patterns(fanins[begin : begin + k], planes)
        table = tables[g]
        for j in range(k):
            other = ignoring(table, k, seen, j)
            if other != table or flat(table, k, j):
                table = other
                seen |= shifted(seen, k, j)
        if table != tables[g]:
            tables[g] = table


@njit
def seen_patterns(pins: NDArray[np.int32], planes: NDArray[np.uint64]) -> int:
    """The set of patterns that occur, a bit for each."""
    seen = 0
    for p in range(1 << pins.size):
        for word in range(planes.shape[1]):
            holds = ~np.uint64(0)
            for j in range(pins.size):
                x = planes[pins[j], word]
                holds &= x if p >> j & 1 else ~x
            if holds:
                seen |= 1 << p
                break
    return seen


@njit
def ignoring(table: int, k: int, seen: int, j: int) -> int:
    """The table that agrees on the patterns seen and ignores fan-in j; itself where none does."""
    made = 0
    for p in range(1 << k):
        if p >> j & 1:
            continue
        q = p | 1 << j
        low, high = table >> p & 1, table >> q & 1
        if low != high and seen >> p & 1 and seen >> q & 1:
            return table
        chosen = low if seen >> p & 1 else high
        made |= chosen << p | chosen << q
    return made


@njit
def flat(table: int, k: int, j: int) -> bool:
    """Whether a table ignores fan-in j."""
    for p in range(1 << k):
        if table >> p & 1 != table >> (p ^ (1 << j)) & 1:
            return False
    return True


@njit
def shifted(seen: int, k: int, j: int) -> int:
    """The patterns that differ from those seen in fan-in j alone."""
    made = 0
    for p in range(1 << k):
        if seen >> p & 1:
            made |= 1 << (p ^ (1 << j))
    return made
