"""BENCH files, written and read."""

from dataclasses import replace

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given
from same_function import assert_same_words, signal_bits

from lithify.backends import abc, aiger
from lithify.backends.bench import read, write
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, LithifyError, ParseError
from lithify.ir.generate import random_circuit

ABC = ("INPUT(a)", "INPUT(b)", "INPUT(c)", "OUTPUT(y)")
ALL = np.array([[p >> j & 1 for j in range(3)] for p in range(8)], np.int64)


def values(*lines: str) -> list[int]:
    """What y is for every a, b, c."""
    circuit = read("\n".join([*ABC, *lines, ""]).encode())
    check(circuit)
    bits: list[int] = signal_bits(circuit, ALL)[circuit.words[0].signals[0, 0]].tolist()
    return bits


@given(circuits(most_gates=25))
def test_the_function_survives_a_round_trip(circuit: Circuit) -> None:
    plain = expand(circuit).circuit
    data = write(circuit)
    back = read(data)
    check(back)
    shapes = [(p.width, p.count) for p in plain.inputs]
    assert [(p.width, p.count) for p in back.inputs] == shapes
    renamed = [replace(ours, name=w.name) for ours, w in zip(plain.words, back.words, strict=True)]
    assert_same_words(replace(plain, outputs=(*renamed,)), back, np.random.default_rng(0))
    assert write(plain) == data == write(expand(circuit))


@pytest.mark.parametrize("seed", range(3))
def test_abc_reads_what_is_written(seed: int) -> None:
    circuit = random_circuit(np.random.default_rng(seed), gates=60)
    script = "read_bench in.bench; strash; write_aiger out.aig"
    _, files = abc.run_script(script, {"in.bench": write(circuit)}, ["out.aig"], time_limit=20)
    theirs = abc.compare(aiger.write(expand(circuit)), files["out.aig"], time_limit=20)
    assert theirs.outcome == "equal"
    ours = abc.compare(files["out.aig"], aiger.write(read(write(circuit))), time_limit=20)
    assert ours.outcome == "equal"


@pytest.mark.parametrize("script", ["strash; write_bench", "strash; if -K 5; write_bench"])
def test_what_abc_writes_is_read(script: str) -> None:
    circuit = random_circuit(np.random.default_rng(9), gates=60)
    full = f"read_aiger in.aig; {script} out.bench"
    data = aiger.write(circuit, rename=True)
    _, files = abc.run_script(full, {"in.aig": data}, ["out.bench"], time_limit=20)
    back = aiger.write(read(files["out.bench"]))
    assert abc.compare(data, back, time_limit=20).outcome == "equal"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = AND(a, b, c)", [0, 0, 0, 0, 0, 0, 0, 1]),
        ("y = nand(a, b)", [1, 1, 1, 0, 1, 1, 1, 0]),
        ("y = OR(a,b,c)  # any", [0, 1, 1, 1, 1, 1, 1, 1]),
        ("y = NOR(a, b, c)", [1, 0, 0, 0, 0, 0, 0, 0]),
        ("y = XOR(a, b, c)", [0, 1, 1, 0, 1, 0, 0, 1]),
        ("y = XNOR(a, b)", [1, 0, 0, 1, 1, 0, 0, 1]),
        ("y = NOT(a)", [1, 0, 1, 0, 1, 0, 1, 0]),
        ("y = BUFF(c)", [0, 0, 0, 0, 1, 1, 1, 1]),
        ("y = BUF(a)", [0, 1, 0, 1, 0, 1, 0, 1]),
        ("y = vdd", [1] * 8),
        ("y = gnd", [0] * 8),
        ("y = LUT 0xCA ( a, b, c )", [0, 1, 0, 1, 0, 0, 1, 1]),
    ],
)
def test_what_gates_mean(line: str, expected: list[int]) -> None:
    assert values(line) == expected


def test_gates_of_many_fan_ins_and_any_order() -> None:
    names = [f"x{i}" for i in range(20)]
    text = "OUTPUT(y)\ny = NOT(z)\nz = XOR(" + ", ".join(names) + ")\n"
    text += "".join(f"INPUT({name})\n" for name in names)
    circuit = read(text.encode())
    codes = np.random.default_rng(1).integers(0, 2, (300, 20))
    found = signal_bits(circuit, codes)[circuit.words[0].signals[0, 0]]
    assert np.array_equal(found, 1 - codes.sum(axis=1) % 2)


def test_a_known_file() -> None:
    builder = Builder(fold=False)
    a, b = (builder.input(name)[0].tolist()[0] for name in ("a", "b"))
    carry = builder.table(0b0100, a, b)
    builder.output("y", [builder.xor(carry, b), carry], kind="uint")
    builder.output("one", [1])
    assert write(builder.finish()).decode() == (
        "INPUT(a)\nINPUT(b)\nOUTPUT(y.0)\nOUTPUT(y.1)\nOUTPUT(one)\nn1 = vdd\n"
        "a_not = NOT(a)\nn4 = AND(a_not, b)\nn5 = XOR(n4, b)\n"
        "y.0 = BUFF(n5)\ny.1 = BUFF(n4)\none = BUFF(n1)\n"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "y = DFF(a)",
            "a flip-flop; a circuit here has no memory: cut the design at them\n"
            "    y = DFF(a)\n        ^",
        ),
        ("y = MAJ(a, b, c)", "unknown gate MAJ\n    y = MAJ(a, b, c)\n        ^"),
        ("y = LUT(a)", "unknown gate LUT\n    y = LUT(a)\n        ^"),
        ("y AND(a)", "expected INPUT(x), OUTPUT(x) or x = GATE(a, b, ...)\n    y AND(a)\n    ^"),
        ("y = NOT(a, b)", "NOT of 2 fan-ins; it has one\n    y = NOT(a, b)\n    ^"),
        ("y = AND()", "AND without fan-ins\n    y = AND()\n    ^"),
        ("y = gnd(a)", "gnd has no fan-ins\n    y = gnd(a)\n    ^"),
        ("y = OR(a, b c)", "'b c' is no name of a net\n    y = OR(a, b c)\n              ^"),
        (
            "y = LUT 0x10 (a, b)",
            "the table 0x10 does not fit 2 fan-ins, of which a LUT has at most 6\n"
            "    y = LUT 0x10 (a, b)\n    ^",
        ),
        ("a = NOT(b)", "a is defined here and in line 1\n    a = NOT(b)\n    ^"),
        ("y = NOT(q)", "q is read but never defined\n    y = NOT(q)\n            ^"),
        ("y = NOT(y)", "y depends on itself\n    y = NOT(y)\n    ^"),
    ],
)
def test_errors_point_at_their_place(line: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        read("\n".join([*ABC, line, ""]).encode(), "net.bench")
    assert str(caught.value) == f"net.bench:5:{caught.value.column}: {message}"


def test_what_is_no_bench_file() -> None:
    with pytest.raises(FormatError, match=r"^n is no BENCH file: byte 0 is no text$"):
        read(b"\xff", "n")
    with pytest.raises(FormatError, match=r"^n is no BENCH file: it has no OUTPUT\(...\)$"):
        read(b"INPUT(a)\n", "n")


def test_mutated_files_are_refused_or_read() -> None:
    rng = np.random.default_rng(5)
    data = write(random_circuit(rng, gates=20))
    for _ in range(300):
        bad = bytearray(data)
        for place in rng.integers(0, len(bad), 3):
            bad[place] = rng.integers(32, 127)
        try:
            check(read(bytes(bad)))
        except LithifyError:
            continue
