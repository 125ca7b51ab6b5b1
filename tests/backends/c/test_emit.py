"""The exported C: compiled strictly, run under sanitizers, equal to the interpreter."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import cmake
import numpy as np
import pytest
from c_nets import layered

from lithify.backends.c.emit import emit, expected_lines, export_size
from lithify.ir import simulate
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.generate import random_circuit, random_sums
from lithify.ir.ports import Port

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
MIXED = (
    Port("flags", 1, 9, "bit"),
    Port("pixels", 5, 64, "uint", 0, 16),
    Port("odd */ /* ??/ name", 12, 3, "int", -500, 1000),
)


def written(circuit: Circuit, folder: Path, codes: np.ndarray, name: str = "net") -> Path:
    """The folder with the exported files in it."""
    for path, data in emit(circuit, name=name, test_vectors=codes).items():
        (folder / path).write_bytes(data)
    return folder


def printed(folder: Path, *flags: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """What the exported program answers to its test vectors, or to `text`."""
    command = ["cc", *STRICT, *flags, "-DNET_MAIN", "net.c", "-o", "net"]
    subprocess.run(command, cwd=folder, check=True)
    said = (folder / "net_vectors.txt").read_text() if text is None else text
    return subprocess.run([folder / "net"], input=said, capture_output=True, text=True)


@pytest.mark.parametrize("lanes", [64, 8])
@pytest.mark.parametrize("seed", range(6))
def test_random_circuits_under_sanitizers(seed: int, lanes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, gates=120, odd_names=True)
    codes = simulate.random_codes(circuit, 70, rng)
    done = printed(written(circuit, tmp_path, codes), *SANITIZED, f"-DNET_LANES={lanes}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected_lines(circuit, codes)
    assert done.stdout == (tmp_path / "net_expected.txt").read_text()


@pytest.mark.parametrize("weight", [1, 1000, (1 << 31) - 1])
def test_nets_at_every_level_of_optimisation(weight: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(weight)
    circuit = layered(rng, ports=MIXED, weight=weight, words=True)
    codes = simulate.random_codes(circuit, 100, rng)
    folder = written(circuit, tmp_path, codes)
    for flags in (("-O0",), ("-O2",), ("-O3", "-DNET_LANES=16"), (*SANITIZED, "-DNET_LANES=32")):
        assert printed(folder, *flags).stdout == expected_lines(circuit, codes)


@pytest.mark.parametrize("weights", [(-1, 1), (-3, 0, 2), (-1, 1 << 30)], ids=str)
def test_layers_of_sums_are_counted(weights: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ports = (Port("flags", 1, 90), Port("degrees", 6, 50, "int", -20, 25))
    circuit = random_sums(rng, ports, weights=weights)
    codes = simulate.random_codes(circuit, 60, rng)
    folder = written(circuit, tmp_path, codes)
    assert "counts of bits in layers of 40, 33, 10 neurons" in (folder / "net.c").read_text()
    for flags in (("-O0",), ("-O3",), SANITIZED):
        assert printed(folder, *flags).stdout == expected_lines(circuit, codes)
    done = printed(folder, text=" ".join(["0"] * 139) + " 26")
    assert (done.returncode, done.stderr) == (2, "sample 0: an input is out of its range\n")


@pytest.mark.parametrize("lanes", [8, 16, 32, 64])
def test_one_sample_and_batches_of_any_size(lanes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    circuit = layered(rng, ports=MIXED, words=True)
    codes = simulate.random_codes(circuit, 130, rng).astype(np.int16)
    right = simulate.run(circuit, codes)
    words = np.concatenate([right.words[word.name] for word in circuit.words], axis=1)
    written(circuit, tmp_path, codes, name="digits")
    command = ["cc", *STRICT, "-O1", "-fPIC", "-shared", f"-DDIGITS_LANES={lanes}", "digits.c"]
    subprocess.run([*command, "-o", "digits.so"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "digits.so"))
    one = np.empty(10, np.int32)
    assert library.digits_predict(pointer(codes[5]), pointer(one)) == right.classes[5]
    assert np.array_equal(one, right.scores[5])
    assert library.digits_predict(pointer(codes[6]), None) == right.classes[6]
    for size in (0, 1, lanes - 1, lanes, lanes + 1, 130):
        scores, classes = np.full((131, 10), 99, np.int32), np.full(131, 99, np.int32)
        out = np.full((131, words.shape[1]), 99, np.int64)
        count = ctypes.c_size_t(size)
        results = (pointer(scores), pointer(classes), pointer(out))
        assert library.digits_batch(pointer(codes), count, *results) == 0
        assert np.array_equal(scores[:size], right.scores[:size])
        assert np.array_equal(classes[:size], right.classes[:size])
        assert np.array_equal(out[:size], words[:size])
        assert (scores[size:] == 99).all() and (out[size:] == 99).all()
        classes[:] = 99
        assert library.digits_batch(pointer(codes), count, None, pointer(classes), None) == 0
        assert np.array_equal(classes[:size], right.classes[:size])
    codes[3, 20] = 17
    assert library.digits_predict(pointer(codes[3]), None) == -1
    assert library.digits_batch(pointer(codes), ctypes.c_size_t(4), None, None, None) == -1


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def test_the_program_says_what_is_wrong_with_its_input(tmp_path: Path) -> None:
    b = Builder()
    b.output("y", b.input("x", width=3, count=2, high=5), kind="uint")
    folder = written(b.finish(), tmp_path, np.zeros((0, 2), np.int64))
    done = printed(folder, text="1 2\n3\n5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1 2\n0 3 5\n", "")
    done = printed(folder, text="1 2 6 0")
    assert (done.returncode, done.stderr) == (2, "sample 1: an input is out of its range\n")
    done = printed(folder, text="1 2 3")
    assert (done.returncode, done.stderr) == (2, "sample 1, input 1: not an integer\n")
    done = printed(folder, text="1 256")
    assert (done.returncode, done.stderr) == (2, "sample 0, input 1: out of range\n")


def test_nothing_is_writable_and_nothing_allocates(tmp_path: Path) -> None:
    circuit = layered(np.random.default_rng(0), words=True)
    written(circuit, tmp_path, np.zeros((0, 100), np.int64))
    subprocess.run(["cc", *STRICT, "-O2", "-c", "net.c"], cwd=tmp_path, check=True)
    symbols = subprocess.run(
        ["nm", "net.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    kinds = {line.split()[-1]: line.split()[-2] for line in symbols}
    assert kinds.pop("net_predict") == kinds.pop("net_batch") == "T"
    outside = {name for name, kind in kinds.items() if kind == "U"}
    assert outside <= {"memset", "memcpy", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
    assert {kind for kind in kinds.values() if kind != "U"} <= {"r", "t"}


def test_it_is_cplusplus_too(tmp_path: Path) -> None:
    circuit = layered(np.random.default_rng(0), widths=(20,), classes=2)
    written(circuit, tmp_path, np.zeros((0, 100), np.int64))
    (tmp_path / "user.cpp").write_text('#include "net.h"\nint main() { return NET_SCORES - 2; }\n')
    command = ["g++", "-Wall", "-Wextra", "-Werror", "user.cpp", "-o", "user"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "user"]).returncode == 0


def test_the_same_bytes_every_time() -> None:
    def made() -> dict[str, bytes]:
        circuit = layered(np.random.default_rng(7), words=True)
        codes = simulate.random_codes(circuit, 3, np.random.default_rng(1))
        return dict(emit(circuit, name="same", test_vectors=codes))

    first = made()
    assert first == made()
    assert sorted(first) == [
        "CMakeLists.txt",
        "same.c",
        "same.h",
        "same_expected.txt",
        "same_vectors.txt",
    ]
    assert sorted(emit(layered(np.random.default_rng(0)))) == ["CMakeLists.txt", "net.c", "net.h"]


@pytest.mark.parametrize(
    ("bounds", "kind", "said"),
    [
        ((0, 1), "uint", "uint8_t"),
        ((0, 256), "uint", "uint16_t"),
        ((-1, 127), "int", "int8_t"),
        ((-1, 128), "int", "int16_t"),
        ((-(1 << 31), 5), "int", "int32_t"),
        ((0, 1 << 32), "uint", "uint64_t"),
    ],
)
def test_the_input_type_is_the_smallest(bounds: tuple[int, int], kind: str, said: str) -> None:
    b = Builder()
    b.output("y", b.input("x", width=40, kind=kind, low=bounds[0], high=bounds[1]).ravel())
    header = emit(b.finish())["net.h"].decode()
    assert f"typedef {said} net_input;" in header


def test_the_header_names_ports_scores_and_words() -> None:
    circuit = layered(np.random.default_rng(0), ports=MIXED, classes=12, words=True)
    header = emit(circuit)["net.h"].decode()
    assert "   odd __ __ ___ name: 3 in -500..1000 */" in header
    assert "Scores of one sample: class0, class1, class2" in header
    assert "class9 and so on. */" in header
    assert "bits (70 of 1 bits), numbers (5 of 17 bits), wide (2 of 63 bits). */" in header
    for line in ("#define NET_INPUTS 76", "#define NET_SCORES 12", "#define NET_WORDS 77"):
        assert line in header.splitlines()


def test_cmake_builds_it_and_runs_its_vectors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    circuit = layered(rng, words=True)
    written(circuit, tmp_path, simulate.random_codes(circuit, 70, rng))
    tools = Path(cmake.CMAKE_BIN_DIR)
    for command in (
        [tools / "cmake", "-S", ".", "-B", "made", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"],
        [tools / "cmake", "--build", "made"],
        [tools / "ctest", "--test-dir", "made", "--output-on-failure"],
    ):
        subprocess.run([str(word) for word in command], cwd=tmp_path, check=True)
    (tmp_path / "net_expected.txt").write_text("another answer\n")
    failed = subprocess.run([tools / "ctest", "--test-dir", "made"], cwd=tmp_path)
    assert failed.returncode != 0


@pytest.mark.parametrize("counts", [False, True])
def test_the_size_is_what_the_tables_take(counts: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plain = layered(rng, widths=(2000, 2000))
    circuit = random_sums(rng, [Port("x", 1, 100)], widths=(300,)) if counts else plain
    size = export_size(circuit)
    written(circuit, tmp_path, np.zeros((0, 100), np.int64))
    subprocess.run(["cc", "-Os", "-c", "net.c"], cwd=tmp_path, check=True)
    said = subprocess.run(["size", "-A", "net.o"], cwd=tmp_path, check=True, capture_output=True)
    constants = sum(
        int(line.split()[1]) for line in said.stdout.decode().splitlines() if ".rodata" in line
    )
    assert size.gates == 0 if counts else size.gates > 3000
    assert size.table_bytes <= constants <= size.table_bytes + 256
    assert size.stack_bytes_64 == (1 if counts else 8) * size.stack_bytes_8
    assert f"{size.table_bytes} bytes of tables" in (tmp_path / "net.c").read_text()


@pytest.mark.parametrize("name", ["", "Net", "3d", "a-b", "int", "main", "x" * 50])
def test_a_name_that_is_no_prefix_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        emit(layered(np.random.default_rng(0), widths=(5,)), name=name)
    assert str(caught.value) == (
        f"{name!r} cannot be the prefix of C names; use lower-case letters, digits and _, "
        "a letter first, and no word of the language"
    )
