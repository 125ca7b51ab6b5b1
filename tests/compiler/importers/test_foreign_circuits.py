"""Circuits in files that ABC, yosys, networkx and numpy write: they compute what they should.

Adders come from ABC's own generator, multipliers from a line of Verilog that yosys made gates of,
and a graph from networkx; the right answers are sums and products, and what the edges say.
"""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from numpy.typing import NDArray

import lithify
from lithify.backends import abc
from lithify.backends.toolchain import run as run_tool

Codes = NDArray[np.int64]
SAMPLES = 10_000
ADDER = "gen -a -N {bits} made.blif; read_blif made.blif; "
ABC_WRITES = {
    "adder.aig": (12, "strash; write_aiger -s"),
    "adder.blif": (12, "strash; write_blif"),
    "adder.bench": (12, "strash; write_bench"),
    "tables.bench": (12, "strash; if -K 6; write_bench"),
    "adder.pla": (7, "collapse; write_pla"),
}
MULTIPLIER = "module top(input [6:0] a, b, output [13:0] y); assign y = a * b; endmodule\n"
YOSYS_WRITES = {
    "multiplier.aag": "write_aiger -ascii -symbols",
    "multiplier.aig": "write_aiger",
    "multiplier.blif": "write_blif",
    "multiplier.v": "write_verilog",
}
GATES = 60


def some(bits: int) -> Codes:
    """Every input of so many bits where there are few, else random ones."""
    if 1 << bits <= 1 << 14:
        return np.arange(1 << bits)[:, None] >> np.arange(bits) & 1
    return np.random.default_rng(11).integers(0, 2, (SAMPLES, bits))


def number(bits: Codes) -> Codes:
    """What rows of bits say, the first bit least significant."""
    return bits @ (1 << np.arange(bits.shape[1]))


def bits_of(numbers: Codes, count: int) -> Codes:
    """The bits of numbers, a row each, the first least significant."""
    return numbers[:, None] >> np.arange(count) & 1


def assert_imported(path: Path, data: bytes, x: Codes, expected: Codes) -> None:
    """The file gives the words that are expected, compiled as well, and is proved."""
    path.write_bytes(data)
    design = lithify.load(path)
    made = lithify.compile(design, interface="comb", effort=1)
    for one in (design, made):
        found = np.concatenate(list(one.words(x).values()), axis=1)
        assert found.shape == expected.shape and len(x) >= SAMPLES
        assert np.array_equal(found, expected)
    proved = made.verify().certificate
    assert proved is not None and proved.ok


@pytest.mark.parametrize("name", ABC_WRITES)
def test_an_adder_that_abc_made(name: str, tmp_path: Path) -> None:
    bits, script = ABC_WRITES[name]
    script = f"{ADDER.format(bits=bits)}{script} {name}"
    _, files = abc.run_script(script, {}, [name], time_limit=30)
    x = some(2 * bits)
    total = number(x[:, :bits]) + number(x[:, bits:])
    assert_imported(tmp_path / name, files[name], x, bits_of(total, bits + 1))


@cache
def multipliers(folder: Path) -> dict[str, bytes]:
    """The files of a multiplier that yosys writes."""
    (folder / "multiplier.in").write_text(MULTIPLIER)
    steps = ["read_verilog multiplier.in", "synth -flatten -top top", "aigmap"]
    steps += [f"{command} {name}" for name, command in YOSYS_WRITES.items()]
    (folder / "script.ys").write_text("\n".join(steps))
    run_tool("yosys", ["-s", "script.ys"], cwd=folder, timeout_s=60)
    return {name: (folder / name).read_bytes() for name in YOSYS_WRITES}


@pytest.mark.parametrize("name", YOSYS_WRITES)
def test_a_multiplier_that_yosys_made(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = multipliers(tmp_path_factory.getbasetemp())[name]
    x = some(14)
    product = number(x[:, :7]) * number(x[:, 7:])
    assert_imported(tmp_path / name, data, x, bits_of(product, 14))


def graph_and_answers(x: Codes) -> tuple[nx.DiGraph, Codes]:
    """A graph of networkx, of tables and thresholds, and what its last nodes are."""
    rng = np.random.default_rng(4)
    graph, values = nx.DiGraph(), dict[str, Codes]()
    for j in range(x.shape[1]):
        graph.add_node(f"in{j}", kind="input")
        values[f"in{j}"] = x[:, j]
    for k in range(GATES):
        pins = rng.choice(list(values), 4, replace=False).tolist()
        read = np.stack([values[pin] for pin in pins], axis=1)
        if k % 2:
            table = int(rng.integers(1 << 16))
            graph.add_node(f"g{k}", kind="table", table=table, fanins=pins)
            graph.add_edges_from((pin, f"g{k}") for pin in pins)
            values[f"g{k}"] = table >> number(read) & 1
        else:
            weights = rng.choice([-2, -1, 1, 2, 3], 4)
            graph.add_node(f"g{k}", kind="threshold", threshold=1)
            graph.add_weighted_edges_from(
                (pin, f"g{k}", w) for pin, w in zip(pins, weights.tolist(), strict=True)
            )
            values[f"g{k}"] = (read @ weights >= 1).astype(np.int64)
    last = [f"g{k}" for k in range(GATES - 20, GATES)]
    graph.graph["outputs"] = {"y": last}
    return graph, np.stack([values[name] for name in last], axis=1)


@pytest.mark.parametrize("name", ["graph.json", "graph.graphml"])
def test_a_graph_that_networkx_wrote(name: str, tmp_path: Path) -> None:
    x = some(20)
    graph, expected = graph_and_answers(x)
    stream = io.BytesIO()
    if name == "graph.json":
        stream.write(json.dumps(nx.node_link_data(graph)).encode())
    else:
        graph.graph["outputs"] = json.dumps(graph.graph["outputs"])
        for attributes in dict[str, dict[str, Any]](graph.nodes).values():
            if "fanins" in attributes:
                attributes["fanins"] = json.dumps(attributes["fanins"])
        nx.write_graphml(graph, stream)
    assert_imported(tmp_path / name, stream.getvalue(), x, expected)


def test_truth_tables_that_numpy_saved(tmp_path: Path) -> None:
    x, stream = some(14), io.BytesIO()
    total = bits_of(number(x[:, :7]) + number(x[:, 7:]), 8)
    np.save(stream, total.astype(bool))
    assert_imported(tmp_path / "sums.npy", stream.getvalue(), x, total)
