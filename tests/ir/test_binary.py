"""The binary form is exact, reproducible, and suspicious of what it reads."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st

from lithify.ir import binary
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, WriteError
from lithify.ir.generate import random_circuit, random_layered


def sample() -> Circuit:
    return random_circuit(np.random.default_rng(3), gates=30, readout="argmax")


@given(circuits(most_gates=60, odd_names=True))
def test_what_is_saved_loads_equal(circuit: Circuit) -> None:
    assert binary.from_bytes(binary.to_bytes(circuit)) == circuit


def test_files_are_saved_and_loaded(tmp_path: Path) -> None:
    path = binary.save(sample(), tmp_path / "net.lithic")
    assert binary.load(path) == sample()
    assert [p.name for p in tmp_path.iterdir()] == ["net.lithic"]


def test_an_empty_circuit() -> None:
    circuit = Builder().finish()
    assert binary.from_bytes(binary.to_bytes(circuit)) == circuit


def test_extreme_numbers() -> None:
    builder = Builder(fold=False)
    x = builder.input("x", width=62, kind="int").ravel()
    builder.threshold(2**61, [2, 3], [2**31 - 1, -(2**31 - 1)])
    builder.threshold(-(2**61), [2])
    builder.table(2**64 - 1, *x[:6])
    builder.score("s", [2], [2**31 - 1], bias=-(2**61))
    circuit = builder.finish(readout="scores")
    assert binary.from_bytes(binary.to_bytes(circuit)) == circuit


def test_equal_circuits_make_equal_bytes_without_dates() -> None:
    data = binary.to_bytes(sample())
    assert data == binary.to_bytes(sample())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_archive_is_what_the_page_says() -> None:
    circuit = random_layered(np.random.default_rng(0), inputs=20, layers=[40, 40], classes=4)
    with zipfile.ZipFile(io.BytesIO(binary.to_bytes(circuit))) as archive:
        names = archive.namelist()
        arrays = {
            name[:-4]: np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
            for name in names
            if name.endswith(".npy")
        }
        manifest = json.loads(archive.read("manifest.json"))
    assert names == [
        "manifest.json",
        *(f"{name}.npy" for name in ("arities", "fanins", "kinds", "origin_of", "output_signals")),
        *(f"{name}.npy" for name in ("score_weights", "tables", "unit_of", "weights")),
    ]
    assert np.array_equal(arrays["tables"], circuit.tables)
    assert arrays["tables"].dtype == np.uint8 and arrays["arities"].tolist() == [2] * 80
    assert np.array_equal(arrays["fanins"], circuit.fanins)
    assert manifest == {
        "format": "lithify circuit",
        "version": 1,
        "gates": 80,
        "fanins": 160,
        "weighted": False,
        "readout": "argmax",
        "origins": [
            {"path": "layers.0", "part": "core"},
            {"path": "layers.1", "part": "core"},
        ],
        "inputs": [
            {"name": "x", "kind": "bit", "width": 1, "count": 20, "low": 0, "high": 1},
        ],
        "outputs": [{"name": f"class{i}", "bias": 0, "terms": 10} for i in range(4)],
    }


def test_large_nets_take_few_bytes_a_gate() -> None:
    circuit = random_layered(np.random.default_rng(0), layers=[10_000] * 10)
    assert len(binary.to_bytes(circuit)) < 20 * circuit.num_gates


# What is wrong with a file.

Entries = dict[str, bytes]


def entries(circuit: Circuit) -> Entries:
    with zipfile.ZipFile(io.BytesIO(binary.to_bytes(circuit))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(content: Entries, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array), allow_pickle=True)
    return stream.getvalue()


def with_manifest(**changes: Any) -> bytes:
    content = entries(sample())
    manifest = json.loads(content["manifest.json"]) | changes
    return zipped(content | {"manifest.json": json.dumps(manifest).encode()})


def with_array(name: str, array: Any) -> bytes:
    return zipped(entries(sample()) | {f"{name}.npy": npy(array)})


def reason(data: bytes) -> str:
    """What the error says between its fixed beginning and end."""
    with pytest.raises(FormatError) as caught:
        binary.from_bytes(data, "net.lithic")
    message = str(caught.value)
    start, end = "net.lithic is no sound binary circuit: ", "; write it anew or take another copy"
    assert message.startswith(start) and message.endswith(end)
    return message[len(start) : -len(end)]


def test_a_whole_message() -> None:
    with pytest.raises(FormatError) as caught:
        binary.from_bytes(b"hello", "net.lithic")
    assert str(caught.value) == (
        "net.lithic is no sound binary circuit: it is not a zip archive; "
        "write it anew or take another copy"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b"", "it is not a zip archive"),
        (lambda: pickle.dumps([1]), "it is not a zip archive"),
        (lambda: binary.to_bytes(sample())[:-10], "it is cut off or damaged"),
        (lambda: binary.to_bytes(sample())[:100], "it is cut off or damaged"),
        (lambda: zipped({}), "entry manifest.json is missing"),
        (lambda: zipped({"manifest.json": b"{"}), "entry manifest.json is no JSON"),
        (lambda: zipped({"manifest.json": b"[" * 100000}), "entry manifest.json is no JSON"),
        (lambda: zipped({"manifest.json": b"[]"}), "it holds something other than a circuit"),
        (lambda: with_manifest(format="zoo"), "it holds something other than a circuit"),
        (lambda: with_manifest(version=2), "its version is 2, and this reader reads 1"),
        (
            lambda: zipped(entries(sample()), zipfile.ZIP_DEFLATED),
            "an entry is compressed, which this form does not do",
        ),
        (
            lambda: zipped({k: v for k, v in entries(sample()).items() if k != "kinds.npy"}),
            "entry kinds.npy is missing",
        ),
        (lambda: with_manifest(gates="many"), "gates in the manifest is 'many', not an integer"),
        (lambda: with_manifest(gates=True), "gates in the manifest is True, not an integer"),
        (lambda: with_manifest(gates=-1), "gates in the manifest is -1, not a size"),
        (lambda: with_manifest(gates=2**40), f"gates in the manifest is {2**40}, not a size"),
        (lambda: with_manifest(inputs=3), "inputs of the manifest is no list of objects"),
        (lambda: with_manifest(origins=[[]]), "origins of the manifest is no list of objects"),
        (
            lambda: with_manifest(origins=[{"path": "l", "part": "tail"}]),
            "origin l: part 'tail' is none of encoder, core, head",
        ),
        (lambda: with_manifest(readout=None), "readout in the manifest is None, not a text"),
        (lambda: with_manifest(readout="x"), "readout 'x' is none of bits, scores, argmax"),
        (
            lambda: with_manifest(gates=31),
            "array arities has shape (30,) where the manifest asks for (31,)",
        ),
        (
            lambda: with_array("arities", np.array([None] * 30)),
            "array arities is of type object, which holds no plain integers",
        ),
        (
            lambda: with_array("arities", np.ones(30)),
            "array arities is of type float64, which holds no plain integers",
        ),
        (
            lambda: with_array("arities", np.ones((30, 1), np.uint8)),
            "array arities has shape (30, 1) where the manifest asks for (30,)",
        ),
        (
            lambda: with_array("kinds", np.full(30, 300, np.uint16)),
            "array kinds has a value that does not fit 8 bits",
        ),
        (
            lambda: with_array("kinds", np.full(30, 3, np.uint8)),
            "gate %5 (unit 0 of layers.0): kind 3 is neither table nor threshold",
        ),
        (
            lambda: with_array("unit_of", np.full(30, -3, np.int8)),
            "gate %5: unit -3; units count from 0",
        ),
        (
            lambda: zipped(entries(sample()) | {"arities.npy": b"\x93NUMPY\x01\x00v\x00{'descr"}),
            "array arities has no .npy header",
        ),
        (
            lambda: zipped(
                entries(sample()) | {"arities.npy": b"\x93NUMPY\x01\x00v\x00" + b"(1L,".ljust(118)}
            ),
            "array arities has no .npy header",
        ),
        (
            lambda: zipped(entries(sample()) | {"arities.npy": b"nothing"}),
            "array arities has no .npy header",
        ),
        (
            lambda: zipped(
                entries(sample())
                | {
                    "arities.npy": entries(sample())["arities.npy"].replace(
                        b"NUMPY\x01", b"NUMPY\x02"
                    )
                }
            ),
            "array arities is of an unknown .npy version",
        ),
        (
            lambda: zipped(
                entries(sample()) | {"arities.npy": entries(sample())["arities.npy"][:-1]}
            ),
            "array arities is shorter or longer than its header says",
        ),
    ],
)
def test_unsound_files_are_refused(make: Callable[[], bytes], message: str) -> None:
    assert reason(make()) == message


def test_an_array_that_claims_to_be_huge_is_not_allocated() -> None:
    header = b"\x93NUMPY\x01\x00v\x00" + (
        b"{'descr': '<u8', 'fortran_order': False, 'shape': (2147483647,), }".ljust(117) + b"\n"
    )
    content = entries(sample()) | {"arities.npy": header}
    manifest = json.loads(content["manifest.json"]) | {"gates": 2**31 - 1}
    content["manifest.json"] = json.dumps(manifest).encode()
    assert reason(zipped(content)) == "array arities is shorter or longer than its header says"


def test_a_fan_out_of_arities_is_bounded_by_the_fanins() -> None:
    message = reason(with_array("arities", np.full(30, 2**31 - 1, np.uint32)))
    assert message.startswith("array offsets does not rise from 0 to ")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name() -> None:
    stream = io.BytesIO(binary.to_bytes(sample()))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("kinds.npy", b"")
    assert reason(stream.getvalue()) == "two entries have one name"


def test_a_changed_byte_in_an_array_is_noticed() -> None:
    data = bytearray(binary.to_bytes(sample()))
    at = data.index(b"fanins.npy") + 10 + 128 + 5
    data[at] ^= 1
    assert reason(bytes(data)) == "entry fanins.npy is damaged"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_damage_anywhere_is_refused_or_harmless(place: int, cut: int, new: bytes) -> None:
    data = bytearray(binary.to_bytes(sample()))
    place %= len(data)
    data[place : place + len(new)] = new
    if cut % 3 == 0:
        del data[cut % len(data) :]
    try:
        circuit = binary.from_bytes(bytes(data), "net.lithic")
    except FormatError:
        return
    check(circuit)


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_damage_to_the_directory_is_refused_or_harmless(place: int, new: int) -> None:
    data = bytearray(binary.to_bytes(sample()))
    start = data.index(b"PK\x01\x02")
    data[start + place % (len(data) - start)] = new
    try:
        assert binary.from_bytes(bytes(data), "net.lithic") == sample()
    except FormatError:
        return


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (6, 0xFF, "it is cut off or damaged"),  # the version that is needed to extract
        (8, 0x01, "entry manifest.json is damaged"),  # encrypted
        (24, 0xFF, "its entries claim sizes that they cannot have"),
        (42, 0x09, "entry manifest.json is damaged"),  # the place of the entry
    ],
)
def test_a_directory_that_lies(place: int, value: int, message: str) -> None:
    data = bytearray(binary.to_bytes(sample()))
    data[data.index(b"PK\x01\x02") + place] = value
    assert reason(bytes(data)) == message


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.lithic"
    with pytest.raises(FormatError) as caught:
        binary.load(path)
    assert str(caught.value) == (
        f"cannot read {path}: No such file or directory; check the path and its permissions"
    )


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "no" / "net.lithic"
    with pytest.raises(WriteError) as caught:
        binary.save(sample(), path)
    assert str(caught.value) == (
        f"cannot write {path}: the folder {path.parent} does not exist; "
        "create it or choose another path"
    )
