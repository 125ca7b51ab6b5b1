"""The text form says everything about a circuit, readably, and reads back as it was."""

from pathlib import Path

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given

from lithify.ir import text
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError
from lithify.ir.generate import random_circuit, random_layered
from lithify.ir.ports import Port


def everything() -> Circuit:
    """A circuit that shows every construct of the text form."""
    builder = Builder(fold=False, hash=False)
    x = builder.input("x", width=2, count=2, low=0, high=2)
    a = builder.input("a", kind="bit").ravel()
    p = builder.input("p", kind="bit", count=2).ravel()
    s = builder.input("s", width=4, kind="int", low=-3).ravel()
    with builder.origin("layers.0", "core"):
        y = builder.tables([0x6, 0x1], [[x[0, 0], x[1, 1]], [a[0], a[0]]])
        t = builder.thresholds([2, -3], [[*p, 0], [s[3], s[3], 1]], [[1, 2, -1], [-2, 3, 1]])
    with builder.origin('odd "path"\n'):
        w = builder.tables([0xCAFE], [[*x.ravel()]], units=[12])
    constant = builder.table(1)
    empty = builder.threshold(0, [])
    ones = builder.tables([0x2, 0x80], [[x[0, 0]] * 3, [x[0, 1]] * 3])
    builder.output("y", [*y, *t])
    builder.output("z", [w.repeat(3), t[[0, 1, 1]]], kind="int")
    builder.output("one", [constant], kind="uint")
    builder.output("my word", [empty, 0, *ones], kind="uint")
    builder.score("class0", t, [2, -1], bias=-3)
    builder.score("class1", [])
    builder.score("class2", [], bias=-4)
    builder.score("class3", [1, 2, 2], [0, 1, -7])
    return builder.finish(readout="argmax")


EVERYTHING = r"""lithify circuit 1
input x : uint2[2] in 0..2
input a : bit
input p : bit[2]
input s : int4 in -3..7
origin @0 = "layers.0" core
origin @1 = "odd \"path\"\n"
%13 = 0x6 x[0].0 x[1].1 @0
%14 = 0x1 a a @0.1
%15 = p[0] + 2*p[1] - %0 >= 2 @0
%16 = - 2*s.3 + 3*s.3 + %1 >= -3 @0.1
%17 = 0xcafe x[0].0 x[0].1 x[1].0 x[1].1 @1.12
%18 = 0x1
%19 = 0 >= 0
%20 = 0x02 x[0].0 x[0].0 x[0].0
%21 = 0x80 x[0].1 x[0].1 x[0].1 @.1
output y : bit[4] = %13 %14 %15 %16
output z : int3[2] = %17 %17 %17 %15 %16 %16
output one : uint1 = %18
output "my word" : uint4 = %19 %0 %20 %21
score class0 = -3 + 2*%15 - %16
score class1 = 0
score class2 = -4
score class3 = 0*%1 + x[0].0 - 7*x[0].0
readout argmax
"""


def test_everything_prints_as_documented() -> None:
    assert str(everything()) == EVERYTHING


def test_everything_reads_back() -> None:
    circuit = text.parse(EVERYTHING)
    check(circuit)
    assert circuit == everything()


@given(circuits(most_gates=60, odd_names=True))
def test_what_is_printed_reads_back_equal(circuit: Circuit) -> None:
    parsed = text.parse(str(circuit))
    assert parsed == circuit
    check(parsed)


@given(circuits(most_gates=60))
def test_spacing_and_comments_do_not_matter(circuit: Circuit) -> None:
    loose = "\n\n# note\n".join(
        "\t" + line.replace(" ", "  ").replace("*", " * ") + ' # % 0x "' if line else line
        for line in str(circuit).split("\n")
    )
    assert text.parse(loose) == circuit
    assert text.parse(str(circuit).replace("\n", "\r\n")) == circuit


