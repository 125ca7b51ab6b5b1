"""A circuit as a networkx graph: a live, read-only DiGraph over the arrays, and the way back.

Nodes are signals, edges go from a fan-in to its gate. `docs/ir.md` lists the attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from operator import index as as_index
from typing import Any, NoReturn

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.graph_reader import build
from lithify.ir.ports import Output, Score
from lithify.ir.text import port_bit_names

__all__ = ["from_graph", "view"]

Integers = NDArray[np.int32]


def view(circuit: Circuit) -> nx.DiGraph:
    """The circuit as a read-only graph that copies nothing.

    >>> from lithify.ir.builder import Builder
    >>> b = Builder()
    >>> x = b.input("x", count=2, kind="bit").ravel()
    >>> b.output("both", b.and_(*x))
    >>> graph = b.finish().graph
    >>> graph.nodes[4]["table"], list(graph.predecessors(4))
    (8, [2, 3])
    >>> sorted(nx.ancestors(graph, 4))
    [2, 3]
    """
    graph = nx.DiGraph()
    graph.graph = _graph_attributes(circuit)
    graph._node = _Nodes(circuit)
    graph._pred, graph._adj = _adjacency(circuit)
    return nx.freeze(graph)


def from_graph(graph: nx.DiGraph) -> Circuit:
    """The circuit that a graph with the documented attributes describes; raises InputError.

    Node names are free, and so is their order: gates keep the order of the nodes where that is
    topological already.
    """
    nodes = getattr(graph, "_node", None)
    if isinstance(nodes, _Nodes):
        return nodes.circuit
    return build(graph)


class _Attributes(dict[str, Any]):
    """Attributes that cannot be changed; a copy of them can."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise nx.NetworkXError("Frozen graph can't be modified")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copy and pickle as an ordinary dictionary."""
        return dict, (dict(self),)


