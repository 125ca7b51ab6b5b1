"""Which majorities of a netlist of tables become carries, and which tables share their cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PINS = 4
MOST_READERS = 16
"""Readers of a signal among which a table is looked for that shares a carry's cell."""


class Net(NamedTuple):
    """What the search looks at and decides. A table that is `taken` shares a carry's cell."""

    codes: I32
    pins: I32
    first: int
    kept: Mask
    starts: I64
    readers: I32
    best: I32
    partner: I32
    follows: I32
    root: I32
    parity: U8
    taken: Mask
    inside: I32
    """The carry whose cell a table shares, or -1."""
    carry: Mask
    entering: Mask
    """Signals that enter a chain: nextpnr finds one cell for each, that of the first table that
    reads it with its last input."""
    leaves: U8
    """For carries 2 where others read it through a cell of its own, 1 where one table reads it."""
    placed: I32


@njit
def _fits(net: Net, table: int, cell: I32) -> bool:
    """Whether a table can share the cell of a carry that reads these: one more input at most.

    It gets all of them as inputs, so that none may follow it: that would be a loop.
    """
    strange = 0
    for pin in net.pins[table]:
        known = pin < 0
        for other in cell:
            known = known or pin == other
        strange += not known
    return strange <= 1 and cell.max() < net.first + table


@njit
def link(net: Net) -> None:
    """Finds for every majority the one that may follow it in a chain, and what it follows best.

    Nothing else but one table, which then shares the cell of the one that follows, may read it.
    """
    lengths = np.zeros(net.codes.size, np.int32)
    for gate in range(net.codes.size):
        if net.codes[gate] < 0:
            continue
        lengths[gate] = 1 + (lengths[net.best[gate]] if net.best[gate] >= 0 else 0)
        signal = net.first + gate
        begin, count = net.starts[signal], net.starts[signal + 1] - net.starts[signal]
        if net.kept[signal] or count > 2:
            continue
        for turn in range(count):
            after = net.readers[begin + turn]
            other = net.readers[begin + 1 - turn] if count == 2 else -1
            if net.codes[after] < 0:
                continue
            if other >= 0 and (net.codes[other] >= 0 or not _fits(net, other, net.pins[after])):
                continue
            net.follows[gate], net.partner[gate] = after, other
            best = net.best[after]
            if best < 0 or lengths[gate] > lengths[best]:
                net.best[after] = gate
            break


@njit
def choose(net: Net) -> int:
    """Makes carries of the chains that save cells, the longest first; how many cells fewer."""
    gates = net.codes.size
    lengths = np.zeros(gates, np.int64)
    for gate in range(gates):
        if net.codes[gate] >= 0:
            before = net.best[gate]
            lengths[gate] = 1 + (lengths[before] if before >= 0 else 0)
            # What a chain reads at its carry input shares the cell of what follows there.
            if before >= 0 and net.partner[before] >= 0:
                net.taken[net.partner[before]] = True
    saved = 0
    for end in np.argsort(-lengths, kind="mergesort"):
        after = net.follows[end]
        if lengths[end] < 2 or (after >= 0 and net.best[after] == end):
            continue
        chain = np.empty(lengths[end], np.int32)
        gate = end
        for place in range(chain.size - 1, -1, -1):
            chain[place] = gate
            gate = net.best[gate]
        begin = 0
        while begin < chain.size:
            size = _agreeing(net, chain[begin:])
            saved += _converted(net, chain[begin : begin + size])
            begin += max(size, 1)
    return saved


@njit
def find(net: Net, signal: int) -> tuple[int, int]:
    """The root of a signal, and whether it is stored the other way round than the root."""
    root, parity = signal, 0
    while net.root[root] != root:
        parity ^= net.parity[root]
        root = net.root[root]
    turned = parity
    while net.root[signal] != signal:
        above, own = net.root[signal], net.parity[signal]
        net.root[signal], net.parity[signal] = root, turned
        signal, turned = above, turned ^ own
    return root, parity


