"""The loop of the gate-by-gate proof, compiled by numba.

Literals are 2 * signal + inverted. `known[s]` is the literal of the expected circuit that stands
for expected signal s (-1: not found), `owner[n]` the one that seen signal n was proved to equal.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
PATTERNS = np.array(
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
FEW = 256  # more members that are tried once a gate is found: it may be there several times
MOST = 4096  # members of a class that are tried for one gate
DEEP = 256  # signals looked at between a candidate and the fan-ins
NEAR = 1024  # signals looked at behind a fan-in for a gate of a large class
ANY, IMAGE, OUTER = 0, 1, 2
"""Where a cone is cut, as redundant logic has more than one place that equals a fan-in: at any such
signal, only at the images of fan-ins, or at any whose own fan-ins are not all such."""


class Gates(NamedTuple):
    """The tables of a circuit in compressed rows."""

    first: int
    tables: U64
    offsets: I64
    fanins: I32


class Readers(NamedTuple):
    """The signals whose gates read each signal, in compressed rows, and the class of each."""

    starts: I64
    signals: I32
    classes: I64


class Scratch(NamedTuple):
    """What one gate's check writes, marked by its stamp: values of seen and of expected signals.

    `images[s]` is the seen signal that was found for expected signal s itself, -1 for none;
    `image_stamps` marks those of the gate's fan-ins.
    """

    stamps: I64
    words: U64
    leaf_stamps: I64
    leaf_words: U64
    image_stamps: I64
    images: I64
    stack: I64
    queue: I64
    visits: I64


@njit
def table_word(gates: Gates, gate: int, rows: U64) -> np.uint64:
    """The 64 values of a table whose fan-ins have the values rows[:arity]."""
    k = gates.offsets[gate + 1] - gates.offsets[gate]
    parts = np.empty(64, np.uint64)
    for p in range(1 << k):
        one = (gates.tables[gate] >> np.uint64(p)) & np.uint64(1)
        parts[p] = ONES if one else np.uint64(0)
    for j in range(k):
        for p in range(1 << (k - 1 - j)):
            parts[p] = (parts[2 * p] & ~rows[j]) | (parts[2 * p + 1] & rows[j])
    word: np.uint64 = parts[0]
    return word


@njit
def expected_word(
    gates: Gates, gate: int, known: I64, scratch: Scratch, stamp: int
) -> tuple[bool, np.uint64]:
    """Whether all fan-ins are known, and the gate's values; each distinct fan-in is a variable."""
    rows = np.empty(6, np.uint64)
    variables = 0
    begin = gates.offsets[gate]
    for j in range(gates.offsets[gate + 1] - begin):
        literal = known[gates.fanins[begin + j]]
        if literal < 0:
            return False, np.uint64(0)
        signal = literal >> 1
        if signal == 0:
            word = np.uint64(0)
        elif scratch.leaf_stamps[signal] == stamp:
            word = scratch.leaf_words[signal]
        else:
            word = PATTERNS[variables]
            variables += 1
            scratch.leaf_stamps[signal], scratch.leaf_words[signal] = stamp, word
        rows[j] = ~word if literal & 1 else word
    return True, table_word(gates, gate, rows)


@njit
def leaf(node: int, owner: I64, scratch: Scratch, stamp: int, mark: int, mode: int) -> bool:
    """Whether a seen signal equals a constant or a fan-in; then its values are written."""
    literal = owner[node]
    if literal < 0 or (mode == IMAGE and literal > 1 and scratch.image_stamps[node] != stamp):
        return False
    signal = literal >> 1
    if signal == 0:
        word = np.uint64(0)
    elif scratch.leaf_stamps[signal] == stamp:
        word = scratch.leaf_words[signal]
    else:
        return False
    scratch.words[node] = ~word if literal & 1 else word
    scratch.stamps[node] = mark
    return True


