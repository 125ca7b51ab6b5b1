"""Proof that a netlist is its circuit, arithmetic included: every gate looked at once, no search.

Tables are compared one by one, compressors by their tables, and each sum by weight conservation:
the equations of its compressors, added up as linear forms, must give the sum's own form, so that
every wire of weight 2^k is consumed exactly once. Nothing here trusts `lithify.ir.arithmetic`.
"""

import time

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.proof import small
from lithify.compiler.proof.forms import (
    Forms,
    Gap,
    concatenated,
    demand,
    reach,
    rows_of,
    wrapped,
)
from lithify.compiler.proof.matches import check_matches
from lithify.compiler.proof.simulation import difference, vectors_for
from lithify.compiler.proof.verdict import NotProved, Proved, Verdict, timed
from lithify.ir.arithmetic import SCORES
from lithify.ir.check import check
from lithify.ir.circuit import TABLE, THRESHOLD, Circuit
from lithify.ir.errors import CheckError, InputError
from lithify.ir.netlist import MATCH, MOST_COUNT, SCORE, Adders, Netlist
from lithify.ir.netlist import THRESHOLD as WIDE
from lithify.ir.ports import Score

METHOD = "weight conservation"
ENGINE = "lithify"


def prove_netlist(
    circuit: Circuit, netlist: Netlist, *, vectors: int = 1024, seed: int = 0
) -> Verdict:
    """Whether the netlist computes the circuit's words, all bits of its scores, and its class."""
    start = time.perf_counter()
    if circuit.inputs != netlist.circuit.inputs:
        raise InputError("the netlist has other inputs than the circuit; they cannot be compared")
    try:
        _check_outputs(circuit, netlist)
        codes = vectors_for(circuit, vectors, np.random.default_rng(seed))
        if refuted := difference(circuit, netlist.circuit, codes):
            return timed(refuted, time.perf_counter() - start)
        pairs = _check_all(circuit, netlist)
    except Gap as gap:
        return NotProved(str(gap), vectors, time.perf_counter() - start)
    return Proved(METHOD, (ENGINE,), pairs, len(codes), time.perf_counter() - start)


def _check_all(circuit: Circuit, netlist: Netlist) -> int:
    """How many gates and sums were found right; Gap says what is not."""
    try:
        check(netlist.circuit)
    except CheckError as error:
        raise Gap(f"the netlist is no legal circuit: {error}") from error
    adders = netlist.adders
    _check_shapes(circuit, netlist)
    _check_inputs(circuit, netlist)
    _check_tables(circuit, netlist)
    _check_compressors(netlist.circuit, adders)
    _check_conservation(netlist.circuit, adders)
    _check_direct_thresholds(circuit, netlist, _check_wide_thresholds(circuit, netlist))
    _check_scores(circuit, netlist)
    if circuit.scores and circuit.readout == "argmax":
        check_matches(netlist, len(circuit.scores))
    return circuit.num_gates + adders.num_compressors + adders.num_groups


def _check_outputs(circuit: Circuit, netlist: Netlist) -> None:
    expected = [(w.name, w.kind, w.signals.shape) for w in circuit.words]
    found = [(w.name, w.kind, w.signals.shape) for w in netlist.circuit.words]
    demand(not netlist.circuit.scores, "the netlist still has scores")
    demand(bool((netlist.circuit.kinds == TABLE).all()), "the netlist still has thresholds")
    demand(found[: len(expected)] == expected, "the netlist has other words than the circuit")
    names = [SCORES] if circuit.scores else []
    names += ["class"] if circuit.scores and circuit.readout == "argmax" else []
    demand(
        [w[0] for w in found[len(expected) :]] == names,
        "the netlist's outputs are not the circuit's words, then its scores and class",
    )


