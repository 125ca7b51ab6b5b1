"""Mutated files of every format that is read: an error of Lithify's or a circuit, never else.

    python tests/fuzz_import.py --files 2000 --seed 1

Half of the mutants of an archive are sound archives with a mutated member. A file that crashes,
takes more than five seconds, or needs more than a gigabyte, is kept in the
folder of `--keep`. Verilog takes a run of yosys for each file.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import signal
import sys
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType

import numpy as np
import torch
from tiny_nets import tiny_net

from lithify.backends import aiger, bench, blif, onnx
from lithify.backends.protobuf import field
from lithify.compiler.design_file import to_bytes
from lithify.compiler.driver import compile
from lithify.compiler.importers.hints import Hints
from lithify.compiler.nets import save
from lithify.compiler.source import NO_HINTS, open_file
from lithify.ir import binary, graph_files
from lithify.ir.arithmetic import expand
from lithify.ir.check import check
from lithify.ir.errors import LithifyError
from lithify.ir.generate import random_circuit

DATA = Path(__file__).parent / "data"
VOTES = (
    b'{"n_inputs": 2, "gates": [{"gate_id": 4, "op": "AND", "in0": 0, "in1": 1}], "outputs": [9, 8]'
    b', "sum_nodes": [{"node_id": 9, "input_ids": [4, 1], "tau": 2.0, "beta": 1.0}, '
    b'{"node_id": 8, "input_ids": [0], "tau": 2.0, "beta": 0.0}]}'
)
CONV, CHECKPOINT = DATA / "torchlogix" / "conv.pt", DATA / "compactlogic" / "dense.pt"
HINTS = {
    "conv": Hints(wiring=CONV.with_name("wiring.npz"), parametrisation="warp"),
    "checkpoint": Hints(wiring=CHECKPOINT.with_name("meta_data.json")),
}
BESIDE = {"wiring": CONV, "meta": CHECKPOINT}  # what these files are read with
MOST_SECONDS = 5.0
MOST_MEMORY = 1 << 30
WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
VERILOG = b"""module half(input a, b, output s, c);
  xor g1(s, a, b);
  and g2(c, a, b);
endmodule
module top(input [3:0] x, input sel, output [1:0] y, output z);
  half h(.a(x[0]), .b(x[1]), .s(y[0]), .c(y[1]));
  assign z = sel ? y[0] : ~x[2] ^ x[3];
endmodule
"""
PLA = b".i 3\n.o 2\n.ilb a b c\n.ob f g\n.p 3\n1-0 10\n011 11\n--1 01\n.e\n"


def seeds(rng: np.random.Generator) -> dict[str, bytes]:
    """A sound file of each format."""
    return of_circuits(rng) | of_nets(rng)


def of_circuits(rng: np.random.Generator) -> dict[str, bytes]:
    """A sound file of each format of circuits."""
    circuit = expand(random_circuit(rng, gates=30, readout="bits")).circuit
    return {
        "aig": aiger.write(circuit),
        "aag": aiger.write_ascii(circuit),
        "blif": blif.write(circuit),
        "bench": bench.write(circuit),
        "pla": PLA,
        "circuit": str(circuit).encode(),
        "npz": binary.to_bytes(circuit),
        "lith": to_bytes(compile(circuit, effort=0)),
        "bits": onnx.write(circuit),
        "json": graph_files.node_link(circuit),
        "graphml": graph_files.graphml(circuit),
        "verilog": VERILOG,
        "tables": saved(np.save, rng.integers(0, 2, (64, 3), np.uint8)),
    }


def of_nets(rng: np.random.Generator) -> dict[str, bytes]:
    """A sound file of each format of nets."""
    gates = {f"gate{i}": rng.integers(0, 16, 12, np.uint8) for i in range(2)}
    wires = {f"{w}{i}": rng.integers(0, 8, 12, np.uint8) for w in "ab" for i in range(2)}
    numbers = {
        "0.weights": rng.random((6, 16), np.float32),
        "0.indices": rng.integers(0, 4, (2, 6)),
    }
    tables = {
        "0.luts": rng.random((6, 8), np.float32) - 0.5,
        "0.mapping": rng.integers(0, 6, (6, 3)),
    }
    offsets = {f"0.offsets_{one}": rng.integers(0, 2, (2, 3, 4)) for one in ("h", "w")}
    compact = {
        "0.weights": rng.random((3, 4), np.float32),
        "0.gate_sequence": rng.integers(0, 16, (3, 4), np.uint8),
        "0.offsets_ch": np.zeros((2, 3, 4), np.int32),
        "0.shape": np.array([1, 4, 4]),
        "0.geometry": np.array([1, 2, 0]),
        **offsets,
    }
    thresholds = np.sort(rng.random((2, 3)), axis=1)
    folder = Path(mkdtemp())
    save(tiny_net(), folder / "model")
    state = {name: torch.tensor(value) for name, value in numbers.items()}
    return {
        "arrays": saved(np.savez, classes=3, inputs=8, **gates, **wires),
        "dwn": saved(np.savez, classes=2, thresholds=thresholds, **tables),
        "compact": saved(np.savez, classes=1, **compact),
        "onnx": small_onnx(rng),
        "quant": (DATA / "qonnx" / "tfc_1w2a.onnx").read_bytes(),
        "exported": (DATA / "onnx" / "torch_script.onnx").read_bytes(),
        "votes": VOTES,
        "model": (folder / "model").read_bytes(),
        "pt": saved(torch_save, state),
        "old pt": saved(torch_save, state, old=True),
        "conv": CONV.read_bytes(),
        "checkpoint": CHECKPOINT.read_bytes(),
        "wiring": CONV.with_name("wiring.npz").read_bytes(),
        "meta": CHECKPOINT.with_name("meta_data.json").read_bytes(),
    }


def torch_save(stream: io.BytesIO, state: dict[str, torch.Tensor], *, old: bool = False) -> None:
    """Write a state dict, or one in the form of torch before 1.6."""
    torch.save(state, stream, _use_new_zipfile_serialization=not old)


def saved(write: Callable[..., None], *given: object, **more: object) -> bytes:
    """What a function writes to a stream."""
    stream = io.BytesIO()
    write(stream, *given, **more)
    return stream.getvalue()


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
    """Damaged files; of archives also sound ones that hold a damaged file."""
    archive = data.startswith(b"PK")
    for _ in range(count):
        yield with_a_mutant(rng, data) if archive and rng.integers(2) else mutant(rng, data)


def with_a_mutant(rng: np.random.Generator, data: bytes) -> bytes:
    """An archive with right checksums, one of whose files is damaged."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        chosen = int(rng.integers(len(old.namelist())))
        for number, name in enumerate(old.namelist()):
            new.writestr(name, mutant(rng, old.read(name)) if number == chosen else old.read(name))
    return stream.getvalue()


