"""The exported C built for other machines; as WebAssembly it also runs, and answers alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wasmtime

from lithify.backends.c.emit import emit
from lithify.ir import simulate
from lithify.ir.generate import random_circuit, random_sums
from lithify.ir.ports import Port

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1")
CLANG = (sys.executable, "-P", "-m", "ziglang", "cc")


@pytest.fixture(scope="module", params=["gates", "counts"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The exported C of a circuit with a bit of everything, its vectors and its answers."""
    rng = np.random.default_rng(3)
    circuit = random_circuit(rng, gates=120)
    if request.param == "counts":
        circuit = random_sums(rng, [Port("x", 1, 90), Port("y", 5, 60)], weights=(-2, 0, 1))
    codes = simulate.random_codes(circuit, 70, rng)
    return emit(circuit, test_vectors=codes).write(tmp_path_factory.mktemp("cross") / "c")


@pytest.mark.parametrize(
    ("target", "machine"),
    [
        (("thumb-freestanding-eabihf", "-mcpu=cortex_m4"), 40),
        (("aarch64-linux-musl",), 183),
        (("riscv32-linux-musl",), 243),
    ],
)
def test_it_compiles_strictly_for_other_machines(
    folder: Path, target: tuple[str, ...], machine: int
) -> None:
    command = [*CLANG, "-target", *target, *STRICT, "-c", "net.c", "-o", "other.o"]
    subprocess.run(command, cwd=folder, check=True)
    header = (folder / "other.o").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == machine


def test_as_webassembly_it_answers_alike(folder: Path) -> None:
    command = [*CLANG, "-target", "wasm32-wasi", *STRICT, "-DNET_MAIN", "net.c", "-o", "net.wasm"]
    subprocess.run(command, cwd=folder, check=True)
    engine = wasmtime.Engine()
    store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
    linker.define_wasi()
    files = wasmtime.WasiConfig()
    files.stdin_file = str(folder / "net_vectors.txt")
    files.stdout_file = str(folder / "answers.txt")
    store.set_wasi(files)
    module = wasmtime.Module.from_file(engine, str(folder / "net.wasm"))
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    start(store)
    assert (folder / "answers.txt").read_text() == (folder / "net_expected.txt").read_text()
