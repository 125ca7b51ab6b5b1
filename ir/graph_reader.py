"""Reads a circuit from any directed graph whose nodes, edges and graph have the attributes."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from lithify.ir.check import check
from lithify.ir.circuit import (
    MOST_BOUND,
    MOST_FANINS,
    MOST_SIGNALS,
    MOST_WEIGHT,
    TABLE,
    THRESHOLD,
    Circuit,
)
from lithify.ir.errors import CheckError, InputError
from lithify.ir.origin import Origin
from lithify.ir.ports import Output, Port, Score, Word
from lithify.ir.rows import WORD, GateRows
from lithify.ir.text import port_bit_names

MOST_UNREAD = 1 << 20
KINDS = ("constant", "input", "table", "threshold")
MEANING = {
    "kind": "which is one of constant, input, table, threshold",
    "table": "whose bit i is the output for input pattern i",
    "threshold": "the bound that the weighted sum of its fan-ins reaches",
}
Node = Hashable


def build(graph: nx.DiGraph) -> Circuit:
    """The circuit that the graph describes; raises InputError saying what is wrong with it."""
    if not graph.is_directed() or graph.is_multigraph():
        raise InputError(
            f"a circuit is a networkx.DiGraph, not a {type(graph).__name__}: "
            "edges go from a fan-in to its gate, at most one between two nodes"
        )
    circuit = _GraphReader(graph).circuit()
    try:
        check(circuit)
    except CheckError as error:
        raise InputError(f"the graph makes no sound circuit: {error}") from error
    return circuit


class _GraphReader:
    """A graph, and the signals given to its nodes so far."""

    def __init__(self, graph: nx.DiGraph) -> None:
        self.graph = graph
        self.signals: dict[Node, int] = {}
        self.rows = GateRows()
        self.origins: dict[Origin, int] = {}
        for origin in graph.graph.get("origins", ()):
            self._origin_index("the attribute origins of the graph", origin)

    def circuit(self) -> Circuit:
        """The whole circuit."""
        kinds = {node: self._kind(node) for node in self.graph}
        inputs = self._inputs([node for node, kind in kinds.items() if kind == "input"])
        for node, kind in kinds.items():
            if kind in ("constant", "input") and self.graph.in_degree(node):
                source = next(iter(self.graph.pred[node]))
                raise InputError(f"node {node!r} is of kind {kind} and has an edge from {source!r}")
            if kind == "constant":
                self.signals[node] = self._integer(node, "table", 0, 1)
        gates = self._gates(kinds)
        first = 2 + sum(port.bits for port in inputs)
        self.signals |= {node: first + i for i, node in enumerate(gates)}
        for node in gates:
            self._gate(node, kinds[node])
        rows = self.rows
        return Circuit(
            inputs=inputs,
            kinds=np.array(rows.kinds, np.uint8),
            tables=np.array(rows.tables, np.uint64),
            offsets=np.array(rows.ends, np.int64),
            fanins=np.array(rows.fanins, np.int32),
            weights=rows.weights(),
            outputs=self._outputs(),
            readout=str(self.graph.graph.get("readout", "bits")),
            origins=tuple(self.origins),
            origin_of=np.array(rows.origin_of, np.int32),
            unit_of=np.array(rows.unit_of, np.int32),
        )

    def _attribute(self, node: Node, name: str) -> Any:
        attributes = self.graph.nodes[node]
        if name not in attributes:
            raise InputError(f"node {node!r} has no attribute {name}, {MEANING[name]}")
        return attributes[name]

    def _kind(self, node: Node) -> str:
        kind = self._attribute(node, "kind")
        if kind not in KINDS:
            raise InputError(f"node {node!r}: kind {kind!r} is none of {', '.join(KINDS)}")
        return str(kind)

    def _integer(self, node: Node, name: str, low: int, high: int) -> int:
        value = self._attribute(node, name)
        if not isinstance(value, int | np.integer) or not low <= value <= high:
            raise InputError(f"node {node!r}: {name} {value!r} is no integer from {low} to {high}")
        return int(value)

    def _inputs(self, nodes: list[Node]) -> tuple[Port, ...]:
        """The ports, after every input node got its bit."""
        names = [str(self.graph.nodes[node].get("name", node)) for node in nodes]
        declared = self.graph.graph.get("inputs")
        if declared is None:
            ports = [Port(name, kind="bit") for name in names]
            bits = {name: 2 + i for i, name in enumerate(names)}
        else:
            ports = list(declared)
            if not all(isinstance(port, Port) for port in ports):
                raise InputError("the attribute inputs of the graph holds something but Ports")
            size = sum(port.bits for port in ports)
            if size > len(nodes) + MOST_UNREAD:
                raise InputError(
                    f"the inputs of the graph have {size} bits, of which {len(nodes)} are nodes; "
                    f"at most {MOST_UNREAD} may be none"
                )
            flat = [bit for port in ports for bit in port_bit_names(port)]
            bits = {name: 2 + i for i, name in enumerate(flat)}
        owner: dict[str, Node] = {}
        for node, name in zip(nodes, names, strict=True):
            if name not in bits:
                raise InputError(f"node {node!r}: no input of the graph has a bit {name}")
            if name in owner:
                raise InputError(f"nodes {owner[name]!r} and {node!r} are both input {name}")
            owner[name] = node
            self.signals[node] = bits[name]
        return tuple(ports)

    def _gates(self, kinds: Mapping[Node, str]) -> list[Node]:
        """The gates in topological order, in the order of the nodes where that leaves a choice."""
        gates = [node for node, kind in kinds.items() if kind in ("table", "threshold")]
        place = {node: i for i, node in enumerate(gates)}
        waiting = {node: sum(p in place for p in self.graph.pred[node]) for node in gates}
        ready = [place[node] for node, count in waiting.items() if not count]
        heapq.heapify(ready)
        order = []
        while ready:
            node = gates[heapq.heappop(ready)]
            order.append(node)
            for reader in self.graph.succ[node]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    heapq.heappush(ready, place[reader])
        if len(order) < len(gates):
            left = {node: None for node, count in waiting.items() if count}
            path = " -> ".join(repr(node) for node in _cycle(self.graph, left))
            raise InputError(f"the graph has a cycle: {path}; a circuit has none")
        return order

    def _gate(self, node: Node, kind: str) -> None:
        attributes = self.graph.nodes[node]
        fanins = self._fanins(node, kind)
        if kind == "table":
            code, word, weights = TABLE, self._table(node, fanins), list[int]()
        else:
            code = THRESHOLD
            word = self._integer(node, "threshold", -MOST_BOUND, MOST_BOUND) & WORD
            weights = self._weights(node, fanins)
        origin = attributes.get("origin")
        index = -1 if origin is None else self._origin_index(f"node {node!r}: origin", origin)
        unit = self._integer(node, "unit", 0, MOST_SIGNALS) if "unit" in attributes else 0
        signals = [self.signals[pin] for pin in fanins]
        self.rows.append(code, word, (signals, weights), (index, unit))

    def _fanins(self, node: Node, kind: str) -> Sequence[Node]:
        """The pins of a gate, first to last; without the attribute its predecessors."""
        sources = self.graph.pred[node]
        fanins = self.graph.nodes[node].get("fanins")
        if fanins is None:
            if kind == "table" and not _symmetric(self.graph.nodes[node], len(sources)):
                raise InputError(
                    f"node {node!r} has no attribute fanins, the list of its fan-ins from first "
                    "to last, on whose order its table depends"
                )
            return list(sources)
        for pin in fanins:
            if pin not in sources:
                raise InputError(f"node {node!r}: fan-in {pin!r} has no edge to it")
        for source in sources:
            if source not in fanins:
                raise InputError(f"node {node!r}: its fanins leave out {source!r}")
        return list(fanins)

    def _table(self, node: Node, fanins: Sequence[Node]) -> int:
        table = self._integer(node, "table", 0, WORD)
        arity = len(fanins)
        if arity > MOST_FANINS:
            raise InputError(f"node {node!r}: a table of {arity} fan-ins; at most {MOST_FANINS}")
        if table >> (1 << arity):
            raise InputError(
                f"node {node!r}: table {table:#x} does not fit {arity} fan-ins, "
                f"which take {1 << arity} bits"
            )
        return table

    def _weights(self, node: Node, fanins: Sequence[Node]) -> list[int]:
        """A weight a pin: from the node where it has them, else from the edges."""
        given: Sequence[Any] | None = self.graph.nodes[node].get("weights")
        if given is None:
            if len(set(fanins)) < len(fanins):
                raise InputError(
                    f"node {node!r} reads a fan-in twice and has no attribute weights, "
                    "one for each of its fanins"
                )
            given = [self.graph.edges[pin, node].get("weight", 1) for pin in fanins]
        if len(given) != len(fanins):
            raise InputError(f"node {node!r}: {len(given)} weights for {len(fanins)} fan-ins")
        for pin, weight in zip(fanins, given, strict=True):
            value = int(weight) if isinstance(weight, int | np.integer) else 0
            if not 0 < abs(value) <= MOST_WEIGHT:
                raise InputError(
                    f"node {node!r}: weight {weight!r} of fan-in {pin!r} is no integer "
                    "from 1 to 2^31 - 1 or its negative"
                )
        return [int(weight) for weight in given]

    def _origin_index(self, where: str, origin: object) -> int:
        if not isinstance(origin, Origin):
            raise InputError(f"{where} {origin!r} is no lithify.ir.origin.Origin")
        return self.origins.setdefault(origin, len(self.origins))

    def _outputs(self) -> tuple[Output, ...]:
        declared = self.graph.graph.get("outputs")
        if declared is None:
            raise InputError(
                "the graph has no attribute outputs; "
                "for example graph.graph['outputs'] = {'sum': 's'} names node 's'"
            )
        if isinstance(declared, Mapping):
            declared = [
                {"name": name, "nodes": list(nodes) if isinstance(nodes, list) else [nodes]}
                for name, nodes in declared.items()
            ]
        return tuple(self._output(one) for one in declared)

    def _output(self, one: Mapping[str, Any]) -> Output:
        for key in ("name", "nodes"):
            if key not in one:
                raise InputError(f"output {one.get('name', dict(one))!r} of the graph has no {key}")
        name = str(one["name"])
        for node in one["nodes"]:
            if node not in self.signals:
                raise InputError(f"output {name}: there is no node {node!r}")
        signals = np.array([self.signals[node] for node in one["nodes"]], np.int32)
        kind = one.get("kind", "bit")
        if kind == "score":
            weights = np.array(one.get("weights", np.ones(signals.size)), np.int32)
            return Score(name, int(one.get("bias", 0)), signals, weights)
        width = int(one.get("width", 1 if kind == "bit" else signals.size))
        if width < 1 or signals.size % width:
            raise InputError(f"output {name}: {signals.size} nodes are no integers of {width} bits")
        return Word(name, signals.reshape(-1, width), kind)


def _symmetric(attributes: Mapping[str, Any], arity: int) -> bool:
    """Whether a table answers alike for every order of its fan-ins, as far as one can tell."""
    table = attributes.get("table")
    if not isinstance(table, int | np.integer) or arity > MOST_FANINS:
        return True
    bits = int(table)
    by_count: dict[int, int] = {}
    return all(
        by_count.setdefault(row.bit_count(), bits >> row & 1) == bits >> row & 1
        for row in range(1 << arity)
    )


def _cycle(graph: nx.DiGraph, left: Mapping[Node, None]) -> list[Node]:
    """A cycle among the nodes left over by a topological sort; its first node ends it, too."""
    node = next(iter(left))
    seen: dict[Node, int] = {}
    while node not in seen:
        seen[node] = len(seen)
        node = next(source for source in graph.pred[node] if source in left)
    cycle = list(seen)[seen[node] :][::-1]
    order = {one: place for place, one in enumerate(left)}
    start = min(range(len(cycle)), key=lambda i: order[cycle[i]])
    return [*cycle[start:], *cycle[:start], cycle[start]]
