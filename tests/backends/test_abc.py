"""The runner of yosys-abc: verdicts, patterns, limits, and complaints that exit with 0."""

import re

import numpy as np
import pytest

from lithify.backends import abc
from lithify.backends.aiger import to_aig, write, write_aig
from lithify.backends.blif_reader import read
from lithify.backends.toolchain import Completed
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import FormatError, InputError, ToolFailed


def passing(inputs: int, chosen: int) -> bytes:
    """A file whose only output is one of its inputs."""
    return f"aig {inputs} {inputs} 0 1 0\n{2 * (chosen + 1)}\n".encode()


def gates(table: int, *, count: int = 1) -> Circuit:
    """A circuit of so many outputs, all one table over x and y."""
    b = Builder(fold=False, hash=False)
    x, y = b.input("x"), b.input("y")
    b.output("z", [b.table(table, int(x[0, 0]), int(y[0, 0])) for _ in range(count)])
    return b.finish()


def popcount(bits: int, order: list[int]) -> Circuit:
    """The sum of so many bits, which are added up in this order."""
    b = Builder()
    b.score("ones", b.input("x", count=bits))
    plain = expand(b.finish(readout="scores")).circuit
    moved = Builder()
    x = moved.input("x", count=bits).ravel()
    moved.output("o", moved.copy(plain, inputs=x[order])[plain.words[0].signals])
    return moved.finish()


def test_equal_functions_of_other_shape_are_equal() -> None:
    b = Builder(fold=False, hash=False)
    x, y = (int(b.input(n)[0, 0]) for n in "xy")
    nand = b.table(0b0111, x, y)
    b.output("z", [b.table(0b0111, b.table(0b0111, x, nand), b.table(0b0111, y, nand))])
    found = abc.compare(write(b.finish()), write(gates(0b0110)), time_limit=5)
    assert (found.outcome, found.pattern, found.reason) == ("equal", None, "")


