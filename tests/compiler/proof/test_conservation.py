"""Netlists proved to be their circuits; whatever is wrong with one is said."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lithify.compiler.proof import conservation
from lithify.compiler.proof.conservation import prove_netlist
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import THRESHOLD, Circuit
from lithify.ir.errors import InputError
from lithify.ir.netlist import CHAINS, MATCH, Adders, Netlist
from lithify.ir.simulate import random_codes
from lithify.ir.simulate import run as answer


def net(classes: int = 5) -> Circuit:
    """Wide thresholds, an AND and an OR of many, weighted scores with biases, an argmax."""
    rng = np.random.default_rng(0)
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=30).ravel()
    y = b.tables(rng.integers(1, 15, 60).astype(np.uint64), x[rng.integers(0, 30, (60, 2))])
    wide = b.thresholds(
        rng.integers(-6, 7, 8), y[rng.integers(0, 60, (8, 15))], rng.choice([-3, -1, 1, 2], (8, 15))
    )
    z: list[int] = y.tolist()
    ends = [b.threshold(12, z[:12]), b.threshold(1, z[5:25]), b.threshold(-8, z[:9], [-1] * 9)]
    b.output("word", [*wide[:3], *ends, b.threshold(3, z[:5]), b.threshold(99, z)])
    for label in range(classes):
        terms = [*y[label * 9 : label * 9 + 12], *wide]
        b.score(f"class{label}", terms, rng.choice([-2, -1, 1, 1, 3], len(terms)), bias=label - 2)
    return b.finish(readout="argmax")


CIRCUIT = net()
NETLIST = expand(CIRCUIT)


def changed(**arrays: NDArray[Any]) -> Netlist:
    """The netlist whose record of adders has other arrays."""
    return replace(NETLIST, adders=replace(NETLIST.adders, **arrays))


def with_tables(tables: NDArray[np.uint64]) -> Netlist:
    return replace(NETLIST, circuit=replace(NETLIST.circuit, tables=tables))


def reason(netlist: Netlist, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the netlist is not proved, where simulation is not asked."""
    monkeypatch.setattr(conservation, "difference", lambda *a: None)
    verdict = prove_netlist(CIRCUIT, netlist)
    assert isinstance(verdict, NotProved), verdict
    return verdict.reason


@settings(max_examples=100, deadline=None)
@given(circuits(most_gates=60), st.sampled_from([CHAINS, 3, 6]))
def test_what_expand_makes_is_proved(circuit: Circuit, most: int) -> None:
    chains = most == CHAINS
    netlist = expand(circuit, chains=True) if chains else expand(circuit, most=most)
    verdict = prove_netlist(circuit, netlist)
    assert isinstance(verdict, Proved), verdict


def test_a_wide_compressor_with_a_wrong_four_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = expand(CIRCUIT, most=6)
    fours = np.flatnonzero(wide.adders.fours >= 0)
    gate = int(wide.adders.fours[fours[0]] >> 1) - wide.circuit.first_gate
    tables = wide.circuit.tables.copy()
    tables[gate] ^= np.uint64(1 << 15)
    monkeypatch.setattr(conservation, "difference", lambda *a: None)
    verdict = prove_netlist(CIRCUIT, replace(wide, circuit=replace(wide.circuit, tables=tables)))
    assert isinstance(verdict, NotProved)
    assert verdict.reason.startswith(f"the four of compressor {fours[0]}, in column ")
    assert isinstance(prove_netlist(CIRCUIT, wide), Proved)


@pytest.mark.parametrize("weight", [1, -1])
def test_low_bits_that_do_not_hold_a_score_are_found(
    weight: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder()
    x = builder.input("x", count=6).ravel()
    builder.score("small", x, [1, 1, 1, 1, 1, weight])
    builder.score("large", x, [9] * 6)
    circuit = builder.finish(readout="scores")
    netlist = expand(circuit)
    (word,) = netlist.circuit.words
    signals = word.signals.copy()
    width = int(netlist.adders.widths[0])
    signals[0, width:] = signals[0, width - 1] if weight > 0 else 0
    bad = replace(netlist.circuit, outputs=(replace(word, signals=signals),))
    monkeypatch.setattr(conservation, "difference", lambda *a: None)
    verdict = prove_netlist(circuit, replace(netlist, circuit=bad))
    assert isinstance(verdict, NotProved)
    assert verdict.reason == "score small has values that its bits cannot hold"
    assert isinstance(prove_netlist(circuit, netlist), Proved)


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 16, 17])
def test_nets_of_any_number_of_classes_are_proved(classes: int) -> None:
    verdict = prove_netlist(net(classes), expand(net(classes)))
    assert isinstance(verdict, Proved), verdict
    assert (verdict.method, verdict.engines) == ("weight conservation", ("lithify",))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31))
