"""Graphs in files: the same circuit comes back, and networkx reads them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest

from lithify.backends import dot, svg
from lithify.ir import graph_files
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError
from lithify.ir.generate import random_circuit

READ: dict[str, tuple[Callable[[Circuit], bytes], Callable[[bytes, str], Circuit]]] = {
    "json": (graph_files.node_link, graph_files.read_node_link),
    "graphml": (graph_files.graphml, graph_files.read_graphml),
}


@pytest.mark.parametrize("kind", READ)
def test_the_same_circuit_comes_back(kind: str) -> None:
    write, read = READ[kind]
    for seed in range(20):
        circuit = random_circuit(np.random.default_rng(seed), odd_names=True)
        back = read(write(circuit), "file")
        assert (back, str(back)) == (circuit, str(circuit))


def test_networkx_reads_them() -> None:
    circuit = random_circuit(np.random.default_rng(1))
    plain = nx.node_link_graph(json.loads(graph_files.node_link(circuit)), edges="edges")
    marked = nx.read_graphml(io.BytesIO(graph_files.graphml(circuit)))
    assert plain.number_of_nodes() == marked.number_of_nodes() == circuit.num_signals
    assert plain.number_of_edges() == marked.number_of_edges() > 0


def test_a_graph_of_somebody_else() -> None:
    graph = nx.DiGraph(outputs={"carry": "c"})
    graph.add_node("c", kind="threshold", threshold=2)
    for name in "xyz":
        graph.add_node(name, kind="input")
        graph.add_edge(name, "c")
    data = json.dumps(nx.node_link_data(graph, edges="links")).encode()
    assert str(graph_files.read_node_link(data, "file")).splitlines()[4:] == [
        "%5 = x + y + z >= 2", "output carry : bit = %5", "readout bits",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("json", b"{", "f: no circuit as node-link JSON (Expecting property name"),
        ("json", b'{"nodes": [{"id": 1}], "edges": []}', "f: node 1 has no attribute kind, which"),
        ("json", b'{"nodes": 7, "edges": []}', "f: no circuit as node-link JSON ("),
        (
            "graphml",
            b"<?xml version='1.0' encoding='utff'?><graphml/>",
            "f: no circuit as GraphML (unknown encoding: utff)",
        ),
        ("graphml", b"<graphml/>", "f: no circuit as GraphML ("),
        ("graphml", b"<!DOCTYPE a><graphml/>", "f: no circuit as GraphML (it declares entities)"),
    ],
)
def test_what_is_no_graph_of_a_circuit(kind: str, data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        READ[kind][1](data, "f")
    assert str(caught.value).startswith(message)


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_files, "MOST_SIGNALS", 10)
    monkeypatch.setattr(graph_files, "MOST_BYTES", 3)
    with pytest.raises(InputError) as caught:
        graph_files.node_link(random_circuit(np.random.default_rng(1)))
    assert str(caught.value).endswith(
        "signals; files of at most 10 are written: a binary circuit (.npz) holds any number"
    )
    with pytest.raises(FormatError) as refused:
        graph_files.read_graphml(b"<graphml/>", "f")
    assert str(refused.value) == "f: 10 bytes of GraphML; at most 3"


def texts(drawing: bytes) -> list[str]:
    """What is written in a drawing."""
    root = ElementTree.fromstring(drawing)
    return [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_drawing() -> None:
    b = Builder()
    x = b.input("x<", count=3, kind="bit").ravel().tolist()
    both = b.and_(x[0], x[1])
    b.score("sum", [both, b.threshold(1, [x[1], x[2]], [2, -1])], [1, -3])
    circuit = b.finish(readout="scores")
    drawing = svg.write(circuit)
    assert sorted(texts(drawing)) == sorted(
        ["2", "-1", "-3", '"x<"[0]', '"x<"[1]', '"x<"[2]', "and", ">= 1", "sum"]
    )
    assert drawing.count(b"<path ") == dot.write(circuit).count(b"->") == 6


@pytest.mark.parametrize("draw", [svg.write, dot.write])
def test_too_large_a_drawing(draw: Any) -> None:
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", count=2).ravel()
    made = builder.tables(np.full(3000, 8), np.broadcast_to(x, (3000, 2)))
    builder.output("y", made)
    with pytest.raises(InputError, match="a drawing of 3000 gates shows nothing; at most "):
        draw(builder.finish())