def _check_shapes(circuit: Circuit, netlist: Netlist) -> None:
    """Indices of the record point at what exists."""
    a, most = netlist.adders, netlist.circuit.num_signals
    literals = np.concatenate([a.inputs.ravel(), a.sums, a.carries, a.fours, a.bits])
    signals = np.concatenate([a.terms, netlist.signal_of])
    demand(
        literals.size == 0 or (-1 <= literals.min() and literals.max() < 2 * most),
        "the record of adders names literals that do not exist",
    )
    demand(a.inputs.size == 0 or a.inputs.min() >= 0, "a compressor lacks an input")
    demand(
        signals.size == 0 or (0 <= signals.min() and signals.max() < most),
        "the record names signals that do not exist",
    )
    demand(netlist.signal_of.shape == (circuit.num_signals,), "signal_of has another length")
    groups = a.groups
    demand(
        groups.size == 0 or (0 <= groups.min() and groups.max() < a.num_groups),
        "a compressor belongs to a group that does not exist",
    )
    demand(
        bool(((a.columns >= 0) & (a.columns < a.widths[groups])).all()),
        "a compressor stands in a column that its group does not have",
    )
    demand(bool(((a.widths > 0) & (a.widths <= 62)).all()), "a group has no width from 1 to 62")
    demand(bool((np.diff(a.bit_offsets) == a.widths).all()), "a group has not a bit a column")


def _check_inputs(circuit: Circuit, netlist: Netlist) -> None:
    fixed = netlist.signal_of[: circuit.first_gate]
    demand(
        bool((fixed == np.arange(circuit.first_gate)).all()),
        "constants and inputs have other signals in the netlist",
    )
    for ours, theirs in zip(circuit.words, netlist.circuit.words, strict=False):
        demand(
            np.array_equal(netlist.signal_of[ours.signals], theirs.signals),
            f"word {ours.name} is made of other signals",
        )


def _check_tables(circuit: Circuit, netlist: Netlist) -> None:
    """Every table gate stands in the netlist with the same table over the same fan-ins."""
    made, gates = netlist.circuit, np.flatnonzero(circuit.kinds == TABLE)
    images = netlist.signal_of[circuit.first_gate + gates].astype(np.int64) - made.first_gate
    _demand_all(images >= 0, gates, "is no gate in the netlist")
    same = circuit.tables[gates] == made.tables[images]
    _demand_all(same, gates, "has another table in the netlist")
    arity = np.diff(circuit.offsets)[gates]
    _demand_all(arity == np.diff(made.offsets)[images], gates, "has other fan-ins in the netlist")
    ours = netlist.signal_of[circuit.fanins[rows_of(circuit.offsets, gates)]]
    theirs = made.fanins[rows_of(made.offsets, images)]
    same = ours == theirs
    _demand_all(same, np.repeat(gates, arity), "has other fan-ins in the netlist")


def _check_compressors(made: Circuit, adders: Adders) -> None:
    """The bits of every compressor count its inputs."""
    spare = np.arange(MOST_COUNT) >= adders.kinds[:, None]
    known = bool(((adders.kinds >= 1) & (adders.kinds <= MOST_COUNT)).all())
    demand(
        known and not adders.inputs[spare].any(),
        "a compressor has another number of inputs than its kind says",
    )
    rows = (made.tables.view(np.int64), made.offsets, made.fanins, made.first_gate)
    bits = (("sum", adders.sums), ("carry", adders.carries), ("four", adders.fours))
    for place, (name, literals) in enumerate(bits):
        wrong = small.first_wrong_count(literals, adders.inputs, adders.kinds, place, *rows)
        if wrong != small.GOOD:
            raise Gap(
                f"the {name} of compressor {wrong}, in column {adders.columns[wrong]} of "
                f"{_group(adders, int(adders.groups[wrong]))}, is not the {name} of its inputs"
            )


