"""Circuits proved equal, refuted with legal counterexamples, or honestly left open."""

from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from hypothesis import strategies as st

from lithify.backends.abc import Comparison, Sweep, interface
from lithify.backends.aiger import Aig, to_aig
from lithify.compiler.pipeline import EFFORTS, parse, run
from lithify.compiler.proof import equivalence
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.simulation import confirm
from lithify.compiler.proof.twins import Twins
from lithify.compiler.proof.verdict import NotProved, Proved, Refuted
from lithify.ir.builder import Builder
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import InputError, MismatchError
from lithify.ir.ports import Score, Word
from lithify.ir.simulate import random_codes
from lithify.ir.simulate import run as answer


def bits(count: int) -> tuple[Builder, list[int]]:
    b = Builder(fold=False, hash=False)
    return b, b.input("x", count=count).ravel().tolist()


def layered(seed: int, *, gates: int = 300, layers: int = 3, inputs: int = 40) -> Circuit:
    rng = np.random.default_rng(seed)
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=inputs).ravel()
    for _ in range(layers):
        tables = rng.integers(0, 16, gates).astype(np.uint64)
        x = b.tables(tables, x[rng.integers(0, x.size, (gates, 2))])
    for label in range(10):
        b.score(f"class{label}", x[label::10], bias=label)
    return b.finish(readout="argmax")


@settings(max_examples=25, deadline=None)
@given(circuits(most_gates=60))
def test_every_pipeline_is_proved(circuit: Circuit) -> None:
    for text in EFFORTS[1:]:
        verdict = prove_equal(circuit, run(parse(text), circuit).circuit, vectors=64)
        assert isinstance(verdict, Proved), verdict


@settings(max_examples=40, deadline=None)
@given(circuits(most_gates=40), st.integers(0, 2**31))
def test_a_changed_gate_is_refuted_or_changes_nothing(circuit: Circuit, seed: int) -> None:
    rng = np.random.default_rng(seed)
    if not circuit.num_gates:
        return
    gate, tables = int(rng.integers(circuit.num_gates)), circuit.tables.copy()
    if circuit.kinds[gate] == TABLE:
        tables[gate] ^= np.uint64(1 << int(rng.integers(1 << len(circuit.gate_fanins(gate)))))
    else:
        tables.view(np.int64)[gate] += 1
    mutant = replace(circuit, tables=tables)
    verdict = prove_equal(circuit, mutant, vectors=64)
    if isinstance(verdict, Refuted):
        code = np.array([verdict.codes])
        left, right = answer(circuit, code), answer(mutant, code)
        words = [left.words[n].tolist() != right.words[n].tolist() for n in left.words]
        assert any(words) or left.scores.tolist() != right.scores.tolist()
    else:
        assert isinstance(verdict, Proved)
        codes = random_codes(circuit, 2000, rng)
        left, right = answer(circuit, codes), answer(mutant, codes)
        assert np.array_equal(left.scores, right.scores)
        assert all(np.array_equal(left.words[n], right.words[n]) for n in left.words)


def test_a_layered_net_is_proved_with_its_scores_as_linear_forms() -> None:
    before = layered(0)
    after = run(parse(EFFORTS[-1]), before).circuit
    verdict = prove_equal(before, after)
    assert isinstance(verdict, Proved)
    assert verdict.method == "linear forms over signals proved equal by &cec"
    assert verdict.engines[0].startswith("yosys-abc ")
    assert verdict.pairs > 100 and verdict.vectors > 2048 and verdict.seconds > 0


@pytest.mark.parametrize("change", ["bias", "weight", "dropped term", "doubled term", "other term"])
def test_every_change_of_a_score_is_refuted(change: str) -> None:
    before = layered(1)
    after = run(parse(EFFORTS[-1]), before).circuit
    score = after.scores[3]
    signals, weights, bias = score.signals.copy(), score.weights.copy(), score.bias
    if change == "bias":
        bias += 1
    elif change == "weight":
        weights[0] += 1
    elif change == "dropped term":
        signals, weights = signals[1:], weights[1:]
    elif change == "doubled term":
        signals, weights = np.append(signals, signals[0]), np.append(weights, weights[0])
    else:
        signals[0] = after.scores[4].signals[0]
    wrong = Score(score.name, bias, signals, weights)
    outputs = tuple(wrong if output is score else output for output in after.outputs)
    verdict = prove_equal(before, replace(after, outputs=outputs))
    assert isinstance(verdict, Refuted)
    assert verdict.output == "scores"
    differing = [i for i in range(10) if verdict.expected[i] != verdict.seen[i]]
    assert differing == [3]


