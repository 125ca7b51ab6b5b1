"""A plan that writes functions of up to six variables by small steps, for all of them at once.

A function is a 64-bit table over the variables 0 to 5, normal when it is 0 where all variables
are. Each step of the plan is a normal function, given by a small table over operands, which are
variables or other steps: taken apart along one variable as AND, OR, XOR, a sum of two that share
nothing, or a multiplexer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

VARIABLES = 6
HIGH = np.array(
    [
        0xAAAAAAAAAAAAAAAA,
        0xCCCCCCCCCCCCCCCC,
        0xF0F0F0F0F0F0F0F0,
        0xFF00FF00FF00FF00,
        0xFFFF0000FFFF0000,
        0xFFFFFFFF00000000,
    ],
    np.uint64,
)
SHIFTS = np.array([[1], [2], [4], [8], [16], [32]], np.uint64)
FULL = ~np.uint64(0)
ZERO, ONE = np.uint64(0), np.uint64(1)


class Plan(NamedTuple):
    """The steps: ascending functions, their arities, tables and operands.

    Operand j below 6 is a variable, else step ``operand - 6``.
    """

    functions: U64
    arities: NDArray[np.int32]
    tables: I64
    operands: NDArray[np.int32]


class Steps(NamedTuple):
    """One step for each of some functions; operands are functions still, and may be inverted."""

    arities: I64
    tables: I64
    operands: U64


def plan(functions: U64, arity: int) -> Plan:
    """The steps of at most `arity` operands that make the given normal functions (one or more)."""
    known = np.empty(0, np.uint64)
    done: list[Steps] = []
    made: list[U64] = []
    fresh = np.unique(functions)
    while fresh.size:
        steps = _normal(_steps(fresh, arity))
        done.append(steps)
        made.append(fresh)
        known = np.union1d(known, fresh)
        used = np.arange(arity) < steps.arities[:, None]
        wanted = np.unique(steps.operands[used])
        wanted = wanted[~np.isin(wanted, HIGH)]
        fresh = np.setdiff1d(wanted, known, assume_unique=True)
    return _joined(np.concatenate(made), done)


def spread(tables: U64, arities: I64) -> U64:
    """The tables over fewer variables as functions of six, without effect of the others."""
    wide = tables.copy()
    for k in range(VARIABLES):
        more = arities <= k
        wide[more] |= wide[more] << np.uint64(1 << k)
    return wide


def _joined(functions: U64, done: list[Steps]) -> Plan:
    """The plan whose operands are step numbers in place of functions."""
    order = np.argsort(functions)
    ascending = functions[order]
    operands = np.concatenate([steps.operands for steps in done])[order]
    numbers = np.searchsorted(ascending, operands).astype(np.int32) + VARIABLES
    for variable in range(VARIABLES):
        numbers[operands == HIGH[variable]] = variable
    return Plan(
        ascending,
        np.concatenate([steps.arities for steps in done])[order].astype(np.int32),
        np.concatenate([steps.tables for steps in done])[order],
        numbers,
    )


def _cofactors(f: U64, v: int) -> tuple[U64, U64]:
    """The functions where variable v is 0 and 1."""
    shift = np.uint64(1 << v)
    low, high = f & ~HIGH[v], f & HIGH[v]
    return low | low << shift, high | high >> shift


def _support(f: U64) -> Bools:
    """For each variable and function whether the one matters to the other."""
    matters: Bools = ((f >> SHIFTS) ^ f) & ~HIGH[:, None] != ZERO
    return matters


def _size(f: U64) -> I64:
    """How many variables matter."""
    count: I64 = _support(f).sum(0)
    return count


def _steps(f: U64, arity: int) -> Steps:
    """The first step of each function."""
    steps = Steps(
        np.zeros(f.size, np.int64), np.zeros(f.size, np.int64), np.zeros((f.size, arity), np.uint64)
    )
    support = _support(f)
    leaf = support.sum(0) <= arity
    _put(steps, leaf, _leaves(f[leaf], support[:, leaf], arity))
    rest = np.flatnonzero(~leaf)
    if not rest.size:
        return steps
    costs = np.array([_cost(f[rest], support[v, rest], v) for v in range(VARIABLES)])
    # Among equals the last variable, as that of a full adder arrives last.
    best = VARIABLES - 1 - costs[::-1].argmin(0)
    for v in np.unique(best).tolist():
        rows = rest[best == v]
        chosen = np.zeros(f.size, np.bool_)
        chosen[rows] = True
        _put(steps, chosen, _along(f[rows], v, arity))
    return steps


def _put(steps: Steps, rows: Bools, values: Steps) -> None:
    for mine, theirs in zip(steps, values, strict=True):
        mine[rows] = theirs


def _leaves(f: U64, support: Bools, arity: int) -> Steps:
    """Functions of few variables as one table."""
    count = support.sum(0)
    # The variables that matter, in front, ascending.
    order = np.argsort(~support, axis=0, kind="stable")[:arity].T
    tables = np.zeros(f.size, np.int64)
    for p in range(1 << arity):
        index = np.zeros(f.size, np.uint64)
        for j in range(arity):
            if p >> j & 1:
                index += np.where(j < count, ONE << order[:, j].astype(np.uint64), ZERO)
        bit = (f >> index & ONE).astype(np.int64)
        tables |= np.where(p < 1 << count, bit << p, 0)
    operands = np.where(np.arange(arity) < count[:, None], HIGH[order], ZERO)
    return Steps(count, tables, operands)


def _interval(least: U64, most: U64) -> U64:
    """A function of few variables between the two."""
    low, high = least.copy(), most.copy()
    for v in range(VARIABLES):
        low_0, low_1 = _cofactors(low, v)
        high_0, high_1 = _cofactors(high, v)
        free = (low_0 | low_1) & ~(high_0 & high_1) == ZERO
        low[free] = (low_0 | low_1)[free]
        high[free] = (high_0 & high_1)[free]
    return np.where(_size(high) < _size(low), high, low)


def _simple(low: U64, high: U64) -> Bools:
    """Whether one gate joins the variable and one function."""
    constant = (low == ZERO) | (high == ZERO) | (low == FULL) | (high == FULL)
    simple: Bools = constant | (low == ~high)
    return simple


def _cost(f: U64, matters: Bools, v: int) -> I64:
    """How bad it is to take each function apart along variable v."""
    low, high = _cofactors(f, v)
    sizes = _size(low) + _size(high)
    both = np.minimum(_size(low), _size(high))
    nested = (low & ~high == ZERO) | (high & ~low == ZERO)
    smaller = np.where(low & ~high == ZERO, low, high)
    gap = _interval(low ^ high, low | high)
    cost = np.where(
        nested, _size(smaller) + _size(gap), np.minimum(sizes, both + _size(low ^ high))
    )
    cost = np.where(_simple(low, high), -1, 2 * cost + ~nested)
    return np.where(matters, cost, 1000)


def _along(f: U64, v: int, arity: int) -> Steps:
    """The first step of each function, taken apart along variable v."""
    low, high = _cofactors(f, v)
    x = np.broadcast_to(HIGH[v], f.shape)
    gap = low ^ high
    rising, falling = low & ~high == ZERO, high & ~low == ZERO
    between = _interval(gap, low | high)
    mixed = np.minimum(_size(low), _size(high)) + _size(gap) < _size(low) + _size(high)
    swap = _size(high) < _size(low)
    cases: list[tuple[Bools, int, tuple[U64, ...]]] = [
        (low == ZERO, 0b1000, (x, high)),
        (high == ZERO, 0b0100, (x, low)),
        (low == FULL, 0b1101, (x, high)),
        (high == FULL, 0b1110, (x, low)),
        (low == ~high, 0b0110, (x, low)),
    ]
    if arity == 2:
        cases += [
            (rising, 0b1110, (low, x & between)),
            (falling, 0b1110, (high, ~x & between)),
            (mixed & ~swap, 0b0110, (low, x & gap)),
            (mixed, 0b0110, (high, ~x & gap)),
            (np.ones(f.size, np.bool_), 0b1110, (x & high, ~x & low)),
        ]
    else:
        # Pattern bit 0 is the variable.
        cases += [
            (rising, 0b11101100, (x, low, between)),
            (falling, 0b11011100, (x, high, between)),
            (np.ones(f.size, np.bool_), 0b11100100, (x, low, high)),
        ]
    return _chosen(cases, f.size, arity)


def _chosen(cases: list[tuple[Bools, int, tuple[U64, ...]]], count: int, arity: int) -> Steps:
    """For each function the first case that holds: its table and its operands."""
    steps = Steps(
        np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, arity), np.uint64)
    )
    left = np.ones(count, np.bool_)
    for holds, table, operands in cases:
        rows = holds & left
        steps.arities[rows], steps.tables[rows] = len(operands), table
        for j, operand in enumerate(operands):
            steps.operands[rows, j] = operand[rows]
        left &= ~holds
    return steps


def _normal(steps: Steps) -> Steps:
    """The same steps over normal operands, whose inversions move into the tables."""
    operands, tables = steps.operands.copy(), steps.tables.copy()
    for j in range(operands.shape[1]):
        inverted = operands[:, j] & ONE == ONE
        operands[inverted, j] = ~operands[inverted, j]
        high = int(HIGH[j]) & 0xFFFFFFFF
        swapped = (tables & high) >> (1 << j) | (tables & ~high) << (1 << j)
        tables = np.where(inverted, swapped, tables)
    return Steps(steps.arities, tables, operands)