def test_no_flipped_bit_of_the_netlists_gates_is_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = NETLIST.circuit
    gate = int(rng.integers(made.num_gates))
    tables = made.tables.copy()
    tables[gate] ^= np.uint64(1 << int(rng.integers(1 << len(made.gate_fanins(gate)))))
    assert not isinstance(prove_netlist(CIRCUIT, with_tables(tables)), Proved)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31))
def test_no_rewired_fanin_of_the_netlist_is_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = NETLIST.circuit
    fanins = made.fanins.copy()
    pin = int(rng.integers(fanins.size))
    gate = int(np.searchsorted(made.offsets, pin, side="right")) - 1
    other = int(rng.integers(made.first_gate + gate))
    if other in made.gate_fanins(gate):
        return
    fanins[pin] = other
    bad = replace(NETLIST, circuit=replace(made, fanins=fanins))
    verdict = prove_netlist(CIRCUIT, bad)
    if isinstance(verdict, Proved):  # two signals of one function: the netlist is right
        codes = random_codes(CIRCUIT, 4000, rng)
        assert np.array_equal(
            answer(CIRCUIT, codes).scores, answer(bad.circuit, codes).words["scores"]
        )
        raise AssertionError("the proof looked through a gate")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([f.name for f in fields(Adders)]))
def test_no_change_of_the_record_proves_a_wrong_netlist(seed: int, name: str) -> None:
    """The gates are wrong in one bit; the record is changed at random to hide it."""
    rng = np.random.default_rng(seed)
    tables = NETLIST.circuit.tables.copy()
    tables[-1 - int(rng.integers(200))] ^= np.uint64(1)
    array = getattr(NETLIST.adders, name).copy()
    at = int(rng.integers(array.size))
    array.flat[at : at + 1] += rng.choice([-2, -1, 1, 2], 1).astype(array.dtype)
    bad = replace(with_tables(tables), adders=replace(NETLIST.adders, **{name: array}))
    assert not isinstance(prove_netlist(CIRCUIT, bad), Proved)


def test_a_wrong_netlist_is_refuted_by_a_legal_input() -> None:
    tables = NETLIST.circuit.tables.copy()
    score_bit = int(NETLIST.circuit.words[1].signals[2, 0]) - NETLIST.circuit.first_gate
    tables[score_bit] = ~tables[score_bit] & np.uint64(255)
    verdict = prove_netlist(CIRCUIT, with_tables(tables))
    assert isinstance(verdict, Refuted) and verdict.output == "scores"
    assert verdict.expected[2] != verdict.seen[2]
    code = np.array([verdict.codes])
    assert answer(CIRCUIT, code).scores[0].tolist() == list(verdict.expected)


def swapped(values: NDArray[Any], i: int, j: int) -> NDArray[Any]:
    out = values.copy()
    out[[i, j]] = out[[j, i]]
    return out


def bumped(values: NDArray[Any], at: int, by: int = 1) -> NDArray[Any]:
    out = values.copy()
    out[at] += by
    return out


A = NETLIST.adders
FULL = int(np.flatnonzero((A.kinds == 3) & (A.sums > 0) & (A.carries > 0))[7])
SCORE0 = int(np.flatnonzero(A.purposes == 0)[0])
MATCH0 = int(np.flatnonzero(A.purposes == MATCH)[0])

