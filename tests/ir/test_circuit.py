"""A circuit is a value: frozen, comparable, hashable, with levels, parts and live gates."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given

from lithify.ir.builder import Builder
from lithify.ir.circuit import ARRAYS, Circuit
from lithify.ir.errors import InputError
from lithify.ir.origin import Origin
from lithify.ir.ports import Port, Score, Word, element_names, full_range


def small() -> Circuit:
    builder = Builder(fold=False)
    x = builder.input("x", count=3, kind="bit").ravel()
    with builder.origin("layers.0", "core"):
        y = builder.tables([6, 8], [x[:2], x[1:]])
    dead = builder.xor(int(y[0]), int(y[1]))
    builder.threshold(2, [int(dead), int(y[0])], [1, 1])
    builder.output("y", [y[0]])
    builder.score("s", [y[0], x[2]], [2, 1], bias=1)
    return builder.finish(readout="scores")


def test_a_circuit_cannot_be_changed() -> None:
    circuit = small()
    with pytest.raises(FrozenInstanceError):
        circuit.readout = "bits"  # type: ignore[misc]
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(circuit, name)[...] = 0
    for array in (circuit.words[0].signals, circuit.scores[0].weights, circuit.levels()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_circuit_keeps_no_array_of_its_maker() -> None:
    fanins = np.array([2, 3], np.int32)
    signals = np.array([[2]], np.int32)
    circuit = replace(
        Builder().finish(),
        inputs=(Port("x", count=2),),
        outputs=(Word("w", signals),),
        kinds=np.zeros(1, np.uint8),
        tables=np.array([6], np.uint64),
        offsets=np.array([0, 2]),
        fanins=fanins,
        origin_of=np.array([-1], np.int32),
        unit_of=np.zeros(1, np.int32),
    )
    fanins[:] = 0
    signals[:] = 0
    assert circuit.gate_fanins(0) == [2, 3] and circuit.words[0].signals.tolist() == [[2]]


@given(circuits(most_gates=30))
def test_equal_circuits_have_equal_hashes_and_digests(circuit: Circuit) -> None:
    same = replace(circuit, fanins=circuit.fanins.copy())
    assert same == circuit and hash(same) == hash(circuit) and same.digest == circuit.digest


CHANGES: list[dict[str, Any]] = [
    {"inputs": (Port("y", count=3, kind="bit"),)},
    {"inputs": (Port("x", count=3),)},
    {"readout": "argmax"},
    {"origins": (Origin("layers.1", "core"),)},
    {"origins": (Origin("layers.0"),)},
    {"outputs": ()},
    {"outputs": small().outputs[::-1]},
    {"tables": [6, 8, 6, 3]},
    {"fanins": [2, 3, 3, 4, 5, 6, 7, 6]},
    {"weights": [1, 1, 1, 1, 1, 1, 1, 2]},
    {"origin_of": [0, 0, -1, 0]},
    {"unit_of": [0, 1, 0, 1]},
    {"kinds": [0, 0, 0, 0]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_another_circuit(change: dict[str, Any]) -> None:
    other = replace(small(), **change)
    assert other != small() and other.digest != small().digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Word("w", np.array([[1, 2]])), Word("w", np.array([[1], [2]]))),
        (Word("w", np.array([[1]])), Word("v", np.array([[1]]))),
        (Word("w", np.array([[1]])), Word("w", np.array([[1]]), "int")),
        (Word("w", np.array([[1]])), Score("w", 0, np.array([1]), np.array([1]))),
        (Score("w", 0, np.array([1]), np.array([1])), Score("w", 1, np.array([1]), np.array([1]))),
        (Score("w", 0, np.array([1]), np.array([1])), Score("w", 0, np.array([1]), np.array([2]))),
        (Score("w", 0, np.array([1]), np.array([1])), Score("w", 0, np.array([2]), np.array([1]))),
    ],
)
def test_outputs_that_differ_make_circuits_that_differ(one: Any, other: Any) -> None:
    circuits_of = [replace(small(), outputs=(output,)) for output in (one, other)]
    assert one != other and circuits_of[0] != circuits_of[1]
    assert circuits_of[0].digest != circuits_of[1].digest
    assert one == replace(one) and hash(one) == hash(replace(one))


def test_a_circuit_is_no_string() -> None:
    assert small() != str(small())


def test_digests_are_the_same_in_every_process() -> None:
    script = (
        "import numpy as np\n"
        "from lithify.ir.generate import random_circuit\n"
        "print(random_circuit(np.random.default_rng(0)).digest)\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_the_summary() -> None:
    expected = "<Circuit: 3 input bits, 4 gates, 1 words, 1 scores, readout scores>"
    assert repr(small()) == expected


def test_numbers_of_a_circuit() -> None:
    circuit = small()
    assert (circuit.num_input_bits, circuit.elements, circuit.first_gate) == (3, 3, 5)
    assert (circuit.num_gates, circuit.num_signals) == (4, 9)
    assert circuit.levels().tolist() == [0, 0, 0, 0, 0, 1, 1, 2, 3]
    assert circuit.depth == 1
    assert circuit.live().tolist() == [True, False, False, False]
    assert circuit.output_signals.tolist() == [4, 5]
    assert circuit.size_by_part() == {"encoder": 0, "core": 2, "head": 0, "": 2}
    assert circuit.full_weights().tolist() == [1] * 8 and not circuit.weights.size


def test_a_circuit_without_outputs_has_no_depth() -> None:
    circuit = replace(small(), outputs=(), readout="bits")
    assert circuit.depth == 0 and not circuit.live().any()


@given(circuits(most_gates=40))
def test_levels_and_live_gates_are_those_of_the_graph(circuit: Circuit) -> None:
    graph = circuit.graph
    levels = [0] * circuit.num_signals
    for gate in range(circuit.num_gates):
        fanins = circuit.gate_fanins(gate)
        levels[circuit.first_gate + gate] = 1 + max((levels[s] for s in fanins), default=0)
    assert circuit.levels().tolist() == levels
    outputs = set(circuit.output_signals.tolist())
    alive = outputs.union(*(nx.ancestors(graph, signal) for signal in outputs))
    expected = [signal in alive for signal in range(circuit.first_gate, circuit.num_signals)]
    assert circuit.live().tolist() == expected
    assert sum(circuit.size_by_part().values()) == circuit.num_gates


def test_every_field_is_compared() -> None:
    assert {field.name for field in fields(Circuit)} >= set(ARRAYS)


# Ports and outputs.


@pytest.mark.parametrize(
    ("width", "kind", "expected"),
    [(1, "bit", (0, 1)), (5, "uint", (0, 31)), (5, "int", (-16, 15)), (1, "int", (-1, 0))],
)
def test_the_full_range(width: int, kind: str, expected: tuple[int, int]) -> None:
    assert full_range(width, kind) == expected == Port("x", width, 1, kind).bounds


def test_a_port_resolves_its_bounds_one_by_one() -> None:
    assert Port("x", 4, low=3).bounds == (3, 15)
    assert Port("x", 4, high=3).bounds == (0, 3)
    assert Port("x", 4) == Port("x", 4, low=0, high=15)
    assert Port("x", 4, 3).bits == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "float"}, "port x: kind 'float' is none of bit, uint, int"),
        (
            {"width": 0},
            "port x: 1 elements of 0 bits; a uint port has at least one element of 1 to 62 bits",
        ),
        (
            {"width": 2, "kind": "bit"},
            "port x: 1 elements of 2 bits; a bit port has at least one element of 1 to 1 bits",
        ),
        (
            {"count": 0},
            "port x: 0 elements of 1 bits; a uint port has at least one element of 1 to 62 bits",
        ),
        (
            {"low": -1},
            "port x: the range -1..1 does not lie in 0..1, which is what 1 bits hold",
        ),
        (
            {"width": 3, "low": 4, "high": 3},
            "port x: the range 4..3 does not lie in 0..7, which is what 3 bits hold",
        ),
    ],
)
def test_ports_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Port("x", **arguments)
    assert str(caught.value) == message


def test_names_of_elements() -> None:
    assert list(element_names(Port("x", 4))) == ["x"]
    assert list(element_names(Port("x", 4, 2))) == ["x[0]", "x[1]"]


def test_the_range_of_a_score() -> None:
    score = Score("s", 5, np.array([2, 3, 4]), np.array([2**31 - 1, -4, 2**31 - 1]))
    assert score.range() == (1, 5 + 2 * (2**31 - 1))


def test_words_and_scores_of_a_wrong_shape() -> None:
    with pytest.raises(InputError) as caught:
        Word("w", np.array([1, 2]))
    assert str(caught.value) == (
        "output w: needs a kind of bit, uint, int and [count, width] signals"
    )
    with pytest.raises(InputError) as caught:
        Score("s", 0, np.array([1, 2]), np.array([1]))
    assert str(caught.value) == (
        "score s: (2,) signals against (1,) weights; both are lists of one length"
    )


def test_an_origin_of_an_unknown_part() -> None:
    with pytest.raises(InputError) as caught:
        Origin("layers.0", "tail")
    assert str(caught.value) == "origin layers.0: part 'tail' is none of encoder, core, head"
    assert Origin("a") < Origin("b") and Origin("a") == Origin("a", "")