def rare_pair(inputs: int) -> tuple[Circuit, Circuit]:
    """A parity, and one that differs from it on a single pattern."""
    b, x = bits(inputs)
    parity = x[0]
    for signal in x[1:]:
        parity = b.xor(parity, signal)
    b.output("o", [parity])
    one = b.finish()
    every = x[0]
    for signal in x[1:]:
        every = b.table(0b1000, every, signal)
    other = b.xor(parity, every)
    b.output("dropped", [other])
    two = b.finish()
    return one, replace(two, outputs=(Word("o", two.words[1].signals, "bit"),))


def test_a_difference_on_one_pattern_in_2_to_the_40_is_found() -> None:
    one, other = rare_pair(40)
    code = np.ones((1, 40), np.int64)
    # The ends of the ranges are always test vectors: take them away to reach the engine.
    monkey = pytest.MonkeyPatch()
    monkey.setattr(equivalence, "vectors_for", lambda c, n, rng, s=None: random_codes(c, n, rng))
    verdict = prove_equal(one, other)
    monkey.undo()
    assert isinstance(verdict, Refuted)
    assert verdict.codes == tuple(code[0])
    assert (verdict.output, verdict.expected, verdict.seen) == ("o", (0,), (1,))


def rarely_one(step: int) -> Circuit:
    """Scores of signals that are 0 but for a few of 2 to the 24 inputs, taken in either order."""
    b, x = bits(24)
    halves = []
    for part in (x[:8], x[8:16], x[16:]):
        every, *rest = part[::step]
        for signal in rest:
            every = b.table(0b1000, every, signal)
        halves.append(every)
    both = b.table(0b1000, halves[0], halves[1])
    b.score("s", [*halves, both, b.table(0b1000, both, halves[2])], [1, 2, 3, 4, 5])
    return b.finish(readout="scores")


def test_false_candidates_split_classes_and_do_not_spoil_the_proof() -> None:
    verdict = prove_equal(rarely_one(1), rarely_one(-1), vectors=1)
    assert isinstance(verdict, Proved) and verdict.method.startswith("linear forms")


def test_a_sweep_that_misses_equal_signals_does_not_spoil_the_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept = []

    def blind(aiger: bytes, *, time_limit: float) -> Sweep:
        swept.append(time_limit)
        return Sweep(2 * np.arange(1, interface(aiger)[1] + 1), 0.1)

    monkeypatch.setattr("lithify.backends.abc.sweep", blind)
    verdict = prove_equal(rarely_one(1), rarely_one(-1), vectors=1)
    assert isinstance(verdict, Proved) and verdict.method.startswith("linear forms")
    assert len(swept) == 1


def test_equality_counts_within_the_range_only() -> None:
    def made(high: int | None, bound: int) -> Circuit:
        b = Builder(fold=False, hash=False)
        x = b.input("x", width=5, count=3, high=high)
        y = b.input("y", width=4, kind="int", low=-3, high=5)[0].tolist()
        at_least = [b.threshold(bound, row, [1, 2, 4, 8, 16]) for row in x.tolist()]
        b.output("o", [*at_least, b.threshold(bound - 11, y, [1, 2, 4, -8])])
        return b.finish()

    assert isinstance(prove_equal(made(16, 17), made(16, 25)), Proved)
    verdict = prove_equal(made(None, 17), made(None, 18), vectors=1)
    assert isinstance(verdict, Refuted) and 17 in verdict.codes[:3]


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("uint", 2, 9), ("uint", 0, 14), ("int", -5, 3), ("int", -8, -2)]
)
def test_counterexamples_of_the_engine_are_legal(kind: str, low: int, high: int) -> None:
    def made(value: int) -> Circuit:
        b = Builder(fold=False, hash=False)
        x = b.input("x", width=4, count=9, kind=kind, low=low, high=high)
        places = [1, 2, 4, -8 if kind == "int" else 8]
        every = 1
        for row in x.tolist():
            inside = b.threshold(value, row, places), b.threshold(-value, row, [-w for w in places])
            every = b.table(0b1000, every, b.table(0b1000, *inside))
        b.output("o", [every])
        return b.finish()

    middle = (low + high) // 2
    verdict = prove_equal(made(middle), made(middle + 20), vectors=64)
    assert isinstance(verdict, Refuted)
    assert verdict.codes == (middle,) * 9
    outside = high + 1
    assert isinstance(prove_equal(made(outside), made(outside + 20), vectors=64), Proved)


