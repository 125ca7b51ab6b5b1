"""PLA files read."""

import numpy as np
import pytest
from same_function import signal_bits

from lithify.backends.pla import read
from lithify.ir.check import check
from lithify.ir.errors import FormatError, LithifyError, ParseError

HEAD = ".i 3\n.o 2\n"


def table(text: str, inputs: int) -> list[list[int]]:
    """The outputs for every pattern of the inputs, the first least significant."""
    circuit = read(text.encode())
    check(circuit)
    codes = np.array([[p >> j & 1 for j in range(inputs)] for p in range(1 << inputs)], np.int64)
    signals = np.concatenate([word.signals.ravel() for word in circuit.words])
    rows: list[list[int]] = signal_bits(circuit, codes)[signals].T.tolist()
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_products_mean_what_they_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    cubes = rng.choice(list("01-"), (12, inputs))
    marks = rng.choice(list("01"), (12, outputs))
    lines = [f"{''.join(a)} {''.join(b)}" for a, b in zip(cubes, marks, strict=True)]
    text = f"# made\n.i {inputs}\n.o {outputs}\n.p 12\n.type f\n" + "\n".join(lines) + "\n.e\n"
    for pattern, row in enumerate(table(text, inputs)):
        bits = np.array(list(f"{pattern:0{inputs}b}"[::-1]))
        hit = ((cubes == "-") | (cubes == bits)).all(axis=1)
        assert row == [int((hit & (marks[:, k] == "1")).any()) for k in range(outputs)]


def test_names_of_inputs_and_outputs() -> None:
    circuit = read(b".i 2\n.o 1\n.ilb a b\n.ob both\n11|1\n.end\nwhatever")
    assert [p.name for p in circuit.inputs] == ["a", "b"]
    assert [w.name for w in circuit.words] == ["both"]
    plain = read((HEAD + "1-- 10\n").encode())
    assert [(p.name, p.count) for p in plain.inputs] == [("i", 3)]
    assert [(w.name, w.count) for w in plain.words] == [("o", 2)]


def test_wide_products_and_sums_become_trees() -> None:
    lines = ["0" * k + "1" * (20 - k) + " 1" for k in range(20)]
    circuit = read("\n".join([".i 20", ".o 1", *lines]).encode())
    check(circuit)
    codes = np.random.default_rng(2).integers(0, 2, (200, 20))
    codes[:20] = [[k <= j for j in range(20)] for k in range(20)]
    texts = {line[:20] for line in lines}
    expected = ["".join(map(str, row)) in texts for row in codes.tolist()]
    assert signal_bits(circuit, codes)[circuit.words[0].signals[0, 0]].tolist() == expected


def test_a_product_is_made_once() -> None:
    assert read((HEAD + "11- 10\n11- 01\n").encode()).num_gates == 3


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "1-- 1-",
            "3:1",
            "a don't care (-) among the outputs leaves the function open; write 1 or 0",
        ),
        ("1-- 1", "3:1", "expected 3 of 0, 1 and - and then 2 of 0 and 1"),
        ("1x- 11", "3:1", "expected 3 of 0, 1 and - and then 2 of 0 and 1"),
        ("1-- 1q", "3:1", "expected 3 of 0, 1 and - and then 2 of 0 and 1"),
        (
            ".type fr",
            "3:1",
            "only PLAs of the types f and fd are read; the others say where the function may be "
            "anything",
        ),
        (".kiss", "3:1", "unknown command .kiss"),
        (".p many", "3:1", "expected one number after .p"),
        (".i 3", "3:1", ".i again, or after the first product"),
        (".ilb a b\n1-- 11", "4:1", "2 names in .ilb for .i 3"),
        ("1-- 11\n.ob f g", "4:1", ".ob again, or after the first product"),
        (".ilb a a b\n1-- 11", "4:1", "a is defined here and in line 4"),
    ],
)
def test_errors_point_at_their_place(text: str, place: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        read((HEAD + text + "\n").encode(), "net.pla")
    assert str(caught.value).split("\n")[0] == f"net.pla:{place}: {message}"


def test_what_is_no_pla_file() -> None:
    with pytest.raises(FormatError, match=r"^n is no PLA file: byte 0 is no text$"):
        read(b"\xff", "n")
    with pytest.raises(FormatError, match=r"^n is no PLA file: it has no .i and .o$"):
        read(b".i 3\n", "n")
    with pytest.raises(ParseError) as caught:
        read(b".i 999999999\n", "n")
    assert str(caught.value).startswith("n:1:1: .i 999999999; a PLA here has 1 to 65536 inputs")
    with pytest.raises(ParseError, match=r"^n:1:1: a product before .i and .o"):
        read(b"11 1\n", "n")


def test_mutated_files_are_refused_or_read() -> None:
    rng = np.random.default_rng(5)
    data = (HEAD + ".ilb a b c\n.p 3\n1-0 10\n011 11\n--1 01\n.e\n").encode()
    for _ in range(300):
        bad = bytearray(data)
        for place in rng.integers(0, len(bad), 2):
            bad[place] = rng.integers(32, 127)
        try:
            check(read(bytes(bad)))
        except LithifyError:
            continue