@njit
def _agreeing(net: Net, chain: I32) -> int:
    """How many majorities of a chain, from its start, can have the polarities that they need.

    The carry that leaves the chain is not asked: the cell that it leaves by can invert it.
    """
    signals, phases = np.empty(4, np.int64), np.empty(4, np.int64)
    for place in range(chain.size):
        used = 0
        if place:
            _unite(net, signals[0], net.first + chain[place - 1], phases[0])
        for j in range(3):
            if net.pins[chain[place], j] >= 0:
                signals[used] = net.pins[chain[place], j]
                phases[used] = net.codes[chain[place]] >> j & 1
                for i in range(used):
                    one, parity = find(net, signals[i])
                    other, more = find(net, signals[used])
                    if one == other and parity ^ more != phases[i] ^ phases[used]:
                        return place
                used += 1
        for i in range(1, used):
            _unite(net, signals[0], signals[i], phases[0] ^ phases[i])
    return chain.size


@njit
def _unite(net: Net, one: int, other: int, unlike: int) -> None:
    """Notes that two signals are stored alike or unlike; the root of what is kept stays a root."""
    one, parity = find(net, one)
    other, more = find(net, other)
    if one != other:
        low, high = min(one, other), max(one, other)
        net.root[high], net.parity[high] = low, parity ^ more ^ unlike


@njit
def _converted(net: Net, chain: I32) -> int:
    """Makes carries of a chain if that saves cells: how many."""
    if chain.size < 2:
        return 0
    shares, cells = np.full(chain.size, -1, np.int32), np.full((chain.size, 3), -1, np.int32)
    cost = 0
    for place in range(chain.size):
        gate = chain[place]
        below = net.first + chain[place - 1] if place else -1
        _cell(net, gate, below, cells[place])
        partner = net.partner[chain[place - 1]] if place else -1
        shares[place] = partner if partner >= 0 else _sharing(net, cells[place])
        cost += shares[place] < 0
        if shares[place] >= 0:
            net.taken[shares[place]] = True
    cost += cells[0, 2] > 1
    last = _leaving(net, net.first + chain[-1])
    cost += last < 0
    saved = chain.size - cost
    for place in range(chain.size):
        if saved > 0:
            net.carry[chain[place]] = True
            net.entering[max(cells[place, 2], 0)] = True
            net.placed[chain[place], :3] = cells[place]
            if shares[place] >= 0:
                net.inside[shares[place]] = chain[place]
                _place(net, shares[place], cells[place])
        elif shares[place] >= 0:
            net.taken[shares[place]] = False
    if saved > 0:
        net.leaves[chain[-1]] = 2 if last < 0 else 1
    if saved > 0 and last >= 0:
        net.taken[last] = True
        _place(net, last, np.array([-1, -1, net.first + chain[-1]], np.int32))
    return int(max(saved, 0))


@njit
def _cell(net: Net, gate: int, below: int, cell: I32) -> None:
    """What a carry reads: two signals, and the carry below, or a signal where there is none.

    A majority of two signals has a constant, as 0 here, whose value is decided in the end.
    """
    used = 0
    for j in range(3):
        pin = net.pins[gate, j]
        if pin >= 0 and pin != below:
            cell[used] = pin
            used += 1
    if below >= 0:
        cell[2] = below
    for j in range(2):
        if below < 0 and cell[2] >= 0 and net.entering[cell[2]]:
            cell[j], cell[2] = cell[2], cell[j]
    for j in range(3):
        if cell[j] < 0:
            cell[j] = 0


@njit
def _sharing(net: Net, cell: I32) -> int:
    """A table that fits in the cell of a carry: at most one input is another signal. Or -1."""
    for j in range(3):
        begin, end = net.starts[cell[j]], net.starts[cell[j] + 1]
        for i in range(begin, min(end, begin + MOST_READERS)):
            table = net.readers[i]
            if net.codes[table] < 0 and not net.taken[table] and _fits(net, table, cell):
                return int(table)
    return -1


@njit
def _leaving(net: Net, signal: int) -> int:
    """The only table that reads the end of a chain, which then needs no cell to leave it; or -1."""
    begin = net.starts[signal]
    if net.kept[signal] or net.starts[signal + 1] - begin != 1:
        return -1
    table = net.readers[begin]
    return -1 if net.codes[table] >= 0 or net.taken[table] else int(table)


@njit
def _place(net: Net, table: int, cell: I32) -> None:
    """Puts a table's inputs in their places in the cell of a carry, or of one that leaves."""
    placed = net.placed[table]
    for j in range(3):
        placed[1 + j] = cell[j] if cell[j] > 1 else -1
    for pin in net.pins[table]:
        if pin >= 0 and pin != placed[1] and pin != placed[2] and pin != placed[3]:
            for j in range(PINS - 1):
                if placed[j] < 0 and (j == 0 or cell[j - 1] < 0):
                    placed[j] = pin
                    break