@pytest.mark.parametrize("inputs", [2, 5, 6, 7, 64, 65, 5000])
def test_a_difference_comes_with_a_pattern_that_shows_it(inputs: int) -> None:
    for chosen in {1, inputs // 2, inputs - 1}:
        left, right = passing(inputs, 0), passing(inputs, chosen)
        found = abc.compare(left, right, time_limit=5)
        assert found.outcome == "different"
        assert found.pattern is not None and found.pattern.shape == (inputs,)
        assert found.pattern[0] != found.pattern[chosen]


@pytest.mark.parametrize("recipe", ["shallow", "few", "rewritten"])
def test_every_recipe_maps_to_tables_that_fit(recipe: abc.Recipe) -> None:
    file = write(popcount(9, list(range(9))))
    mapped = read(abc.map_luts(file, inputs=4, time_limit=5, recipe=recipe), "mapped")
    assert np.diff(mapped.offsets).max() <= 4
    assert abc.compare(file, write(mapped), time_limit=5).outcome == "equal"


def test_names_in_a_file_change_nothing() -> None:
    plain = gates(0b0110)
    graph = to_aig(plain)
    outputs = graph.literal_of[plain.words[0].signals.ravel()]
    named = write_aig(graph, outputs, ["data[1]", "data[0]"], ["answer"]) + b"c\nremark\n"
    assert abc.without_names(named) == write_aig(graph, outputs, (), ())
    found = abc.compare(named, write(gates(0b0111)), time_limit=5)
    assert found.outcome == "different" and found.pattern is not None
    assert (0b0110 ^ 0b0111) >> int(found.pattern @ [1, 2]) & 1


def test_no_outputs_and_equal_files_need_no_engine() -> None:
    empty = b"aig 2 2 0 0 0\n"
    assert abc.compare(empty, empty, time_limit=0).outcome == "equal"
    literals = abc.sweep(empty, time_limit=0).literals
    assert literals is not None and not literals.size


def test_a_popcount_in_another_order_is_undecided_within_the_limit() -> None:
    rng = np.random.default_rng(1)
    left, right = popcount(80, list(range(80))), popcount(80, rng.permutation(80).tolist())
    found = abc.compare(write(left), write(right), time_limit=1)
    assert found.outcome == "undecided"
    assert re.fullmatch(r"yosys-abc (used more than 1 s of CPU time|took .*)", found.reason)


def test_a_sweep_finds_equal_and_complementary_outputs() -> None:
    b = Builder(fold=False, hash=False)
    x, y = (int(b.input(n)[0, 0]) for n in "xy")
    nand = b.table(0b0111, x, y)
    xor = b.table(0b0111, b.table(0b0111, x, nand), b.table(0b0111, y, nand))
    outputs = [xor, b.table(0b1001, x, y), nand, x, b.table(0b0000, x), 0]
    b.output("z", outputs)
    literals = abc.sweep(write(b.finish()), time_limit=5).literals
    assert literals is not None
    assert literals[0] == literals[1] ^ 1
    assert literals[4] == literals[5] == 0
    assert len(set(literals[:4] >> 1)) == 3


def test_a_sweep_that_reaches_its_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Completed(("abc",), -9, "", 4.0, "used more than 4 s of CPU time", None)
    monkeypatch.setattr(abc, "run", lambda *a, **k: late)
    found = abc.sweep(passing(2, 1), time_limit=4)
    assert found.literals is None
    assert (found.reason, found.seconds) == ("yosys-abc used more than 4 s of CPU time", 4.0)


@pytest.mark.parametrize("output", ["", "nothing that is known", "Networks are EQUIVALENT?"])
def test_only_the_sentence_that_says_so_counts_as_equal(
    monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    silent = Completed(("abc",), 0, output, 0.1, "", None)
    monkeypatch.setattr(abc, "run", lambda *a, **k: silent)
    with pytest.raises(ToolFailed):
        abc.compare(passing(2, 0), passing(2, 1), time_limit=1)
    with pytest.raises(ToolFailed):
        abc.sweep(passing(2, 1), time_limit=1)


def test_an_engine_that_gives_up_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Networks are UNDECIDED.  Time = 1 sec\n"
    monkeypatch.setattr(abc, "run", lambda *a, **k: Completed(("abc",), 0, said, 1.0, "", None))
    found = abc.compare(passing(2, 0), passing(2, 1), time_limit=1)
    assert (found.outcome, found.reason) == ("undecided", "yosys-abc gave up")


def test_other_interfaces_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        abc.compare(passing(2, 0), passing(3, 0), time_limit=1)
    assert str(caught.value) == (
        "the networks have 2 inputs and 1 outputs against 3 and 1; "
        "only networks of one interface can be compared"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a binary AIGER file: the first line must be aig M I L O A"),
        (b"aag 1 1 0 0 0\n", "not a binary AIGER file: the first line must be aig M I L O A"),
        (b"aig 2 1 1 0 0\n", "the AIGER file has 1 latches; only gates can be compared"),
    ],
)
def test_what_is_no_combinational_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        abc.interface(data)
    assert str(caught.value) == message


def test_truncated_files_are_refused_before_the_engine_aborts_on_them() -> None:
    whole = write_aig(to_aig(gates(0b0110)), np.array([10], np.int32), (), ())
    with pytest.raises(FormatError) as caught:
        abc.compare(whole[:-1], passing(2, 0), time_limit=1)
    assert str(caught.value) == "the AIGER file ends before its 3 gates are given"
    with pytest.raises(FormatError) as caught:
        abc.output_literals(b"aig 2 2 0 2 0\n2\n")
    assert str(caught.value) == "the AIGER file ends before its 2 outputs are named"


@pytest.mark.parametrize("script", ["nonsense", "&r missing.aig", "&fraig -Z", "&w out.aig"])
def test_complaints_are_errors_although_the_engine_exits_with_0(script: str) -> None:
    with pytest.raises(ToolFailed):
        abc.run_script(script, {}, (), time_limit=2)


def test_files_that_are_wanted_come_back() -> None:
    done, files = abc.run_script(
        "&r a.aig; &w -s b.aig", {"a.aig": passing(3, 1)}, ("b.aig", "c.aig"), time_limit=5
    )
    assert done.ok and list(files) == ["b.aig"]
    assert abc.interface(files["b.aig"]) == (3, 1)
    assert abc.output_literals(files["b.aig"]).tolist() == [4]


def test_the_version_names_the_engine() -> None:
    assert re.fullmatch(r"yosys-abc \d+\.\d+.*", abc.version())
