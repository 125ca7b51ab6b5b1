"""A checker of `Adders` that trusts nothing of the generator: plain integers, one loop."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from lithify.ir.circuit import Circuit
from lithify.ir.netlist import SCORE, Adders, Netlist

Form = defaultdict[object, int]


def check_adders(netlist: Netlist) -> None:
    """Every compressor has its table, and every group's linear form follows from them."""
    adders = netlist.adders
    for i in range(adders.num_compressors):
        _check_compressor(netlist.circuit, adders, i)
    for g in range(adders.num_groups):
        _check_group(adders, g)


def _value(circuit: Circuit, signal: int, known: dict[int, int]) -> int:
    """A signal's value where `known` has it or all its fan-ins."""
    if signal in known:
        return known[signal]
    gate = signal - circuit.first_gate
    pattern = 0
    for j, pin in enumerate(circuit.gate_fanins(gate)):
        pattern |= known[pin] << j
    return int(circuit.tables[gate]) >> pattern & 1


def _check_compressor(circuit: Circuit, adders: Adders, i: int) -> None:
    kind = int(adders.kinds[i])
    literals = adders.inputs[i].tolist()
    assert literals[kind:] == [0] * (7 - kind)
    signals = sorted({literal >> 1 for literal in literals} - {0, 1})
    for values in product((0, 1), repeat=len(signals)):
        known = {0: 0, 1: 1, **dict(zip(signals, values, strict=True))}
        total = sum(known[literal >> 1] ^ (literal & 1) for literal in literals)
        for place, made in enumerate((adders.sums, adders.carries, adders.fours)):
            literal = int(made[i])
            if literal >= 0:
                value = _value(circuit, literal >> 1, known) ^ (literal & 1)
                assert value == total >> place & 1, (i, literals, literal)


def _add(form: Form, literal: int, factor: int) -> None:
    """Adds factor * literal, where an inverted literal is 1 - signal and signal 1 is one."""
    signal, inverted = literal >> 1, literal & 1
    if inverted:
        form["one"] += factor
        factor = -factor
    if signal == 1:
        form["one"] += factor
    elif signal > 1:
        form[signal] += factor


def _check_group(adders: Adders, g: int) -> None:
    width, bias = int(adders.widths[g]), int(adders.biases[g])
    rows = slice(int(adders.term_offsets[g]), int(adders.term_offsets[g + 1]))
    terms, weights = adders.terms[rows].tolist(), adders.weights[rows].tolist()
    bits = adders.bits[int(adders.bit_offsets[g]) : int(adders.bit_offsets[g + 1])].tolist()
    assert len(bits) == width
    form: Form = defaultdict(int, {"one": bias})
    for signal, weight in zip(terms, weights, strict=True):
        _add(form, 2 * signal, weight)
    for i in (adders.groups == g).nonzero()[0].tolist():
        column = int(adders.columns[i])
        for literal in adders.inputs[i].tolist():
            _add(form, literal, -(1 << column))
        for power, made in enumerate((adders.sums, adders.carries, adders.fours)):
            literal, place = int(made[i]), column + power
            if literal >= 0:
                _add(form, literal, 1 << place)
            elif place < width and adders.kinds[i] >= 1 << power:
                form["dropped", place] += 1 << place
    for place, literal in enumerate(bits):
        if literal < 0:
            form["dropped", place] -= 1 << place
        else:
            _add(form, literal, -(1 << place))
    wrong = {name: factor for name, factor in form.items() if factor % (1 << width)}
    assert not wrong, (g, wrong, bits)
    if adders.purposes[g] == SCORE:
        assert all(bit >= 0 and bit & 1 == 0 for bit in bits), bits
    else:
        _check_range(width, bias, terms, weights)
        assert bits[-1] >= 0 and bits[-1] & 1 == 0


def _check_range(width: int, bias: int, terms: list[int], weights: list[int]) -> None:
    merged: Form = defaultdict(int)
    for signal, weight in zip(terms, weights, strict=True):
        merged[signal] += weight
    constant = bias + merged.pop(1, 0) + 0 * merged.pop(0, 0)
    low = constant + sum(weight for weight in merged.values() if weight < 0)
    high = constant + sum(weight for weight in merged.values() if weight > 0)
    assert 0 <= low and high < 1 << width