@njit
def is_inner(gates: Gates, node: int, owner: I64, scratch: Scratch, stamp: int) -> bool:
    """Whether all fan-ins of a seen signal's gate equal constants or fan-ins."""
    gate = node - gates.first
    if gate < 0:
        return False
    for j in range(gates.offsets[gate], gates.offsets[gate + 1]):
        literal = owner[gates.fanins[j]]
        if literal < 0 or (literal > 1 and scratch.leaf_stamps[literal >> 1] != stamp):
            return False
    return True


@njit
def seen_word(
    gates: Gates, root: int, owner: I64, scratch: Scratch, stamp: int, mark: int, mode: int
) -> tuple[bool, np.uint64]:
    """Whether a seen signal's gate is a function of the fan-ins alone, and its values."""
    rows = np.empty(6, np.uint64)
    scratch.stack[0] = root
    top, looked = 1, 0
    while top:
        node = scratch.stack[top - 1]
        if scratch.stamps[node] == mark:
            top -= 1
            continue
        gate = node - gates.first
        looked += 1
        if gate < 0 or looked > DEEP:
            return False, np.uint64(0)
        begin, ready = gates.offsets[gate], True
        k = gates.offsets[gate + 1] - begin
        for j in range(k):
            pin = gates.fanins[begin + j]
            if scratch.stamps[pin] == mark:
                continue
            inner = mode == OUTER and is_inner(gates, pin, owner, scratch, stamp)
            if inner or not leaf(pin, owner, scratch, stamp, mark, mode):
                scratch.stack[top] = pin
                top += 1
                ready = False
        if ready:
            for j in range(k):
                rows[j] = scratch.words[gates.fanins[begin + j]]
            scratch.words[node] = table_word(gates, gate, rows)
            scratch.stamps[node] = mark
            top -= 1
    return True, scratch.words[root]


@njit
def phase_of(
    seen: Gates, node: int, word: np.uint64, owner: I64, scratch: Scratch, stamp: int, marks: I64
) -> int:
    """0 where a seen signal has these values, 1 where it has the inverse, -1 for neither."""
    for mode in range(3):
        marks[0] += 1
        good, got = seen_word(seen, node, owner, scratch, stamp, marks[0], mode)
        if good and got == word:
            return 0
        if good and got == ~word:
            return 1
    return -1


@njit
def repeats(word: np.uint64, expected: Gates, gate: int, known: I64, scratch: Scratch) -> int:
    """The literal that a gate of these values merely repeats, or -1."""
    if word == np.uint64(0):
        return 0
    if word == ONES:
        return 1
    for j in range(expected.offsets[gate], expected.offsets[gate + 1]):
        signal = known[expected.fanins[j]] >> 1
        if signal and word == scratch.leaf_words[signal]:
            return int(2 * signal)
        if signal and word == ~scratch.leaf_words[signal]:
            return int(2 * signal + 1)
    return -1


@njit
def mark_images(expected: Gates, gate: int, known: I64, scratch: Scratch) -> None:
    """Stamps the images of the gate's fan-ins and of what stands for them."""
    for j in range(expected.offsets[gate], expected.offsets[gate + 1]):
        pin = expected.fanins[j]
        for signal in (np.int64(pin), known[pin] >> 1):
            if scratch.images[signal] >= 0:
                scratch.image_stamps[scratch.images[signal]] = gate + 1


@njit
def behind(
    seen: Gates,
    expected: Gates,
    gate: int,
    word: np.uint64,
    c: int,
    readers: Readers,
    known: I64,
    owner: I64,
    scratch: Scratch,
    marks: I64,
) -> int:
    """A signal of class c that has the gate's values, a few gates behind a fan-in's image; or -1.

    In a large class, as of sums that no test vector moves, the members say little.
    """
    for j in range(expected.offsets[gate], expected.offsets[gate + 1]):
        pin = expected.fanins[j]
        for signal in (np.int64(pin), known[pin] >> 1):
            image = scratch.images[signal]
            if image >= 0:
                node = near(seen, word, image, c, readers, owner, scratch, gate + 1, marks)
                if node >= 0:
                    return node
    return -1


