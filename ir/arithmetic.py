"""Thresholds, scores and the argmax of a circuit written as tables: `expand`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lithify.ir import compress, thresholds, tournament
from lithify.ir import netstore as at
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import CHAINS, FULL, MOST, SCORE, Adders, Netlist
from lithify.ir.netstore import I32, I64, Store
from lithify.ir.origin import Origin
from lithify.ir.ports import Output, Score, Word
from lithify.ir.smallgates import MOST_PINS

HEAD = Origin("head", "head")
SCORES, CLASS = "scores", "class"
MOST_BITS = 62


def expand(
    circuit: Circuit, *, most: int = FULL, bundles: Sequence[I32] = (), chains: bool = False
) -> Netlist:
    """The same function in tables and words only, with the record of its adders.

    Tables are kept as they are; thresholds of at most six fan-ins become one table. After the
    circuit's own words come, where it has scores, ``Word("scores", kind="int")`` of one row for
    each score and, for the readout "argmax", ``Word("class")``.

    Sums are made of compressors of at most `most` inputs: 3, full adders, or 6, which suit tables
    of six inputs. With `chains` full adders follow one another as in carry chains, which makes sums
    deeper. `bundles` says for each score which of its terms are counted together first: a number
    for every signal of the circuit, terms of one number are a bundle of at most six, -1 is none,
    and -2 none, but best counted together with others than -2.

    >>> from lithify.ir.builder import Builder
    >>> b = Builder()
    >>> x = b.input("x", count=64)
    >>> b.score("ones", x)
    >>> netlist = expand(b.finish(readout="scores"))
    >>> netlist.circuit, netlist.adders.num_compressors
    (<Circuit: 64 input bits, 126 gates, 1 words, 0 scores, readout bits>, 63)
    """
    scores = circuit.scores
    _check_names(circuit)
    width = score_width(scores)
    origins = circuit.origins
    if scores and HEAD not in origins:
        origins = (*origins, HEAD)
    head = origins.index(HEAD) if scores else -1
    matches = len(scores) - 1 if scores and circuit.readout == "argmax" else 0
    store = _store(circuit, width, matches, most)
    counted = CHAINS if chains else most
    signal_of = np.arange(circuit.num_signals, dtype=np.int32)
    marks = circuit.origin_of.astype(np.int64) << 32 | circuit.unit_of.astype(np.int64)
    thresholds.copy_gates(
        store, circuit.kinds, circuit.bounds, circuit.offsets, circuit.fanins, circuit.weights,
        marks, signal_of, counted,
    )  # fmt: skip
    outputs: list[Output] = [
        Word(word.name, signal_of[word.signals], word.kind) for word in circuit.words
    ]
    values = _add_scores(store, scores, signal_of, width, head << 32, counted, bundles)
    played = tournament.play(store, values, matches, head << 32)
    if scores:
        outputs.append(Word(SCORES, values, "int"))
    if scores and circuit.readout == "argmax":
        outputs.append(Word(CLASS, played.classes[-1:], "uint"))
    return Netlist(
        circuit=_circuit(circuit, store, tuple(outputs), origins),
        adders=_adders(store),
        matches=played,
        signal_of=signal_of,
    )


def score_width(scores: tuple[Score, ...]) -> int:
    """Bits of the two's complement that holds every reachable value of the scores."""
    width = 1 if scores else 0
    for score in scores:
        low, high = _reach(score)
        width = max(width, _signed_width(low, high))
        if width > MOST_BITS:
            raise InputError(
                f"score {score.name}: values from {low} to {high} need {width} bits; "
                f"at most {MOST_BITS} can be written out, so make its weights or bias smaller"
            )
    return width


def _signed_width(low: int, high: int) -> int:
    """Bits of the two's complement that holds both values."""
    return max(high, ~high, low, ~low).bit_length() + 1


def _own_width(score: Score) -> tuple[int, bool]:
    """Bits that a score itself needs, and whether the top one is its sign."""
    low, high = _reach(score)
    return (max(1, high.bit_length()), False) if low >= 0 else (_signed_width(low, high), True)


def _reach(score: Score) -> tuple[int, int]:
    """The lowest and highest value, where each signal counts once and constants are known."""
    signals, row = np.unique(score.signals, return_inverse=True)
    weights = np.zeros(signals.size, np.int64)
    np.add.at(weights, row, score.weights)
    bias = score.bias + int(weights[signals == 1].sum())
    weights[signals <= 1] = 0
    return bias + int(weights[weights < 0].sum()), bias + int(weights[weights > 0].sum())


def _check_names(circuit: Circuit) -> None:
    """Refuse words whose names the written-out scores need."""
    if circuit.scores:
        for word in circuit.words:
            if word.name in (SCORES, CLASS):
                raise InputError(
                    f"output {word.name}: the circuit's scores are written out under the names "
                    f"{SCORES} and {CLASS}; rename this output"
                )


def _ones(weights: I32) -> I64:
    """How many bits the magnitude of every weight has set."""
    octets = np.abs(weights.astype(np.int64)).view(np.uint8).reshape(-1, 8)
    counts: I64 = np.bitwise_count(octets).sum(1, dtype=np.int64)
    return counts


