"""Circuits as BENCH files, in the words that all readers of the format know, and back."""

from __future__ import annotations

import re

import numpy as np

from lithify.backends.bitnames import renamed
from lithify.backends.named_nets import AND, OR, XOR, Line, NamedNets
from lithify.ir.arithmetic import expand
from lithify.ir.circuit import MOST_FANINS, Circuit
from lithify.ir.errors import FormatError
from lithify.ir.netlist import Netlist
from lithify.ir.split import split

FORBIDDEN = re.compile(r"[\s#(),=]")
PORT = re.compile(r"(INPUT|OUTPUT)\s*\(\s*([^\s#(),=]+)\s*\)", re.IGNORECASE)
GATE = re.compile(
    r"([^\s#(),=]+)\s*=\s*(\w+)(?:\s+0[xX]([0-9a-fA-F]+))?\s*(?:\(([^()]*)\))?", re.ASCII
)
JOINS = {
    "AND": (AND, False),
    "NAND": (AND, True),
    "OR": (OR, False),
    "NOR": (OR, True),
    "XOR": (XOR, False),
    "XNOR": (XOR, True),
}
COPIES = {"BUF": False, "BUFF": False, "NOT": True, "INV": True}
CONSTANTS = {"GND": 0, "VDD": 1}
MEMORY = ("DFF", "LATCH")
# Gates of two fan-ins as BENCH writes them: the word, and which fan-ins are inverted.
WORDS = {
    0b1000: ("AND", 0b00),
    0b0111: ("NAND", 0b00),
    0b1110: ("OR", 0b00),
    0b0001: ("NOR", 0b00),
    0b0110: ("XOR", 0b00),
    0b1001: ("XNOR", 0b00),
    0b0010: ("AND", 0b10),
    0b0100: ("AND", 0b01),
    0b1011: ("OR", 0b10),
    0b1101: ("OR", 0b01),
}


def write(design: Circuit | Netlist) -> bytes:
    """The design as a BENCH file; thresholds, scores and the argmax are written out.

    Ports and words whose names BENCH cannot hold get others, which comments map.
    """
    circuit = split(design.circuit if isinstance(design, Netlist) else expand(design).circuit)
    inputs, outputs, notes = renamed(circuit, FORBIDDEN)
    prefix = "n"
    while any(name.startswith(prefix) for name in (*inputs, *outputs)):
        prefix += "_"
    names = [f"{prefix}0", f"{prefix}1", *inputs]
    names += [f"{prefix}{s}" for s in range(circuit.first_gate, circuit.num_signals)]
    driven = [
        (name, signal)
        for name, signal in zip(outputs, _output_signals(circuit), strict=True)
        if names[signal] != name
    ]
    lines = [f"# {note}" for note in notes]
    lines += [f"INPUT({name})" for name in inputs] + [f"OUTPUT({name})" for name in outputs]
    used = np.concatenate([circuit.fanins, circuit.output_signals])
    lines += [f"{names[v]} = {word.lower()}" for word, v in CONSTANTS.items() if (used == v).any()]
    lines += _gates(circuit, names)
    lines += [f"{name} = BUFF({names[signal]})" for name, signal in driven]
    return "\n".join([*lines, ""]).encode()


def _output_signals(circuit: Circuit) -> list[int]:
    return [s for word in circuit.words for s in word.signals.ravel().tolist()]


def _gates(circuit: Circuit, names: list[str]) -> list[str]:
    """A line for each gate of at most two fan-ins, and one for each inverter that these need."""
    lines: list[str] = []
    inverted: dict[int, str] = {}

    def inverse(signal: int) -> str:
        if signal not in inverted:
            inverted[signal] = f"{names[signal]}_not"
            while inverted[signal] in taken:
                inverted[signal] += "_"
            lines.append(f"{inverted[signal]} = NOT({names[signal]})")
        return inverted[signal]

    taken = {*names}
    tables, offsets, fanins = (
        a.tolist() for a in (circuit.tables, circuit.offsets, circuit.fanins)
    )
    for gate, name in enumerate(names[circuit.first_gate :]):
        pins = fanins[offsets[gate] : offsets[gate + 1]]
        table = tables[gate]
        if len(pins) == 2 and table in WORDS:
            word, flips = WORDS[table]
            texts = [inverse(s) if flips >> j & 1 else names[s] for j, s in enumerate(pins)]
        else:
            word, texts = _degenerate(table, pins, names)
        lines.append(f"{name} = {word}({', '.join(texts)})" if texts else f"{name} = {word}")
    return lines


