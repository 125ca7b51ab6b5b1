"""BLIF files, written and read."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st
from same_function import all_codes, assert_same_words, signal_bits

from lithify.backends import abc, aiger
from lithify.backends.blif import cover, read, write
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, LithifyError, ParseError
from lithify.ir.generate import random_circuit

HEAD = ".model m\n.inputs a b\n.outputs y\n"


def value_of(text: str, codes: list[list[int]]) -> list[int]:
    """What the only output of a BLIF text is, for each sample."""
    circuit = read(text.encode())
    check(circuit)
    bits = signal_bits(circuit, np.array(codes, np.int64))
    values: list[int] = bits[circuit.words[0].signals[0, 0]].tolist()
    return values


PAIRS = [[0, 0], [0, 1], [1, 0], [1, 1]]


@given(circuits(most_gates=25))
def test_the_function_survives_a_round_trip(circuit: Circuit) -> None:
    plain = expand(circuit).circuit
    data = write(circuit)
    back = read(data)
    check(back)
    assert [(p.name, p.width, p.count) for p in back.inputs] == [
        (p.name, p.width, p.count) for p in plain.inputs
    ]
    assert_same_words(plain, back, np.random.default_rng(0))
    assert data == write(plain) == write(expand(circuit))


@given(circuits(most_gates=25))
def test_writing_what_was_read_changes_nothing(circuit: Circuit) -> None:
    once = write(read(write(circuit)))
    assert write(read(once)) == once


def test_a_known_file() -> None:
    builder = Builder(fold=False)
    a = builder.input("a", width=2)[0].tolist()
    b = builder.input("n5")[0].tolist()
    carry = builder.table(0xE8, *a, *b)
    builder.output("y", [builder.xor(carry, 1), carry, 0], kind="uint")
    builder.output("z", [a[1]])
    assert write(builder.finish(), name="adder").decode() == (
        ".model adder\n.inputs \\\n a.0 a.1 n5\n.outputs \\\n y.0 y.1 y.2 z\n"
        ".names n_0\n.names n_1\n1\n"
        ".names a.0 a.1 n5 n_5\n110 1\n101 1\n011 1\n111 1\n"
        ".names n_5 n_1 n_6\n10 1\n01 1\n"
        ".names n_6 y.0\n1 1\n.names n_5 y.1\n1 1\n.names n_0 y.2\n1 1\n.names a.1 z\n1 1\n.end\n"
    )


@pytest.mark.parametrize("arity", range(7))
def test_covers_say_their_tables(arity: int) -> None:
    rng = np.random.default_rng(arity)
    size = 1 << arity
    tables = {0, (1 << size) - 1, 1, (1 << size) - 2}
    tables |= {int(t) >> (64 - size) for t in rng.integers(0, 2**64, 20, dtype=np.uint64)}
    names = [f"x{i}" for i in range(arity)]
    codes = [[p >> j & 1 for j in range(arity)] for p in range(size)]
    for table in sorted(tables):
        lines = cover(table, arity)
        assert lines.count("\n") <= max(1, size // 2)
        text = f".model m\n.inputs {' '.join(names)}\n.outputs y\n.names {' '.join(names)} y\n"
        found = value_of(text + lines, codes) if arity else value_of(text + lines, [[]])
        assert found == [table >> p & 1 for p in range(size)]


@pytest.mark.parametrize("seed", range(4))
def test_abc_says_that_both_formats_are_equal(seed: int) -> None:
    circuit = random_circuit(np.random.default_rng(seed), gates=60)
    files = {"a.blif": write(circuit), "b.aig": aiger.write(circuit)}
    done, _ = abc.run_script("cec a.blif b.aig", files, [], time_limit=20)
    assert "Networks are equivalent" in done.output


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("script", ["strash; dc2", "strash; if -K 6", "strash; if -K 4; sop"])
def test_what_abc_writes_is_read(seed: int, script: str) -> None:
    circuit = expand(random_circuit(np.random.default_rng(seed), gates=60)).circuit
    script = f"read_blif in.blif; {script}; write_blif out.blif"
    _, files = abc.run_script(script, {"in.blif": write(circuit)}, ["out.blif"], time_limit=20)
    assert_same_words(circuit, read(files["out.blif"]), np.random.default_rng(seed))


def test_lines_comments_and_order() -> None:
    text = (
        "# a comment\n.model top # the name\n.inputs a \\\n  b\n\n.outputs \\\ny\n"
        ".names t b y # reads t before it is there\n11 1\n.names a t\n0 1\n.end\nwhatever\n"
    )
    assert value_of(text, PAIRS) == [0, 1, 0, 0]


def test_covers_of_zeros_and_of_nothing() -> None:
    assert value_of(HEAD + ".names a b y\n1- 0\n-1 0\n", PAIRS) == [1, 0, 0, 0]
    assert value_of(HEAD + ".names a b y\n", PAIRS) == [0] * 4
    assert value_of(HEAD + ".names y\n1\n", PAIRS) == [1] * 4
    assert value_of(HEAD + ".names y\n", PAIRS) == [0] * 4
    assert value_of(HEAD + ".names y\n0\n", PAIRS) == [0] * 4


def test_buffers_vanish() -> None:
    text = HEAD + ".names t y\n1 1\n.names u t\n1 1\n.names a u\n1 1\n"
    circuit = read(text.encode())
    assert circuit.num_gates == 0 and circuit.words[0].signals.tolist() == [[2]]


@pytest.mark.parametrize("value", "01")
@pytest.mark.parametrize("cubes", [0, 1, 3, 20])
@pytest.mark.parametrize("width", [7, 12])
def test_covers_of_many_inputs(value: str, cubes: int, width: int) -> None:
    rng = np.random.default_rng(width + cubes)
    names = " ".join(f"x[{i}]" for i in range(width))
    rows = ["".join(rng.choice(list("01-----"), width)) for _ in range(cubes)]
    if cubes == 3:
        rows[1] = "-" * width
    text = f".model m\n.inputs {names}\n.outputs y\n.names {names} y\n"
    text += "".join(f"{row} {value}\n" for row in rows)
    circuit = read(text.encode())
    check(circuit)
    codes = all_codes(circuit, rng)
    hit = np.zeros(len(codes), np.bool_)
    for row in rows:
        hit |= np.all([(codes[:, j] == int(c)) for j, c in enumerate(row) if c != "-"], axis=0)
    expected = hit if value == "1" or not cubes else ~hit
    found = signal_bits(circuit, codes)[circuit.words[0].signals[0, 0]]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f is no BLIF file: it has no .model"),
        ("a b\n", "f:1:1: a line that belongs to no .names\n    a b\n    ^"),
        (
            HEAD + ".latch a y 0\n",
            "f:4:1: a latch; a circuit here has no memory: cut the design at them\n"
            "    .latch a y 0\n    ^",
        ),
        (
            HEAD + "\n.subckt and A=a B=b\n",
            "f:5:1: .subckt needs other models or a library; flatten the design\n"
            "    .subckt and A=a B=b\n    ^",
        ),
        (
            HEAD + ".model other\n",
            "f:4:1: a second .model; flatten the design\n    .model other\n    ^",
        ),
        (HEAD + "  .clok a\n", "f:4:3: unknown command .clok\n      .clok a\n      ^"),
        (HEAD + ".names\n", "f:4:1: .names without an output\n    .names\n    ^"),
        (
            HEAD + ".names a b y\n11 1\n10 0\n",
            "f:6:1: a cover gives either only 1 or only 0\n    10 0\n    ^",
        ),
        (
            HEAD + ".names a b y\n111 1\n",
            "f:5:1: expected 2 of 0, 1 and - and then 0 or 1, for the .names in line 4\n"
            "    111 1\n    ^",
        ),
        (
            HEAD + ".names a b y\n1x 1\n",
            "f:5:1: expected 2 of 0, 1 and - and then 0 or 1, for the .names in line 4\n"
            "    1x 1\n    ^",
        ),
        (
            HEAD + ".names y\n2\n",
            "f:5:1: expected 0 of 0, 1 and - and then 0 or 1, for the .names in line 4\n"
            "    2\n    ^",
        ),
        (
            HEAD + ".names a c y\n11 1\n",
            "f:4:10: c is read but never defined\n    .names a c y\n             ^",
        ),
        (
            HEAD,
            "f:3:10: y is read but never defined\n    .outputs y\n             ^",
        ),
        (
            HEAD + ".names a y\n0 1\n.names b y\n0 1\n",
            "f:6:10: y is defined here and in line 4\n    .names b y\n             ^",
        ),
        (
            HEAD + ".names t y\n0 1\n.names y t\n0 1\n",
            "f:4:10: y depends on itself\n    .names t y\n             ^",
        ),
        (
            HEAD + ".names t y\n1 1\n.names u t\n1 1\n.names t u\n1 1\n",
            "f:6:10: t depends on itself\n    .names u t\n             ^",
        ),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(LithifyError) as error:
        read(text.encode(), "f")
    assert str(error.value) == message


def test_binary_files_are_refused() -> None:
    with pytest.raises(FormatError) as error:
        read(b".model \xff", "f")
    assert str(error.value) == "f is no BLIF file: byte 7 is no text"


@given(st.integers(0, 300), st.characters(max_codepoint=127))
def test_damage_is_an_error_or_a_circuit(position: int, character: str) -> None:
    text = HEAD + ".names a b t\n10 1\n01 1\n.names t b y\n11 0\n.end\n"
    place = position % len(text)
    for damaged in (text[:place] + character + text[place + 1 :], text[:place]):
        try:
            check(read(damaged.encode()))
        except LithifyError:
            pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pixel 1", "name 'pixel 1' cannot be written as BLIF; rename it to plain letters"),
        ("a#b", "name 'a#b' cannot be written as BLIF; rename it to plain letters"),
        ("y", "input and output are both called y; BLIF needs two names"),
    ],
)
def test_names_that_cannot_be_written(name: str, message: str) -> None:
    builder = Builder()
    builder.output("y", builder.not_(int(builder.input(name)[0, 0])))
    with pytest.raises(InputError) as error:
        write(builder.finish())
    assert str(error.value) == message


def test_names_that_cannot_be_written_may_be_replaced() -> None:
    builder = Builder()
    a = builder.input("a b", width=2)[0].tolist()
    b = builder.input("a_b_2.1")[0].tolist()
    c = builder.input("a_b")[0].tolist()
    y = builder.input("y")[0].tolist()
    builder.output("y", [builder.and_(*a)])
    builder.output("a b", a)
    builder.output("a_b", c)
    builder.output("q#\u00e9\\", [builder.xor(b[0], y[0])])
    circuit = builder.finish()
    data = write(circuit, rename=True)
    assert data.decode().split(".names")[0] == (
        "# input a_b_3 is 'a b'\n# output y_2 is 'y'\n# output a_b_2 is 'a b'\n"
        "# output q_ is 'q#\\xe9\\\\'\n"
        ".model top\n.inputs \\\n a_b_3.0 a_b_3.1 a_b_2.1 a_b y\n"
        ".outputs \\\n y_2 a_b_2[0] a_b_2[1] a_b q_\n"
    )
    back = read(data)
    assert [port.name for port in back.inputs] == ["a_b_3", "a_b_2.1", "a_b", "y"]
    codes = all_codes(back, np.random.default_rng(0))
    found, right = (
        signal_bits(c, codes)[np.concatenate([w.signals.ravel() for w in c.words])]
        for c in (back, circuit)
    )
    np.testing.assert_array_equal(found, right)
    script = "read_blif in.blif; strash; write_blif out.blif"
    _, files = abc.run_script(script, {"in.blif": data}, ["out.blif"], time_limit=20)
    assert_same_words(back, read(files["out.blif"]), np.random.default_rng(0))


@given(circuits(most_gates=25))
def test_names_that_can_be_written_stay(circuit: Circuit) -> None:
    assert write(circuit, rename=True) == write(circuit)


def test_an_output_may_be_the_input_of_its_name() -> None:
    text = ".model m\n.inputs a b\n.outputs b t\n.names a t\n0 1\n.end\n"
    circuit = read(text.encode())
    assert_same_words(circuit, read(write(circuit)), np.random.default_rng(0))
    assert write(circuit).count(b".names") == 2


def test_errors_have_places() -> None:
    with pytest.raises(ParseError) as error:
        read((HEAD + ".foo\n").encode(), "net.blif")
    assert (error.value.filename, error.value.line, error.value.column) == ("net.blif", 4, 1)
