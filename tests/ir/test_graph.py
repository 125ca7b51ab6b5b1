"""The networkx view is a live, read-only DiGraph that agrees with an ordinary one."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st

from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.generate import random_circuit, random_layered
from lithify.ir.origin import Origin
from lithify.ir.ports import Port


def plain_graph(circuit: Circuit) -> nx.DiGraph:
    """The same graph made by ordinary calls."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(circuit.num_signals))
    weights = circuit.full_weights()
    for gate in range(circuit.num_gates):
        target = circuit.first_gate + gate
        for pin in range(circuit.offsets[gate], circuit.offsets[gate + 1]):
            source, weight = int(circuit.fanins[pin]), int(weights[pin])
            if graph.has_edge(source, target) and circuit.kinds[gate] == 1:
                weight += graph.edges[source, target]["weight"]
            graph.add_edge(source, target, weight=weight)
    return graph


def layered() -> Circuit:
    return random_layered(np.random.default_rng(1), inputs=40, layers=[60] * 5, classes=3)


@given(circuits(most_gates=50))
def test_nodes_edges_and_weights_are_those_of_an_ordinary_graph(circuit: Circuit) -> None:
    view, plain = circuit.graph, plain_graph(circuit)
    assert list(view) == list(plain) and len(view) == circuit.num_signals
    assert sorted(view.edges(data="weight")) == sorted(plain.edges(data="weight"))
    assert view.number_of_edges() == plain.number_of_edges()
    for node in plain:
        assert list(view.pred[node].items()) == list(plain.pred[node].items())
        assert list(view.succ[node].items()) == list(plain.succ[node].items())
        assert (view.in_degree(node), view.out_degree(node)) == (
            plain.in_degree(node),
            plain.out_degree(node),
        )


ALGORITHMS: list[Callable[[nx.DiGraph], object]] = [
    lambda g: list(nx.topological_sort(g)),
    lambda g: [sorted(generation) for generation in nx.topological_generations(g)],
    lambda g: list(nx.lexicographical_topological_sort(g)),
    nx.is_directed_acyclic_graph,
    nx.dag_longest_path_length,
    lambda g: len(nx.dag_longest_path(g, weight=None)),
    lambda g: [sorted(nx.ancestors(g, n)) for n in list(g)[-9:]],
    lambda g: [sorted(nx.descendants(g, n)) for n in list(g)[2:9]],
    lambda g: sorted(map(sorted, nx.weakly_connected_components(g))),
    nx.number_strongly_connected_components,
    lambda g: nx.single_source_shortest_path_length(g, 2),
    lambda g: sorted(nx.transitive_closure_dag(g).edges),
    lambda g: sorted(nx.transitive_reduction(g).edges),
    lambda g: nx.immediate_dominators(g.reverse(), len(g) - 1),
    lambda g: list(nx.dfs_postorder_nodes(g, 3)),
    lambda g: list(nx.bfs_edges(g, 3)),
    lambda g: nx.to_numpy_array(g).tolist(),
    lambda g: sorted(g.reverse(copy=False).edges),
    lambda g: sorted(g.subgraph(list(g)[::2]).edges(data=True)),
    lambda g: sorted(g.subgraph(list(g)[::2]).copy().edges),
    lambda g: sorted(g.to_undirected().edges),
    lambda g: sorted(nx.compose(g, nx.DiGraph([(0, 1)])).edges),
    lambda g: sorted(nx.relabel_nodes(g, lambda n: -n).edges),
    lambda g: g.size(weight="weight"),
    lambda g: sorted(dict(g.degree).items()),
    lambda g: (5 in g, -1 in g, "x" in g, 5.5 in g, len(g) in g),
    lambda g: (g.has_edge(0, 1), g.has_edge(2, 99999), g.has_node(3)),
]


@pytest.mark.parametrize("number", range(len(ALGORITHMS)))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_algorithms_give_what_they_give_on_an_ordinary_graph(number: int, seed: int) -> None:
    circuit = layered() if seed == 0 else random_circuit(np.random.default_rng(seed), gates=80)
    algorithm = ALGORITHMS[number]
    assert algorithm(circuit.graph) == algorithm(plain_graph(circuit))