def test_scores_that_are_other_forms_are_compared_by_their_bits() -> None:
    def made(split: bool, weight: int = 1) -> Circuit:
        b, x = bits(4)
        pairs = [(x[0], x[1]), (x[2], x[3])]
        terms = [b.table(t, *p) if split else s for p in pairs for t, s in ((8, p[0]), (14, p[1]))]
        b.score("s", terms, [1, 1, 1, weight])
        b.score("t", x)
        b.output("w", [x[0]])
        return b.finish(readout="scores")

    verdict = prove_equal(made(False), made(True))
    assert isinstance(verdict, Proved) and verdict.method == "&cec of the bits of the scores"
    assert isinstance(prove_equal(made(False), made(True, 2)), Refuted)


def test_what_the_engine_leaves_open_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    before = layered(2)
    after = run(parse(EFFORTS[-1]), before).circuit
    found = Comparison("undecided", 1.0, reason="it hung")
    monkeypatch.setattr("lithify.backends.abc.compare", lambda *a, **k: found)
    verdict = prove_equal(before, after)
    assert isinstance(verdict, NotProved)
    assert (verdict.reason, verdict.vectors) == ("it hung", 2050)
    late = prove_equal(before, after, time_limit=0)
    assert isinstance(late, NotProved) and late.reason == "the time was up"


def test_a_graph_that_is_not_the_circuits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(circuit: Circuit) -> Aig:
        graph = to_aig(circuit)
        return replace(graph, literal_of=np.zeros_like(graph.literal_of))

    monkeypatch.setattr(equivalence, "to_aig", wrong)
    with pytest.raises(MismatchError) as caught:
        prove_equal(layered(3), run(parse(EFFORTS[-1]), layered(3)).circuit)
    assert str(caught.value) == "the and-inverter graph of the circuits does not compute them"


def test_a_merged_circuit_that_is_another_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = layered(3)
    after = run(parse(EFFORTS[-1]), before).circuit
    monkeypatch.setattr(Twins, "merged", lambda found: layered(4))
    verdict = prove_equal(before, after)
    assert isinstance(verdict, NotProved) and verdict.reason == (
        "what engines would get was not found to be the circuits: one copy of equal gates is "
        "another circuit"
    )


def test_given_samples_join_the_test_vectors() -> None:
    one, other = rare_pair(30)
    verdict = prove_equal(one, other, samples=np.ones((1, 30), np.int64))
    assert isinstance(verdict, Refuted) and verdict.codes == (1,) * 30
    assert confirm(one, other, np.array(verdict.codes)) is not None
    assert confirm(one, other, np.zeros(30, np.int64)) is None


def test_circuits_of_other_interfaces_are_refused() -> None:
    one, other = layered(0), layered(0, inputs=41)
    with pytest.raises(InputError) as caught:
        prove_equal(one, other)
    assert str(caught.value) == (
        "the circuits have other inputs; only circuits of one interface compare"
    )
    with pytest.raises(InputError) as caught:
        prove_equal(one, replace(one, outputs=one.outputs[:-1]))
    assert str(caught.value) == (
        "the circuits have other outputs; only circuits of one interface compare"
    )


def test_circuits_without_gates_or_outputs_are_proved() -> None:
    b = Builder()
    b.input("x")
    assert isinstance(prove_equal(b.finish(), b.finish()), Proved)
    b.score("s", [], bias=3)
    assert isinstance(prove_equal(b.finish(readout="scores"), b.finish(readout="scores")), Proved)
