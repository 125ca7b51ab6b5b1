"""Every circuit of the fuzz set through every format that is written and read.

    python tests/round_trips.py --circuits 2000 --seed 1

Own formats give the same circuit; AIGER, BLIF, BENCH and ONNX the same function.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from odd_circuits import all_circuits

from lithify.backends import aiger, bench, blif, onnx
from lithify.compiler.design_file import from_bytes, to_bytes
from lithify.compiler.driver import compile
from lithify.compiler.source import open_file
from lithify.ir import binary, graph_files, simulate, text
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError

Write = Callable[[Circuit], bytes]
Read = Callable[[bytes], Circuit]
OWN: dict[str, tuple[Write, Read]] = {
    "design": (lambda c: to_bytes(compile(c, effort=0)), lambda data: from_bytes(data, "").lowered),
    "text": (lambda c: str(c).encode(), lambda data: text.parse(data.decode())),
    "binary": (binary.to_bytes, binary.from_bytes),
    "json": (graph_files.node_link, lambda data: graph_files.read_node_link(data, "")),
    "graphml": (graph_files.graphml, lambda data: graph_files.read_graphml(data, "")),
}
FOREIGN: dict[str, tuple[Write, Read]] = {
    "aiger": (aiger.write, aiger.read),
    "ascii": (aiger.write_ascii, aiger.read),
    "blif": (lambda c: blif.write(c, rename=True), blif.read),
    "bench": (bench.write, bench.read),
}
SAMPLES = 70


def same_circuit(circuit: Circuit) -> list[str]:
    """The own formats that gave another circuit."""
    return [name for name, (write, read) in OWN.items() if read(write(circuit)) != circuit]


def same_function(circuit: Circuit, rng: np.random.Generator) -> list[str]:
    """The formats of gates that gave another function."""
    plain = expand(circuit).circuit
    planes = simulate.pack(plain, simulate.random_codes(plain, SAMPLES, rng))
    right = bits_of(plain, planes)
    wrong = []
    for name, (write, read) in FOREIGN.items():
        if not np.array_equal(bits_of(read(write(plain)), planes), right):
            wrong.append(name)
    return wrong


def bits_of(circuit: Circuit, planes: simulate.Planes) -> simulate.Planes:
    """The outputs, 64 samples a word."""
    values = simulate.run_planes(circuit, planes)
    mask = np.uint64((1 << SAMPLES % 64) - 1)
    named = [word.signals.ravel() for word in circuit.words]
    made = values[np.concatenate(named)] if named else values[:0]
    made[:, -1] &= mask
    return made


def same_answers(circuit: Circuit, rng: np.random.Generator) -> str:
    """Whether ONNX gave the same answers: "same", "different", or "none" where it has no form."""
    try:
        data = onnx.write(circuit)
    except InputError:
        return "none"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "net")
        path.write_bytes(data)
        back = open_file(path).circuit
    planes = simulate.pack(circuit, simulate.random_codes(circuit, SAMPLES, rng))
    words = np.array_equal(bits_of(circuit, planes), bits_of(back, planes))
    mine, theirs = (
        simulate.read_scores(one, simulate.run_planes(one, planes), SAMPLES)
        for one in (circuit, back)
    )
    best = (circuit.readout == "argmax") == (back.readout == "argmax")
    return "same" if words and best and np.array_equal(mine, theirs) else "different"


def main(circuits: int, seed: int) -> int:
    """How many round trips failed."""
    rng = np.random.default_rng(seed)
    failed = Counter[str]()
    unwritten = 0
    for circuit in islice(all_circuits(seed), circuits):
        failed.update(same_circuit(circuit) + same_function(circuit, rng))
        through_onnx = same_answers(circuit, rng)
        failed["onnx"] += through_onnx == "different"
        unwritten += through_onnx == "none"
    for name in (*OWN, *FOREIGN, "onnx"):
        print(f"{name:<8} {circuits} circuits, {failed[name]} failures")
    print(f"{unwritten} circuits have no form in ONNX")
    return failed.total()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--circuits", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(bool(main(given.circuits, given.seed)))
