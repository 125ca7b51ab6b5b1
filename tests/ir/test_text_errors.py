"""Every mistake in a text circuit is named, with its place and a caret."""

import pytest
from circuit_strategies import circuits
from hypothesis import given
from hypothesis import strategies as st

from lithify.ir.check import check
from lithify.ir.circuit import Circuit
from lithify.ir.errors import ParseError
from lithify.ir.text import parse

HEADER = "lithify circuit 1"
INPUTS = f"{HEADER}\ninput x : uint2[3]\ninput a : bit"
GATES = f"{INPUTS}\n%9 = 0x6 x[0].0 a"


def report(source: str) -> str:
    with pytest.raises(ParseError) as caught:
        parse(source, "net.circuit")
    return str(caught.value)


def placed(source: str, message: str, column: int) -> str:
    """The report on the last line of `source`."""
    lines = source.split("\n")
    place = f"net.circuit:{len(lines)}:{column}: {message}"
    shown = f"    {lines[-1]}".rstrip()
    return f"{place}\n{shown}\n    {' ' * (column - 1)}^"


ERRORS = [
    # the header
    ("", "a text circuit starts with the line 'lithify circuit 1'", 1),
    ("# nothing\n", "a text circuit starts with the line 'lithify circuit 1'", 1),
    ("input x : bit", "a text circuit starts with the line 'lithify circuit 1'", 1),
    ("lithify net 1", "a text circuit starts with the line 'lithify circuit 1'", 1),
    ("lithify circuit 2", "version 2 is unknown; this reader reads 1", 17),
    ("lithify circuit", "expected the version of the text form, found the end of the line", 16),
    ("lithify circuit 1 x", "expected the end of the line, found 'x'", 19),
    # the order of lines
    (f"{GATES}\ninput b : bit",
     "input lines do not follow gate lines; the order is inputs, origins, gates, outputs and "
     "scores, readout", 1),
    (f"{GATES}\norigin @0 = \"l\"",
     "origin lines do not follow gate lines; the order is inputs, origins, gates, outputs and "
     "scores, readout", 1),
    (f"{INPUTS}\noutput y : bit = a\n%9 = 0x6 a a",
     "gate lines do not follow output lines; the order is inputs, origins, gates, outputs and "
     "scores, readout", 1),
    (f"{HEADER}\nreadout bits\nreadout bits", "nothing follows the readout line", 1),
    (f"{HEADER}\nreadout bits\ngarbage",
     "expected input, origin, output, score, readout or a gate, found 'garbage'", 1),
    (f"{GATES}\n", "the text ends without a readout line; is it cut off?", 1),
    (f"{GATES}", "the text ends without a readout line; is it cut off?", 18),
    (f"{HEADER}\n= 3", "expected input, origin, output, score, readout or a gate, found '='", 1),
    # tokens
    (f"{INPUTS}\n%9 = 0x6 a ?", "unexpected character '?'", 12),
    (f"{INPUTS}\n%9 = 0x6 a é", "unexpected character 'é'", 12),
    (f'{HEADER}\ninput "x : bit', "this string has no end", 7),
    (f'{HEADER}\ninput "\\q" : bit', "this is no JSON string: Invalid \\escape", 7),
    # inputs
    (f"{HEADER}\ninput 3 : bit", "expected the name of an input, found '3'", 7),
    (f"{HEADER}\ninput x bit", "expected ':', found 'bit'", 9),
    (f"{HEADER}\ninput x : word",
     "expected a type such as bit, uint5 or int8[4], found 'word'", 11),
    (f"{HEADER}\ninput x :",
     "expected a type such as bit, uint5 or int8[4], found the end of the line", 10),
    (f"{HEADER}\ninput x : uint0",
     "expected a type such as bit, uint5 or int8[4], found 'uint0'", 11),
    (f"{HEADER}\ninput x : uint63",
     "port x: 1 elements of 63 bits; a uint port has at least one element of 1 to 62 bits", 7),
    (f"{HEADER}\ninput x : bit[0]",
     "port x: 0 elements of 1 bits; a bit port has at least one element of 1 to 1 bits", 7),
    (f"{HEADER}\ninput x : bit[", "expected the number of elements, found the end of the line", 15),
    (f"{HEADER}\ninput x : bit[2", "expected ']', found the end of the line", 16),
    (f"{HEADER}\ninput x : bit[9999999999]", "the number of elements is more than 2147483647", 15),
    (f"{HEADER}\ninput x : uint62[99999999]",
     "6199999940 signals; a circuit holds at most 2^31 - 1", 7),
    (f"{HEADER}\ninput x : uint2 in 0..4",
     "port x: the range 0..4 does not lie in 0..3, which is what 2 bits hold", 7),
    (f"{HEADER}\ninput x : int2 in 1..-1",
     "port x: the range 1..-1 does not lie in -2..1, which is what 2 bits hold", 7),
    (f"{HEADER}\ninput x : uint2 in 0", "expected '..', found the end of the line", 21),
    (f"{HEADER}\ninput x : uint2 in a..b", "expected the lowest value, found 'a'", 20),
    (f"{HEADER}\ninput x : uint2 0..1", "expected the end of the line, found '0'", 17),
    (f"{INPUTS}\ninput a : bit", "there is an input a already", 7),
    # origins
    (f"{HEADER}\norigin 0 = \"l\"", "expected '@', found '0'", 8),
    (f"{HEADER}\norigin @1 = \"l\"", "expected origin @0: count them from 0", 9),
    (f"{HEADER}\norigin @0 = l", "expected the path of a layer in double quotes, found 'l'", 13),
    (f"{HEADER}\norigin @0 = \"l\" tail", "part 'tail' is none of encoder, core, head", 17),
    (f"{HEADER}\norigin @0 = \"l\"\norigin @1 = \"l\"", "this origin is declared already", 13),
    (f"{HEADER}\norigin @0 = \"l\" core 3", "expected the end of the line, found '3'", 22),
    # gates
    (f"{INPUTS}\n%10 = 0x6 a a", "gate %10 stands where %9 is due", 1),
    (f"{INPUTS}\n%sum = 0x6 a a\n%sum = 0x6 a a", "there is a gate %sum already", 1),
    (f"{INPUTS}\n%9 0x6 a a", "expected '=', found '0x6'", 4),
    (f"{INPUTS}\n%9 =", "expected a signal, found the end of the line", 5),
    (f"{INPUTS}\n%9 = 0x6 b", "unknown signal b; the inputs are x, a", 10),
    (f"{HEADER}\n%2 = 0x6 b", "unknown signal b; there are no inputs", 10),
    (f"{INPUTS}\n%9 = 0x6 a %sum", "unknown signal %sum", 12),
    (f"{INPUTS}\n%9 = 0x6 a %77", "unknown signal %77", 12),
    (f"{INPUTS}\n%9 = 0x6 a %9",
     "signal %9 is used before it is made; a gate reads earlier signals only", 12),
    (f"{INPUTS}\n%9 = 0x6 a %8",
     "signal %8 is an input bit; write it by the name of its input", 12),
    (f"{INPUTS}\n%9 = 0x6 a x", "input x has 3 elements; add [0] to [2]", 12),
    (f"{INPUTS}\n%9 = 0x6 a x[3].0", "input x has elements 0 to 2, not 3", 12),
    (f"{INPUTS}\n%9 = 0x6 a x[1]", "an element of input x has 2 bits; add .0 to .1", 12),
    (f"{INPUTS}\n%9 = 0x6 a x[1].2", "an element of input x has bits 0 to 1, not 2", 12),
    (f"{INPUTS}\n%9 = 0x6 x[1].0 a[0]", "input a has only one of its elements; leave [0] out", 17),
    (f"{INPUTS}\n%9 = 0x6 a a.0", "an element of input a has only one of its bits; leave .0 out",
     12),
    (f"{INPUTS}\n%9 = 0x16 a a", "table 0x16 does not fit 2 fan-ins, which take 4 bits", 6),
    (f"{INPUTS}\n%9 = 0x2", "table 0x2 does not fit 0 fan-ins, which take 1 bits", 6),
    (f"{INPUTS}\n%9 = 0x{'f' * 17} a a a a a a",
     f"table 0x{'f' * 17} does not fit 6 fan-ins, which take 64 bits", 6),
    (f"{INPUTS}\n%9 = 0x6 a a a a a a a", "a table has at most 6 fan-ins", 22),
    (f"{INPUTS}\n%9 = 6 a a", "expected weight*signal, found a number alone", 6),
    (f"{INPUTS}\n%9 = a + 3 >= 1", "expected weight*signal, found a number alone", 10),
    (f"{INPUTS}\n%9 = a + a", "expected '>=', found the end of the line", 11),
    (f"{INPUTS}\n%9 = a >= x", "expected the bound, found 'x'", 11),
    (f"{INPUTS}\n%9 = a >= {2**61 + 1}", f"the bound is more than {2**61}", 11),
    (f"{INPUTS}\n%9 = a >= -{2**61 + 1}", f"the bound is more than {2**61}", 12),
    (f"{INPUTS}\n%9 = 0*a >= 1", "a weight is from 1 to 2147483647, not 0", 6),
    (f"{INPUTS}\n%9 = a - 2147483648*a >= 1", "a weight is from 1 to 2147483647, not 2147483648",
     10),
    (f"{INPUTS}\n%9 = {'9' * 50}*a >= 1", f"the number is more than {2**61}", 6),
    (f"{INPUTS}\n%9 = a + >= 1", "expected a signal, found '>='", 10),
    (f"{INPUTS}\n%9 = 0x6 a a @0", "origin @0 is not declared", 15),
    (f"{INPUTS}\n%9 = 0x6 a a @.x", "expected the unit, found 'x'", 16),
    (f"{INPUTS}\n%9 = 0x6 a a 3", "expected the end of the line, found '3'", 14),
    # outputs
    (f"{GATES}\noutput : bit = a", "expected the name of an output, found ':'", 8),
    (f"{GATES}\noutput y = a", "expected ':', found '='", 10),
    (f"{GATES}\noutput y : int3 = a a", "output y needs 3 signals, found 2", 22),
    (f"{GATES}\noutput y : bit[2] = a a %9", "output y needs 2 signals, found more", 25),
    (f"{GATES}\noutput y : bit = %10", "unknown signal %10", 18),
    (f"{GATES}\noutput y : bit = a\nscore y = a", "there is an output y already", 7),
    (f"{GATES}\noutput y : uint63 = a",
     "port y: 1 elements of 63 bits; a uint port has at least one element of 1 to 62 bits", 12),
    (f"{GATES}\nscore s", "expected '=', found the end of the line", 8),
    (f"{GATES}\nscore s =", "expected a signal, found the end of the line", 10),
    (f"{GATES}\nscore s = a + 3", "expected weight*signal, found a number alone", 15),
    (f"{GATES}\nscore s = {2**61 + 1}", f"the number is more than {2**61}", 11),
    # the readout
    (f"{GATES}\nreadout best", "expected bits, scores or argmax, found 'best'", 9),
    (f"{GATES}\nreadout", "expected bits, scores or argmax, found the end of the line", 8),
    (f"{GATES}\noutput y : bit = a\nreadout argmax", "readout argmax needs at least one score", 9),
]  # fmt: skip


