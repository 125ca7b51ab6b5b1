"""An and-inverter graph with registers as the one without: what a pipeline computes.

Literals are those of AIGER: 2 * variable + inverted, 0 and 1 the constants. Variables 1 to I are
the inputs, the next L the registers, the rest AND gates in topological order.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithify.ir.errors import FormatError, MismatchError
from lithify.ir.jit import njit

Int64 = NDArray[np.int64]

UNKNOWN = -1
ANY_AGE = -1
"""The age of a constant."""
MIXED_AGES = -2


@dataclass(frozen=True, slots=True)
class Graph:
    """An and-inverter graph; `gates[A, 2]` and `registers[L]` hold fan-in and next literals."""

    inputs: tuple[str, ...]
    registers: Int64
    outputs: tuple[str, ...]
    output_literals: Int64
    gates: Int64

    @property
    def num_variables(self) -> int:
        """The constant, inputs, registers and gates."""
        return 1 + len(self.inputs) + len(self.registers) + len(self.gates)


def read_aiger(data: bytes, *, where: str) -> Graph:
    """The graph in a binary AIGER file with symbols, as yosys writes it."""
    header, _, rest = data.partition(b"\n")
    words = header.split()
    if len(words) < 6 or words[0] != b"aig":
        raise FormatError(f"{where} is not a binary AIGER file")
    _, inputs, registers, outputs, gates = map(int, words[1:6])
    lines = rest.split(b"\n", registers + outputs)
    body = lines.pop()
    numbers = [int(line.split()[0]) for line in lines]
    pairs, size = _decode(np.frombuffer(body, np.uint8), gates, 1 + inputs + registers)
    if size < 0:
        raise FormatError(f"{where} ends in the middle of its gates")
    names: dict[bytes, list[str]] = {b"i": [""] * inputs, b"o": [""] * outputs}
    for line in body[size:].split(b"\nc\n")[0].split(b"\n"):
        kind, (place, _, name) = line[:1], line[1:].partition(b" ")
        if kind in names and place.isdigit():
            names[kind][int(place)] = name.decode()
    return Graph(
        tuple(names[b"i"]),
        np.array(numbers[:registers], np.int64),
        tuple(names[b"o"]),
        np.array(numbers[registers:], np.int64),
        pairs,
    )


def write_aiger(graph: Graph) -> bytes:
    """The binary AIGER file of a graph without registers, with symbols."""
    inputs, gates = len(graph.inputs), len(graph.gates)
    head = f"aig {inputs + gates} {inputs} 0 {len(graph.outputs)} {gates}\n"
    literals = "".join(f"{literal}\n" for literal in graph.output_literals.tolist())
    symbols = [f"i{i} {name}\n" for i, name in enumerate(graph.inputs)]
    symbols += [f"o{i} {name}\n" for i, name in enumerate(graph.outputs)]
    body = _encode(graph.gates, 1 + inputs).tobytes()
    return (head + literals).encode() + body + "".join(symbols).encode()


def hold(graph: Graph, fixed: Mapping[str, int], *, full: str = "", ready: str = "") -> None:
    """Nothing, if every register keeps its bit while the inputs `fixed` are as given.

    `full` names an output that is a register, which is 1 all the while; the output `ready` is 0.
    """
    values = _start(graph, fixed)
    if full:
        variable, inverted = _register_of(graph, full)
        values[variable] = 1 - inverted
    kept = values.copy()
    nexts = _propagate(values, graph.gates, graph.registers)
    first = 1 + len(graph.inputs)
    own = kept[first : first + len(graph.registers)]
    moving = np.flatnonzero(nexts != own)
    if moving.size:
        held = ", ".join(f"{name}={value}" for name, value in fixed.items())
        raise MismatchError(
            f"the Verilog read back has {moving.size} registers that change while {held}; "
            "all of them have to stand still"
        )
    if ready:
        literal = int(graph.output_literals[graph.outputs.index(ready)])
        if values[literal >> 1] ^ (literal & 1) != 0:
            raise MismatchError(
                f"output {ready} of the Verilog read back is not 0 while the pipeline stands still"
            )


def require_emptied(graph: Graph, output: str, *, reset: str, idle: Mapping[str, int]) -> None:
    """Nothing, if `output` is 0 from a cycle of `reset` on for as long as the inputs are `idle`.

    By induction over the registers that the output depends on: the reset gives each of them a
    value, with those the output is 0, and while idle they keep them.
    """
    variable, inverted = _register_of(graph, output)
    first = 1 + len(graph.inputs)
    cone = _registers_before(graph, variable)
    after = _propagate(_start(graph, {reset: 1}), graph.gates, graph.registers)[cone - first]
    if (after > 1).any():
        raise MismatchError(
            f"{reset} does not set every register before {output} of the Verilog read back"
        )
    values = _start(graph, {reset: 0, **idle})
    values[cone] = after
    kept = _propagate(values, graph.gates, graph.registers)[cone - first]
    if values[variable] ^ inverted or not np.array_equal(kept, after):
        raise MismatchError(
            f"output {output} of the Verilog read back can be 1 after a reset, before anything "
            "came in"
        )


def _registers_before(graph: Graph, variable: int) -> Int64:
    """The variables of all registers that one depends on, through any number of cycles."""
    first = 1 + len(graph.inputs)
    first_gate = first + len(graph.registers)
    seen, waiting = {variable}, [variable]
    while waiting:
        at = waiting.pop()
        if at >= first_gate:
            sources = (graph.gates[at - first_gate] >> 1).tolist()
        else:
            sources = [int(graph.registers[at - first]) >> 1] if at >= first else []
        waiting += [one for one in sources if one not in seen]
        seen.update(sources)
    return np.array(sorted(v for v in seen if first <= v < first_gate), np.int64)


def _register_of(graph: Graph, output: str) -> tuple[int, int]:
    """The register that an output is, and whether it is inverted."""
    if output not in graph.outputs:
        raise MismatchError(f"the Verilog read back has no output {output}")
    literal = int(graph.output_literals[graph.outputs.index(output)])
    first = 1 + len(graph.inputs)
    if not first <= literal >> 1 < first + len(graph.registers):
        raise MismatchError(f"output {output} of the Verilog read back is no register")
    return literal >> 1, literal & 1


def without_registers(
    graph: Graph,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    fixed: Mapping[str, int],
    latency: int,
    unread: Collection[str] = (),
    empty: str = "",
) -> Graph:
    """The graph with each register replaced by a wire, its ports in the given orders.

    Every path from an input to an output has to cross exactly `latency` registers: then an output
    is the same function of the inputs of `latency` cycles ago. `fixed` inputs are constants; on
    those `unread` no output may depend. `empty` names an output that is a register, which is 0
    all the while.
    """
    missing = [name for name in inputs if name not in graph.inputs]
    missing += [name for name in outputs if name not in graph.outputs]
    if missing:
        raise MismatchError(f"the Verilog read back has no port bit {missing[0]}")
    strange = [name for name in graph.inputs if name not in {*inputs, *fixed, *unread}]
    if strange:
        raise MismatchError(f"the Verilog read back has an input {strange[0]} that it should not")
    where = {name: 2 * (1 + i) for i, name in enumerate(inputs)}
    start = np.full(graph.num_variables, UNKNOWN, np.int64)
    start[0] = 0
    for variable, name in enumerate(graph.inputs, 1):
        start[variable] = fixed.get(name, where.get(name, UNKNOWN))
    if empty:
        variable, inverted = _register_of(graph, empty)
        start[variable] = inverted
    ages = np.where(start > 1, 0, ANY_AGE)
    pairs, used, known = _flatten(
        start, ages, graph.gates, graph.registers, 1 + len(graph.inputs), 1 + len(inputs)
    )
    at = {name: int(graph.output_literals[i]) for i, name in enumerate(graph.outputs)}
    wanted = np.array([at[name] for name in outputs], np.int64)
    literals = np.where(known[wanted >> 1] < 0, UNKNOWN, known[wanted >> 1] ^ (wanted & 1))
    _check_ages(outputs, literals, ages[wanted >> 1], latency)
    return Graph(tuple(inputs), np.empty(0, np.int64), tuple(outputs), literals, pairs[:used])


def _check_ages(outputs: Sequence[str], literals: Int64, ages: Int64, latency: int) -> None:
    for name, literal, age in zip(outputs, literals.tolist(), ages.tolist(), strict=True):
        if literal == UNKNOWN:
            raise MismatchError(
                f"the Verilog read back has registers in a loop before {name}, "
                "or the clock or the handshake decides what it is"
            )
        if age == MIXED_AGES:
            raise MismatchError(
                f"output {name} of the Verilog read back mixes inputs of different clock cycles"
            )
        if age not in (ANY_AGE, latency):
            raise MismatchError(
                f"output {name} of the Verilog read back comes {age} cycles after its inputs; "
                f"the latency is {latency}"
            )


def _start(graph: Graph, fixed: Mapping[str, int]) -> Int64:
    """Every variable as its own literal, fixed inputs as constants."""
    values = 2 * np.arange(graph.num_variables, dtype=np.int64)
    for variable, name in enumerate(graph.inputs, 1):
        values[variable] = fixed.get(name, values[variable])
    return values


@njit
def simple_and(a: int, b: int) -> int:
    """The literal of a & b where it needs no gate, else UNKNOWN."""
    if a == 0 or b == 0 or a == b ^ 1:
        return 0
    if a == 1 or a == b:
        return b
    if b == 1:
        return a
    return -1


@njit
def _propagate(values: Int64, gates: Int64, registers: Int64) -> Int64:
    """The next literals of the registers after constants are folded; changes `values`."""
    first = len(values) - len(gates)
    for i in range(len(gates)):
        a = values[gates[i, 0] >> 1] ^ (gates[i, 0] & 1)
        b = values[gates[i, 1] >> 1] ^ (gates[i, 1] & 1)
        made = simple_and(a, b)
        if made >= 0:
            values[first + i] = made
    nexts = np.empty(len(registers), np.int64)
    for i in range(len(registers)):
        nexts[i] = values[registers[i] >> 1] ^ (registers[i] & 1)
    return nexts


@njit
def _flatten(
    known: Int64,
    ages: Int64,
    gates: Int64,
    registers: Int64,
    first_register: int,
    next_variable: int,
) -> tuple[Int64, int, Int64]:
    """New gates, their number, and each variable's literal among them (UNKNOWN in a loop).

    Each round goes as far as the registers known so far allow, then looks through more registers.
    """
    first_gate = len(known) - len(gates)
    pairs = np.empty((len(gates), 2), np.int64)
    used = 0
    changed = True
    while changed:
        changed = False
        for i in range(len(gates)):
            if known[first_gate + i] >= 0:
                continue
            v, w = gates[i, 0] >> 1, gates[i, 1] >> 1
            if known[v] < 0 and known[w] < 0:
                continue
            if (known[v] < 0 and known[w] ^ (gates[i, 1] & 1) != 0) or (
                known[w] < 0 and known[v] ^ (gates[i, 0] & 1) != 0
            ):
                continue
            a = known[v] ^ (gates[i, 0] & 1) if known[v] >= 0 else 0
            b = known[w] ^ (gates[i, 1] & 1) if known[w] >= 0 else 0
            made = simple_and(a, b)
            age = ages[v] if a > 1 else ages[w] if b > 1 else -1
            if a > 1 and b > 1 and ages[v] != ages[w]:
                age = -2
            if made < 0:
                pairs[used, 0], pairs[used, 1] = max(a, b), min(a, b)
                made = 2 * (next_variable + used)
                used += 1
            known[first_gate + i] = made
            ages[first_gate + i] = age if made > 1 else -1
            changed = True
        for i in range(len(registers)):
            at, source = first_register + i, registers[i] >> 1
            if known[at] < 0 and known[source] >= 0:
                known[at] = known[source] ^ (registers[i] & 1)
                ages[at] = ages[source] + 1 if ages[source] >= 0 else ages[source]
                changed = True
    return pairs, used, known


@njit
def _decode(data: NDArray[np.uint8], gates: int, first: int) -> tuple[Int64, int]:
    """The fan-ins of AIGER's binary gates and the bytes they took (-1: too few)."""
    pairs = np.empty((gates, 2), np.int64)
    at = 0
    for i in range(gates):
        literal = 2 * (first + i)
        for k in range(2):
            shift = 0
            delta = 0
            while True:
                if at >= len(data):
                    return pairs, -1
                byte = int(data[at])
                at += 1
                delta |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            literal -= delta
            pairs[i, k] = literal
    return pairs, at


@njit
def _encode(pairs: Int64, first: int) -> NDArray[np.uint8]:
    """AIGER's binary gates; the greater fan-in of each is its first."""
    data = np.empty(10 * len(pairs) + 1, np.uint8)
    at = 0
    for i in range(len(pairs)):
        literal = 2 * (first + i)
        for k in range(2):
            delta = literal - pairs[i, k]
            literal = pairs[i, k]
            while delta > 127:
                data[at] = (delta & 127) | 128
                at += 1
                delta >>= 7
            data[at] = delta
            at += 1
    return data[:at]
