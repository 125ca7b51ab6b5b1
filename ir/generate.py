"""Random circuits: small strange ones for fuzzing, large plain ones for benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_FANINS, READOUTS, Circuit
from lithify.ir.origin import PARTS
from lithify.ir.ports import KINDS, Port, Signals, full_range

ODD_NAMES = ("x", "pixels", "input", "a b", "%3", 'quo"te', "größe")


def random_circuit(
    rng: np.random.Generator,
    *,
    gates: int = 40,
    arity: int = MOST_FANINS,
    thresholds: bool = True,
    readout: str | None = None,
    odd_names: bool = False,
    fold: bool = False,
) -> Circuit:
    """A circuit with a bit of everything, drawn from `rng`.

    Tables have up to `arity` fan-ins. Unless `fold` is given all gates stay as drawn, constant and
    repeated fan-ins included, and there are exactly `gates` of them. Without `readout` any is
    drawn; "bits" makes a circuit without scores.
    """
    builder = Builder(fold=fold, hash=fold)
    for port in _ports(rng, ODD_NAMES if odd_names else ("x", "y", "z")):
        builder.port(port)
    signals = np.arange(builder.num_signals, dtype=np.int32)
    left = gates
    while left:
        size = int(rng.integers(1, max(2, left // 4 + 1)))
        path, part = f"layers.{rng.integers(4)}", PARTS[rng.integers(len(PARTS))]
        threshold = thresholds and rng.random() < 0.4
        if rng.random() < 0.2:
            made = _batch(builder, rng, signals, size, arity, threshold)
        else:
            with builder.origin(path, part):
                made = _batch(builder, rng, signals, size, arity, threshold)
        signals = np.concatenate([signals, made])
        left -= size
    chosen = str(rng.choice(READOUTS)) if readout is None else readout
    _outputs(builder, rng, signals, chosen)
    return builder.finish(readout=chosen)


def random_sums(
    rng: np.random.Generator,
    ports: Sequence[Port],
    *,
    widths: Sequence[int] = (40, 33),
    weights: Sequence[int] = (-1, 1),
    classes: int = 10,
) -> Circuit:
    """Layers of sums of all before, with any of `weights`, as binary nets have.

    The first layer reads the elements of one bit, and comparisons of others with random bounds.
    """
    builder = Builder()
    row = _compared(builder, rng, ports)
    for width in widths:
        pulls = rng.choice(np.asarray(weights), (width, len(row)))
        pulls[:, 0] += pulls[:, 0] == 0
        bounds = pulls.sum(1) // 2 + rng.integers(-2, 3, width)
        row = builder.thresholds(bounds, np.tile(row, (width, 1)), pulls)
    for i in range(classes):
        pulls = rng.choice(np.asarray(weights), len(row))
        builder.score(f"class{i}", row, pulls, bias=int(rng.integers(-9, 10)))
    return builder.finish(readout="argmax")


def random_pools(
    rng: np.random.Generator,
    *,
    inputs: int = 60,
    layers: Sequence[int] = (40, 30),
    classes: int = 10,
) -> Circuit:
    """Layers of 2-input gates, each over two to five windows that an AND or an OR joins.

    Now and then a window has another gate than the others, or is read outside as well.
    """
    builder = Builder(fold=False, hash=False)
    signals = builder.input("x", count=inputs, kind="bit").ravel()
    for size in layers:
        made: list[int] = []
        for _ in range(size):
            windows = int(rng.choice([2, 3, 4, 4, 4, 5]))
            gates = np.full(windows, rng.integers(16), np.uint64)
            gates[0] = gates[0] if rng.random() < 0.8 else rng.integers(16)
            parts = builder.tables(gates, rng.choice(signals, (windows, 2))).tolist()
            made += parts[:1] if rng.random() < 0.2 else []
            join = int(rng.choice([8, 14, 7, 1]))
            inner = join if join in (8, 14) else 15 - join
            while len(parts) > 2:
                at = int(rng.choice([0, len(parts) - 2]))
                parts[at : at + 2] = [builder.table(inner, *parts[at : at + 2])]
            made.append(builder.table(join, *parts))
        signals = np.array(made, np.int32)
    for index, group in enumerate(np.array_split(signals, classes)):
        builder.score(f"class{index}", group)
    return builder.finish(readout="argmax")


def _compared(builder: Builder, rng: np.random.Generator, ports: Sequence[Port]) -> Signals:
    """Bits of the ports: those of one bit, and up to three comparisons of each other element."""
    signals = [builder.port(port) for port in ports]
    rows: list[int] = []
    for port, elements in zip(ports, signals, strict=True):
        places = 1 << np.arange(port.width)
        places[-1] *= -1 if port.kind == "int" else 1
        low, high = port.bounds
        for bits in elements:
            if port.width == 1:
                rows.append(int(bits[0]))
                continue
            for bound in rng.integers(low + 1, high + 1, int(rng.integers(0, 4))).tolist():
                sign = int(rng.choice([1, -1]))
                limit = bound if sign == 1 else 1 - bound
                rows.append(builder.threshold(limit, bits.tolist(), (sign * places).tolist()))
    return np.array(sorted(set(rows)), np.int32)


def random_layered(
    rng: np.random.Generator,
    *,
    inputs: int = 784,
    layers: Sequence[int] = (8000,) * 6,
    classes: int = 10,
    fold: bool = False,
) -> Circuit:
    """A random logic-gate net: layers of 2-input tables, one score a class over the last."""
    builder = Builder(fold=fold, hash=fold)
    signals = builder.input("x", count=inputs, kind="bit").ravel()
    for index, size in enumerate(layers):
        first = rng.integers(signals.size, size=size, dtype=np.int32)
        step = rng.integers(1, max(2, signals.size), size=size, dtype=np.int32)
        second = (first + step) % np.int32(signals.size)
        tables = rng.integers(16, size=size, dtype=np.uint64)
        with builder.origin(f"layers.{index}", "core"):
            signals = builder.tables(tables, signals[np.stack([first, second], axis=1)])
    for index, group in enumerate(np.array_split(signals, classes)):
        builder.score(f"class{index}", group)
    return builder.finish(readout="argmax")


def patterned(port: Port, rng: np.random.Generator) -> Port:
    """The port, or the same bits under a pattern."""
    pattern = str(rng.choice(["any", "any", "thermometer", "onehot"]))
    if port.kind != "uint" or pattern == "any":
        return port
    return Port(port.name, port.width, port.count, "uint", pattern=pattern)


def _ports(rng: np.random.Generator, names: Sequence[str]) -> list[Port]:
    """One to three ports of any kind, some with a narrow range."""
    ports = []
    for name in rng.permutation(names)[: rng.integers(1, 4)].tolist():
        kind = KINDS[rng.integers(len(KINDS))]
        width = 1 if kind == "bit" else int(rng.integers(1, 6))
        low, high = full_range(width, kind)
        if rng.random() < 0.5:
            low, high = sorted(rng.integers(low, high, size=2, endpoint=True).tolist())
        ports.append(Port(name, width, int(rng.integers(1, 4)), kind, low, high))
    return ports


def _batch(
    builder: Builder,
    rng: np.random.Generator,
    signals: NDArray[np.int32],
    size: int,
    arity: int,
    threshold: bool,
) -> NDArray[np.int32]:
    """The signals of `size` gates of one kind and arity over the signals so far."""
    if threshold:
        k = int(rng.integers(0, 10))
        pins = _pins(rng, signals, size, k)
        weights = rng.integers(1, 8, size=pins.shape) * rng.choice([-1, 1], size=pins.shape)
        if rng.random() < 0.3:
            weights = np.ones_like(weights)
        bounds = rng.integers(-k - 1, k + 2, size=size)
        return builder.thresholds(bounds, pins, weights)
    k = int(rng.integers(0 if rng.random() < 0.1 else 1, arity + 1))
    tables = rng.integers(0, 2 ** (1 << k) - 1, size=size, dtype=np.uint64, endpoint=True)
    return builder.tables(tables, _pins(rng, signals, size, k))


def _pins(
    rng: np.random.Generator, signals: NDArray[np.int32], size: int, k: int
) -> NDArray[np.int32]:
    """Fan-ins, half of them from the last few signals, so that circuits grow deep."""
    recent = signals[-16:]
    near = rng.choice(recent, size=(size, k))
    far = rng.choice(signals, size=(size, k))
    return np.where(rng.random((size, k)) < 0.5, near, far).astype(np.int32)


def _outputs(
    builder: Builder, rng: np.random.Generator, signals: NDArray[np.int32], readout: str
) -> None:
    """Up to three words, and scores where the readout may have them."""
    for index in range(int(rng.integers(0 if readout != "bits" else 1, 4))):
        kind = KINDS[rng.integers(len(KINDS))]
        width = 1 if kind == "bit" else int(rng.integers(1, 6))
        word = rng.choice(signals, size=(int(rng.integers(1, 4)), width))
        builder.output(f"word{index}", word, kind=kind)
    for index in range(int(rng.integers(1, 5)) if readout != "bits" else 0):
        terms = rng.choice(signals, size=int(rng.integers(0, 12)))
        weights = None if rng.random() < 0.5 else rng.integers(-6, 7, size=terms.size)
        builder.score(f"class{index}", terms, weights, bias=int(rng.integers(-5, 6)))
