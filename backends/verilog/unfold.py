"""What a folded design computes: its cycles one after another, bits as functions of the inputs.

At first only that is known which a reset, or where there is none what registers start with, and the
contents of memories decide, and which stays so while no sample comes. A sample is taken in,
and while it is worked on the handshakes and inputs may be anything. The answer that comes has to be
a function of that sample alone, and to stay until it is taken; and what was known at first has to
be so again: what is not is taken for unknown from the beginning. So every sample is answered alike,
for ever.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numba import types
from numba.typed import Dict
from numpy.typing import NDArray

from lithify.backends.verilog.machine import CHOOSE, READ, UNDEFINED, Machine
from lithify.backends.verilog.registers import Graph, simple_and
from lithify.ir.errors import MismatchError
from lithify.ir.jit import njit

Int64 = NDArray[np.int64]


class Unfolding:
    """Runs a machine cycle by cycle; literals over the sample's bits, in `inputs`' order."""

    def __init__(self, machine: Machine, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """The answer is in `outputs`."""
        missing = [name for name in inputs if name not in machine.inputs]
        missing += [name for name in outputs if name not in machine.outputs]
        if missing:
            raise MismatchError(f"the Verilog read back has no port bit {missing[0]}")
        self.machine, self.inputs, self.outputs = machine, tuple(inputs), tuple(outputs)
        self.sample = {name: 2 * (1 + at) for at, name in enumerate(inputs)}
        self.known = Dict.empty(types.int64, types.int64)
        self.gates = np.empty((1 << 16, 2), np.int64)
        self.used = 0

    def cycle(
        self, registers: Int64, contents: Int64, given: Mapping[str, int]
    ) -> tuple[dict[str, int], Int64]:
        """The outputs in a cycle and the registers after it; `contents` change.

        Inputs that are not given are undefined.
        """
        machine = self.machine
        values = np.full(machine.first_step + len(machine.steps), UNDEFINED, np.int64)
        values[0] = 0
        for name, value in given.items():
            values[machine.inputs[name]] = value
        values[1 + len(machine.inputs) : machine.first_step] = registers
        while len(self.gates) < self.used + 3 * len(machine.steps):
            self.gates = np.concatenate((self.gates, np.empty_like(self.gates)))
        self.used = _walk(
            values,
            machine.steps,
            machine.first_step,
            machine.reads,
            machine.literals,
            contents,
            self.known,
            self.gates,
            self.used,
            1 + len(self.inputs),
        )
        _write(values, machine.writes, machine.literals, contents)
        outputs = {name: _value(values, literal) for name, literal in machine.outputs.items()}
        return outputs, _values(values, machine.registers)

    def graph(self, literals: Sequence[int]) -> Graph:
        """The answer as a graph without registers, with nothing in it that is not needed."""
        first = 1 + len(self.inputs)
        gates, wanted = _needed(self.gates[: self.used], np.array(literals, np.int64), first)
        return Graph(self.inputs, np.empty(0, np.int64), self.outputs, wanted, gates)


def unfold(
    machine: Machine,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    latency: int,
    ready: bool = True,
) -> Graph:
    """The graph of the answer to a sample, after a check of all that the design promises.

    Without `ready` nobody reads `in_ready`, and it need not be there.
    """
    run = Unfolding(machine, inputs, outputs)
    resets = "rst" in machine.inputs
    calm = {"rst": 0} if resets else {}
    idle = machine.starts
    if resets:
        _, idle = run.cycle(np.full_like(idle, UNDEFINED), machine.contents.copy(), {"rst": 1})
    differ = np.zeros(len(idle), np.bool_)
    while True:
        answer, after, others = _answered(run, idle, differ, calm, latency, ready)
        kept = np.where(after == idle, idle, UNDEFINED)
        if np.array_equal(kept, idle) and not others.any():
            return run.graph(answer)
        idle, differ = kept, differ | others


def _answered(
    run: Unfolding,
    idle: Int64,
    differ: NDArray[np.bool_],
    calm: Mapping[str, int],
    latency: int,
    ready: bool,
) -> tuple[list[int], Int64, NDArray[np.bool_]]:
    """The answer to a sample that comes some time after this state, and the state after it.

    What may `differ` when it has come is not known then; and which registers do so besides, where a
    sample comes as an answer is taken.
    """
    is_ready, not_ready = ({"in_ready": one} if ready else {} for one in (1, 0))
    contents = run.machine.contents.copy()
    idle, seen = _stay(run, idle, contents, {**calm, "in_valid": 0})
    _require(seen, {**is_ready, "out_valid": 0}, "while it waits for a sample")
    seen, begun = run.cycle(idle, contents, {**calm, **run.sample, "in_valid": 1})
    _require(seen, {**is_ready, "out_valid": 0}, "when a sample comes")
    registers = begun = np.where(differ, UNDEFINED, begun)
    for _ in range(latency - 1):
        seen, registers = run.cycle(registers, contents, calm)
        _require(seen, {**not_ready, "out_valid": 0}, "while a sample is worked on")
    done, seen = _stay(run, registers, contents, {**calm, "out_ready": 0})
    _require(seen, {**not_ready, "out_valid": 1}, "while an answer waits")
    answer = [seen[name] for name in run.outputs]
    seen, after = run.cycle(done, contents.copy(), {**calm, "out_ready": 1, "in_valid": 0})
    _require(seen, {**is_ready, "out_valid": 1}, "when an answer is taken")
    _, seen = _stay(run, after, contents, {**calm, "in_valid": 0})
    if UNDEFINED in answer or [seen[name] for name in run.outputs] != answer:
        raise MismatchError("the answer of the Verilog read back is not its sample's alone")
    old = np.where(done > 1, UNDEFINED, done)
    given = {**calm, **run.sample, "in_valid": 1, "out_ready": 1}
    _, again = run.cycle(old, contents.copy(), given)
    return answer, after, (again != begun) & (begun != UNDEFINED)


def _stay(
    run: Unfolding, registers: Int64, contents: Int64, given: Mapping[str, int]
) -> tuple[Int64, dict[str, int]]:
    """What stays in the registers for ever while these inputs are given, and the outputs then."""
    while True:
        seen, after = run.cycle(registers, contents.copy(), given)
        kept = np.where(after == registers, registers, UNDEFINED)
        if np.array_equal(kept, registers):
            return kept, seen
        registers = kept


def _require(seen: Mapping[str, int], wanted: Mapping[str, int], when: str) -> None:
    for name, value in wanted.items():
        if seen.get(name) != value:
            raise MismatchError(f"output {name} of the Verilog read back is not {value} {when}")


@njit
def _value(values: Int64, literal: int) -> int:
    """What a literal is."""
    if literal == UNDEFINED or values[literal >> 1] == UNDEFINED:
        return UNDEFINED
    return int(values[literal >> 1] ^ (literal & 1))


@njit
def _values(values: Int64, literals: Int64) -> Int64:
    found = np.empty(len(literals), np.int64)
    for at in range(len(literals)):
        found[at] = _value(values, literals[at])
    return found


@njit
def _address(values: Int64, literals: Int64) -> int:
    """The number of a word, UNDEFINED where it is not known."""
    address = 0
    for at in range(len(literals)):
        bit = _value(values, literals[at])
        if bit != 0 and bit != 1:
            return UNDEFINED
        address |= bit << at
    return address


@njit
def _with_gate(x: int, y: int, gates: Int64, first: int) -> tuple[int, int]:
    """Two literals whose AND is that of x, a gate or one inverted, and y; the same where none is.

    Where y is one of the gate's two, or the inverse of one, it says enough of the other.
    """
    p, q = gates[(x >> 1) - first, 0], gates[(x >> 1) - first, 1]
    if x & 1 == 0:
        if y in (p, q):
            return x, x
        return (0, 0) if y ^ 1 in (p, q) else (x, y)
    if y ^ 1 in (p, q):
        return y, y
    if y == p:
        return q ^ 1, y
    return (p ^ 1, y) if y == q else (x, y)


@njit
def _of_gates(x: int, y: int, gates: Int64, first: int) -> tuple[int, int]:
    """The same of x, a gate that is not inverted, or as y is, and y, a gate or one inverted."""
    p, q = gates[(x >> 1) - first, 0], gates[(x >> 1) - first, 1]
    r, s = gates[(y >> 1) - first, 0], gates[(y >> 1) - first, 1]
    if x & 1:
        if p in (r, s) and q ^ 1 in (r, s):
            return p ^ 1, p ^ 1
        if q in (r, s) and p ^ 1 in (r, s):
            return q ^ 1, q ^ 1
        return x, y
    if p ^ 1 in (r, s) or q ^ 1 in (r, s):
        return (x, x) if y & 1 else (0, 0)
    if y & 1 and r in (p, q):
        return x, s ^ 1
    return (x, r ^ 1) if y & 1 and s in (p, q) else (x, y)


@njit
def _simpler(a: int, b: int, gates: Int64, first: int) -> tuple[int, int]:
    """Two literals with the same AND, the same ones where nothing simpler is seen."""
    x, y = a, b
    if a >= 2 * first:
        x, y = _with_gate(a, b, gates, first)
    if (x, y) == (a, b) and b >= 2 * first:
        y, x = _with_gate(b, a, gates, first)
    if (x, y) == (a, b) and min(a, b) >= 2 * first:
        if a & 1 > b & 1:
            y, x = _of_gates(b, a, gates, first)
        else:
            x, y = _of_gates(a, b, gates, first)
    return x, y


@njit
def _and(a: int, b: int, known: "Dict[int, int]", gates: Int64, used: int, first: int) -> int:
    """The literal of a & b; where it is that of gate `used`, that gate is new."""
    if a == 0 or b == 0:
        return 0
    if a == UNDEFINED or b == UNDEFINED:
        return UNDEFINED
    made = simple_and(a, b)
    while made < 0:
        x, y = _simpler(a, b, gates, first)
        if (x, y) == (a, b):
            break
        a, b = x, y
        made = simple_and(a, b)
    if made < 0:
        a, b = max(a, b), min(a, b)
        key = a << 31 | b
        if key not in known:
            gates[used, 0], gates[used, 1] = a, b
            known[key] = 2 * (first + used)
        made = known[key]
    return int(made)


@njit
def _inverse(a: int) -> int:
    return UNDEFINED if a == UNDEFINED else a ^ 1


@njit
def _walk(
    values: Int64,
    steps: Int64,
    first_step: int,
    reads: Int64,
    literals: Int64,
    contents: Int64,
    known: "Dict[int, int]",
    gates: Int64,
    used: int,
    first: int,
) -> int:
    """Everything that is computed in a cycle; new gates are added to those that are `used`."""
    for step in range(len(steps)):
        a, b = steps[step, 0], steps[step, 1]
        if a == READ:
            base, words, width = reads[b, 0], reads[b, 1], reads[b, 2]
            size, at = reads[b, 3], reads[b, 4]
            address = _address(values, literals[at : at + size])
            if 0 <= address < words:
                for bit in range(width):
                    values[first_step + step + bit] = contents[base + address * width + bit]
        elif a == CHOOSE:
            low, high = _value(values, literals[b]), _value(values, literals[b + 1])
            choice = _value(values, literals[b + 2])
            made = low
            if choice == 1:
                made = high
            elif choice != 0 and low != high:
                lower = _and(_inverse(choice), low, known, gates, used, first)
                used += lower >> 1 == first + used
                upper = _and(choice, high, known, gates, used, first)
                used += upper >> 1 == first + used
                made = _and(_inverse(lower), _inverse(upper), known, gates, used, first)
                used += made >> 1 == first + used
                made = _inverse(made)
            values[first_step + step] = made
        elif a >= UNDEFINED:
            made = _and(_value(values, a), _value(values, b), known, gates, used, first)
            used += made >> 1 == first + used
            values[first_step + step] = made
    return used


@njit
def _write(values: Int64, writes: Int64, literals: Int64, contents: Int64) -> None:
    """What memories hold after a cycle; anything, where it is not known what is written where."""
    for port in range(len(writes)):
        base, words, width = writes[port, 0], writes[port, 1], writes[port, 2]
        size, at = writes[port, 3], writes[port, 4]
        address = _address(values, literals[at : at + size])
        for bit in range(width):
            enabled = _value(values, literals[at + size + bit])
            data = _value(values, literals[at + size + width + bit])
            if enabled != 0 and address == UNDEFINED:
                for word in range(words):
                    contents[base + word * width + bit] = UNDEFINED
            elif enabled != 0 and address < words:
                place = base + address * width + bit
                contents[place] = data if enabled == 1 else UNDEFINED


@njit
def _needed(gates: Int64, wanted: Int64, first: int) -> tuple[Int64, Int64]:
    """The gates that some literals need, numbered anew, and these literals."""
    needed = np.zeros(first + len(gates), np.bool_)
    needed[wanted >> 1] = True
    for at in range(len(gates) - 1, -1, -1):
        if needed[first + at]:
            needed[gates[at, 0] >> 1] = True
            needed[gates[at, 1] >> 1] = True
    place = np.arange(first + len(gates))
    kept = np.empty((len(gates), 2), np.int64)
    count = 0
    for at in range(len(gates)):
        if needed[first + at]:
            for pin in range(2):
                kept[count, pin] = 2 * place[gates[at, pin] >> 1] | gates[at, pin] & 1
            place[first + at] = first + count
            count += 1
    return kept[:count], 2 * place[wanted >> 1] | wanted & 1
