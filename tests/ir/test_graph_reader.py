"""Any DiGraph with the documented attributes makes a circuit; what is wrong with others is told."""

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest

from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.origin import Origin
from lithify.ir.ports import Port


def adder() -> nx.DiGraph:
    """A full adder as a person would write it, gates before what they read."""
    graph = nx.DiGraph(outputs={"sum": "s", "carry": "c"})
    graph.add_node("c", kind="threshold", threshold=2)
    graph.add_node("s", kind="table", table=0x96)
    for name in ("x", "y", "z"):
        graph.add_node(name, kind="input")
        graph.add_edge(name, "s")
        graph.add_edge(name, "c")
    return graph


def test_a_graph_made_by_hand() -> None:
    assert str(Circuit.from_graph(adder())) == (
        "lithify circuit 1\n"
        "input x : bit\n"
        "input y : bit\n"
        "input z : bit\n"
        "%5 = x + y + z >= 2\n"
        "%6 = 0x96 x y z\n"
        "output sum : bit = %6\n"
        "output carry : bit = %5\n"
        "readout bits\n"
    )


def test_everything_a_graph_may_say() -> None:
    port = Port("x", width=2, high=2)
    outputs = [
        {"name": "w", "kind": "uint", "width": 2, "nodes": ["g", "h", "one", "g"]},
        {"name": "b", "nodes": ["g", "h"]},
        {"name": "i", "kind": "int", "nodes": ["g", "h"]},
        {"name": "s", "kind": "score", "nodes": ["g"], "weights": [-3], "bias": 2},
        {"name": "t", "kind": "score", "nodes": ["g", "h"]},
    ]
    graph = nx.DiGraph(inputs=[port], outputs=outputs, readout="argmax", origins=[Origin("o")])
    graph.add_node("one", kind="constant", table=1)
    graph.add_node("b1", kind="input", name="x.1")
    graph.add_node("h", kind="threshold", threshold=np.int64(-1), fanins=["g", "b1"], unit=3)
    graph.add_node("g", kind="table", table=np.uint8(2), fanins=["b1", "one"],
                   origin=Origin("p", "head"))  # fmt: skip
    graph.add_edges_from([("one", "g"), ("b1", "g"), ("b1", "h")])
    graph.add_edge("g", "h", weight=-4)
    assert str(Circuit.from_graph(graph)) == (
        "lithify circuit 1\n"
        "input x : uint2 in 0..2\n"
        'origin @0 = "o"\n'
        'origin @1 = "p" head\n'
        "%4 = 0x2 x.1 %1 @1\n"
        "%5 = - 4*%4 + x.1 >= -1 @.3\n"
        "output w : uint2[2] = %4 %5 %1 %4\n"
        "output b : bit[2] = %4 %5\n"
        "output i : int2 = %4 %5\n"
        "score s = 2 - 3*%4\n"
        "score t = %4 + %5\n"
        "readout argmax\n"
    )


def change(**attributes: dict[str, Any]) -> Callable[[nx.DiGraph], None]:
    """A change of attributes of nodes."""

    def apply(graph: nx.DiGraph) -> None:
        for node, values in attributes.items():
            graph.nodes[node].update(values)

    return apply


def drop(node: str, name: str) -> Callable[[nx.DiGraph], object]:
    return lambda graph: graph.nodes[node].pop(name)


def edges(*pairs: tuple[str, str], **attributes: Any) -> Callable[[nx.DiGraph], None]:
    return lambda graph: graph.add_edges_from(pairs, **attributes)


def says(**attributes: Any) -> Callable[[nx.DiGraph], None]:
    """A change of attributes of the graph."""
    return lambda graph: graph.graph.update(attributes)


