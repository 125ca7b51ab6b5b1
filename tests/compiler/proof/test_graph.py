"""Graphs that lose a rare gate, or files that are other graphs, end no proof."""

from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings

from lithify.backends.aiger import Aig, to_aig, write_aig
from lithify.compiler.proof import equivalence
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.forms import Gap
from lithify.compiler.proof.graph import check_file, check_graph
from lithify.compiler.proof.verdict import NotProved, Refuted
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.simulate import random_codes


def chain(inverted: bool) -> Circuit:
    """The first input, or it and not all forty: they differ on one pattern."""
    b = Builder(fold=False, hash=False)
    x = b.input("x", count=40).ravel().tolist()
    every = x[0]
    for signal in x[1:]:
        every = b.table(0b1000, every, signal)
    b.output("o", [b.table(0b0010 if inverted else 0b1010, x[0], every)])
    return b.finish()


def test_a_graph_that_loses_a_rare_gate_on_both_sides_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(circuit: Circuit) -> Aig:
        graph = to_aig(circuit)
        literals = graph.literal_of.copy()
        roots = [circuit.num_signals - 1, circuit.first_gate + 39]
        literals[roots] = 2  # the first input
        return replace(graph, literal_of=literals)

    # The ends of the ranges are always test vectors: take them away.
    monkeypatch.setattr(
        equivalence, "vectors_for", lambda c, n, rng, s=None: random_codes(c, n, rng)
    )
    assert isinstance(prove_equal(chain(False), chain(True)), Refuted)
    monkeypatch.setattr(equivalence, "to_aig", wrong)
    verdict = prove_equal(chain(False), chain(True))
    assert isinstance(verdict, NotProved)
    assert verdict.reason == (
        "what engines would get was not found to be the circuits: "
        "the ANDs of gate 79 are another function"
    )


@settings(max_examples=60, deadline=None)
@given(circuits(most_gates=60))
def test_every_graph_is_found_right_and_its_file_too(circuit: Circuit) -> None:
    netlist = expand(circuit)
    graph = to_aig(netlist.circuit)
    check_graph(circuit, netlist, graph)
    data = write_aig(graph, graph.literal_of, (), ())
    check_file(data, graph, graph.literal_of)
    with pytest.raises(Gap):
        check_file(data, graph, graph.literal_of ^ np.int32(1))
    if len(graph.ands):
        other = replace(graph, ands=graph.ands[:-1])
        with pytest.raises(Gap):
            check_file(data, other, graph.literal_of)
