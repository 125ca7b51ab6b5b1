"""The cells of an argmax: few, of the right function, and cut where a proof can cut."""

from __future__ import annotations

import numpy as np
import pytest
from same_function import assert_expanded

from lithify.compiler.mapping import map_cells
from lithify.compiler.mapping.comparisons import comparison_gates
from lithify.compiler.proof.mapped import prove_cells
from lithify.compiler.proof.verdict import Proved
from lithify.ir.arithmetic import expand
from lithify.ir.builder import Builder
from lithify.ir.circuit import Circuit

NONE = np.empty(0, np.int32)


def highest(entries: int, width: int, *, signed: bool = False) -> Circuit:
    """The argmax of so many input numbers, their scores as they are."""
    b = Builder()
    for k in range(entries):
        x = b.input(f"x{k}", count=width).ravel()
        weights = 1 << np.arange(width)
        weights[-1] *= -1 if signed else 1
        b.score(f"s{k}", x, weights)
    return b.finish(readout="argmax")


@pytest.mark.parametrize(("width", "tables"), [(3, 1), (4, 2), (5, 2), (6, 3), (7, 3), (16, 8)])
def test_a_comparison_takes_two_columns_a_table_of_six_and_three_at_the_end(
    width: int, tables: int
) -> None:
    gates = comparison_gates(expand(highest(2, width), most=6), NONE, 6)
    assert gates.signals.size == tables
    assert np.diff(gates.offsets).max() <= 6


@pytest.mark.parametrize("inputs", [3, 4, 5, 6])
def test_tables_read_as_many_signals_as_they_may(inputs: int) -> None:
    gates = comparison_gates(expand(highest(5, 6), most=6), NONE, inputs)
    assert np.diff(gates.offsets).max() <= inputs


@pytest.mark.parametrize(
    ("entries", "width", "signed"),
    [(2, 1, False), (3, 2, True), (5, 3, False), (10, 6, False), (7, 7, True)],
)
def test_the_argmax_is_computed_and_proved(entries: int, width: int, signed: bool) -> None:
    circuit = highest(entries, width, signed=signed)
    cells = map_cells(circuit, inputs=6)
    assert_expanded(circuit, cells.circuit, np.random.default_rng(0))
    assert isinstance(prove_cells(circuit, cells), Proved)


def test_ten_numbers_of_six_bits_take_eighty_tables() -> None:
    assert map_cells(highest(10, 6), inputs=6).circuit.num_gates <= 80


def test_what_other_cells_hold_is_left_to_them() -> None:
    netlist = expand(highest(4, 5), most=6)
    every = comparison_gates(netlist, NONE, 6)
    rest = comparison_gates(netlist, every.signals[:3], 6)
    assert not np.isin(every.signals[:3], rest.signals).any()
    assert comparison_gates(netlist, every.signals, 6).signals.size == 0


def test_scores_alone_have_no_comparisons() -> None:
    b = Builder()
    b.score("a", b.input("x", count=9))
    gates = comparison_gates(expand(b.finish(readout="scores"), most=6), NONE, 6)
    assert (gates.signals.size, gates.offsets.tolist(), gates.fanins.size) == (0, [0], 0)