ERRORS: list[tuple[Callable[[nx.DiGraph], object], str]] = [
    (edges(("s", "c"), ("c", "s")),
     "the graph has a cycle: 'c' -> 's' -> 'c'; a circuit has none"),
    (edges(("s", "s")), "the graph has a cycle: 's' -> 's'; a circuit has none"),
    (drop("s", "kind"),
     "node 's' has no attribute kind, which is one of constant, input, table, threshold"),
    (edges(("new", "s")),
     "node 'new' has no attribute kind, which is one of constant, input, table, threshold"),
    (change(s={"kind": "xor"}),
     "node 's': kind 'xor' is none of constant, input, table, threshold"),
    (drop("s", "table"),
     "node 's' has no attribute table, whose bit i is the output for input pattern i"),
    (drop("c", "threshold"), "node 'c' has no attribute threshold, "
     "the bound that the weighted sum of its fan-ins reaches"),
    (change(s={"table": 256 + 0x96}),
     "node 's': table 0x196 does not fit 3 fan-ins, which take 8 bits"),
    (change(s={"table": "0x96"}),
     f"node 's': table '0x96' is no integer from 0 to {2**64 - 1}"),
    (change(s={"table": -1}), f"node 's': table -1 is no integer from 0 to {2**64 - 1}"),
    (change(s={"table": 0x02}), "node 's' has no attribute fanins, "
     "the list of its fan-ins from first to last, on whose order its table depends"),
    (change(s={"fanins": ["x", "y", "w"]}), "node 's': fan-in 'w' has no edge to it"),
    (change(s={"fanins": ["x", "y"]}), "node 's': its fanins leave out 'z'"),
    (change(s={"fanins": ["x", "y", "z"] * 3}),
     "node 's': a table of 9 fan-ins; at most 6"),
    (change(c={"threshold": 1.5}),
     f"node 'c': threshold 1.5 is no integer from {-(2**61)} to {2**61}"),
    (edges(("x", "c"), weight=0), "node 'c': weight 0 of fan-in 'x' is no integer "
     "from 1 to 2^31 - 1 or its negative"),
    (edges(("x", "c"), weight=0.5), "node 'c': weight 0.5 of fan-in 'x' is no integer "
     "from 1 to 2^31 - 1 or its negative"),
    (edges(("x", "c"), weight=2**31), f"node 'c': weight {2**31} of fan-in 'x' is no integer "
     "from 1 to 2^31 - 1 or its negative"),
    (change(c={"weights": [1, 2]}), "node 'c': 2 weights for 3 fan-ins"),
    (change(c={"fanins": ["x", "y", "z", "z"]}), "node 'c' reads a fan-in twice and has no "
     "attribute weights, one for each of its fanins"),
    (change(s={"origin": "layers.0"}),
     "node 's': origin 'layers.0' is no lithify.ir.origin.Origin"),
    (change(s={"unit": -1}), f"node 's': unit -1 is no integer from 0 to {2**31 - 1}"),
    (edges(("s", "x")), "node 'x' is of kind input and has an edge from 's'"),
    (change(x={"kind": "constant", "table": 2}), "node 'x': table 2 is no integer from 0 to 1"),
    (change(x={"name": "y"}), "nodes 'x' and 'y' are both input y"),
    (says(inputs=[Port("x"), Port("y")]), "node 'z': no input of the graph has a bit z"),
    (says(inputs=["x", "y", "z"]), "the attribute inputs of the graph holds something but Ports"),
    (says(origins=["layers.0"]),
     "the attribute origins of the graph 'layers.0' is no lithify.ir.origin.Origin"),
    (lambda g: g.graph.pop("outputs"), "the graph has no attribute outputs; "
     "for example graph.graph['outputs'] = {'sum': 's'} names node 's'"),
    (says(outputs={"sum": "t"}), "output sum: there is no node 't'"),
    (says(outputs={"sum": ["s", "t"]}), "output sum: there is no node 't'"),
    (says(outputs=[{"nodes": ["s"]}]), "output {'nodes': ['s']} of the graph has no name"),
    (says(outputs=[{"name": "sum"}]), "output 'sum' of the graph has no nodes"),
    (says(outputs=[{"name": "sum", "kind": "uint", "width": 2, "nodes": ["s"]}]),
     "output sum: 1 nodes are no integers of 2 bits"),
    (says(outputs=[{"name": "sum", "kind": "word", "nodes": ["s"]}]),
     "output sum: needs a kind of bit, uint, int and [count, width] signals"),
    (says(outputs=[{"name": "sum", "nodes": ["s"]}] * 2),
     "the graph makes no sound circuit: two outputs are called sum"),
    (says(readout="best"), "readout 'best' is none of bits, scores, argmax"),
    (says(readout="argmax"),
     "the graph makes no sound circuit: readout argmax: there is no score to read"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), ERRORS)
def test_what_is_wrong_is_told(damage: Callable[[nx.DiGraph], object], message: str) -> None:
    graph = adder()
    damage(graph)
    with pytest.raises(InputError) as caught:
        Circuit.from_graph(graph)
    assert str(caught.value) == message


@pytest.mark.parametrize("make", [nx.Graph, nx.MultiDiGraph])
def test_other_graphs_are_refused(make: type[nx.Graph]) -> None:
    with pytest.raises(InputError) as caught:
        Circuit.from_graph(make())
    assert str(caught.value) == (
        f"a circuit is a networkx.DiGraph, not a {make.__name__}: "
        "edges go from a fan-in to its gate, at most one between two nodes"
    )


def test_a_long_cycle_is_followed_to_its_nodes() -> None:
    graph = nx.DiGraph(outputs={})
    graph.add_nodes_from(range(1000), kind="table", table=2)
    graph.add_edges_from((i, i + 1) for i in range(999))
    graph.add_edge(502, 500)
    with pytest.raises(InputError) as caught:
        Circuit.from_graph(graph)
    assert str(caught.value) == (
        "the graph has a cycle: 500 -> 501 -> 502 -> 500; a circuit has none"
    )


def test_output_nodes_may_be_tuples() -> None:
    graph = nx.DiGraph(outputs={"y": ("a", 1)})
    graph.add_node(("a", 1), kind="input", name="a")
    assert "output y : bit = a\n" in str(Circuit.from_graph(graph))


def test_declared_inputs_cannot_ask_for_memory() -> None:
    graph = nx.DiGraph(inputs=(Port("x", count=1 << 40),), outputs={"y": "x[0]"})
    graph.add_node("x[0]", kind="input")
    with pytest.raises(InputError) as caught:
        Circuit.from_graph(graph)
    assert str(caught.value) == (
        "the inputs of the graph have 1099511627776 bits, of which 1 are nodes; at most 1048576 "
        "may be none"
    )
