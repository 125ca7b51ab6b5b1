"""Nets of lookup tables over wires, what most formats of logic-gate nets come down to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.codes import InputCode
from lithify.compiler.importers.hints import Hints
from lithify.ir.builder import Builder
from lithify.ir.circuit import MOST_FANINS, MOST_SIGNALS, Circuit
from lithify.ir.errors import FormatError, InputError
from lithify.ir.ports import Signals

MOST_ARITY = 16
MUX = 0xCA  # the first fan-in where the third is 0, the second where it is 1
Array = NDArray[Any]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A layer: bit a of rows[n] is what unit n gives where its wires[n] read a, first lowest.

    A wire of -1 reads 0 where the layer is `padded`.
    """

    path: str
    rows: Bits
    wires: NDArray[np.int64]
    inputs: int | None = None
    padded: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no layer."""
        units, arity = self.wires.shape
        if not units or not 1 <= arity <= MOST_ARITY or self.rows.shape != (units, 1 << arity):
            raise FormatError(
                f"{self.path}: tables of shape {list(self.rows.shape)} over wires of shape "
                f"{[units, arity]}; units of 1 to {MOST_ARITY} wires, with 2 to the number of "
                "wires entries each, are needed"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A head: the score of class c counts the bits groups[c], times one positive number."""

    path: str
    groups: tuple[NDArray[np.int64], ...]
    tau: float = 1.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what changes the order of scores."""
        if not (0 < self.tau < math.inf and math.isfinite(self.beta)):
            raise FormatError(
                f"{self.path}: tau is {self.tau} and beta is {self.beta}; a positive number and a "
                "number are needed"
            )


@dataclass(frozen=True, slots=True, eq=False)
class LookupNet:
    """Layers, what comes before them (thresholds of raw features, or bits) and after."""

    layers: list[Lookup]
    thresholds: Array | None = None
    head: Sum | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """What an importer gives: a circuit and what is known of it."""

    circuit: Circuit
    code: InputCode | None
    classes: tuple[str, ...]
    notes: Mapping[str, Any]


def group_sum(path: str, inputs: int, classes: int, *, tau: float, beta: float = 0.0) -> Sum:
    """Equal groups of consecutive bits, one a class."""
    if not 1 <= classes <= inputs or inputs % classes:
        raise FormatError(f"{path}: {inputs} bits do not divide into {classes} classes")
    groups = np.arange(inputs, dtype=np.int64).reshape(classes, -1)
    return Sum(path, tuple(groups), tau, beta)


def lower(net: LookupNet, hints: Hints) -> Imported:
    """The circuit of the net: scores read by argmax, or one word of bits `y` without a head."""
    if not net.layers:
        raise FormatError("the net has no layer of gates")
    builder = Builder()
    code, signals = _inputs(net, hints, builder)
    for layer in net.layers:
        with builder.origin(layer.path, "core"):
            signals = lookups(builder, layer, _reads(layer, signals))
    head = net.head
    if head is None and isinstance(hints.classes, int | tuple):
        count = hints.classes if isinstance(hints.classes, int) else len(hints.classes)
        head = group_sum("classes", signals.size, count, tau=1.0)
    if head is None:
        builder.output("y", signals)
        return Imported(builder.finish(readout="bits"), code, (), net.notes)
    names = hints.names(len(head.groups))
    if len(names) != len(head.groups):
        raise InputError(f"{len(names)} class names for {len(head.groups)} classes")
    _score(builder, head, signals, names)
    notes = {**net.notes, "tau": head.tau, "beta": head.beta}
    return Imported(builder.finish(readout="argmax"), code, names, notes)


def _score(builder: Builder, head: Sum, signals: Signals, names: tuple[str, ...]) -> None:
    from lithify.compiler.lowering import score_names

    for name, group in zip(score_names(names), head.groups, strict=True):
        if group.size and not 0 <= group.min() <= group.max() < signals.size:
            raise FormatError(f"{head.path} reads bits that layers of {signals.size} do not have")
        builder.score(name, signals[group])


def _inputs(net: LookupNet, hints: Hints, builder: Builder) -> tuple[InputCode, Signals]:
    """The code of the features, and the bits that the first layer reads."""
    first = net.layers[0]
    if net.thresholds is not None:
        return _encoder(net.thresholds, hints, builder)
    most = int(first.wires.max(initial=0)) + 1
    count = hints.inputs or first.inputs or most
    code = InputCode.identity(count, low=0, high=1)
    return code, builder.port(code.ports()[0]).ravel()


def _encoder(thresholds: Array, hints: Hints, builder: Builder) -> tuple[InputCode, Signals]:
    """Bits `feature > threshold`, those of a feature together, in the order of thresholds."""
    from lithify.compiler.nets.encoders import Thermometer

    rows = np.array(thresholds, np.float64)
    if rows.ndim == 1 and hints.inputs:
        rows = np.tile(rows, (hints.inputs, 1))
    if rows.ndim != 2 or not rows.size:
        raise FormatError(
            f"thresholds of shape {list(rows.shape)}; [features, thresholds] are needed"
        )
    if not np.isfinite(rows).all():
        raise FormatError("a threshold is not a finite number")
    code = InputCode.rank([np.unique(row).tolist() for row in rows])
    feature = np.repeat(np.arange(len(rows), dtype=np.int32), rows.shape[1])
    encoder = Thermometer(feature, rows.ravel(), code)
    return code, encoder.lower(builder, builder.port(code.ports()[0]), "encoder")


def _reads(layer: Lookup, signals: Signals) -> Signals:
    """The signals[units, arity] that a layer reads."""
    low, high = int(layer.wires.min()), int(layer.wires.max())
    least = -1 if layer.padded else 0
    if low < least or high >= signals.size:
        wrong = low if low < least else high
        raise FormatError(f"{layer.path} reads bit {wrong}, but there are {signals.size} before it")
    if layer.inputs is not None and layer.inputs != signals.size:
        raise FormatError(
            f"{layer.path} takes {layer.inputs} bits, but there are {signals.size} before it"
        )
    if layer.rows.size > MOST_SIGNALS:
        raise FormatError(f"{layer.path} has {layer.rows.size} entries; at most {MOST_SIGNALS}")
    if layer.padded:
        signals = np.concatenate([signals, np.zeros(1, np.int32)])
    return signals[layer.wires]


def lookups(builder: Builder, layer: Lookup, pins: Signals) -> Signals:
    """The signals of the units; tables of more than six wires become tables and multiplexers."""
    units, arity = pins.shape
    low = min(arity, MOST_FANINS)
    packed = np.packbits(layer.rows.reshape(-1, 1 << low), axis=1, bitorder="little")
    words = np.zeros((len(packed), 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    parts = 1 << (arity - low)
    wide = np.repeat(pins[:, :low], parts, axis=0)
    numbers = np.arange(units, dtype=np.int32)
    made = builder.tables(words.view("<u8").ravel(), wide, units=np.repeat(numbers, parts))
    for k in range(low, arity):
        pairs = made.reshape(-1, 2)
        half = len(pairs) // units
        select = np.repeat(pins[:, k], half)
        reads = np.column_stack([pairs, select])
        made = builder.tables(np.full(len(pairs), MUX), reads, units=np.repeat(numbers, half))
    return made
