"""Carry chains in a netlist of table cells: which majorities become carries, and what that saves.

A logic cell of an iCE40 holds a table of four inputs and a carry, the majority of the table's
second and third input and of the carry from the cell below, which the fourth input can read. A full
adder of two tables is one cell in a chain; a chain needs a cell to leave it, and one to enter it
from a signal. As a majority of complements is the complement, what tables make may be stored
inverted where a carry, which inverts nothing, wants it so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.backends.fpga.chain_search import PINS, Net, choose, find, link
from lithify.ir.arithmetic import CLASS, SCORES
from lithify.ir.circuit import Circuit
from lithify.ir.jit import njit

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Tables(NamedTuple):
    """Tables in an order in which each follows what it reads; gate g makes signal `first` + g.

    Signals 0 and 1 are the constants, which no table reads; a row of `pins` ends in -1. Those that
    are `kept` are read by others than tables, or made by others: they are not stored inverted.
    """

    tables: I64
    pins: I32
    first: int
    kept: Mask


class Chained(NamedTuple):
    """The same tables, where those with a `carry` are majorities of their first three pins.

    These pins are those of the carry, constants 0 and 1 among them. Other rows are the inputs of
    tables, all of 16 rows, in the order of the cell; -1 is an input that is not used. Where a carry
    is `turned` its readers have the complement, which the cell makes that it leaves by. `saved` is
    how many logic cells fewer there are.
    """

    carry: Mask
    turned: Mask
    tables: I64
    pins: I32
    saved: int


def _majority_codes(arity: int) -> I32:
    """For every table of two or three inputs which of them a majority reads inverted, or -1.

    Bit 2 of the code of a table of two inputs is the constant that is the majority's third.
    """
    codes = np.full(1 << (1 << arity), -1, np.int32)
    for code in range(8):
        table = 0
        for pattern in range(1 << arity):
            bits = (pattern ^ code) if arity == 3 else (pattern ^ code & 3) | code & 4
            table |= (bits.bit_count() >= 2) << pattern
        codes[table] = code
    return codes


CODES = {arity: _majority_codes(arity) for arity in (2, 3)}


def chained(tables: Tables) -> Chained:
    """The tables with as many carries as save logic cells."""
    net = _net(tables)
    link(net)
    saved = choose(net)
    inverted = _inverted(net)
    turned = _turned(net, inverted)
    made, pins = _written(net, tables.tables, inverted)
    return Chained(net.carry, turned, made, pins, int(saved))


def saved_cells(circuit: Circuit) -> int:
    """How many logic cells chains save in a circuit of tables of at most four inputs.

    Where it has a class, scores are taken for what only that is made of.
    """
    arity, first = np.diff(circuit.offsets), circuit.first_gate
    rows = np.repeat(np.arange(arity.size), arity)
    pins = np.full((arity.size, PINS), -1, np.int32)
    pins[rows, np.arange(rows.size) - circuit.offsets[rows]] = circuit.fanins
    judged = any(word.name == CLASS for word in circuit.words)
    kept = np.arange(circuit.num_signals) < first
    for word in circuit.words:
        kept[word.signals] |= not judged or word.name != SCORES
    return chained(Tables(circuit.tables.view(np.int64), pins, first, kept)).saved


def _net(given: Tables) -> Net:
    """The tables, ready for the search."""
    gates, signals = given.tables.size, given.first + given.tables.size
    arity = (given.pins >= 0).sum(axis=1)
    codes = np.full(gates, -1, np.int32)
    for size, table_of in CODES.items():
        codes[arity == size] = table_of[given.tables[arity == size]]
    flat = given.pins.ravel()
    order = np.argsort(np.where(flat < 0, signals, flat), kind="stable")[: int(arity.sum())]
    starts = np.searchsorted(flat[order], np.arange(signals + 1))
    root = np.where(given.kept, 0, np.arange(signals)).astype(np.int32)
    none = np.full(gates, -1, np.int32)
    return Net(
        codes=codes,
        pins=given.pins,
        first=given.first,
        kept=given.kept,
        starts=starts.astype(np.int64),
        readers=(order // PINS).astype(np.int32),
        best=none.copy(),
        partner=none.copy(),
        follows=none.copy(),
        root=root,
        parity=np.zeros(signals, np.uint8),
        taken=np.zeros(gates, np.bool_),
        inside=none.copy(),
        carry=np.zeros(gates, np.bool_),
        entering=np.zeros(signals, np.bool_),
        leaves=np.zeros(gates, np.uint8),
        placed=np.full((gates, PINS), -1, np.int32),
    )


@njit
def _inverted(net: Net) -> U8:
    """Which signals are stored inverted."""
    inverted = np.empty(net.root.size, np.uint8)
    for signal in range(inverted.size):
        inverted[signal] = find(net, signal)[1]
    return inverted


@njit
def _stored(net: Net, carry: int, inverted: U8) -> int:
    """Whether the signal in the chain is the complement of the carry's."""
    return int(inverted[net.pins[carry, 0]] ^ (net.codes[carry] & 1))


@njit
def _turned(net: Net, inverted: U8) -> Mask:
    """Which carries are inverted where they leave; what one table reads is as in the chain."""
    turned = np.zeros(net.carry.size, np.bool_)
    for gate in range(turned.size):
        if net.leaves[gate] == 1:
            inverted[net.first + gate] = _stored(net, gate, inverted)
        elif net.leaves[gate] == 2:
            turned[gate] = inverted[net.first + gate] != _stored(net, gate, inverted)
    return turned


@njit
def _written(net: Net, tables: I64, inverted: U8) -> tuple[I64, I32]:
    """The tables of 16 rows over the inputs of their cells, and these; constants of carries."""
    made, pins = np.zeros(tables.size, np.int64), net.placed.copy()
    for gate in range(tables.size):
        for j in range(3):
            if net.carry[gate] and pins[gate, j] <= 1:
                constant = net.codes[gate] >> 2 & 1
                pins[gate, j] = constant ^ _stored(net, gate, inverted)
    for gate in range(tables.size):
        if not net.carry[gate]:
            if (pins[gate] < 0).all():
                _apart(net.pins[gate], net.entering, pins[gate])
            carry = net.inside[gate]
            for j in range(2):
                if carry >= 0 and pins[carry, j] <= 1:
                    pins[gate, 1 + j] = pins[carry, j]
            turned = inverted[net.first + gate]
            for row in range(16):
                pattern = _pattern(net.pins[gate], pins[gate], inverted, row)
                made[gate] |= ((tables[gate] >> pattern & 1) ^ turned) << row
    return made, pins


@njit
def _pattern(given: I32, placed: I32, inverted: U8, row: int) -> int:
    """The row of a table over the inputs given that is this row of the cell's."""
    pattern = 0
    for j in range(PINS):
        for place in range(PINS):
            if placed[j] >= 0 and given[place] == placed[j]:
                pattern |= ((row >> j & 1) ^ inverted[placed[j]]) << place
    return pattern


@njit
def _apart(given: I32, entering: Mask, placed: I32) -> None:
    """The inputs of a table in a cell without a carry.

    The last one is no signal that enters a chain, if another one can be there.
    """
    placed[:] = given
    if placed[3] >= 0:
        for j in range(3):
            if entering[placed[3]] and not entering[placed[j]]:
                placed[3], placed[j] = placed[j], placed[3]