def mutant(rng: np.random.Generator, data: bytes) -> bytes:
    """A file with octets changed, cut out, put twice, or exchanged for telling ones."""
    telling = np.frombuffer(b"\x00\xff\x7f\x80 0129-~.()=#\n", np.uint8)
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
    return bytes(bad)


def try_file(path: Path, data: bytes, name: str) -> bool:
    """Whether the file of a format was read; an exception that is none of Lithify's passes."""
    path.write_bytes(data)
    try:
        if name in BESIDE:
            parametrisation = "warp" if name == "wiring" else None
            hints = Hints(wiring=path, parametrisation=parametrisation)
            check(open_file(BESIDE[name], hints).circuit)
        else:
            check(open_file(path, HINTS.get(name, NO_HINTS)).circuit)
    except LithifyError:
        return False
    return True


def fuzz(files: int, seed: int, keep: Path, formats: Sequence[str] = ()) -> int:
    """How many files failed; a line a format is printed."""
    rng = np.random.default_rng(seed)
    failures = 0
    signal.signal(signal.SIGPROF, stop)
    for name, data in seeds(rng).items():
        if formats and name not in formats:
            continue
        read, slowest = 0, 0.0
        try_file(keep / f"now.{name}", data, name)  # the first one compiles kernels
        for number, bad in enumerate(mutants(rng, data, files)):
            path, start = keep / f"now.{name}", sum(os.times()[:4])
            signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
            try:
                read += try_file(path, bad, name)
                failed = False
            except Exception:  # whatever it is, the file is worth keeping
                traceback.print_exc()
                failed = True
            signal.setitimer(signal.ITIMER_PROF, 0)
            seconds = sum(os.times()[:4]) - start
            slowest = max(slowest, seconds)
            if failed or seconds > MOST_SECONDS:
                failures += 1
                (keep / f"seed{seed}-{number}.{name}").write_bytes(bad)
        print(f"{name:<10} {files} files, {read} read, slowest {slowest:.2f} s", flush=True)
    sizes = [resource.getrusage(who).ru_maxrss >> 10 for who in WHOSE]
    print(f"{failures} failures, peak memory {sizes[0]} MB, and {sizes[1]} MB in yosys")
    return failures


def stop(number: int, frame: FrameType | None) -> None:
    """End a file that hangs."""
    raise TimeoutError(f"over {2 * MOST_SECONDS:g} s")


def limit_memory() -> None:
    """Let nothing have more memory than the limit beyond what all formats need together."""
    rng = np.random.default_rng(1)
    for name, data in seeds(rng).items():
        try_file(Path(mkdtemp()) / name, data, name)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY,) * 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="mutants of each format (2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=None, help="where failing files go")
    parser.add_argument("--formats", default="", help="only these, as in aig,onnx")
    given = parser.parse_args()
    limit_memory()
    chosen = [name for name in given.formats.split(",") if name]
    sys.exit(bool(fuzz(given.files, given.seed, given.keep or Path(mkdtemp()), chosen)))
