"""And-inverter graphs and AIGER files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st
from same_function import all_codes, assert_same_words, signal_bits

from lithify.backends import abc, blif
from lithify.backends.aiger import (
    leb128,
    read,
    tables_only,
    to_aig,
    write,
    write_aig,
    write_ascii,
)
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, LithifyError
from lithify.ir.generate import random_circuit
from lithify.ir.netlist import Netlist

WRITERS = [write, write_ascii]
SMALL = b"aag 3 2 0 1 1\n2\n4\n7\n6 5 2\n"


def half_adder() -> Circuit:
    builder = Builder()
    a, c = builder.input("a")[0, 0], builder.input("b")[0, 0]
    builder.output("sum", [builder.xor(a, c), builder.and_(a, c)], kind="uint")
    return builder.finish()


@pytest.mark.parametrize("writer", WRITERS)
@given(circuits(most_gates=25))
def test_the_function_survives_a_round_trip(
    writer: Callable[[Circuit | Netlist], bytes], circuit: Circuit
) -> None:
    plain = expand(circuit).circuit
    data = writer(circuit)
    back = read(data)
    check(back)
    assert [(p.name, p.width, p.count) for p in back.inputs] == [
        (p.name, p.width, p.count) for p in plain.inputs
    ]
    assert_same_words(plain, back, np.random.default_rng(0))
    assert data == writer(plain) == writer(expand(circuit))


@given(circuits(most_gates=25))
def test_both_forms_are_the_same_circuit(circuit: Circuit) -> None:
    assert read(write(circuit)) == read(write_ascii(circuit))


@given(circuits(most_gates=25))
def test_writing_what_was_read_changes_nothing(circuit: Circuit) -> None:
    once = write(read(write(circuit)))
    assert write(read(once)) == once


@given(circuits(most_gates=30))
def test_every_signal_has_its_literal(circuit: Circuit) -> None:
    aig = to_aig(circuit)
    lows = 2 * (1 + aig.num_inputs + np.arange(len(aig.ands)))
    assert (aig.ands[:, 0] < lows).all() and (aig.ands[:, 0] > aig.ands[:, 1]).all()
    assert (aig.ands[:, 1] > 1).all()
    assert len({tuple(row) for row in aig.ands.tolist()}) == len(aig.ands)
    codes = all_codes(circuit, np.random.default_rng(0))
    values = signal_bits(circuit, codes)
    nodes = [np.zeros(len(codes), np.uint8), *values[2 : circuit.first_gate]]
    for a, b in aig.ands.tolist():
        nodes.append((nodes[a >> 1] ^ (a & 1)) & (nodes[b >> 1] ^ (b & 1)))
    found = np.array(nodes)[aig.literal_of >> 1] ^ (aig.literal_of & 1)[:, None]
    np.testing.assert_array_equal(found, values)


def test_a_known_file() -> None:
    assert write_ascii(half_adder()).decode() == (
        "aag 5 2 0 2 3\n2\n4\n10\n6\n6 4 2\n8 5 3\n10 9 7\ni0 a\ni1 b\no0 sum.0\no1 sum.1\n"
    )
    assert write(half_adder()) == (
        b"aig 5 2 0 2 3\n10\n6\n\x02\x02\x03\x02\x01\x02i0 a\ni1 b\no0 sum.0\no1 sum.1\n"
    )


@pytest.mark.parametrize(
    ("n", "ands", "at_least_half"), [(64, 417, 405), (256, 1753, 1737), (784, 5439, 5439)]
)
@pytest.mark.parametrize("signs", [False, True])
def test_adders_share_their_products(n: int, ands: int, at_least_half: int, signs: bool) -> None:
    rng = np.random.default_rng(n)
    builder = Builder(fold=False)
    x = builder.input("x", count=n).ravel()
    builder.score("ones", x, rng.choice([-1, 1], n) if signs else None)
    made = len(to_aig(expand(builder.finish(readout="scores")).circuit).ands)
    assert made == ands or (signs and made < 1.01 * ands)
    builder = Builder(fold=False)
    x = builder.input("x", count=n).ravel()
    builder.output("y", builder.threshold(n // 2, x.tolist()))
    assert len(to_aig(builder.finish()).ands) == at_least_half


def test_numbers_of_many_octets() -> None:
    values = np.array([0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**21, 2**28, 2**31 - 1])
    expected = bytearray()
    for value in values.tolist():
        while value > 127:
            expected.append(value & 127 | 128)
            value >>= 7
        expected.append(value)
    assert leb128(values) == bytes(expected)
    assert leb128(values[:0]) == b""


def test_far_apart_ands_are_read_back() -> None:
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", count=20000, kind="bit").ravel()
    y = builder.tables(np.full(19999, 8, np.uint64), np.stack([x[:-1], x[1:]], 1))
    builder.output("y", [builder.and_(int(y[0]), int(x[0])), y[-1], 0, 1, x[3]])
    circuit = builder.finish()
    assert_same_words(circuit, read(write(circuit)), np.random.default_rng(1))


def test_extra_outputs_can_be_written() -> None:
    circuit = half_adder()
    aig = to_aig(circuit)
    literals = aig.literal_of[[4, 5, 0]] ^ np.array([1, 0, 1], np.int32)
    back = read(write_aig(aig, literals, ["a", "b"], ["p", "q", "r"]))
    assert [w.name for w in back.words] == ["p", "q", "r"]
    values = signal_bits(back, np.array([[0, 0], [0, 1], [1, 0], [1, 1]]))
    found = [values[w.signals[0, 0]].tolist() for w in back.words]
    assert found == [[1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize("seed", range(4))
def test_abc_reads_what_was_written(seed: int) -> None:
    circuit = tables_only(random_circuit(np.random.default_rng(seed), gates=60)).circuit
    script = "read_aiger in.aig; strash; write_blif out.blif"
    _, files = abc.run_script(script, {"in.aig": write(circuit)}, ["out.blif"], time_limit=20)
    assert_same_words(circuit, blif.read(files["out.blif"]), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(4))
def test_what_abc_writes_is_read(seed: int) -> None:
    circuit = tables_only(random_circuit(np.random.default_rng(seed), gates=60)).circuit
    script = "read_blif in.blif; strash; dc2; write_aiger -s out.aig"
    files = {"in.blif": blif.write(circuit)}
    _, files = abc.run_script(script, files, ["out.aig"], time_limit=20)
    assert_same_words(circuit, read(files["out.aig"]), np.random.default_rng(seed))


def test_ands_in_any_order_are_put_in_order() -> None:
    circuit = read(b"aag 7 2 0 1 3\n4\n14\n12\n12 11 8\n8 4 14\n10 8 15\nc\nany text\n")
    check(circuit)
    assert circuit.num_gates == 3
    values = signal_bits(circuit, np.array([[0, 0], [0, 1], [1, 0], [1, 1]]))
    assert values[circuit.words[0].signals[0, 0]].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("symbols", "inputs", "outputs"),
    [
        (b"", [("i", 1, 2)], [("o", 1, 1)]),
        (b"i0 x.0\ni1 x.1\no0 y\n", [("x", 2, 1)], [("y", 1, 1)]),
        (b"i0 x[0]\ni1 x[1]\n", [("x", 1, 2)], [("o", 1, 1)]),
        (b"i0 x[1]\ni1 x[0]\n", [("x[1]", 1, 1), ("x[0]", 1, 1)], [("o", 1, 1)]),
        (b"i1 reset now\n", [("i0", 1, 1), ("reset now", 1, 1)], [("o", 1, 1)]),
        (b"i0 x.1\ni1 x.2\n", [("x.1", 1, 1), ("x.2", 1, 1)], [("o", 1, 1)]),
    ],
)
def test_names_become_ports(
    symbols: bytes, inputs: list[tuple[str, int, int]], outputs: list[tuple[str, int, int]]
) -> None:
    circuit = read(SMALL + symbols)
    assert [(p.name, p.width, p.count) for p in circuit.inputs] == inputs
    assert [(w.name, w.width, w.count) for w in circuit.words] == outputs


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f is no AIGER file: it starts with b'', not with aig or aag and five numbers"),
        (
            b"module top;\n",
            "f is no AIGER file: it starts with b'module top;', "
            "not with aig or aag and five numbers",
        ),
        (
            b"aag 1 0 1 0 0\n2 3\n",
            "f has 1 latches; a circuit here has no memory: cut the design at its latches, "
            "for example with ABC's comb",
        ),
        (b"aag 0 0 0 0 0 1\n", "f has 1 bad states; only inputs and outputs can be read"),
        (
            b"aag 0 0 0 0 0 0 0 2\n",
            "f has 2 justice properties; only inputs and outputs can be read",
        ),
        (
            b"aag 99999999999 0 0 0 0\n",
            "f has 99999999999 variables; at most 2^30 - 2 can be read",
        ),
        (b"aig 5 2 0 1 1\n", "f: 5 variables do not fit 2 inputs and 1 ANDs"),
        (b"aag 2 2 0 1 1\n", "f: 2 variables do not fit 2 inputs and 1 ANDs"),
        (b"aig 3 2 0 1 1\n6\n", "f is truncated: 0 of its 1 ANDs are there"),
        (b"aig 3 2 0 1 1\n6\n\x02\x80", "f is truncated: 0 of its 1 ANDs are there"),
        (b"aig 3 2 0 1 1\n9\n\x02\x02", "f is corrupt: output 0, at byte 14, is no literal"),
        (b"aig 3 2 0 2 1\n6\nx\n\x02\x02", "f is corrupt: output 1, at byte 16, is no literal"),
        (
            b"aig 3 2 0 1 1\n6\n\x00\x02",
            "f is corrupt: AND 0, at byte 16, reads what does not come before",
        ),
        (
            b"aig 3 2 0 1 1\n6\n\x07\x00",
            "f is corrupt: AND 0, at byte 16, reads what does not come before",
        ),
        (
            b"aig 3 2 0 1 1\n6\n\x81\x81\x81\x81\x81\x01\x02",
            "f is corrupt: AND 0, at byte 16, reads what does not come before",
        ),
        (
            b"aig 3 2 0 1 1\n6\n\x02\x02i7 x\n",
            "f is corrupt: 'i7 x' is no symbol of an input or output",
        ),
        (SMALL + b"i0 x\ni1 x\n", "f: two inputs are called x; names must differ"),
        (
            b"aag 3 2 0 1 1\n2\n4\nx\n6 5 2\n",
            "f:4:1: expected 1 literals of at most 7\n    x\n    ^",
        ),
        (
            b"aag 3 2 0 1 1\n2\n4\n7\n6 5\n",
            "f:5:1: expected 3 literals of at most 7\n    6 5\n    ^",
        ),
        (
            b"aag 3 2 0 1 1\n2\n4\n7\n",
            "f is truncated: line 5 is missing",
        ),
        (b"aag 4 2 0 1 1\n2\n4\n7\n6 5 8\n", "f: literal 8 is never defined"),
        (b"aag 3 2 0 1 1\n2\n2\n7\n6 5 2\n", "f: literal 2 is defined twice"),
        (
            b"aag 3 2 0 1 1\n2\n5\n7\n6 5 2\n",
            "f: literal 5 is defined; it is inverted or constant",
        ),
        (
            b"aag 4 2 0 1 2\n2\n4\n7\n6 8 2\n8 7 4\n",
            "f: the AND of literal 6 depends on itself",
        ),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(LithifyError) as error:
        read(data, "f")
    assert str(error.value) == message


@given(st.integers(0, 200), st.integers(0, 255))
def test_damage_is_an_error_or_a_circuit(position: int, octet: int) -> None:
    data = bytearray(write(half_adder()))
    data[position % len(data)] = octet
    for cut in (bytes(data), bytes(data[: position % len(data)])):
        try:
            check(read(cut))
        except LithifyError:
            pass


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["a\nb", "c"],
            "input 'a\\nb[0]': its name has characters that cannot be printed; rename it",
        ),
        (["x", "x[1]"], "two bits of the inputs would be called x[1]; rename one of them"),
    ],
)
def test_names_that_cannot_be_written(names: list[str], message: str) -> None:
    builder = Builder()
    builder.input(names[0], count=2)
    builder.input(names[1])
    with pytest.raises(InputError) as error:
        write(builder.finish())
    assert str(error.value) == message


def test_errors_are_of_the_right_kind() -> None:
    with pytest.raises(FormatError):
        read(b"\x00\xff")


def shared_names() -> Circuit:
    """An output that is not the input of its name, and one that is."""
    builder = Builder()
    x, y = builder.input("x")[0].tolist(), builder.input("y")[0].tolist()
    builder.output("x", [builder.and_(x[0], y[0])])
    builder.output("y", y)
    return builder.finish()


@pytest.mark.parametrize("form", [write, write_ascii])
def test_an_output_gives_up_the_name_of_an_input(form: Callable[..., bytes]) -> None:
    circuit = shared_names()
    data = form(circuit, rename=True)
    assert data.endswith(b"i0 x\ni1 y\no0 x_2\no1 y\nc\noutput x_2 is 'x'\n")
    back = read(data)
    assert [word.name for word in back.words] == ["x_2", "y"]
    codes = all_codes(circuit, np.random.default_rng(0))
    found, right = (
        signal_bits(c, codes)[np.concatenate([w.signals.ravel() for w in c.words])]
        for c in (back, circuit)
    )
    np.testing.assert_array_equal(found, right)
    script = "read_aiger in.aig; strash; write_aiger -s out.aig"
    if form is write:
        _, files = abc.run_script(script, {"in.aig": data}, ["out.aig"], time_limit=20)
        assert [word.name for word in read(files["out.aig"]).words] == ["x_2", "y"]
        said, _ = abc.run_script(script, {"in.aig": form(circuit)}, ["out.aig"], time_limit=20)
        assert "share the name (x)" in said.output


@given(circuits(most_gates=25))
def test_where_no_name_is_shared_nothing_is_renamed(circuit: Circuit) -> None:
    assert write(circuit, rename=True) == write(circuit)
