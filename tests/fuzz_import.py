"""Mutated files of every format that is read: an error of Lithify's or a circuit, never else.

    python tests/fuzz_import.py --files 2000 --seed 1

A file that crashes, or takes more than five seconds, is kept in the folder of `--keep`.
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from lithify.backends import aiger, bench, blif, onnx
from lithify.backends.protobuf import field
from lithify.compiler.design_file import to_bytes
from lithify.compiler.driver import compile
from lithify.compiler.source import open_file
from lithify.ir import binary, graph_files
from lithify.ir.arithmetic import expand
from lithify.ir.check import check
from lithify.ir.errors import LithifyError
from lithify.ir.generate import random_circuit

VOTES = (
    b'{"n_inputs": 2, "gates": [{"gate_id": 4, "op": "AND", "in0": 0, "in1": 1}], "outputs": [9, 8]'
    b', "sum_nodes": [{"node_id": 9, "input_ids": [4, 1], "tau": 2.0, "beta": 1.0}, '
    b'{"node_id": 8, "input_ids": [0], "tau": 2.0, "beta": 0.0}]}'
)
MOST_SECONDS = 5.0
PLA = b".i 3\n.o 2\n.ilb a b c\n.ob f g\n.p 3\n1-0 10\n011 11\n--1 01\n.e\n"


def seeds(rng: np.random.Generator) -> dict[str, bytes]:
    """A sound file of each format."""
    circuit = expand(random_circuit(rng, gates=30, readout="bits")).circuit
    arrays = io.BytesIO()
    gates = {f"gate{i}": rng.integers(0, 16, 12, np.uint8) for i in range(2)}
    wires = {f"{w}{i}": rng.integers(0, 8, 12, np.uint8) for w in "ab" for i in range(2)}
    np.savez(arrays, classes=3, inputs=8, **gates, **wires)  # type: ignore[arg-type]
    return {
        "aig": aiger.write(circuit),
        "aag": aiger.write_ascii(circuit),
        "blif": blif.write(circuit),
        "bench": bench.write(circuit),
        "pla": PLA,
        "circuit": str(circuit).encode(),
        "npz": binary.to_bytes(circuit),
        "lith": to_bytes(compile(circuit, effort=0)),
        "arrays": arrays.getvalue(),
        "onnx": small_onnx(rng),
        "bits": onnx.write(circuit),
        "json": graph_files.node_link(circuit),
        "graphml": graph_files.graphml(circuit),
        "votes": VOTES,
    }


def small_onnx(rng: np.random.Generator) -> bytes:
    """A binary net of one layer."""

    def constant(name: str, values: np.ndarray) -> bytes:
        dims = b"".join(field(1, size) for size in values.shape)
        return field(5, dims + field(2, 1) + field(8, name) + field(9, values.tobytes()))

    def node(op: str, output: str, *inputs: str) -> bytes:
        names = b"".join(field(1, one) for one in inputs)
        return field(1, names + field(2, output) + field(4, op))

    def value(number: int, name: str) -> bytes:
        shape = b"".join(field(1, field(1, size)) for size in (1, 6))
        return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, shape))))

    weights = rng.choice([-1.0, 1.0], (6, 3)).astype(np.float32)
    graph = node("BipolarQuant", "a", "x", "one") + node("MatMul", "y", "a", "w")
    graph += constant("one", np.ones(1, np.float32)) + constant("w", weights)
    return field(1, 8) + field(7, graph + value(11, "x") + value(12, "y"))


def mutants(rng: np.random.Generator, data: bytes, count: int) -> Iterator[bytes]:
    """Files with octets changed, cut out, put twice, or exchanged for telling ones."""
    telling = np.frombuffer(b"\x00\xff\x7f\x80 0129-~.()=#\n", np.uint8)
    for _ in range(count):
        bad = bytearray(data)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(0, max(len(bad), 1)))
            size = int(rng.integers(1, 12))
            match int(rng.integers(5)):
                case 0:
                    bad[at : at + 1] = bytes([int(rng.integers(256))])
                case 1:
                    bad[at : at + 1] = bytes([int(rng.choice(telling))])
                case 2:
                    del bad[at : at + size]
                case 3:
                    bad[at:at] = bad[at : at + size]
                case 4:
                    bad[at:at] = str(int(rng.integers(0, 2**40))).encode()
        yield bytes(bad)


def try_file(path: Path, data: bytes) -> bool:
    """Whether the file was read; an exception that is none of Lithify's passes through."""
    path.write_bytes(data)
    try:
        check(open_file(path).circuit)
    except LithifyError:
        return False
    return True


def fuzz(files: int, seed: int, keep: Path, formats: Sequence[str] = ()) -> int:
    """How many files failed; a line a format is printed."""
    rng = np.random.default_rng(seed)
    failures = 0
    for name, data in seeds(rng).items():
        if formats and name not in formats:
            continue
        read, slowest = 0, 0.0
        for number, bad in enumerate(mutants(rng, data, files)):
            path, start = keep / f"now.{name}", time.process_time()
            try:
                read += try_file(path, bad)
                seconds = time.process_time() - start
                late = number > 0 and seconds > MOST_SECONDS  # the first one compiles kernels
            except Exception:  # whatever it is, the file is worth keeping
                traceback.print_exc()
                seconds, late = 0.0, True
            slowest = max(slowest, seconds if number else 0.0)
            if late:
                failures += 1
                (keep / f"seed{seed}-{number}.{name}").write_bytes(bad)
        print(f"{name:<8} {files} files, {read} read, slowest {slowest:.2f} s", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{failures} failures, peak memory {memory:.0f} MB")
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="mutants of each format (2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=None, help="where failing files go")
    parser.add_argument("--formats", default="", help="only these, as in aig,onnx")
    given = parser.parse_args()
    sys.exit(
        bool(
            fuzz(
                given.files,
                given.seed,
                given.keep or Path(mkdtemp()),
                [name for name in given.formats.split(",") if name],
            )
        )
    )
