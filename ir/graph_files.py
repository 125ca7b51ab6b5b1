"""Circuits as networkx graphs in files: node-link JSON and GraphML, without pickle.

The graphs have the attributes that docs/ir.md lists, in words that both formats hold: tables are
texts such as `0x8`, an origin is its path and part, ports and outputs are mappings. GraphML has no
lists and mappings; they are JSON texts there.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Hashable
from typing import Any, cast
from xml.etree.ElementTree import ParseError as XmlError

import networkx as nx

from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError
from lithify.ir.graph import from_graph
from lithify.ir.origin import Origin
from lithify.ir.ports import Port, Score

MOST_SIGNALS = 200_000
MOST_BYTES = 1 << 26
TROUBLE = (
    AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError,
    UserWarning, nx.NetworkXException, XmlError,
)  # fmt: skip
NODE_LISTS, GRAPH_LISTS = ("fanins", "weights", "origin"), ("inputs", "outputs", "origins")
Plain = dict[str, Any]


def node_link(circuit: Circuit) -> bytes:
    """The circuit as JSON of nodes and edges, as `networkx.node_link_graph` reads it."""
    data = nx.node_link_data(_plain(circuit, int), edges="edges")
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def graphml(circuit: Circuit) -> bytes:
    """The circuit as GraphML, as `networkx.read_graphml` reads it."""
    graph = _plain(circuit, str)
    for attributes, names in [(graph.graph, GRAPH_LISTS)] + [
        (node, NODE_LISTS) for _, node in graph.nodes(data=True)
    ]:
        for name in names:
            if name in attributes:
                attributes[name] = json.dumps(attributes[name])
    stream = io.BytesIO()
    nx.write_graphml_xml(graph, stream, encoding="utf-8", prettyprint=False)
    return stream.getvalue() + b"\n"


def read_node_link(data: bytes, filename: str) -> Circuit:
    """The circuit of a graph in JSON; FormatError for what is none."""

    def parse() -> nx.DiGraph:
        plain = json.loads(data)
        edges = "edges" if "edges" in plain else "links"
        return nx.node_link_graph(plain, directed=True, multigraph=False, edges=edges)

    return _read(data, filename, "node-link JSON", parse, int)


def read_graphml(data: bytes, filename: str) -> Circuit:
    """The circuit of a graph in GraphML; FormatError for what is none."""

    def parse() -> nx.DiGraph:
        if b"<!" in data.replace(b"<!--", b""):
            raise ValueError("it declares entities")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what networkx guesses at is refused
            graph = nx.read_graphml(io.BytesIO(data))
        for attributes, names in [(graph.graph, GRAPH_LISTS)] + [
            (node, NODE_LISTS) for _, node in graph.nodes(data=True)
        ]:
            for name in names:
                if name in attributes:
                    attributes[name] = json.loads(attributes[name])
        return graph

    return _read(data, filename, "GraphML", parse, str)


def _plain(circuit: Circuit, name: Callable[[int], Hashable]) -> nx.DiGraph:
    """A graph whose attributes are numbers, texts, lists and mappings."""
    if circuit.num_signals > MOST_SIGNALS:
        raise InputError(
            f"a graph of {circuit.num_signals:,} signals; files of at most {MOST_SIGNALS:,} are "
            "written: a binary circuit (.npz) holds any number"
        )
    view, graph = circuit.graph, nx.DiGraph()
    graph.graph = {
        "inputs": [
            {"name": p.name, "width": p.width, "count": p.count, "kind": p.kind}
            | {"low": p.low, "high": p.high}
            | ({"pattern": p.pattern} if p.pattern != "any" else {})
            for p in circuit.inputs
        ],
        "outputs": [_output(one, name) for one in circuit.outputs],
        "readout": circuit.readout,
        "origins": [[origin.path, origin.part] for origin in circuit.origins],
    }
    for node, attributes in view.nodes(data=True):
        plain = dict(attributes)
        if "fanins" in plain:
            plain["fanins"] = [name(pin) for pin in plain["fanins"]]
        if "weights" in plain:
            plain["weights"] = list(plain["weights"])
        if plain["kind"] == "table":
            plain["table"] = hex(plain["table"])
        origin = plain.pop("origin", None)
        if origin is not None:
            plain["origin"] = [origin.path, origin.part]
        graph.add_node(name(node), **plain)
    for source, target, weight in view.edges(data="weight"):
        graph.add_edge(name(source), name(target), weight=weight)
    return graph


def _output(output: Any, name: Callable[[int], Hashable]) -> Plain:
    nodes = [name(signal) for signal in output.signals.ravel().tolist()]
    plain: Plain = {"name": output.name, "nodes": nodes}
    if isinstance(output, Score):
        return plain | {"kind": "score", "bias": output.bias, "weights": output.weights.tolist()}
    return plain | {"kind": output.kind, "width": output.width}


def _read(
    data: bytes,
    filename: str,
    what: str,
    parse: Callable[[], nx.DiGraph],
    name: Callable[[Any], Hashable],
) -> Circuit:
    if len(data) > MOST_BYTES:
        raise FormatError(f"{filename}: {len(data):,} bytes of {what}; at most {MOST_BYTES:,}")
    try:
        graph = parse()
        _enrich(graph)
        return from_graph(graph)
    except InputError as error:
        raise FormatError(f"{filename}: {error}") from error
    except TROUBLE as error:
        detail = str(error)[:80] or type(error).__name__
        raise FormatError(f"{filename}: no circuit as {what} ({detail})") from error


def _enrich(graph: nx.DiGraph) -> None:
    """Put ports, origins and numbers where the graph has words for them."""
    whole = cast(Plain, graph.graph)
    if "inputs" in whole:
        whole["inputs"] = tuple(Port(**one) for one in whole["inputs"])
    whole["origins"] = tuple(Origin(*one) for one in whole.get("origins", ()))
    for output in whole.get("outputs", ()) if isinstance(whole.get("outputs"), list) else ():
        if output.get("kind") == "score" and not all(type(w) is int for w in output["weights"]):
            raise ValueError(f"the weights of {output['name']} are no integers")
    for _, attributes in graph.nodes(data=True):
        table = attributes.get("table")
        if isinstance(table, str):
            attributes["table"] = int(table, 16)
        if isinstance(attributes.get("origin"), list):
            attributes["origin"] = Origin(*attributes["origin"])
