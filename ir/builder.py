"""The builder: the only way to make a circuit, one gate at a time or a layer at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithify.ir import kernels
from lithify.ir.circuit import (
    MOST_BOUND,
    MOST_FANINS,
    MOST_SIGNALS,
    MOST_WEIGHT,
    TABLE,
    THRESHOLD,
    Circuit,
)
from lithify.ir.errors import InputError
from lithify.ir.origin import Origin
from lithify.ir.ports import Output, Port, Score, Signals, Word

EMPTY32 = np.empty(0, np.int32)
EMPTY_BOOL = np.empty(0, np.bool_)
T = TypeVar("T", bound=np.generic)


class Builder:
    """Makes a circuit: inputs first, then gates, then outputs, then `finish`.

    With `fold` constants, repeated and ineffective fan-ins vanish as gates come in; with `hash` a
    gate that is there already is not made again; with `absorb` inverters vanish into the gates
    that read them. All three off keeps every gate exactly as given.

    >>> b = Builder()
    >>> x, y = b.input("x"), b.input("y")
    >>> b.output("differ", b.xor(int(x[0, 0]), int(y[0, 0])))
    >>> b.finish()
    <Circuit: 2 input bits, 1 gates, 1 words, 0 scores, readout bits>
    """

    def __init__(self, *, fold: bool = True, hash: bool = True, absorb: bool = False) -> None:
        """Start with nothing."""
        self._modes = (fold, hash, absorb)
        self._inputs: dict[str, Port] = {}
        self._outputs: dict[str, Output] = {}
        self._origins: dict[Origin, int] = {}
        self._origin = -1
        self._count = 0
        self._first = 2
        self._kinds = np.empty(64, np.uint8)
        self._tables = np.empty(64, np.int64)
        self._origin_of = np.empty(64, np.int32)
        self._unit_of = np.empty(64, np.int32)
        self._offsets = np.zeros(65, np.int64)
        self._fanins = np.empty(128, np.int32)
        self._weights = np.empty(128, np.int32)
        self._slots = np.full(256, -1, np.int32)

    @property
    def num_signals(self) -> int:
        """Signals so far: constants, input bits, gates."""
        return self._first + self._count

    def input(
        self,
        name: str,
        *,
        width: int = 1,
        count: int = 1,
        kind: str = "uint",
        low: int | None = None,
        high: int | None = None,
        pattern: str = "any",
    ) -> Signals:
        """The signals[count, width] of a new input port."""
        return self.port(Port(name, width, count, kind, low, high, pattern))

    def port(self, port: Port) -> Signals:
        """The signals[count, width] of a new input port."""
        if self._count:
            raise InputError(f"input {port.name}: inputs come before the first gate")
        if port.name in self._inputs:
            raise InputError(f"input {port.name}: there is an input of this name already")
        start = self._first
        self._grow_check(port.bits)
        self._inputs[port.name] = port
        self._first += port.bits
        return np.arange(start, self._first, dtype=np.int32).reshape(port.count, port.width)

    @contextmanager
    def origin(self, path: str, part: str = "") -> Iterator[None]:
        """Gates made inside come from this layer path and part."""
        before = self._origin
        self._origin = self._origins.setdefault(Origin(path, part), len(self._origins))
        try:
            yield
        finally:
            self._origin = before

    def tables(
        self, tables: ArrayLike, fanins: ArrayLike, *, units: ArrayLike | None = None
    ) -> Signals:
        """The signals of n table gates: tables[n] over fanins[n, k], k at most 6."""
        pins = _signals("fan-ins", fanins)
        if pins.ndim != 2 or pins.shape[1] > MOST_FANINS:
            raise InputError(f"tables: fan-ins of shape {pins.shape}; needs [gates, at most 6]")
        words = _integers("tables", tables, 0, 2**64 - 1).astype(np.uint64)
        if words.shape != pins.shape[:1]:
            raise InputError(f"tables: {words.shape} tables for {len(pins)} gates")
        return self._bulk(TABLE, words.view(np.int64), pins, None, units)

    def thresholds(
        self,
        bounds: ArrayLike,
        fanins: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        units: ArrayLike | None = None,
    ) -> Signals:
        """The signals of n threshold gates: sum(weights[n, k] * fanins[n, k]) >= bounds[n]."""
        pins = _signals("fan-ins", fanins)
        if pins.ndim != 2:
            raise InputError(f"thresholds: fan-ins of shape {pins.shape}; needs [gates, fan-ins]")
        limits = _integers("bounds", bounds, -MOST_BOUND, MOST_BOUND).astype(np.int64)
        pulls = None if weights is None else _weights("weights", weights)
        if limits.shape != pins.shape[:1] or (pulls is not None and pulls.shape != pins.shape):
            raise InputError(
                f"thresholds: {limits.shape} bounds and "
                f"{None if pulls is None else pulls.shape} weights for fan-ins {pins.shape}"
            )
        return self._bulk(THRESHOLD, limits, pins, pulls, units)

    def table(self, table: int, *fanins: int) -> int:
        """The signal of one table gate."""
        return int(self.tables([table], [fanins])[0])

    def threshold(
        self, bound: int, fanins: Sequence[int], weights: Sequence[int] | None = None
    ) -> int:
        """The signal of one threshold gate."""
        return int(self.thresholds([bound], [fanins], None if weights is None else [weights])[0])

    def not_(self, a: int) -> int:
        """The inverse of a signal."""
        return self.table(0b01, a)

    def xor(self, a: int, b: int) -> int:
        """Whether two signals differ."""
        return self.table(0b0110, a, b)

    def mux(self, select: int, high: int, low: int) -> int:
        """`high` where `select` is 1, else `low`."""
        return self.table(0xCA, low, high, select)

    def and_(self, *signals: int) -> int:
        """Whether all signals are 1."""
        return self._at_least(len(signals), signals)

    def or_(self, *signals: int) -> int:
        """Whether any signal is 1."""
        return self._at_least(1, signals)

    def majority(self, *signals: int) -> int:
        """Whether more than half of the signals are 1."""
        return self._at_least(len(signals) // 2 + 1, signals)

    def copy(
        self,
        circuit: Circuit,
        *,
        inputs: ArrayLike | None = None,
        keep: NDArray[np.bool_] | None = None,
    ) -> Signals:
        """Append all (kept) gates of another circuit; the map from its signals to ours.

        `inputs` are the signals that stand for its input bits; without them they are ours, in
        order. Gates that are not kept map to -1.
        """
        bits = np.arange(2, self._first) if inputs is None else np.asarray(inputs).ravel()
        if len(bits) != circuit.num_input_bits:
            raise InputError(
                f"copy: {len(bits)} input signals for {circuit.num_input_bits} input bits"
            )
        renamed = np.empty(circuit.num_signals, np.int32)
        renamed[:2] = 0, 1
        renamed[2 : circuit.first_gate] = bits
        ids = [self._origins.setdefault(o, len(self._origins)) for o in circuit.origins]
        self._append(
            circuit.kinds,
            circuit.bounds,
            circuit.offsets,
            circuit.fanins,
            circuit.weights,
            np.array([*ids, -1], np.int32)[circuit.origin_of],
            circuit.unit_of,
            EMPTY_BOOL if keep is None else keep,
            renamed,
            renamed,
            circuit.first_gate,
        )
        return renamed

    def gates(
        self,
        kinds: NDArray[np.uint8],
        tables: NDArray[np.uint64],
        offsets: NDArray[np.int64],
        fanins: NDArray[np.int32],
        weights: NDArray[np.int32],
        *,
        units: ArrayLike | None = None,
    ) -> Signals:
        """The signals of gates of any kinds, given as compressed rows over existing signals.

        Gate i may also read gate j < i of the same call as signal `num_signals + j` where the
        builder neither folds nor hashes.
        """
        n = len(kinds)
        result = np.empty(n, np.int32)
        bulk_units = np.arange(n, dtype=np.int32) if units is None else np.asarray(units, np.int32)
        origins = np.full(n, self._origin, np.int32)
        rows = (kinds, np.asarray(tables, np.uint64).view(np.int64), offsets, fanins, weights)
        self._append(*rows, origins, bulk_units, EMPTY_BOOL, EMPTY32, result, 0)
        return result

    def output(self, name: str, signals: ArrayLike, *, kind: str = "bit") -> None:
        """Name an output: bits, or integers given by their bits, least significant first.

        A list of signals is as many bits for kind "bit", else one integer; a matrix is [count,
        width].
        """
        array = _signals(f"output {name}", signals)
        if array.ndim < 2:
            array = array.reshape(-1, 1) if kind == "bit" else array.reshape(1, -1)
        self._add_output(Word(name, array, kind), array)

    def score(
        self, name: str, signals: ArrayLike, weights: ArrayLike | None = None, *, bias: int = 0
    ) -> None:
        """Name an integer output: bias + sum of weights times signals."""
        where = f"score {name}"
        array = _signals(where, signals).ravel()
        given = np.ones(array.size, np.int32) if weights is None else weights
        offset = int(_integers(f"the bias of {where}", bias, -MOST_BOUND, MOST_BOUND))
        score = Score(name, offset, array, _weights(f"the weights of {where}", given))
        self._add_output(score, array)

    def finish(self, *, readout: str = "bits") -> Circuit:
        """The circuit as built so far."""
        n = self._count
        pins = int(self._offsets[n])
        weights = self._weights[:pins]
        return Circuit(
            inputs=tuple(self._inputs.values()),
            kinds=self._kinds[:n],
            tables=self._tables[:n].view(np.uint64),
            offsets=self._offsets[: n + 1],
            fanins=self._fanins[:pins],
            weights=EMPTY32 if (weights == 1).all() else weights,
            outputs=tuple(self._outputs.values()),
            readout=readout,
            origins=tuple(self._origins),
            origin_of=self._origin_of[:n],
            unit_of=self._unit_of[:n],
        )

    def _at_least(self, bound: int, signals: Sequence[int]) -> int:
        """Whether `bound` of the signals are 1: a table where it fits, else a threshold."""
        if len(signals) > MOST_FANINS:
            return self.threshold(bound, signals)
        rows = (p for p in range(1 << len(signals)) if p.bit_count() >= bound)
        return self.table(sum(1 << p for p in rows), *signals)

    def _add_output(self, output: Output, signals: NDArray[np.int32]) -> None:
        if output.name in self._outputs:
            raise InputError(f"output {output.name}: there is an output of this name already")
        self._check_signals(f"output {output.name}", signals)
        self._outputs[output.name] = output

    def _check_signals(self, where: str, signals: NDArray[np.int32]) -> None:
        if signals.size and not (0 <= signals.min() and signals.max() < self.num_signals):
            wrong = signals.ravel()[(signals.ravel() < 0) | (signals.ravel() >= self.num_signals)]
            raise InputError(
                f"{where}: signal {wrong[0]} does not exist; there are {self.num_signals} so far"
            )

    def _bulk(
        self,
        kind: int,
        tables: NDArray[np.int64],
        pins: NDArray[np.int32],
        weights: NDArray[np.int32] | None,
        units: ArrayLike | None,
    ) -> Signals:
        n, k = pins.shape
        self._check_signals("fan-ins", pins)
        return self.gates(
            np.full(n, kind, np.uint8),
            tables.view(np.uint64),
            np.arange(0, n * k + 1, k or 1, dtype=np.int64)[: n + 1]
            if k
            else np.zeros(n + 1, np.int64),
            np.ascontiguousarray(pins).ravel(),
            EMPTY32 if weights is None else np.ascontiguousarray(weights).ravel(),
            units=units,
        )

    def _append(
        self,
        kinds: NDArray[np.uint8],
        tables: NDArray[np.int64],
        offsets: NDArray[np.int64],
        fanins: NDArray[np.int32],
        weights: NDArray[np.int32],
        origins: NDArray[np.int32],
        units: NDArray[np.int32],
        keep: NDArray[np.bool_],
        renamed: NDArray[np.int32],
        result: NDArray[np.int32],
        base: int,
    ) -> None:
        self._reserve(len(kinds), len(fanins))
        fold, hashed, absorb = self._modes
        done = kernels.append(
            self._kinds, self._tables, self._offsets, self._fanins, self._weights,
            self._origin_of, self._unit_of, self._count, self._first, self._slots,
            fold, hashed, absorb,
            kinds, tables, offsets, fanins, weights, origins, units,
            keep, renamed, result, base,
        )  # fmt: skip
        if done < 0:
            raise InputError(f"gate {-1 - done}: its summed weights do not fit 32 bits")
        self._count = int(done)

    def _grow_check(self, more: int) -> None:
        if self.num_signals + more > MOST_SIGNALS:
            raise InputError(f"{self.num_signals + more} signals; a circuit holds at most 2^31 - 1")

    def _reserve(self, gates: int, pins: int) -> None:
        self._grow_check(gates)
        need = self._count + gates
        if need > len(self._kinds):
            size = max(need, 2 * len(self._kinds))
            self._kinds = _grown(self._kinds, size)
            self._tables = _grown(self._tables, size)
            self._origin_of = _grown(self._origin_of, size)
            self._unit_of = _grown(self._unit_of, size)
            self._offsets = _grown(self._offsets, size + 1)
        need_pins = int(self._offsets[self._count]) + pins
        if need_pins > len(self._fanins):
            size = max(need_pins, 2 * len(self._fanins))
            self._fanins = _grown(self._fanins, size)
            self._weights = _grown(self._weights, size)
        if self._modes[1] and 2 * need > len(self._slots):
            self._slots = np.full(1 << (2 * need).bit_length(), -1, np.int32)
            kernels.rehash(
                self._slots, self._count, self._kinds, self._tables,
                self._offsets, self._fanins, self._weights,
            )  # fmt: skip


def _integers(
    where: str, values: ArrayLike, least: int, most: int
) -> NDArray[np.integer] | NDArray[np.bool_]:
    """The values as an array, after a check that they are integers from `least` to `most`."""
    array = np.asarray(values)
    if not array.size:
        return array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise InputError(f"{where}: {array.dtype} values; needs integers of at most 64 bits")
    for value in (int(array.min()), int(array.max())):
        if not least <= value <= most:
            raise InputError(f"{where}: {value} is not in {least}..{most}")
    return array


def _signals(where: str, signals: ArrayLike) -> Signals:
    """The signals as an array, after a check that they are integers of 32 bits."""
    return _integers(where, signals, -MOST_SIGNALS, MOST_SIGNALS).astype(np.int32, copy=False)


def _weights(where: str, weights: ArrayLike) -> NDArray[np.int32]:
    """The weights as an array, after a check that each and its negative fit 32 bits."""
    return _integers(where, weights, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int32, copy=False)


def _grown(array: NDArray[T], size: int) -> NDArray[T]:
    new = np.empty(size, array.dtype)
    new[: len(array)] = array
    return new