@given(circuits(most_gates=30, odd_names=True))
def test_gates_may_have_names_of_their_own(circuit: Circuit) -> None:
    source = str(circuit)
    for signal in range(circuit.num_signals - 1, circuit.first_gate - 1, -1):
        source = source.replace(f"%{signal} ", f"%g{signal} ").replace(
            f"%{signal}\n", f"%g{signal}\n"
        )
    assert text.parse(source) == circuit


def test_a_circuit_of_nothing() -> None:
    source = "lithify circuit 1\nreadout bits\n"
    assert str(Builder().finish()) == source
    assert text.parse(source) == Builder().finish()


def test_the_last_line_needs_no_end() -> None:
    assert text.parse("lithify circuit 1\nreadout bits") == Builder().finish()


def test_parsing_folds_nothing() -> None:
    source = (
        "lithify circuit 1\n"
        "input a : bit\n"
        "%3 = 0x6 a a\n"
        "%4 = 0x6 a a\n"
        "%5 = 0x0\n"
        "%6 = %1 + a >= 1\n"
        "output y : bit = a\n"
        "readout bits\n"
    )
    assert str(text.parse(source)) == source


def test_pieces_join_to_the_whole_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = random_circuit(np.random.default_rng(5), gates=100)
    whole = str(circuit)
    monkeypatch.setattr(text, "CHUNK", 7)
    assert "".join(text.dump_chunks(circuit)) == whole


def test_signal_names_follow_the_ports() -> None:
    names = text.signal_names(everything())
    assert names[:6] == ["%0", "%1", "x[0].0", "x[0].1", "x[1].0", "x[1].1"]
    assert names[6:13] == ["a", "p[0]", "p[1]", "s.0", "s.1", "s.2", "s.3"]
    assert names[13:] == [f"%{i}" for i in range(13, 22)]


@pytest.mark.parametrize(
    ("port", "names"),
    [
        (Port("a", kind="bit"), ["a"]),
        (Port("a", width=2), ["a.0", "a.1"]),
        (Port("a", count=2), ["a[0]", "a[1]"]),
        (Port("a", width=2, count=2), ["a[0].0", "a[0].1", "a[1].0", "a[1].1"]),
        (Port("a-b", kind="bit"), ['"a-b"']),
        (Port("é", count=2), ['"\\u00e9"[0]', '"\\u00e9"[1]']),
    ],
)
def test_names_of_port_bits(port: Port, names: list[str]) -> None:
    assert text.port_bit_names(port) == names


def test_files_are_written_and_read(tmp_path: Path) -> None:
    circuit = everything()
    path = text.save(circuit, tmp_path / "all.circuit")
    assert path.read_text() == EVERYTHING
    assert text.load(path) == circuit


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none.circuit"
    with pytest.raises(FormatError) as caught:
        text.load(path)
    assert str(caught.value) == (
        f"cannot read {path}: No such file or directory; check the path and its permissions"
    )


def test_a_binary_file_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.circuit"
    path.write_bytes(b"lithify\xff")
    with pytest.raises(FormatError) as caught:
        text.load(path)
    assert str(caught.value) == (
        f"{path} is not a text circuit: byte 7 is not UTF-8; "
        "load a binary circuit with lithify.ir.binary.load"
    )


def test_a_layered_net_reads_back() -> None:
    circuit = random_layered(np.random.default_rng(0), inputs=50, layers=[300, 300], classes=5)
    assert text.parse(str(circuit)) == circuit


def test_a_large_input_costs_nothing_to_declare() -> None:
    source = "lithify circuit 1\ninput x : uint60[30000000]\noutput y : bit = x[29999999].59\n"
    circuit = text.parse(source + "readout bits\n")
    assert circuit.words[0].signals.tolist() == [[1 + 60 * 30000000]]


@pytest.mark.parametrize(("kind", "low", "high"), [("uint", 1, 2**62 - 1), ("int", -(2**61), 5)])
def test_ranges_of_the_widest_ports_survive(kind: str, low: int, high: int) -> None:
    builder = Builder()
    builder.output("y", builder.input("x", width=62, kind=kind, low=low, high=high), kind=kind)
    circuit = builder.finish()
    assert text.parse(str(circuit)) == circuit