@pytest.mark.parametrize(("source", "message", "column"), ERRORS)
def test_mistakes_are_named_and_placed(source: str, message: str, column: int) -> None:
    assert report(source) == placed(source, message, column)


def test_a_whole_report() -> None:
    assert report(f"{INPUTS}\n\t%9 = 0x6 a  b # why") == (
        "net.circuit:4:14: unknown signal b; the inputs are x, a\n"
        "     %9 = 0x6 a  b # why\n"
        "                 ^"
    )


def test_a_later_gate_is_a_forward_reference() -> None:
    source = f"{INPUTS}\n%9 = 0x6 a %sum\n%10 = 0x6 a a\n%sum = 0x8 a a\nreadout bits"
    assert report(source).startswith(
        "net.circuit:4:12: signal %sum is used before it is made; "
        "a gate reads earlier signals only\n"
    )


def test_many_inputs_are_not_all_listed() -> None:
    inputs = "\n".join(f"input i{i} : bit" for i in range(10))
    assert "unknown signal z; the inputs are i0, i1, i2, i3, i4, i5, i6, i7 and 2 more\n" in report(
        f"{HEADER}\n{inputs}\n%12 = 0x1 z"
    )


def test_long_lines_are_shown_around_the_mistake() -> None:
    source = f"{INPUTS}\noutput y : bit[60] = " + "a " * 40 + "b " + "a " * 40
    assert report(source) == (
        "net.circuit:4:102: unknown signal b; the inputs are x, a\n"
        f"    ...{'a ' * 25}b {'a ' * 24}...\n"
        f"    {' ' * 53}^"
    )


def test_the_error_knows_its_place() -> None:
    with pytest.raises(ParseError) as caught:
        parse(f"{INPUTS}\n%9 = 0x6 b")
    assert (caught.value.filename, caught.value.line, caught.value.column) == ("<text>", 4, 10)


@given(circuits(most_gates=12), st.data())
def test_a_damaged_text_is_refused_or_means_a_sound_circuit(
    circuit: Circuit, data: st.DataObject
) -> None:
    source = str(circuit)
    at = data.draw(st.integers(0, len(source) - 1))
    until = data.draw(st.integers(at, min(at + 3, len(source))))
    new = data.draw(st.text('%@.0x12 \n=+*-abé"#', max_size=3))
    try:
        damaged = parse(source[:at] + new + source[until:])
    except ParseError:
        return
    check(damaged)
    assert parse(str(damaged)) == damaged


@given(circuits(most_gates=12))
def test_a_text_cut_off_at_any_line_is_refused(circuit: Circuit) -> None:
    lines = str(circuit).split("\n")
    for count in range(len(lines) - 2):
        with pytest.raises(ParseError):
            parse("\n".join(lines[:count]))
