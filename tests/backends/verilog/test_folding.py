"""Programs of folded circuits compute the circuits, in as few lanes and cycles as they say."""

from functools import cache

import numpy as np
import pytest
from circuit_strategies import circuits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from verilog_nets import parted_net

from lithify.backends.verilog.folded import packed
from lithify.backends.verilog.folding import (
    DELAY,
    FANINS,
    LEAD,
    MOST_LANES,
    OVERHEAD,
    Program,
    check_cycles,
    fold,
    program,
)
from lithify.compiler.mapping import map_cells
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit
from lithify.ir.errors import InputError
from lithify.ir.simulate import pack, random_codes, run_planes


@cache
def net() -> Circuit:
    return map_cells(parted_net(np.random.default_rng(4)), inputs=FANINS).circuit


def computed(made: Program, planes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The planes of the outputs, step by step; a word is there DELAY steps after it was made."""
    memory: dict[tuple[int, int], NDArray[np.uint64]] = {}
    for bit, plane in enumerate(planes):
        memory[bit // made.lanes - made.input_words - LEAD, bit % made.lanes] = plane
    waiting: list[dict[tuple[int, int], NDArray[np.uint64]]] = [{} for _ in range(DELAY)]
    for step in range(made.steps):
        memory |= waiting.pop(0)
        words = {}
        for lane in range(made.lanes):
            table = int(made.tables[step, lane])
            pins = [
                memory.get((int(word), int(place)), planes[0])
                for word, place in zip(made.words[step, lane], made.places[step, lane], strict=True)
            ]
            words[step, lane] = looked_up(table, pins)
        waiting.append(words)
    memory.update({place: plane for words in waiting for place, plane in words.items()})
    first = made.steps - made.output_words
    ends = [divmod(number, made.lanes) for number in range(made.outputs)]
    return np.array([memory[first + step, lane] for step, lane in ends])


def looked_up(table: int, pins: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The patterns of a table that are 1, joined."""
    found = np.zeros_like(pins[0])
    for pattern in range(16):
        if table >> pattern & 1:
            this = np.full_like(found, ~np.uint64(0))
            for at, pin in enumerate(pins):
                this &= pin if pattern >> at & 1 else ~pin
            found |= this
    return found


def same(circuit: Circuit, lanes: int) -> None:
    planes = pack(circuit, random_codes(circuit, 64, np.random.default_rng(1)))
    expected = run_planes(circuit, planes)[circuit.output_signals]
    assert np.array_equal(computed(program(circuit, lanes), planes), expected)


@pytest.mark.parametrize("lanes", [1, 2, 3, 7, 32])
def test_a_program_computes_its_circuit(lanes: int) -> None:
    same(net(), lanes)


@settings(deadline=None, max_examples=40)
@given(circuits(arity=FANINS, thresholds=False, readout="bits"), st.integers(1, 5))
def test_random_circuits_with_constants_and_pins_that_are_not_read(
    circuit: Circuit, lanes: int
) -> None:
    if circuit.num_input_bits and circuit.output_signals.size:
        same(circuit, lanes)


def test_as_few_lanes_as_do() -> None:
    made = fold(net(), 80)
    assert made.cycles <= 80 < program(net(), made.lanes - 1).cycles
    assert fold(net(), 10_000).lanes == 1
    assert made.program_bits == made.lanes * made.steps * (
        16 + FANINS * (made.address_bits + made.place_bits)
    )
    assert (made.copies, made.word_bits) == (4 * made.lanes, made.lanes << made.address_bits)


def test_cycles_that_the_inputs_alone_take_are_refused() -> None:
    circuit = net()
    least = OVERHEAD + -(-circuit.num_input_bits // MOST_LANES) + 1
    check_cycles(circuit, least)
    with pytest.raises(InputError) as caught:
        check_cycles(circuit, least - 1)
    assert str(caught.value) == (
        f"cycles={least - 1}: {circuit.num_input_bits} bits of input take {least} cycles before "
        "any gate; ask for more, or leave the design unfolded"
    )


def test_what_cannot_be_folded_is_said() -> None:
    with pytest.raises(InputError, match=r"^cycles=10: \d+ tables, .* take \d+ cycles at least"):
        fold(net(), 10)
    builder = Builder()
    x = builder.input("x", count=5, kind="bit").ravel()
    builder.output("y", builder.tables(np.array([0x96696996], np.uint64), [x]))
    with pytest.raises(InputError, match="made of tables of at most 4 inputs"):
        fold(builder.finish(), 100)
    empty = Builder()
    empty.output("y", np.array([1]))
    with pytest.raises(InputError, match="no inputs or no outputs"):
        fold(empty.finish(), 100)


def test_rows_of_numbers_are_packed_lowest_first() -> None:
    assert packed(np.array([[1, 2, 3], [4, 0, 7]]), 3) == [1 + 2 * 8 + 3 * 64, 4 + 7 * 64]
