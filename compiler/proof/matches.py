"""The argmax of a netlist checked as a tournament: every match compares, every winner goes on."""

import numpy as np
from numpy.typing import NDArray

from lithify.compiler.proof import small
from lithify.compiler.proof.forms import Forms, demand, wrapped
from lithify.ir.arithmetic import CLASS, SCORES
from lithify.ir.circuit import Circuit
from lithify.ir.netlist import MATCH, Adders, Matches, Netlist

MUX = 0b11001010  # operand 2 chooses operand 1 where it is 1, else operand 0


def check_matches(netlist: Netlist, count: int) -> None:
    """Nothing where `class` is the lowest index of the highest of the `scores`, else a Gap.

    The sums of the matches must have been found right before.
    """
    matches = netlist.matches
    words = {word.name: word for word in netlist.circuit.words}
    rows, width = len(matches.left), words[SCORES].width
    demand(
        rows == count - 1
        and len(matches.right) == len(matches.higher) == rows
        and matches.values.shape == (count + rows, width)
        and len(matches.classes) == count + rows,
        "the argmax has not one match less than scores",
    )
    demand(
        matches.classes.min() >= 0
        and max(matches.classes.max(), matches.values.max()) < netlist.circuit.num_signals,
        "the argmax reads signals that do not exist",
    )
    demand(
        np.array_equal(matches.values[:count], words[SCORES].signals),
        "the argmax compares other signals than the scores",
    )
    bits = matches.classes.shape[1]
    demand(count <= 1 << bits, "the class has too few bits")
    numbers = (np.arange(count)[:, None] >> np.arange(bits)) & 1
    demand(
        np.array_equal(matches.classes[:count], numbers), "an entry of the argmax has another class"
    )
    word = words[CLASS]
    demand(
        word.kind == "uint" and np.array_equal(matches.classes[-1:], word.signals),
        "the winner of the last match is not the class",
    )
    _check_order(matches, count)
    _check_sums(netlist.adders, matches, count, width)
    _check_winners(netlist.circuit, matches, count)


def _check_order(matches: Matches, count: int) -> None:
    """Every entry but the last plays once, and left has the lower classes."""
    first, last = list(range(count)), list(range(count))
    played = np.concatenate([matches.left, matches.right])
    rows = len(matches.left)
    demand(
        np.array_equal(np.sort(played), np.arange(count + rows - 1)),
        "an entry of the argmax does not play exactly once",
    )
    for i, (a, b) in enumerate(zip(matches.left.tolist(), matches.right.tolist(), strict=True)):
        demand(
            max(a, b) < count + i and last[a] < first[b],
            f"match {i} of the argmax would send ties to the higher class",
        )
        first.append(first[a])
        last.append(last[b])


def _check_sums(adders: Adders, matches: Matches, count: int, width: int) -> None:
    """Group i of the matches is right - left - 1 + half, and its top bit decides the match."""
    groups = np.flatnonzero(adders.purposes == MATCH)
    demand(
        np.array_equal(adders.owners[groups], np.arange(len(matches.left))),
        "the argmax has not one group of adders for every match, in order",
    )
    demand(bool((adders.widths[groups] > width).all()), "a match of the argmax can overflow")
    half = np.left_shift(np.int64(1), adders.widths[groups].astype(np.int64) - 1)
    demand(
        not wrapped(half - 1 - adders.biases[groups], adders.widths[groups]).any(),
        "a match of the argmax has another bias",
    )
    top = adders.bits[adders.bit_offsets[groups + 1] - 1]
    demand(np.array_equal(top, 2 * matches.higher), "a match is not decided by its top bit")
    places = np.left_shift(np.int64(1), np.arange(width))
    places[-1] = -places[-1]
    forms = Forms(len(groups), int(max(matches.values.max(), adders.terms.max(initial=1))) + 1)
    for i, group in enumerate(groups):
        row = slice(adders.term_offsets[group], adders.term_offsets[group + 1])
        own, terms = np.full(width, i), adders.terms[row]
        sides = matches.values[matches.right[i]], matches.values[matches.left[i]]
        demand(bool((np.stack(sides) >= 0).all()), f"match {i} of the argmax lacks a value")
        forms.add_signals(np.full(terms.size, i), terms, adders.weights[row])
        forms.add_signals(own, sides[0], -places)
        forms.add_signals(own, sides[1], places)
    wrong = forms.first_nonzero(np.full(len(groups), 62))
    demand(wrong is None, f"match {wrong[0] if wrong else ''} compares other values")


def _check_winners(circuit: Circuit, matches: Matches, count: int) -> None:
    """Value and class of a winner are the right entry's where it is higher, else the left's."""
    values = _winners(matches.values, matches, count)[:-1]
    classes = _winners(matches.classes, matches, count)
    for name, table in (("value", values), ("class", classes)):
        rows = np.ascontiguousarray(table.reshape(-1, 4))
        wrong = small.first_wrong(
            rows[:, 3].copy(),
            rows[:, :3].copy(),
            MUX,
            circuit.tables.view(np.int64),
            circuit.offsets,
            circuit.fanins,
            circuit.first_gate,
        )
        at = wrong // max(table.shape[1], 1) if wrong != small.GOOD else 0
        demand(wrong == small.GOOD, f"match {at} of the argmax hands on another {name}")


def _winners(entries: NDArray[np.int32], matches: Matches, count: int) -> NDArray[np.int32]:
    """For each match and bit the literals of the left, the right, the choice and the winner."""
    left, right, won = entries[matches.left], entries[matches.right], entries[count:]
    chosen = np.broadcast_to(matches.higher[:, None], left.shape)
    return (2 * np.stack([left, right, chosen, won], axis=2)).astype(np.int32)
