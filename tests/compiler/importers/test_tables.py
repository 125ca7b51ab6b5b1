"""Truth tables as arrays: the circuit says what they say."""

from pathlib import Path

import numpy as np
import pytest

import lithify
from lithify.compiler.importers.tables import from_tables
from lithify.ir.errors import FormatError, InputError
from lithify.ir.simulate import run


@pytest.mark.parametrize("inputs", [1, 3, 6, 8, 11])
def test_every_entry_comes_out(inputs: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(inputs)
    tables = rng.integers(0, 2, (1 << inputs, 5))
    patterns = np.arange(1 << inputs)[:, None] >> np.arange(inputs) & 1
    circuit = from_tables(tables)
    assert np.array_equal(run(circuit, patterns).words["y"], tables)
    np.save(tmp_path / "t.npy", tables.astype(np.uint8))
    design = lithify.load(tmp_path / "t.npy")
    assert design.circuit == circuit
    assert design.provenance == {"imported": {"format": "truth tables", "file": "t.npy"}}


def test_a_parity_of_ten_inputs_is_small_and_proved() -> None:
    parity = [bin(pattern).count("1") % 2 for pattern in range(1 << 10)]
    design = lithify.compile(lithify.from_tables(parity), interface="comb", effort=1).verify()
    assert design.certificate is not None and design.certificate.ok
    assert design.circuit.num_gates < 12


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            np.zeros((3, 2), int),
            "truth tables of shape [3, 2]; [2 to the number of inputs, outputs] are needed, of 1 "
            "to 16 inputs",
        ),
        (np.zeros(2), "an entry of the truth tables is neither 0 nor 1"),
        (np.array([0, 2]), "an entry of the truth tables is neither 0 nor 1"),
        (
            np.broadcast_to(np.uint8(0), (1 << 16, 1 << 11)),
            "truth tables of 134,217,728 entries; at most 67,108,864",
        ),
    ],
)
def test_what_is_no_table(tables: np.ndarray, message: str) -> None:
    with pytest.raises(InputError) as caught:
        from_tables(tables)
    assert str(caught.value) == message


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FormatError) as caught:
        lithify.load(tmp_path / "t.npy")
    assert str(caught.value) == f"{tmp_path}/t.npy: the file has no .npy header"


def test_a_header_that_python_2_wrote_is_read_in_silence(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([0, 1], np.uint8))
    data = (tmp_path / "t.npy").read_bytes().replace(b"(2,), }  ", b"(2L,), } ")
    (tmp_path / "t.npy").write_bytes(data)
    assert lithify.load(tmp_path / "t.npy").circuit == from_tables([0, 1])