def test_levels_are_longest_paths() -> None:
    circuit = layered()
    generations = nx.topological_generations(circuit.graph.subgraph(range(2, circuit.num_signals)))
    levels = {node: level for level, nodes in enumerate(generations) for node in nodes}
    assert [levels[s] for s in range(2, circuit.num_signals)] == circuit.levels()[2:].tolist()


def small() -> Circuit:
    builder = Builder(fold=False)
    x = builder.input("x", width=2, count=2, high=2).ravel()
    a = builder.input("a", kind="bit").ravel()
    with builder.origin("layers.0", "core"):
        t = builder.tables([6], [[x[3], x[1]]], units=[4])
    h = builder.threshold(-2, [t[0], a[0], a[0], 1], [1, -2, -3, 1])
    builder.output("y", [[t[0], h]], kind="int")
    builder.score("s", [h, t[0]], [4, -1], bias=7)
    return builder.finish(readout="scores")


def test_attributes_of_every_kind_of_node() -> None:
    nodes = small().graph.nodes
    assert nodes[0] == {"kind": "constant", "table": 0, "name": "%0"}
    assert nodes[1] == {"kind": "constant", "table": 1, "name": "%1"}
    assert nodes[3] == {"kind": "input", "name": "x[0].1"}
    assert nodes[6] == {"kind": "input", "name": "a"}
    assert nodes[7] == {
        "kind": "table",
        "table": 6,
        "name": "%7",
        "fanins": (5, 3),
        "origin": Origin("layers.0", "core"),
        "unit": 4,
    }
    assert nodes[8] == {
        "kind": "threshold",
        "threshold": -2,
        "name": "%8",
        "fanins": (7, 6, 6, 1),
        "weights": (1, -2, -3, 1),
        "origin": None,
        "unit": 0,
    }


def test_attributes_of_edges_and_graph() -> None:
    graph = small().graph
    assert graph.edges[6, 8] == {"weight": -5}
    assert graph.edges[3, 7] == {"weight": 1}
    assert dict(graph.graph) == {
        "inputs": (Port("x", 2, 2, "uint", 0, 2), Port("a", kind="bit")),
        "outputs": (
            {"name": "y", "kind": "int", "width": 2, "nodes": (7, 8)},
            {"name": "s", "kind": "score", "bias": 7, "nodes": (8, 7), "weights": (4, -1)},
        ),
        "readout": "scores",
        "origins": (Origin("layers.0", "core"),),
    }


def test_thresholds_without_weights_have_ones() -> None:
    builder = Builder(fold=False)
    x = builder.input("x", count=7, kind="bit").ravel()
    builder.majority(*x)
    assert builder.finish().graph.nodes[9]["weights"] == (1,) * 7


@pytest.mark.parametrize(
    "change",
    [
        lambda g: g.add_node(99),
        lambda g: g.add_edge(2, 3),
        lambda g: g.remove_node(3),
        lambda g: g.remove_edge(3, 7),
        lambda g: g.clear(),
        lambda g: g.nodes[7].update(table=3),
        lambda g: g.nodes[7].__setitem__("table", 3),
        lambda g: g.edges[3, 7].__setitem__("weight", 3),
        lambda g: g.edges[3, 7].pop("weight"),
        lambda g: g.graph.__setitem__("readout", "bits"),
        lambda g: g.graph.setdefault("more", 3),
        lambda g: nx.set_node_attributes(g, 3, "table"),
    ],
)
def test_the_view_refuses_every_change(change: Callable[[nx.DiGraph], object]) -> None:
    graph = small().graph
    with pytest.raises(nx.NetworkXError, match="^Frozen graph can't be modified$"):
        change(graph)
    assert Circuit.from_graph(nx.DiGraph(graph)) == small()