CHANGES: list[tuple[str, Callable[[], Netlist], str]] = [
    (
        "a compressor's sum and carry swapped",
        lambda: changed(
            sums=bumped(A.sums, FULL, int(A.carries[FULL] - A.sums[FULL])),
            carries=bumped(A.carries, FULL, int(A.sums[FULL] - A.carries[FULL])),
        ),
        "the sum of compressor",
    ),
    ("an inverted sum", lambda: changed(sums=A.sums ^ (np.arange(A.sums.size) == FULL)), "the sum"),
    (
        "two wires swapped between compressors",
        lambda: changed(inputs=swapped(A.inputs, FULL, FULL + 1)),
        "the sum of compressor",
    ),
    (
        "a dropped compressor",
        lambda: changed(
            **{
                name: np.delete(getattr(A, name), FULL, axis=0)
                for name in ("kinds", "inputs", "sums", "carries", "fours", "columns", "groups")
            }
        ),
        "weight is not conserved in",
    ),
    ("another column", lambda: changed(columns=bumped(A.columns, FULL, -1)), "weight is not"),
    (
        "a bias",
        lambda: changed(biases=bumped(A.biases, SCORE0)),
        "weight is not conserved in score",
    ),
    ("a weight", lambda: changed(weights=bumped(A.weights, -1, 7)), "weight is not conserved in"),
    (
        "another term",
        lambda: changed(terms=bumped(A.terms, int(A.term_offsets[SCORE0]))),
        "weight is not conserved in score 0",
    ),
    ("another bit", lambda: changed(bits=bumped(A.bits, int(A.bit_offsets[SCORE0]), 2)), "weight"),
    (
        "another owner",
        lambda: changed(owners=bumped(A.owners, SCORE0)),
        "the netlist has not one group of adders for every score, in order",
    ),
    (
        "a winner that does not go on",
        lambda: replace(NETLIST, matches=replace(NETLIST.matches, left=NETLIST.matches.right)),
        "an entry of the argmax does not play exactly once",
    ),
    (
        "ties to the higher class",
        lambda: replace(
            NETLIST,
            matches=replace(
                NETLIST.matches, left=NETLIST.matches.right, right=NETLIST.matches.left
            ),
        ),
        "match 0 of the argmax would send ties to the higher class",
    ),
    (
        "another decision",
        lambda: replace(
            NETLIST, matches=replace(NETLIST.matches, higher=bumped(NETLIST.matches.higher, 0))
        ),
        "a match is not decided by its top bit",
    ),
    (
        "another place of a signal",
        lambda: replace(NETLIST, signal_of=swapped(NETLIST.signal_of, 40, 41)),
        "has another table in the netlist",
    ),
    (
        "a literal that does not exist",
        lambda: changed(sums=bumped(A.sums, FULL, 10**6)),
        "the record of adders names literals that do not exist",
    ),
    (
        "a group that does not exist",
        lambda: changed(groups=bumped(A.groups, -1, 10**6)),
        "a compressor belongs to a group that does not exist",
    ),
]


@pytest.mark.parametrize(("make", "said"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_what_is_wrong_is_said(
    make: Callable[[], Netlist], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reason(make(), monkeypatch)
    assert said in found, found


def scores_with(**change: Any) -> Circuit:
    score = CIRCUIT.scores[1]
    wrong = replace(score, **change)
    return replace(CIRCUIT, outputs=tuple(wrong if o is score else o for o in CIRCUIT.outputs))


@pytest.mark.parametrize(
    ("circuit", "said"),
    [
        (scores_with(bias=7), "score class1 has another bias"),
        (scores_with(weights=-CIRCUIT.scores[1].weights), "score class1 adds up other terms"),
        (scores_with(signals=CIRCUIT.scores[1].signals[::-1]), "score class1 adds up other terms"),
        (
            scores_with(signals=np.append(CIRCUIT.scores[1].signals, 5), weights=np.ones(21)),
            "score class1 adds up other terms",
        ),
    ],
)
def test_another_score_is_not_what_the_netlist_adds_up(
    circuit: Circuit, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conservation, "difference", lambda *a: None)
    verdict = prove_netlist(circuit, NETLIST)
    assert isinstance(verdict, NotProved) and verdict.reason == said


@pytest.mark.parametrize("gate", np.flatnonzero(CIRCUIT.kinds == 1).tolist())
def test_another_bound_is_noticed(gate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conservation, "difference", lambda *a: None)
    tables = CIRCUIT.tables.copy()
    tables.view(np.int64)[gate] -= 40 if tables.view(np.int64)[gate] == 99 else 1
    verdict = prove_netlist(replace(CIRCUIT, tables=tables), NETLIST)
    assert isinstance(verdict, NotProved)
    assert verdict.reason in (
        f"gate {gate} has another bound",
        f"gate {gate} is not computed by its gates in the netlist",
    )


def test_a_threshold_with_the_number_of_a_table_is_noticed() -> None:
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=40, kind="bit").ravel().tolist()
    signal = x[0]
    for place, pin in enumerate(x[1:]):
        signal = b.table(0b1000 if place % 2 else 0b0010, signal, pin)
    b.output("y", [signal])
    circuit = b.finish()
    netlist = expand(circuit)
    kinds = netlist.circuit.kinds.copy()
    kinds[-1] = THRESHOLD
    verdict = prove_netlist(
        circuit, replace(netlist, circuit=replace(netlist.circuit, kinds=kinds))
    )
    assert isinstance(verdict, NotProved)
    assert verdict.reason == "the netlist still has thresholds"


def test_other_inputs_and_outputs_are_refused() -> None:
    b = Builder()
    b.output("o", b.input("y"))
    with pytest.raises(InputError) as caught:
        prove_netlist(b.finish(), NETLIST)
    assert str(caught.value) == (
        "the netlist has other inputs than the circuit; they cannot be compared"
    )
    fewer = replace(NETLIST.circuit, outputs=NETLIST.circuit.outputs[:-1])
    verdict = prove_netlist(CIRCUIT, replace(NETLIST, circuit=fewer))
    assert isinstance(verdict, NotProved)
    assert verdict.reason == (
        "the netlist's outputs are not the circuit's words, then its scores and class"
    )
