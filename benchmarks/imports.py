"""Nets of other tools, from their files to proofs: `python -m benchmarks.imports [--check]`.

Two nets of FINN's TFC family, 784-64-64-64-10 with activations of one and of two bits, in files of
QONNX operations: every score against onnxruntime's, which runs the same nets in operations that it
knows, on 10,000 inputs; then what effort 1 made of them is proved to be the same. And a net of
difflogic of 6 x 64,000 gates, a state dict of torch with its wires beside it: the time to import
it, and its scores against the sixteen gates in numpy on 10,000 inputs. Seconds are of CPU, engines
included, after small files of both kinds were read.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

import lithify
from benchmarks.onnx_files import tfc
from benchmarks.scale import cpu_seconds
from lithify.compiler.design import Design
from lithify.compiler.importers.lookup import Array

WIDTHS = (784, 64, 64, 64, 10)
SAMPLES, INPUTS, CLASSES = 10_000, 784, 10
LAYERS = (64_000,) * 6
MOST_SECONDS = 5.0
Words = NDArray[np.uint64]


def quantised(folder: Path, widths: Sequence[int], bits: int) -> list[str]:
    """What is wrong with a net of such activations; a line about it is printed."""
    path, start = folder / "tfc.onnx", cpu_seconds()
    path.write_bytes(tfc(widths, plain=False, seed=2, bits=bits)[0])
    plain = tfc(widths, plain=True, seed=2, bits=bits)[0]
    session = onnxruntime.InferenceSession(plain, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(3).random((SAMPLES, widths[0]), np.float32)
    (theirs,) = session.run(None, {"x": x})
    design = lithify.load(path)
    made = lithify.compile(design, effort=1, interface="comb")
    notes = design.provenance["imported"]
    wrong = [int((one.scores(x) * notes["unit"] + notes["offset"] != theirs).any(axis=1).sum())
             for one in (design, made)]  # fmt: skip
    proved = made.verify().certificate
    told = "proved" if proved is not None and proved.ok else "NOT PROVED"
    name = f"TFC 1w{bits}a {'-'.join(map(str, widths))}"
    print(
        f"{name}: {design.circuit.num_gates} gates, {SAMPLES} inputs, {wrong[0]} with another "
        f"score and {wrong[1]} after effort 1, {told}, {cpu_seconds() - start:.1f} s"
    )
    return [name] if any(wrong) or told != "proved" else []


def gates_and_wires(inputs: int, layers: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Random weights [units, 16], and wires [2, units], of each layer."""
    rng = np.random.default_rng(0)
    sizes = [inputs, *layers]
    weights = [rng.normal(size=(units, 16)).astype(np.float32) for units in layers]
    return weights, [
        rng.integers(0, n, (2, units)) for n, units in zip(sizes, layers, strict=False)
    ]


def difflogic(folder: Path, inputs: int, layers: Sequence[int]) -> tuple[Design, float, float]:
    """The design of a net of difflogic, and the seconds of CPU and of the clock to import it."""
    weights, wires = gates_and_wires(inputs, layers)
    state = {f"{i + 1}.weights": torch.tensor(one) for i, one in enumerate(weights)}
    torch.save(state, folder / "net.pt")
    beside = {f"{i + 1}.indices": one for i, one in enumerate(wires)}
    beside |= {"classes": np.array(CLASSES), "inputs": np.array(inputs)}
    np.savez(folder / "wires.npz", allow_pickle=False, **beside)
    start, wall = cpu_seconds(), time.perf_counter()
    design = lithify.load(folder / "net.pt", wiring=folder / "wires.npz")
    return design, cpu_seconds() - start, time.perf_counter() - wall


def counts(x: Array, layers: Sequence[int]) -> Array:
    """The class sums of that net, 64 samples a word."""
    weights, wires = gates_and_wires(x.shape[1], layers)
    padded = np.zeros((x.shape[1], -len(x) % 64 + len(x)), np.uint8)
    padded[:, : len(x)] = x.T
    values: Words = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    for gate, (a, b) in zip((one.argmax(1) for one in weights), wires, strict=True):
        made = np.zeros((len(gate), values.shape[1]), np.uint64)
        for pattern in range(4):  # the high bit of a gate is its answer to 0, 0
            left, right = (
                values[w] if pattern & bit else ~values[w] for w, bit in ((a, 2), (b, 1))
            )
            asked = (gate >> (3 - pattern) & 1).astype(bool)
            made[asked] |= (left & right)[asked]
        values = made
    groups = values.reshape(CLASSES, -1, values.shape[1])
    sums = [np.unpackbits(g.view(np.uint8), axis=1, bitorder="little").sum(0) for g in groups]
    return np.stack(sums, axis=1)[: len(x)]


def large(folder: Path, layers: Sequence[int]) -> list[str]:
    """What is wrong with the net of difflogic; a line about it is printed."""
    difflogic(folder, 100, (200, 200))
    design, seconds, wall = difflogic(folder, INPUTS, layers)
    x = np.random.default_rng(3).integers(0, 2, (SAMPLES, INPUTS))
    wrong = int((design.scores(x) != counts(x, layers)).any(axis=1).sum())
    print(
        f"difflogic, {sum(layers):,} gates: imported in {seconds:.2f} s ({wall:.2f} s by the "
        f"clock; at most {MOST_SECONDS:g}), {SAMPLES} inputs, {wrong} with another score"
    )
    return ["difflogic"] if wrong or max(seconds, wall) > MOST_SECONDS else []


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where --check finds a bar missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as name:
        wrong = large(Path(name), LAYERS)
        wrong += [net for bits in (1, 2) for net in quantised(Path(name), WIDTHS, bits)]
    print(f"MISSED: {', '.join(wrong)}" if wrong else "every bar is kept")
    return 1 if options.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