def _check_conservation(made: Circuit, adders: Adders) -> None:
    """For every group: bias + terms - bits - the sum of its compressors' equations is 0."""
    a, groups, signals = adders, np.arange(adders.num_groups), made.num_signals
    forms = Forms(adders.num_groups, signals + 3 * a.num_compressors)
    forms.add_constants(groups, a.biases)
    forms.add_signals(np.repeat(groups, np.diff(a.term_offsets)), a.terms, a.weights)
    places = np.left_shift(np.int64(1), a.columns.astype(np.int64))
    for column in a.inputs.T:
        forms.add_literals(a.groups, column, -places)
    number = np.arange(a.num_compressors)
    sums = np.where(a.sums >= 0, a.sums, 2 * (signals + number))
    forms.add_literals(a.groups, sums, places)
    for place, literals in ((1, a.carries), (2, a.fours)):
        # A count of so few inputs has no such bit; that nobody reads it loses nothing.
        lost = np.where(a.kinds < 1 << place, 0, 2 * (signals + place * a.num_compressors + number))
        forms.add_literals(a.groups, np.where(literals >= 0, literals, lost), places << place)
    owner = np.repeat(groups, a.widths)
    column = np.arange(len(a.bits)) - np.repeat(a.bit_offsets[:-1], a.widths)
    forms.add_literals(owner, _bits(a, sums, owner, column), -np.left_shift(np.int64(1), column))
    wrong = forms.first_nonzero(a.widths)
    if wrong is not None:
        group, signal, excess = wrong
        raise Gap(
            f"weight is not conserved in {_group(adders, group)}: "
            f"{'a bit that nothing reads' if signal >= signals else f'signal {signal}'} "
            f"is left with a weight of {excess} modulo 2^{a.widths[group]}"
        )


