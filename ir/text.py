"""The text form of a circuit: one gate a line, exact, versioned; `docs/ir.md` has the grammar.

lithify circuit 1
input x : uint2[2]
origin @0 = "layers.0" core
%6 = 0x6 x[0].0 x[1].0 @0
%7 = 2*x[0].1 + x[0].0 - %6 >= 2 @0.1
output y : bit[2] = %6 %7
readout bits
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lithify.ir.circuit import TABLE, Circuit
from lithify.ir.errors import FormatError
from lithify.ir.files import write_atomically
from lithify.ir.parser import HEADER, parse
from lithify.ir.ports import Output, Port, Word, full_range

__all__ = ["dump", "dump_chunks", "load", "parse", "save", "signal_names"]

CHUNK = 1 << 16
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
HEX_DIGITS = (1, 1, 1, 2, 4, 8, 16)


def dump(circuit: Circuit) -> str:
    """The text form of the circuit; `parse` gives back an equal circuit."""
    return "".join(dump_chunks(circuit))


def dump_chunks(circuit: Circuit) -> Iterator[str]:
    """The text form in pieces of many lines, for writing large circuits."""
    yield f"{HEADER}\n"
    for port in circuit.inputs:
        yield f"input {_name(port.name)} : {_type(port)}{_range(port)}\n"
    for index, origin in enumerate(circuit.origins):
        part = f" {origin.part}" if origin.part else ""
        yield f"origin @{index} = {json.dumps(origin.path)}{part}\n"
    names = signal_names(circuit)
    for first in range(0, circuit.num_gates, CHUNK):
        last = min(first + CHUNK, circuit.num_gates)
        yield "".join(_gate_lines(circuit, first, last, names))
    for output in circuit.outputs:
        yield _output_line(output, names)
    yield f"readout {circuit.readout}\n"


def load(path: str | os.PathLike[str]) -> Circuit:
    """The circuit in a text file; raises ParseError, or FormatError where it is no text."""
    shown = Path(path)
    try:
        source = shown.read_bytes().decode("utf-8")
    except OSError as error:
        raise FormatError(
            f"cannot read {shown}: {error.strerror}; check the path and its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{shown} is not a text circuit: byte {error.start} is not UTF-8; "
            "load a binary circuit with lithify.ir.binary.load"
        ) from error
    return parse(source, str(shown))


def save(circuit: Circuit, path: str | os.PathLike[str]) -> Path:
    """The path to which the text form was written, whole or not at all."""
    return write_atomically(path, (chunk.encode() for chunk in dump_chunks(circuit)))


def signal_names(circuit: Circuit) -> list[str]:
    """The name of every signal in the text form: `%0`, `%1`, `x[3].2` for input bits, `%12`."""
    names = ["%0", "%1"]
    for port in circuit.inputs:
        names.extend(port_bit_names(port))
    names.extend(f"%{signal}" for signal in range(circuit.first_gate, circuit.num_signals))
    return names


def port_bit_names(port: Port) -> list[str]:
    """The names of the bits of a port: `a`, `a[3]`, `a.2` or `a[3].2`, as its shape asks."""
    quoted = _name(port.name)
    elements = [quoted] if port.count == 1 else [f"{quoted}[{i}]" for i in range(port.count)]
    if port.width == 1:
        return elements
    return [f"{element}.{bit}" for element in elements for bit in range(port.width)]


def _name(name: str) -> str:
    """A port or output name, in quotes where it is no identifier."""
    return name if IDENTIFIER.fullmatch(name) else json.dumps(name)


def _type(port: Port | Word) -> str:
    kind = "bit" if port.kind == "bit" else f"{port.kind}{port.width}"
    return kind if port.count == 1 else f"{kind}[{port.count}]"


def _range(port: Port) -> str:
    """The pattern of a port, or its value range where that is narrower than its bits."""
    low, high = port.bounds
    if port.pattern != "any":
        return f" {port.pattern}"
    return "" if (low, high) == full_range(port.width, port.kind) else f" in {low}..{high}"


def _gate_lines(circuit: Circuit, first: int, last: int, names: list[str]) -> Iterator[str]:
    """The lines of gates first to last - 1."""
    ends = circuit.offsets[first : last + 1].tolist()
    row = slice(ends[0], ends[-1])
    fanins = [names[signal] for signal in circuit.fanins[row].tolist()]
    weights = circuit.weights[row].tolist() if circuit.weights.size else [1] * len(fanins)
    words = circuit.tables[first:last].tolist()
    bounds = circuit.bounds[first:last].tolist()
    tails = _tails(circuit, first, last)
    start = 0
    for index, kind in enumerate(circuit.kinds[first:last].tolist()):
        stop = ends[index + 1] - row.start
        arity = stop - start
        left = circuit.first_gate + first + index
        if kind == TABLE:
            digits = HEX_DIGITS[min(arity, 6)]
            pins = " ".join(["", *fanins[start:stop]])
            yield f"%{left} = 0x{words[index]:0{digits}x}{pins}{tails[index]}\n"
        else:
            total = _sum(fanins[start:stop], weights[start:stop])
            yield f"%{left} = {total} >= {bounds[index]}{tails[index]}\n"
        start = stop


def _tails(circuit: Circuit, first: int, last: int) -> list[str]:
    """For each gate its origin and unit as ` @2.17`, without what is none or 0."""
    origins = circuit.origin_of[first:last].tolist()
    units = circuit.unit_of[first:last].tolist()
    return [
        "" if origin < 0 and unit == 0 else _tail(origin, unit)
        for origin, unit in zip(origins, units, strict=True)
    ]


def _tail(origin: int, unit: int) -> str:
    of = "" if origin < 0 else str(origin)
    return f" @{of}.{unit}" if unit else f" @{of}"


def _sum(signals: Iterable[str], weights: Iterable[int], bias: int | None = None) -> str:
    """A weighted sum such as `3 + %4 + 2*%7 - %9`; `0` where it has no terms."""
    terms = [] if bias is None else [str(bias)]
    for signal, weight in zip(signals, weights, strict=True):
        factor = "" if abs(weight) == 1 else f"{abs(weight)}*"
        if weight < 0:
            terms.append(f"- {factor}{signal}")
        else:
            terms.append(f"+ {factor}{signal}" if terms else f"{factor}{signal}")
    return " ".join(terms) or "0"


def _output_line(output: Output, names: list[str]) -> str:
    signals = [names[signal] for signal in output.signals.ravel().tolist()]
    if isinstance(output, Word):
        return f"output {_name(output.name)} : {_type(output)} = {' '.join(signals)}\n"
    bias = output.bias if output.bias or not signals else None
    return f"score {_name(output.name)} = {_sum(signals, output.weights.tolist(), bias)}\n"