def _sum_rows(values: I64, offsets: I64) -> I64:
    """The sum of each row of a compressed matrix."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    sums: I64 = total[offsets[1:]] - total[offsets[:-1]]
    return sums


def _bit_lengths(values: I64) -> I64:
    """At least the bits that each of the non-negative values needs."""
    return np.ceil(np.log2(values.astype(np.float64) + 1)).astype(np.int64) + 1


def _store(circuit: Circuit, width: int, matches: int, most: int) -> Store:
    """An empty store with room for all that the expansion can make."""
    arities = np.diff(circuit.offsets)
    wide = (circuit.kinds == THRESHOLD) & (arities > MOST_PINS)
    weights = circuit.full_weights()
    reach = _sum_rows(np.abs(weights.astype(np.int64)), circuit.offsets)[wide]
    widths = _bit_lengths(reach) + 2
    addends = int(_sum_rows(_ones(weights), circuit.offsets)[wide].sum())
    addends += sum(int(_ones(score.weights).sum()) for score in circuit.scores)
    addends += 2 * matches * width
    count = len(circuit.scores)
    bits = int(widths.sum()) + count * width + matches * (width + 1)
    compressors = addends + 3 * bits
    made = 2 * compressors + matches * (width + count.bit_length() + 1)
    terms = int(arities[wide].sum()) + 2 * matches * width
    terms += sum(score.signals.size for score in circuit.scores)
    gates = circuit.num_gates + made
    groups = int(wide.sum()) + count + matches
    return Store(
        first=circuit.first_gate,
        counts=np.zeros(4, np.int64),
        tables=np.empty(gates, np.int64),
        offsets=np.zeros(gates + 1, np.int64),
        fanins=np.empty(circuit.fanins.size + most * made, np.int32),
        levels=np.zeros(circuit.first_gate + gates, np.int32),
        marks=np.empty(gates, np.int64),
        slots=np.full(1 << (2 * made + 64).bit_length(), -1, np.int32),
        compressors=np.empty((compressors, at.COLUMNS), np.int32),
        groups=np.zeros((groups + 1, 6), np.int64),
        terms=np.empty((terms, 2), np.int64),
        bits=np.empty(bits, np.int32),
    )


def _add_scores(
    store: Store,
    scores: tuple[Score, ...],
    signal_of: I32,
    width: int,
    mark: int,
    most: int,
    bundles: Sequence[I32],
) -> I32:
    """The signals[scores, width] of the bits of all scores, as two's complement.

    Only as many as a score's own values need are added up.
    """
    bits = np.zeros((len(scores), width), np.int32)
    for i, score in enumerate(scores):
        terms, weights = signal_of[score.signals], score.weights.astype(np.int64)
        own, signed = _own_width(score)
        bias = _wrapped(score.bias, own)
        group = compress.open_group(store, SCORE, i, own, bias, terms, weights)
        bundle_of = tournament.NO_BUNDLES
        if bundles:
            bundle_of = np.full(store.levels.size, -1, np.int32)
            bundle_of[signal_of] = _bundle(bundles[i])
        compress.add_up(store, group, terms, weights, most, bundle_of, mark | i)
        for column in range(own):
            bits[i, column] = compress.bit_signal(store, group, column, mark | i)
        if signed:
            bits[i, own:] = bits[i, own - 1]
    return bits


def _bundle(numbers: I32) -> I32:
    """The numbers, once no bundle is larger than a compressor."""
    sizes = np.bincount(numbers[numbers >= 0])
    if sizes.max(initial=0) > MOST:
        raise InputError(
            f"bundle {sizes.argmax()} has {sizes.max()} terms; "
            f"at most {MOST} can be counted at once"
        )
    return numbers


def _wrapped(value: int, width: int) -> int:
    """The value modulo 2 ** width, as two's complement."""
    low = value & ((1 << width) - 1)
    return low - (1 << width) if low >> (width - 1) else low


def _circuit(
    circuit: Circuit, store: Store, outputs: tuple[Output, ...], origins: tuple[Origin, ...]
) -> Circuit:
    """The circuit of the gates in the store."""
    gates, pins = int(store.counts[at.GATES]), int(store.counts[at.PINS])
    return Circuit(
        inputs=circuit.inputs,
        kinds=np.full(gates, TABLE, np.uint8),
        tables=store.tables[:gates].view(np.uint64),
        offsets=store.offsets[: gates + 1],
        fanins=store.fanins[:pins],
        weights=np.empty(0, np.int32),
        outputs=outputs,
        readout="bits",
        origins=origins,
        origin_of=(store.marks[:gates] >> 32).astype(np.int32),
        unit_of=store.marks[:gates].astype(np.int32),
    )


def _adders(store: Store) -> Adders:
    """The record of compressors and groups, cut to what is used."""
    groups = int(store.counts[at.GROUPS])
    rows = store.compressors[: store.counts[at.COMPRESSORS]]
    forms, ends = store.groups[:groups], store.groups[: groups + 1]
    terms = store.terms[: store.groups[groups, at.TERMS]]
    return Adders(
        kinds=rows[:, at.KIND].astype(np.uint8),
        inputs=np.ascontiguousarray(rows[:, at.INPUT : at.SUM]),
        sums=np.ascontiguousarray(rows[:, at.SUM]),
        carries=np.ascontiguousarray(rows[:, at.CARRY]),
        fours=np.ascontiguousarray(rows[:, at.FOUR]),
        columns=np.ascontiguousarray(rows[:, at.COLUMN]),
        groups=np.ascontiguousarray(rows[:, at.GROUP]),
        purposes=forms[:, at.PURPOSE].astype(np.uint8),
        owners=forms[:, at.OWNER].astype(np.int32),
        widths=forms[:, at.WIDTH].astype(np.int32),
        biases=np.ascontiguousarray(forms[:, at.BIAS]),
        term_offsets=np.ascontiguousarray(ends[:, at.TERMS]),
        terms=terms[:, 0].astype(np.int32),
        weights=np.ascontiguousarray(terms[:, 1]),
        bit_offsets=np.ascontiguousarray(ends[:, at.BITS]),
        bits=store.bits[: store.groups[groups, at.BITS]],
    )
