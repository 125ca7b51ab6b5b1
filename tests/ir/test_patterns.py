"""Ports that say which patterns their bits have: codes, forms, guards, and what is merged."""

import numpy as np
import pytest

from lithify.compiler.passes.narrow import Narrow
from lithify.compiler.passes.share import Share
from lithify.compiler.proof.equivalence import prove_equal
from lithify.compiler.proof.guard import guarded_inputs, legal_codes
from lithify.compiler.proof.verdict import Proved, Refuted
from lithify.ir import binary, graph_files, simulate, text
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.ports import Port


def patterned(pattern: str, table: int = 0x80) -> Circuit:
    """Over two elements of three bits: whether the first bits and the last have a pattern."""
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, count=2, pattern=pattern)
    b.output("o", [b.table(table, *x[0].tolist()), b.table(0x6, *x[1, :2].tolist())])
    return b.finish()


@pytest.mark.parametrize(
    ("pattern", "codes", "wrong"), [("thermometer", [0, 1, 3, 7], 5), ("onehot", [1, 2, 4], 3)]
)
def test_codes_are_those_of_the_pattern(pattern: str, codes: list[int], wrong: int) -> None:
    circuit = patterned(pattern)
    assert circuit.inputs[0].codes.tolist() == codes
    assert circuit.inputs[0].bounds == (codes[0], codes[-1])
    drawn = simulate.random_codes(circuit, 500, np.random.default_rng(0))
    assert np.unique(drawn).tolist() == codes
    with pytest.raises(InputError) as caught:
        simulate.run(circuit, [[codes[0], codes[1]], [codes[0], wrong]])
    assert str(caught.value) == f"sample 1, input x[1]: {wrong} is no {pattern} code of 3 bits"


@pytest.mark.parametrize("pattern", ["thermometer", "onehot"])
def test_both_forms_and_the_digest_keep_the_pattern(pattern: str) -> None:
    circuit = patterned(pattern)
    assert f"input x : uint3[2] {pattern}\n" in str(circuit)
    assert text.parse(str(circuit)) == circuit
    assert binary.from_bytes(binary.to_bytes(circuit)) == circuit
    linked = graph_files.read_node_link(graph_files.node_link(circuit), "x")
    assert linked.inputs == circuit.inputs
    assert circuit.digest != patterned("any").digest


@pytest.mark.parametrize("pattern", ["thermometer", "onehot"])
def test_the_guard_lets_every_code_through_and_nothing_else(pattern: str) -> None:
    port = Port("x", 3, 1, "uint", pattern=pattern)
    b = Builder(fold=False, hash=False)
    b.output("o", guarded_inputs(b, (port,)))
    guarded = b.finish()
    bits = np.array([[p >> i & 1 for i in range(3)] for p in range(8)], np.uint8)
    planes = simulate.run_planes(guarded, simulate.pack_bits(bits.T))
    seen = simulate.unpack_bits(planes[guarded.words[0].signals.ravel()], 8).T @ [1, 2, 4]
    low, codes = port.bounds[0], port.codes.tolist()
    assert seen.tolist() == [p if p in codes else low for p in range(8)]
    assert [int(legal_codes((port,), row)[0]) for row in bits] == seen.tolist()


def test_what_a_thermometer_implies_is_merged_narrowed_and_proved() -> None:
    before = patterned("thermometer")
    shared = Share()(before)
    assert shared.words[0].signals.ravel().tolist()[0] == 4  # all three bits is the highest
    assert isinstance(prove_equal(before, shared), Proved)
    before = patterned("thermometer", 0b10010110)
    narrow = Narrow()(before)
    assert narrow.fanins.size <= before.fanins.size
    assert isinstance(prove_equal(before, narrow), Proved)


def test_without_the_pattern_the_same_is_refuted() -> None:
    before = patterned("any")
    b = Builder(fold=False, hash=False)
    x = b.input("x", width=3, count=2)
    b.output("o", [int(x[0, 2]), b.table(0x6, *x[1, :2].tolist())])
    assert isinstance(prove_equal(before, b.finish()), Refuted)


def test_one_of_a_kind_is_known_to_exclude_the_others() -> None:
    before = patterned("onehot", 0b00010110)
    after = Share()(before)
    assert after.words[0].signals.ravel().tolist()[0] == 1  # exactly one of three is always so
    assert isinstance(prove_equal(before, after), Proved)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "gray"}, "port x: pattern 'gray' is none of any, thermometer, onehot"),
        (
            {"pattern": "onehot", "kind": "int"},
            "port x: kind int has no pattern onehot; kind uint has",
        ),
        (
            {"pattern": "thermometer", "width": 3, "high": 3},
            "port x: a port of the pattern thermometer has the range 0..7 of its codes, not 0..3",
        ),
    ],
)
def test_what_no_pattern_can_be_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Port("x", **options)  # type: ignore[arg-type]  # of any kind, as a file may have them
    assert str(caught.value) == message
