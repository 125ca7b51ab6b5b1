"""A netlist as cells: the counters of its sums written directly, everything else mapped by ABC."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithify.backends import abc, aiger, blif_reader
from lithify.backends.ordering import topological
from lithify.compiler.mapping.cut import cut
from lithify.compiler.mapping.origins import with_origins
from lithify.compiler.passes.prune import Prune
from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.netlist import Adders, Netlist

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """Tables over signals of the netlist that stand for some of its signals."""

    signals: I32
    tables: U64
    offsets: I64
    fanins: I32


NO_GATES = Gates(
    np.empty(0, np.int32), np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.int32)
)


def together(one: Gates, other: Gates) -> Gates:
    """The gates of both."""
    return Gates(
        np.concatenate([one.signals, other.signals]),
        np.concatenate([one.tables, other.tables]),
        np.concatenate([one.offsets, one.offsets[-1] + other.offsets[1:]]),
        np.concatenate([one.fanins, other.fanins]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A circuit of device tables, and what its signals are in the netlist that it stands for.

    `image[s]` is the signal of `circuit` that computes signal s of the netlist, -1 where none does.
    `cuts` are the signals of the netlist at which both can be cut for a proof.
    """

    circuit: Circuit
    netlist: Netlist
    image: I32
    cuts: I32


def gates_of(adders: Adders, rows: NDArray[np.bool_]) -> I32:
    """The signals of the bits of these counters, ascending."""
    bits = np.concatenate([adders.sums[rows], adders.carries[rows], adders.fours[rows]])
    signals: I32 = np.unique(bits[bits >= 0] >> 1).astype(np.int32)
    return signals


def map_netlist(
    netlist: Netlist, direct: Gates, *, inputs: int, time_limit: float, recipe: abc.Recipe
) -> Cells:
    """The netlist as tables of at most `inputs` inputs, with these gates as they are.

    The recipe is that of the mapper for everything else.

    ToolFailed where ABC does not end within `time_limit` CPU seconds.
    """
    circuit = netlist.circuit
    read = np.concatenate([direct.fanins, circuit.output_signals])
    wanted = np.setdiff1d(read[read >= circuit.first_gate], direct.signals).astype(np.int32)
    rest = Prune()(cut(circuit, direct.signals, wanted))
    mapped = blif_reader.read(
        abc.map_luts(aiger.write(rest), inputs=inputs, time_limit=time_limit, recipe=recipe),
        "<yosys-abc>",
    )
    return _joined(netlist, direct, wanted, mapped)


def _joined(netlist: Netlist, direct: Gates, wanted: I32, mapped: Circuit) -> Cells:
    """The mapped gates and the direct ones as one circuit."""
    circuit, first = netlist.circuit, netlist.circuit.first_gate
    image = np.full(circuit.num_signals, -1, np.int32)
    image[:first] = np.arange(first)
    place = np.empty(mapped.num_signals, np.int32)
    place[:first] = np.arange(first)
    place[first : mapped.first_gate] = image[direct.signals] = first + np.arange(
        direct.signals.size
    )
    place[mapped.first_gate :] = first + direct.signals.size + np.arange(mapped.num_gates)
    outs = np.concatenate([word.signals.ravel() for word in mapped.words] or [wanted[:0]])
    image[wanted] = place[outs]
    tables = np.concatenate([direct.tables, mapped.tables])
    offsets = np.concatenate([direct.offsets, direct.offsets[-1] + mapped.offsets[1:]])
    fanins = np.concatenate([image[direct.fanins], place[mapped.fanins]])
    return _cells(netlist, direct, image, _Rows(tables, offsets, fanins))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Gates in no particular order."""

    tables: U64
    offsets: I64
    fanins: I32


def _cells(netlist: Netlist, direct: Gates, image: I32, rows: _Rows) -> Cells:
    """The cells of gates put in order."""
    circuit, first = netlist.circuit, netlist.circuit.first_gate
    order, stuck = topological(rows.offsets, rows.fanins, first)
    assert stuck < 0
    count = rows.tables.size
    moved = np.arange(first + count, dtype=np.int32)
    moved[first + order] = first + np.arange(count, dtype=np.int32)
    arities = np.diff(rows.offsets)[order]
    ends = np.cumsum(arities)
    pins = np.repeat(rows.offsets[:-1][order] - ends + arities, arities) + np.arange(
        rows.fanins.size
    )
    image = np.where(image < 0, -1, moved[np.maximum(image, 0)]).astype(np.int32)
    words = tuple(replace(word, signals=image[word.signals]) for word in circuit.words)
    made = Circuit(
        inputs=circuit.inputs,
        kinds=np.full(count, TABLE, np.uint8),
        tables=rows.tables[order],
        offsets=np.concatenate([np.zeros(1, np.int64), ends]),
        fanins=moved[rows.fanins[pins]],
        weights=np.empty(0, np.int32),
        outputs=words,
        readout="bits",
        origins=circuit.origins,
        origin_of=np.full(count, -1, np.int32),
        unit_of=np.full(count, -1, np.int32),
    )
    return Cells(with_origins(made, circuit), netlist, image, direct.signals)