@njit
def near(
    seen: Gates,
    word: np.uint64,
    origin: int,
    c: int,
    readers: Readers,
    owner: I64,
    scratch: Scratch,
    stamp: int,
    marks: I64,
) -> int:
    """A signal of class c with these values or the inverse, a few gates behind another; or -1."""
    marks[0] += 1
    scratch.queue[0], visit = origin, marks[0]
    count, at = 1, 0
    while at < count:
        node = scratch.queue[at]
        at += 1
        for i in range(readers.starts[node], readers.starts[node + 1]):
            reader = readers.signals[i]
            if count == NEAR or scratch.visits[reader] == visit:
                continue
            scratch.visits[reader] = visit
            scratch.queue[count] = reader
            count += 1
            if readers.classes[reader] != c:
                continue
            if phase_of(seen, reader, word, owner, scratch, stamp, marks) >= 0:
                return int(reader)
    return -1


@njit
def look(
    seen: Gates,
    gate: int,
    word: np.uint64,
    signal: int,
    c: int,
    starts: I64,
    members: I32,
    hint: int,
    known: I64,
    owner: I64,
    scratch: Scratch,
    marks: I64,
) -> None:
    """Tries the hint, then members of class c from where the last was found, for one signal."""
    size, start = starts[c + 1] - starts[c], marks[1 + c]
    spare = FEW if size <= MOST else 0
    for turn in range(-1, min(size, MOST)):
        place = (start + turn) % size if size else 0
        node = hint if turn < 0 else members[starts[c] + place]
        if node < 0 or (known[signal] >= 0 and owner[node] >= 0):
            continue
        if known[signal] >= 0 and turn >= 0:
            spare -= 1
            if spare < 0:
                break
        phase = phase_of(seen, node, word, owner, scratch, gate + 1, marks)
        if phase < 0:
            continue
        if scratch.images[signal] < 0 or turn < 0:
            scratch.images[signal] = node
        if known[signal] < 0:
            known[signal] = owner[node] ^ phase if owner[node] >= 0 else 2 * signal
        if owner[node] < 0:
            owner[node] = known[signal] ^ phase
            if turn >= 0:
                marks[1 + c] = (place + 1) % size


@njit
def match(
    expected: Gates,
    seen: Gates,
    classes: I64,
    starts: I64,
    members: I32,
    hints: I32,
    known: I64,
    owner: I64,
    readers: Readers,
) -> None:
    """Fills in `known` and `owner`, which come with constants and inputs.

    Candidates for expected signal s are hints[s] (-1: none), then the seen signals
    members[starts[c]:starts[c + 1]] of its class c = classes[s].
    """
    total = seen.first + seen.offsets.size - 1
    scratch = Scratch(
        np.zeros(total, np.int64),
        np.empty(total, np.uint64),
        np.zeros(known.size, np.int64),
        np.empty(known.size, np.uint64),
        np.zeros(total, np.int64),
        np.full(known.size, -1, np.int64),
        np.empty(8 * DEEP, np.int64),
        np.empty(NEAR, np.int64),
        np.zeros(total, np.int64),
    )
    scratch.images[: seen.first] = np.arange(seen.first)
    marks = np.zeros(starts.size, np.int64)  # the last mark, then a place for every class
    for gate in range(expected.offsets.size - 1):
        signal, stamp = expected.first + gate, gate + 1
        ready, word = expected_word(expected, gate, known, scratch, stamp)
        if not ready:
            continue
        known[signal] = repeats(word, expected, gate, known, scratch)
        mark_images(expected, gate, known, scratch)
        c, hint = classes[signal], hints[signal]
        if hint < 0 and starts[c + 1] - starts[c] > FEW:
            hint = behind(seen, expected, gate, word, c, readers, known, owner, scratch, marks)
        look(seen, gate, word, signal, c, starts, members, hint,
             known, owner, scratch, marks)  # fmt: skip
