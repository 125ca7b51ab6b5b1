"""The loop of `simplify` over the gates, compiled by numba: each is rewritten in place.

A gate never gets more fan-ins, and reads only earlier signals. Numba's cache of the loop does not
notice a change of what it calls in another file: run `make clean` after one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.passes.threshold_rules import as_table, tighten
from lithify.ir.jit import njit
from lithify.ir.kernels import canonical_table, canonical_threshold

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

MOST_PINS = 6
MOST_LEAVES = 8  # signals of an exclusive or over several gates
PARITY = np.array([0, 2, 6, 0x96, 0x6996, 0x96696996, 0x6996966996696996], np.int64)


class Rows(NamedTuple):
    """The gates as rows that shrink; and of each gate the signals that it is the parity of.

    `leaves[g, :sizes[g]]` ascend; a size of 0 says that none are known. `inverted[g]` says that the
    gate is the inverse of that parity.
    """

    first: int
    kinds: NDArray[np.uint8]
    tables: I64
    offsets: I64
    arity: I64
    fanins: I64
    weights: I64
    leaves: I32
    sizes: NDArray[np.uint8]
    inverted: NDArray[np.uint8]
    slots: I32


@njit
def simplify(rows: Rows) -> None:
    """Rewrites every gate by the rules, in order."""
    scratch, places = np.empty(MOST_PINS, np.int64), np.empty((7, MOST_PINS), np.int64)
    for g in range(rows.kinds.size):
        if rows.kinds[g] == 1:
            simplify_threshold(rows, g)
        if rows.kinds[g] == 0:
            while collapse(rows, g, scratch, places):
                pass
            unchain(rows, g)
        if rows.arity[g] >= 2:
            share(rows, g)


@njit
def simplify_threshold(rows: Rows, g: int) -> None:
    """A threshold in least terms, as a table where it has few fan-ins."""
    begin, k = rows.offsets[g], rows.arity[g]
    pins, pulls = rows.fanins[begin : begin + k], rows.weights[begin : begin + k]
    bound, k = canonical_threshold(rows.tables[g], k, pins, pulls)
    rows.tables[g], rows.arity[g] = bound, k
    if not k:
        rows.kinds[g], rows.tables[g] = 0, np.int64(bound <= 0)
        return
    least_pins, least = pins[:k].copy(), pulls[:k].copy()
    bound, count = tighten(bound, k, least_pins, least)
    if count <= MOST_PINS:
        rows.kinds[g] = 0
        write(rows, g, as_table(bound, count, least), least_pins, count)
    elif count < k or digits(least, count) < digits(pulls, k):
        keep_least(rows, g, bound, least_pins, least, count)


@njit
def keep_least(rows: Rows, g: int, bound: int, pins: I64, pulls: I64, count: int) -> None:
    """Writes a threshold with fewer fan-ins, and with its new weights where these are sparser.

    Sums of dense weights take more adders, however small they are.
    """
    begin, kept = rows.offsets[g], 0
    old = np.empty(count, np.int64)
    for j in range(rows.arity[g]):
        if kept < count and rows.fanins[begin + j] == pins[kept]:
            old[kept] = rows.weights[begin + j]
            kept += 1
    sparser = digits(pulls, count) < digits(old, count)
    if sparser:
        rows.tables[g] = bound
    for j in range(count):
        rows.fanins[begin + j] = pins[j]
        rows.weights[begin + j] = pulls[j] if sparser else old[j]
    rows.arity[g] = count


@njit
def digits(pulls: I64, count: int) -> int:
    """The binary digits of weights that are 1."""
    total = 0
    for j in range(count):
        left = abs(pulls[j])
        while left:
            total += left & 1
            left >>= 1
    return total


@njit
def collapse(rows: Rows, g: int, pins: I64, places: I64) -> bool:
    """Whether the gate was written over fan-ins of its fan-ins: fewer, or as many earlier ones."""
    k, begin = rows.arity[g], rows.offsets[g]
    inner = 0
    for j in range(k):
        s = rows.fanins[begin + j] - rows.first
        if s >= 0 and rows.kinds[s] == 0:
            inner |= 1 << j
    for mask in range(1, 1 << k):
        few = k <= 3 or mask & (mask - 1) == 0 or mask == inner
        if not few or mask & ~inner:
            continue
        count, table = compose(rows, g, mask, pins, places)
        if count < 0:
            continue
        table, count = canonical_table(table, count, pins)
        if count < k or (count == k and pins[:count].sum() < rows.fanins[begin : begin + k].sum()):
            write(rows, g, table, pins, count)
            return True
    return False


@njit
def write(rows: Rows, g: int, table: int, pins: I64, count: int) -> None:
    """Makes a gate this table over these signals."""
    rows.tables[g], rows.arity[g] = table, count
    for j in range(count):
        rows.fanins[rows.offsets[g] + j] = pins[j]
        rows.weights[rows.offsets[g] + j] = 1


@njit
def compose(rows: Rows, g: int, mask: int, pins: I64, places: I64) -> tuple[int, int]:
    """How many signals the gate reads when the masked fan-ins are its own, or -1; its table."""
    count, k, begin = 0, rows.arity[g], rows.offsets[g]
    for j in range(k):
        s = rows.fanins[begin + j]
        own = mask >> j & 1
        reads = rows.arity[s - rows.first] if own else 1
        for t in range(reads):
            leaf = rows.fanins[rows.offsets[s - rows.first] + t] if own else s
            at = 0
            while at < count and pins[at] != leaf:
                at += 1
            if at == MOST_PINS:
                return -1, 0
            pins[at] = leaf
            count = max(count, at + 1)
            places[j, t] = at
    table = 0
    for p in range(1 << count):
        index = 0
        for j in range(k):
            index |= value(rows, rows.fanins[begin + j], mask >> j & 1, places[j], p) << j
        table |= ((rows.tables[g] >> index) & 1) << p
    return count, table


@njit
def value(rows: Rows, signal: int, own: int, places: I64, p: int) -> int:
    """The value of a fan-in for a pattern of the leaves."""
    if not own:
        return int(p >> places[0] & 1)
    gate, index = signal - rows.first, 0
    for t in range(rows.arity[gate]):
        index |= (p >> places[t] & 1) << t
    return int(rows.tables[gate] >> index & 1)


@njit
def unchain(rows: Rows, g: int) -> None:
    """Notes the signals that a gate is the parity of, and reads those where they are few."""
    k, begin = rows.arity[g], rows.offsets[g]
    full = np.int64(-1) if k == MOST_PINS else np.int64((1 << (1 << k)) - 1)
    odd = rows.tables[g] == PARITY[k]
    if k < 1 or not (odd or rows.tables[g] == PARITY[k] ^ full):
        return
    known, inverted = np.empty(MOST_LEAVES * (MOST_PINS + 1), np.int64), np.int64(not odd)
    count = 0
    for j in range(k):
        s = rows.fanins[begin + j]
        gate = s - rows.first
        if gate >= 0 and rows.sizes[gate]:
            for t in range(rows.sizes[gate]):
                count = toggle(known, count, rows.leaves[gate, t])
            inverted ^= rows.inverted[gate]
        else:
            count = toggle(known, count, s)
        if count > MOST_LEAVES:
            return
    chosen = np.sort(known[:count])
    if count < k or (count == k and chosen.sum() < rows.fanins[begin : begin + k].sum()):
        full = np.int64(-1) if count == MOST_PINS else np.int64((1 << (1 << count)) - 1)
        write(rows, g, PARITY[count] ^ (full if inverted else 0), chosen, count)
    for t in range(count):
        rows.leaves[g, t] = chosen[t]
    rows.sizes[g], rows.inverted[g] = count, inverted


@njit
def toggle(known: I64, count: int, signal: int) -> int:
    """Adds a signal to those known, or takes it away; how many there are then."""
    for i in range(count):
        if known[i] == signal:
            known[i] = known[count - 1]
            return count - 1
    known[count] = signal
    return count + 1


@njit
def flips(rows: Rows, g: int) -> int:
    """Whether the inverse of a gate stands for both: its first row or weight says so."""
    if rows.sizes[g]:
        return int(rows.inverted[g])
    if rows.kinds[g] == 0:
        return int(rows.tables[g] & 1)
    return int(rows.weights[rows.offsets[g]] < 0)


@njit
def head(rows: Rows, g: int) -> int:
    """The table or bound of a gate, or of its inverse where that stands for both."""
    if rows.sizes[g]:
        return -1
    if not flips(rows, g):
        return int(rows.tables[g])
    if rows.kinds[g] == 1:
        return int(1 - rows.tables[g])
    k = rows.arity[g]
    return int(~rows.tables[g] if k == MOST_PINS else rows.tables[g] ^ ((1 << (1 << k)) - 1))


@njit
def pin(rows: Rows, g: int, j: int) -> tuple[int, int]:
    """A signal that the gate is known by, with its weight."""
    if rows.sizes[g]:
        return int(rows.leaves[g, j]), 1
    at = rows.offsets[g] + j
    sign = -1 if rows.kinds[g] == 1 and flips(rows, g) else 1
    return rows.fanins[at], sign * rows.weights[at]


@njit
def pins_of(rows: Rows, g: int) -> int:
    """How many signals the gate is known by."""
    return int(rows.sizes[g]) if rows.sizes[g] else int(rows.arity[g])


@njit
def same(rows: Rows, g: int, h: int) -> bool:
    """Whether two gates are equal or complementary over the same signals."""
    k = pins_of(rows, g)
    if (rows.sizes[g] > 0) != (rows.sizes[h] > 0) or pins_of(rows, h) != k:
        return False
    if rows.kinds[g] != rows.kinds[h] or head(rows, g) != head(rows, h):
        return False
    for j in range(k):
        if pin(rows, g, j) != pin(rows, h, j):
            return False
    return True


@njit
def share(rows: Rows, g: int) -> None:
    """Makes a gate a wire or an inverter of an earlier one where it equals that or its inverse."""
    h = np.uint64(head(rows, g)) * np.uint64(0x9E3779B97F4A7C15)
    for j in range(pins_of(rows, g)):
        signal, weight = pin(rows, g, j)
        h = (h ^ np.uint64(signal) ^ (np.uint64(weight) << np.uint64(40))) * np.uint64(
            0xFF51AFD7ED558CCD
        )
        h ^= h >> np.uint64(32)
    mask = rows.slots.size - 1
    slot = np.int64(h >> np.uint64(1)) & mask
    while rows.slots[slot] >= 0:
        other = rows.slots[slot]
        if same(rows, g, other):
            inverted = flips(rows, g) != flips(rows, other)
            rows.kinds[g], rows.tables[g], rows.arity[g] = 0, 1 if inverted else 2, 1
            rows.fanins[rows.offsets[g]] = rows.first + other
            rows.weights[rows.offsets[g]] = 1
            return
        slot = (slot + 1) & mask
    rows.slots[slot] = g