def _degenerate(table: int, pins: list[int], names: list[str]) -> tuple[str, list[str]]:
    """The word and fan-in of a table that depends on at most one of its fan-ins."""
    size = 1 << len(pins)
    if table in (0, (1 << size) - 1):
        return ("vdd" if table else "gnd"), []
    for j, pin in enumerate(pins):
        column = sum(1 << p for p in range(size) if p >> j & 1)
        if table in (column, column ^ ((1 << size) - 1)):
            return ("BUFF" if table == column else "NOT"), [names[pin]]
    raise AssertionError(f"table {table:#x} of {len(pins)} fan-ins was not split")


def read(data: bytes, filename: str = "<bench>") -> Circuit:
    """The circuit in a BENCH file, without flip-flops; gates of many fan-ins become trees.

    Bits called like ``x[3].2`` that follow one another are one port. Buffers vanish.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{filename} is no BENCH file: byte {error.start} is no text") from error
    nets = NamedNets(filename)
    for number, source in enumerate(text.split("\n"), 1):
        content = source.partition("#")[0].strip()
        if content:
            _statement(nets, content, Line(number, source, content.split()))
    if not nets.outputs:
        raise FormatError(f"{filename} is no BENCH file: it has no OUTPUT(...)")
    return nets.circuit()


def _statement(nets: NamedNets, content: str, line: Line) -> None:
    if port := PORT.fullmatch(content):
        add = nets.input if port[1].upper() == "INPUT" else nets.output
        add(port[2], line)
        return
    match = GATE.fullmatch(content)
    if match is None:
        raise nets.error("expected INPUT(x), OUTPUT(x) or x = GATE(a, b, ...)", line)
    name, word, table = match[1], match[2].upper(), match[3]
    pins = [pin.strip() for pin in (match[4] or "").split(",")] if (match[4] or "").strip() else []
    wrong = next((pin for pin in pins if not pin or FORBIDDEN.search(pin)), None)
    if wrong is not None:
        raise nets.error(f"{wrong!r} is no name of a net", line, wrong)
    if word in MEMORY:
        raise nets.error(
            "a flip-flop; a circuit here has no memory: cut the design at them", line, match[2]
        )
    known = word in JOINS or word in COPIES or word in CONSTANTS or word == "LUT"
    if not known or (word == "LUT") != (table is not None):
        raise nets.error(f"unknown gate {match[2]}", line, match[2])
    _gate(nets, nets.drive(name, line), word, [nets.net(pin, line) for pin in pins], table, line)


def _gate(
    nets: NamedNets, target: int, word: str, pins: list[int], table: str | None, line: Line
) -> None:
    """Define the target."""
    if table is not None:
        if len(pins) > MOST_FANINS or int(table, 16) >> (1 << len(pins)):
            raise nets.error(
                f"the table 0x{table} does not fit {len(pins)} fan-ins, of which a LUT has at "
                f"most {MOST_FANINS}",
                line,
            )
        nets.gate(int(table, 16), pins, target)
    elif word in CONSTANTS:
        if pins:
            raise nets.error(f"{word.lower()} has no fan-ins", line)
        nets.gate(CONSTANTS[word], [], target)
    elif word in COPIES:
        if len(pins) != 1:
            raise nets.error(f"{word} of {len(pins)} fan-ins; it has one", line)
        if COPIES[word]:
            nets.gate(0b01, pins, target)
        else:
            nets.alias(target, pins[0])
    else:
        if not pins:
            raise nets.error(f"{word} without fan-ins", line)
        how, flip = JOINS[word]
        nets.join([(pin, True) for pin in pins], how, target, flip=flip)