def _bits(
    adders: Adders, sums: NDArray[np.int64], owner: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The literals of all groups' bits; an unread one is the unread sum of its column."""
    bits = adders.bits.astype(np.int64)
    unread = np.flatnonzero(bits < 0)
    if not unread.size:
        return bits
    loose = np.flatnonzero(adders.sums < 0)
    keys = adders.groups[loose].astype(np.int64) * 64 + adders.columns[loose]
    order = np.argsort(keys)
    keys, loose = keys[order], loose[order]
    wanted = owner[unread] * 64 + column[unread]
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    found = keys[place] == wanted if keys.size else np.zeros(unread.size, np.bool_)
    if not found.all():
        group = int(owner[unread][~found][0])
        raise Gap(f"a bit of {_group(adders, group)} is neither there nor an unread sum")
    bits[unread] = sums[loose[place]]
    return bits


def _check_wide_thresholds(circuit: Circuit, netlist: Netlist) -> NDArray[np.int64]:
    """The threshold gates that no group stands for, after those with one were found right."""
    a = netlist.adders
    groups = np.flatnonzero(a.purposes == WIDE)
    owners = a.owners[groups].astype(np.int64)
    gates = owners - circuit.first_gate
    inside = (gates >= 0) & (gates < circuit.num_gates)
    demand(bool(inside.all()), "a group belongs to a gate that does not exist")
    _demand_all(circuit.kinds[gates] == THRESHOLD, gates, "is a table, but has a group of adders")
    pins, terms = rows_of(circuit.offsets, gates), rows_of(a.term_offsets, groups)
    sizes = np.diff(circuit.offsets)[gates]
    _demand_all(sizes == np.diff(a.term_offsets)[groups], gates, "adds up other fan-ins")
    same = netlist.signal_of[circuit.fanins[pins]] == a.terms[terms]
    same &= circuit.full_weights()[pins] == a.weights[terms]
    _demand_all(same, np.repeat(gates, sizes), "adds up other fan-ins")
    half = np.left_shift(np.int64(1), a.widths[groups].astype(np.int64) - 1)
    bounds = circuit.bounds[gates]
    _demand_all(
        wrapped(half - bounds - a.biases[groups], a.widths[groups]) == 0, gates, "has another bound"
    )
    low, high = reach(a, groups)
    fits = (low - bounds >= -half) & (high - bounds < half)
    _demand_all(fits, gates, "has sums that its adders cannot hold")
    top = a.bits[a.bit_offsets[groups + 1] - 1]
    _demand_all(top == 2 * netlist.signal_of[owners], gates, "is not the top bit of its sum")
    rest = circuit.kinds == THRESHOLD
    rest[gates] = False
    return np.flatnonzero(rest)


def _check_direct_thresholds(circuit: Circuit, netlist: Netlist, gates: NDArray[np.int64]) -> None:
    """These threshold gates are constants, single tables, or trees of ANDs or ORs."""
    made = netlist.circuit
    wrong = small.first_wrong_threshold(
        gates,
        netlist.signal_of[circuit.first_gate + gates],
        circuit.bounds[gates],
        circuit.offsets,
        netlist.signal_of[circuit.fanins],
        circuit.full_weights().astype(np.int64),
        made.tables.view(np.int64),
        made.offsets,
        made.fanins,
        made.first_gate,
    )
    ok = np.arange(gates.size) != wrong
    _demand_all(ok, gates, "is not computed by its gates in the netlist")


def _check_scores(circuit: Circuit, netlist: Netlist) -> None:
    """Every score is the linear form of a group whose bits are the netlist's word `scores`."""
    a, scores = netlist.adders, circuit.scores
    groups = np.flatnonzero(a.purposes == SCORE)
    demand(
        np.array_equal(a.owners[groups], np.arange(len(scores))),
        "the netlist has not one group of adders for every score, in order",
    )
    if not scores:
        return
    word = next(w for w in netlist.circuit.words if w.name == SCORES)
    demand(word.kind == "int" and word.count == len(scores), "the word scores has another shape")
    sizes = np.array([s.signals.size for s in scores])
    _demand_scores(np.diff(a.term_offsets)[groups] == sizes, circuit, "adds up other terms")
    rows = rows_of(a.term_offsets, groups)
    same = netlist.signal_of[concatenated([s.signals for s in scores])] == a.terms[rows]
    same &= concatenated([s.weights for s in scores]) == a.weights[rows]
    for at, size in enumerate(sizes):
        begin = int(sizes[:at].sum())
        good = bool(same[begin : begin + size].all())
        demand(good, f"score {scores[at].name} adds up other terms")
    widths = a.widths[groups]
    _demand_scores(widths <= word.width, circuit, "has more bits than the word")
    biases = [wrapped_bias(s.bias, int(w)) for s, w in zip(scores, widths, strict=True)]
    off = wrapped(np.array(biases, np.int64) - a.biases[groups], widths)
    _demand_scores(off == 0, circuit, "has another bias")
    for row, group, score in zip(word.signals, groups, scores, strict=True):
        _check_bits(a, int(group), score, row)


def _check_bits(adders: Adders, group: int, score: Score, row: NDArray[np.int32]) -> None:
    """The bits of the sum hold every value of the score, and the word goes on as they say."""
    (low,), (high,) = reach(adders, np.array([group]))
    low, high, width = score.bias + int(low), score.bias + int(high), int(adders.widths[group])
    half = 1 << (width - 1)
    signed = -half <= low and high < half
    natural = low >= 0 and high < 2 * half and width < row.size
    demand(
        (natural and not row[width:].any())
        or (signed and bool((row[width - 1 :] == row[-1]).all())),
        f"score {score.name} has values that its bits cannot hold",
    )
    bits = adders.bits[adders.bit_offsets[group] :][:width]
    same = np.array_equal(bits, 2 * row[:width])
    demand(same, f"score {score.name} has other bits than the sum of its adders")


def wrapped_bias(bias: int, width: int) -> int:
    """The bias modulo 2^width as a non-negative number below 2^62."""
    return bias & ((1 << width) - 1)


def _demand_scores(good: NDArray[np.bool_], circuit: Circuit, fault: str) -> None:
    wrong = np.flatnonzero(~good)
    demand(not wrong.size, f"score {circuit.scores[wrong[0]].name if wrong.size else ''} {fault}")


def _demand_all(good: NDArray[np.bool_], gates: NDArray[np.int64], fault: str) -> None:
    wrong = np.flatnonzero(~good)
    demand(not wrong.size, f"gate {gates[wrong[0]] if wrong.size else ''} {fault}")


def _group(adders: Adders, group: int) -> str:
    """The group in words."""
    owner = adders.owners[group]
    return {SCORE: "score {}", WIDE: "the threshold of signal {}", MATCH: "match {}"}[
        int(adders.purposes[group])
    ].format(owner)
