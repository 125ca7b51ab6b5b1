"""A guard in front of a circuit, so that whatever bits come in, what goes on is a legal input."""

import numpy as np
from numpy.typing import NDArray

from lithify.ir.builder import Builder
from lithify.ir.ports import Port, Signals, full_range

AND, OR = 0b1000, 0b1110  # over a bit x and a signal r: x and r, x or r
AND_NOT, OR_NOT = 0b0100, 0b1101  # not x and r, not x or r
NO_GAP = 0b10001010  # over a signal r, a bit and the bit above it: r, and not the upper alone


def guarded_inputs(builder: Builder, ports: tuple[Port, ...]) -> Signals:
    """The signals of all input bits, in order, where an element out of its range reads as `low`.

    The ports are made in the builder, as they are.
    """
    made = [(port, builder.port(port)) for port in ports]
    parts = [_guarded(builder, port, signals).ravel() for port, signals in made]
    return np.concatenate([np.empty(0, np.int32), *parts]).astype(np.int32)


def legal_codes(ports: tuple[Port, ...], bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The codes[elements] that circuits behind a guard read for these input bits."""
    codes, at = [], 0
    for port in ports:
        rows = bits[at : at + port.bits].reshape(port.count, port.width).astype(np.int64)
        places = np.left_shift(np.int64(1), np.arange(port.width, dtype=np.int64))
        if port.kind == "int":
            places[-1] = -places[-1]
        values, (low, high) = rows @ places, port.bounds
        legal = (values >= low) & (values <= high)
        if port.pattern != "any":
            legal = np.isin(values, port.codes)
        codes.append(np.where(legal, values, low))
        at += port.bits
    return np.concatenate([np.empty(0, np.int64), *codes])


def _guarded(builder: Builder, port: Port, signals: Signals) -> Signals:
    low, high = port.bounds
    if port.pattern != "any":
        legal = _patterned(builder, port, signals)
    elif (low, high) == full_range(port.width, port.kind):
        return signals
    else:
        legal = _both(
            builder,
            _compared(builder, port, signals, low, above=True),
            _compared(builder, port, signals, high, above=False),
        )
    # Over the bit and `legal`: the bit where it is legal, else the bit of `low`.
    tables = [0b1011 if (low >> i) & 1 else 0b1000 for i in range(port.width)]
    pins = np.stack([signals.ravel(), np.repeat(legal, port.width)], axis=1)
    return builder.tables(np.tile(tables, port.count), pins).reshape(signals.shape)


def _patterned(builder: Builder, port: Port, signals: Signals) -> Signals:
    """For every element whether its bits have the pattern of the port."""
    ones, zeros = np.ones(port.count, np.int32), np.zeros(port.count, np.int32)
    if port.pattern == "thermometer":
        holds = ones
        for i in range(1, port.width):
            pins = np.stack([holds, signals[:, i - 1], signals[:, i]], axis=1)
            holds = builder.tables(np.full(port.count, NO_GAP), pins)
        return holds
    one, more = zeros, zeros
    for i in range(port.width):
        twice = _both(builder, one, signals[:, i])
        more = builder.tables(np.full(port.count, OR), np.stack([more, twice], axis=1))
        one = builder.tables(np.full(port.count, OR), np.stack([one, signals[:, i]], axis=1))
    pins = np.stack([more, one], axis=1)
    return builder.tables(np.full(port.count, AND_NOT), pins)


def _compared(
    builder: Builder, port: Port, signals: Signals, bound: int, *, above: bool
) -> Signals:
    """For every element whether it is at least (`above`) or at most the bound."""
    holds = np.ones(port.count, np.int32)
    for i in range(port.width):
        # The sign bit counts downwards: both it and the bound's are taken inverted.
        signed = port.kind == "int" and i == port.width - 1
        one = bool((bound >> i) & 1) != signed
        table = _step(one, inverted=signed == above, above=above)
        pins = np.stack([signals[:, i], holds], axis=1)
        holds = builder.tables(np.full(port.count, table), pins)
    return holds


def _step(one: bool, *, inverted: bool, above: bool) -> int:
    """The table over a bit and the comparison of the bits below it."""
    strict = one if above else not one  # where the bit must be on the right side, or decides alone
    if inverted:
        return AND_NOT if strict else OR_NOT
    return AND if strict else OR


def _both(builder: Builder, a: Signals, b: Signals) -> Signals:
    return builder.tables(np.full(len(a), AND), np.stack([a, b], axis=1))