def test_a_circuit_has_one_view_and_stays_a_value() -> None:
    circuit = small()
    assert circuit.graph is circuit.graph
    assert circuit == small() and hash(circuit) == hash(small())
    assert pickle.loads(pickle.dumps(circuit)) == circuit
    assert copy.deepcopy(circuit) == circuit


def test_a_missing_node_is_an_error_as_ever() -> None:
    graph = small().graph
    for node in (-1, 9, "x", None):
        with pytest.raises(KeyError):
            graph.nodes[node]
        with pytest.raises(KeyError):
            graph.pred[node]


@pytest.mark.parametrize(
    "copied",
    [
        nx.DiGraph,
        lambda g: g.copy(),
        copy.deepcopy,
        lambda g: pickle.loads(pickle.dumps(nx.DiGraph(g))),
        lambda g: g.subgraph(list(g)).copy(),
        lambda g: g.reverse().reverse(),
    ],
)
def test_copies_are_ordinary_graphs_that_make_the_same_circuit(
    copied: Callable[[nx.DiGraph], nx.DiGraph],
) -> None:
    circuit = random_circuit(np.random.default_rng(8), gates=40, readout="argmax")
    graph = copied(circuit.graph)
    assert Circuit.from_graph(graph) == circuit


def test_a_copy_can_be_changed() -> None:
    graph = nx.DiGraph(small().graph)
    graph.nodes[7]["table"] = 9
    graph.add_edge(2, 9)
    graph.add_node(9, kind="table", table=1, fanins=(2,))
    graph.graph["outputs"] = {"y": 9, "z": [7, 2]}
    graph.graph["readout"] = "bits"
    assert str(Circuit.from_graph(graph)) == (
        "lithify circuit 1\n"
        "input x : uint2[2] in 0..2\n"
        "input a : bit\n"
        'origin @0 = "layers.0" core\n'
        "%7 = 0x9 x[1].1 x[0].1 @0.4\n"
        "%8 = %7 - 2*a - 3*a + %1 >= -2\n"
        "%9 = 0x1 x[0].0\n"
        "output y : bit = %9\n"
        "output z : bit[2] = %7 x[0].0\n"
        "readout bits\n"
    )


@given(circuits(most_gates=50, odd_names=True))
def test_circuit_to_graph_and_back(circuit: Circuit) -> None:
    assert Circuit.from_graph(circuit.graph) is circuit
    assert Circuit.from_graph(nx.DiGraph(circuit.graph)) == circuit


@given(circuits(most_gates=30), st.randoms(use_true_random=False))
def test_names_and_order_of_the_nodes_are_free(circuit: Circuit, random: Any) -> None:
    names: dict[int, object] = {
        n: random.choice([f"n{n}", (n, "x"), -n - 1]) for n in circuit.graph
    }
    order = list(circuit.graph)
    random.shuffle(order)
    graph = nx.DiGraph(**dict(circuit.graph.graph))
    for n in order:
        attributes = dict(circuit.graph.nodes[n])
        if "fanins" in attributes:
            attributes["fanins"] = [names[pin] for pin in attributes["fanins"]]
        graph.add_node(names[n], **attributes)
    graph.add_edges_from((names[u], names[v]) for u, v in circuit.graph.edges)
    graph.graph["outputs"] = [
        dict(one, nodes=[names[node] for node in one["nodes"]])
        for one in circuit.graph.graph["outputs"]
    ]
    made = Circuit.from_graph(graph)
    assert made.inputs == circuit.inputs and made.num_gates == circuit.num_gates
    from lithify.ir.simulate import random_codes, run

    codes = random_codes(circuit, 30, np.random.default_rng(0))
    ours, theirs = run(circuit, codes), run(made, codes)
    assert np.array_equal(ours.scores, theirs.scores)
    for name, values in ours.words.items():
        assert np.array_equal(values, theirs.words[name])


def test_the_view_of_a_large_net_is_quick_and_small() -> None:
    circuit = random_layered(np.random.default_rng(0), layers=[20_000] * 5)
    graph = circuit.graph
    assert len(list(nx.topological_sort(graph))) == circuit.num_signals
    assert nx.is_directed_acyclic_graph(graph)
