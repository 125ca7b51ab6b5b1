"""A circuit whose arithmetic is written as tables, with the record that proves the adders.

A *literal* is ``2 * signal + inverted``, so ``0`` is constant 0, ``1`` constant 1, and an inverted
literal stands for ``1 - signal``. All signals here are signals of `Netlist.circuit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lithify.ir.circuit import Circuit

THROUGH, HALF, FULL, MOST, MOST_COUNT = 1, 2, 3, 6, 7
"""Kinds of compressor, each the number of its inputs. THROUGH turns a literal into a signal.

MOST is how many signals one reads at most, and MOST_COUNT how many inputs it has at most: an input
may be there twice, which is a bit of the next column, or be the constant 1.
"""

CHAINS = 0
"""In place of the most inputs of a compressor: full adders, each of which takes a carry from the
column before, so that they form chains."""

BEST_APART = -2
"""In place of the number of a bundle: best the only one of its kind among what is counted."""

SCORE, THRESHOLD, MATCH = 0, 1, 2
"""What a group is for: all bits of a score, a wide threshold, one comparison of the argmax."""

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Adders:
    """Compressors and the groups that they add up, as parallel arrays.

    Compressor ``i`` belongs to group ``groups[i]`` and says: over its ``kinds[i]`` input literals,
    ``inputs[i].sum() == sum + 2 * carry + 4 * four``, all of weight ``2 ** columns[i]``. These are
    literals; -1 is a bit that nothing reads, or that a kind of so few inputs has not.
    The gates behind them read only signals among the inputs.
    Two compressors may share gates, within a group or across groups.

    Group ``g`` says, modulo ``2 ** widths[g]``, that ::

        biases[g] + (weights * terms)[rows of g].sum() == (2 ** arange(width) * bits[rows]).sum()

    and this follows by adding up the equations of its compressors as linear forms over signals
    (inverted = 1 - signal). A bit of -1 is the sum of -1 in that column: one unread bit.
    SCORE: bits are the low ones of `Word("scores")`; the others are 0 where the value is never
    negative and the bits hold it, else equal to the top bit of the value as two's complement.
    THRESHOLD, MATCH: ``terms - bound + 2 ** (width - 1)`` is in 0 to 2 ** width - 1; the top bit,
    the only one that is read, says ``terms >= bound``; ``biases = 2 ** (width - 1) - bound``.
    """

    kinds: UInt8
    inputs: Int32
    """Literals, one row of seven for each compressor; 0 where its kind has fewer inputs."""
    sums: Int32
    carries: Int32
    fours: Int32
    columns: Int32
    groups: Int32

    purposes: UInt8
    """For each group SCORE, THRESHOLD or MATCH."""
    owners: Int32
    """Index of the score, signal of the threshold gate in the *original* circuit, or the match."""
    widths: Int32
    biases: Int64
    """Bias modulo ``2 ** width``, as a two's complement int64."""
    term_offsets: Int64
    """Rows of `terms` and `weights` of group g: ``term_offsets[g]:term_offsets[g + 1]``."""
    terms: Int32
    """Signals, in the order of the score or of the gate's fan-ins; constants may be among them."""
    weights: Int64
    bit_offsets: Int64
    bits: Int32
    """Literals of the bits of each group, lowest first; -1 is a bit that nothing reads."""

    @property
    def num_compressors(self) -> int:
        """Number of compressors."""
        return int(self.kinds.size)

    @property
    def num_groups(self) -> int:
        """Number of groups, that is of linear forms."""
        return int(self.purposes.size)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The argmax as a tournament: entries 0 to C-1 are the scores, entry C + i wins match i.

    ``higher[i]`` is the signal "right strictly above left" (group MATCH with owner i: the bits of
    `values[right]` count as they do in two's complement, those of `values[left]` negated, bound 1).
    The winner's value and class are the right entry's where it is high, else the left entry's.
    The left entry always holds lower classes than the right one, which sends ties to the lowest.
    """

    left: Int32
    right: Int32
    higher: Int32
    values: Int32
    """Signals ``[C + matches, W]``; -1 in the last row, which nothing compares."""
    classes: Int32
    """Signals ``[C + matches, bits of the class]``: those of the last row are `Word("class")`."""


@dataclass(frozen=True, slots=True, eq=False)
class Netlist:
    """A circuit of tables only, whose outputs are words only, and the record of its adders."""

    circuit: Circuit
    adders: Adders
    matches: Matches
    signal_of: Int32
    """For each signal of the circuit that was expanded, the signal that stands for it here."""
