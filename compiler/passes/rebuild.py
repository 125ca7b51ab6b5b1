"""What most passes do: send a circuit through a builder and rename what its outputs read."""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_WEIGHT, TABLE, Circuit
from lithify.ir.ports import Score

INVERTER = 0b01


def rebuild(
    circuit: Circuit,
    *,
    fold: bool = False,
    hash: bool = False,
    absorb: bool = False,
    keep: NDArray[np.bool_] | None = None,
) -> Circuit:
    """The circuit as a builder of these modes makes it, without the gates that are not kept."""
    builder = Builder(fold=fold, hash=hash, absorb=absorb)
    for port in circuit.inputs:
        builder.port(port)
    renamed = builder.copy(circuit, keep=keep)
    inverted = _inverters(builder.finish()) if absorb else None
    for output in circuit.outputs:
        signals = renamed[output.signals]
        if not isinstance(output, Score):
            builder.output(output.name, signals, kind=output.kind)
            continue
        bias, weights = output.bias, output.weights.astype(np.int64)
        if inverted is not None:
            bias, signals, weights = absorb_terms(bias, signals, weights, inverted)
        if fold:
            bias, signals, weights = merge_terms(bias, signals, weights)
        signals, weights = fitting_terms(signals, weights)
        builder.score(output.name, signals, weights, bias=bias)
    return builder.finish(readout=circuit.readout)


def merge_terms(
    bias: int, signals: NDArray[np.int32], weights: NDArray[np.int64]
) -> tuple[int, NDArray[np.int32], NDArray[np.int64]]:
    """The same sum with every signal once, no constants and no zero weights."""
    distinct, place = np.unique(signals, return_inverse=True)
    summed = np.zeros(distinct.size, np.int64)
    np.add.at(summed, place, weights)
    used = (distinct > 1) & (summed != 0)
    return bias + int(summed[distinct == 1].sum()), distinct[used], summed[used]


def fitting_terms(
    signals: NDArray[np.int32], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The same sum with weights of 32 bits: a signal comes again where one does not hold its."""
    times = np.maximum(1, -(-np.abs(weights) // MOST_WEIGHT))
    if (times <= 1).all():
        return signals, weights
    last = np.cumsum(times) - 1
    parts = np.repeat(np.sign(weights) * MOST_WEIGHT, times)
    parts[last] = weights - np.sign(weights) * MOST_WEIGHT * (times - 1)
    return np.repeat(signals, times), parts


def absorb_terms(
    bias: int,
    signals: NDArray[np.int32],
    weights: NDArray[np.int64],
    inverted: NDArray[np.int32],
) -> tuple[int, NDArray[np.int32], NDArray[np.int64]]:
    """The same sum over what inverters invert: w * not x is w - w * x."""
    source = inverted[signals]
    through = source >= 0
    return (
        bias + int(weights[through].sum()),
        np.where(through, source, signals).astype(np.int32),
        np.where(through, -weights, weights),
    )


def _inverters(circuit: Circuit) -> NDArray[np.int32]:
    """For every signal the one that it inverts, or -1."""
    inverted = np.full(circuit.num_signals, -1, np.int32)
    arity = np.diff(circuit.offsets)
    gates = np.flatnonzero(
        (circuit.kinds == TABLE) & (arity == 1) & (circuit.tables & 3 == INVERTER)
    )
    inverted[circuit.first_gate + gates] = circuit.fanins[circuit.offsets[gates]]
    return inverted