class _Signals:
    """The signals of a circuit as the keys of a mapping."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def __iter__(self) -> Iterator[int]:
        """Every signal, ascending, which is a topological order."""
        return iter(range(self._size))

    def __len__(self) -> int:
        """How many signals there are."""
        return self._size

    def __contains__(self, node: object) -> bool:
        """Whether `node` is a signal."""
        try:
            return 0 <= as_index(node) < self._size  # type: ignore[arg-type]
        except TypeError:
            return False

    def _signal(self, node: object) -> int:
        if node not in self:
            raise KeyError(node)
        return as_index(node)  # type: ignore[arg-type]


class _Nodes(_Signals, Mapping[int, Mapping[str, Any]]):
    """The attributes of every signal, made when asked for."""

    def __init__(self, circuit: Circuit) -> None:
        """Show the signals of `circuit`."""
        super().__init__(circuit.num_signals)
        self.circuit = circuit

    def __getitem__(self, node: int) -> _Attributes:
        """The attributes of one signal."""
        signal = self._signal(node)
        circuit = self.circuit
        if signal < 2:
            return _Attributes(kind="constant", table=signal, name=f"%{signal}")
        if signal < circuit.first_gate:
            return _Attributes(kind="input", name=self._input_names[signal - 2])
        gate = signal - circuit.first_gate
        row = slice(circuit.offsets[gate], circuit.offsets[gate + 1])
        origin = int(circuit.origin_of[gate])
        common = {
            "name": f"%{signal}",
            "fanins": tuple(circuit.fanins[row].tolist()),
            "origin": None if origin < 0 else circuit.origins[origin],
            "unit": int(circuit.unit_of[gate]),
        }
        if circuit.kinds[gate] == TABLE:
            return _Attributes(kind="table", table=int(circuit.tables[gate]), **common)
        pins = len(common["fanins"])  # type: ignore[arg-type]
        weights = tuple(circuit.weights[row].tolist()) if circuit.weights.size else (1,) * pins
        bound = int(circuit.bounds[gate])
        return _Attributes(kind="threshold", threshold=bound, weights=weights, **common)

    @cached_property
    def _input_names(self) -> list[str]:
        return list(chain.from_iterable(port_bit_names(port) for port in self.circuit.inputs))


class _Neighbours(_Signals, Mapping[int, Mapping[int, Mapping[str, int]]]):
    """For every signal its neighbours and the attributes of the edges, from compressed rows."""

    def __init__(self, ends: NDArray[np.int64], rows: Integers, weights: NDArray[np.int64]) -> None:
        """Row i is rows[ends[i]:ends[i + 1]]; `weights` runs along, or is empty where all are 1."""
        super().__init__(ends.size - 1)
        self._ends, self._rows, self._weights = ends, rows, weights

    def __getitem__(self, node: int) -> dict[int, _Attributes]:
        """The neighbours of one signal."""
        signal = self._signal(node)
        begin, end = self._ends[signal], self._ends[signal + 1]
        neighbours = self._rows[begin:end].tolist()
        if not self._weights.size:
            return dict.fromkeys(neighbours, WEIGHT_ONE)
        weights = self._weights[begin:end].tolist()
        return {
            v: WEIGHT_ONE if w == 1 else _Attributes(weight=w)
            for v, w in zip(neighbours, weights, strict=True)
        }


WEIGHT_ONE = _Attributes(weight=1)


def _adjacency(circuit: Circuit) -> tuple[_Neighbours, _Neighbours]:
    """Predecessors and successors; a fan-in that a gate reads twice is one edge."""
    arities = np.diff(circuit.offsets)
    gates = np.arange(circuit.first_gate, circuit.num_signals, dtype=np.int32)
    sources, targets = circuit.fanins, np.repeat(gates, arities)
    weights = circuit.weights.astype(np.int64)
    keys = targets.astype(np.int64) << 32 | sources
    ordered = np.sort(keys)
    if (ordered[1:] == ordered[:-1]).any():
        sources, targets, weights = _merged(circuit, keys)
    order = np.argsort(sources, kind="stable")
    size = circuit.num_signals
    forward = weights[order] if weights.size else weights
    predecessors = _Neighbours(_ends(targets, size), sources, weights)
    return predecessors, _Neighbours(_ends(sources, size), targets[order], forward)


def _merged(circuit: Circuit, keys: NDArray[np.int64]) -> tuple[Integers, Integers, Any]:
    """Sources, targets and weights of the distinct edges, in the order in which they first come.

    The weight of an edge is the sum over its pins in a threshold, and 1 in a table.
    """
    _, first, edge_of = np.unique(keys, return_index=True, return_inverse=True)
    totals = np.zeros(first.size, np.int64)
    np.add.at(totals, edge_of, circuit.full_weights())
    order = np.argsort(first)
    kept = keys[first[order]]
    targets = (kept >> 32).astype(np.int32)
    tables = circuit.kinds[targets - circuit.first_gate] == TABLE
    weights = np.where(tables, 1, totals[order])
    if (weights == 1).all():
        weights = np.empty(0, np.int64)
    return (kept & 0xFFFFFFFF).astype(np.int32), targets, weights


def _ends(owners: Integers, size: int) -> NDArray[np.int64]:
    """Where the row of each of `size` owners ends, after a 0."""
    ends = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=size), out=ends[1:])
    return ends


def _graph_attributes(circuit: Circuit) -> _Attributes:
    return _Attributes(
        inputs=circuit.inputs,
        outputs=tuple(_described(output) for output in circuit.outputs),
        readout=circuit.readout,
        origins=circuit.origins,
    )


def _described(output: Output) -> _Attributes:
    nodes = tuple(output.signals.ravel().tolist())
    if isinstance(output, Score):
        weights = tuple(output.weights.tolist())
        bias = output.bias
        return _Attributes(name=output.name, kind="score", bias=bias, nodes=nodes, weights=weights)
    return _Attributes(name=output.name, kind=output.kind, width=output.width, nodes=nodes)
