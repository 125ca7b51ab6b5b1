"""What a folded design computes: its cycles one after another, bits as functions of the inputs.

At first only that is known which a reset and the contents of memories decide. A sample is taken in,
and while it is worked on the handshakes and inputs may be anything. The answer that comes has to be
a function of that sample alone, and to stay until it is taken; and what is then known from the
reset on has to be so again. So every sample is answered alike, for ever.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit, types
from numba.typed import Dict
from numpy.typing import NDArray

from lithify.backends.verilog.machine import READ, UNDEFINED, Machine
from lithify.backends.verilog.registers import Graph, simple_and
from lithify.ir.errors import MismatchError

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
        while len(self.gates) < self.used + len(machine.steps):
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
    machine: Machine, *, inputs: Sequence[str], outputs: Sequence[str], latency: int
) -> Graph:
    """The graph of the answer to a sample, after a check of all that the design promises."""
    run = Unfolding(machine, inputs, outputs)
    resets = "rst" in machine.inputs
    calm = {"rst": 0} if resets else {}
    contents = machine.contents.copy()
    idle = machine.starts
    if resets:
        _, idle = run.cycle(np.full_like(idle, UNDEFINED), contents.copy(), {"rst": 1})
    seen, after = run.cycle(idle, contents.copy(), {**calm, "in_valid": 0})
    _require(seen, {"in_ready": 1, "out_valid": 0}, "while it waits for a sample")
    _require_within(after, idle, "while it waits for a sample")
    seen, begun = run.cycle(idle, contents, {**calm, **run.sample, "in_valid": 1})
    _require(seen, {"in_ready": 1, "out_valid": 0}, "when a sample comes")
    registers = begun
    for _ in range(latency - 1):
        seen, registers = run.cycle(registers, contents, calm)
        _require(seen, {"in_ready": 0, "out_valid": 0}, "while a sample is worked on")
    done, seen = _stay(run, registers, contents, {**calm, "out_ready": 0})
    _require(seen, {"in_ready": 0, "out_valid": 1}, "while an answer waits")
    answer = [seen[name] for name in outputs]
    seen, after = run.cycle(done, contents.copy(), {**calm, "out_ready": 1, "in_valid": 0})
    _require(seen, {"in_ready": 1, "out_valid": 1}, "when an answer is taken")
    _require_within(after, idle, "after an answer was taken")
    _, seen = _stay(run, after, contents, {**calm, "in_valid": 0})
    if UNDEFINED in answer or [seen[name] for name in outputs] != answer:
        raise MismatchError("the answer of the Verilog read back is not its sample's alone")
    old = np.where(done > 1, UNDEFINED, done)
    given = {**calm, **run.sample, "in_valid": 1, "out_ready": 1}
    _, after = run.cycle(old, contents.copy(), given)
    _require_within(after, begun, "when a sample comes as an answer is taken")
    return run.graph(answer)


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


def _require_within(found: Int64, known: Int64, when: str) -> None:
    """Nothing, if registers hold what is known of them."""
    if not np.array_equal(found[known != UNDEFINED], known[known != UNDEFINED]):
        raise MismatchError(
            f"the Verilog read back is in another state {when} than it was after a reset"
        )


@njit(cache=True)
def _value(values: Int64, literal: int) -> int:
    """What a literal is."""
    if literal == UNDEFINED or values[literal >> 1] == UNDEFINED:
        return UNDEFINED
    return int(values[literal >> 1] ^ (literal & 1))


@njit(cache=True)
def _values(values: Int64, literals: Int64) -> Int64:
    found = np.empty(len(literals), np.int64)
    for at in range(len(literals)):
        found[at] = _value(values, literals[at])
    return found


@njit(cache=True)
def _address(values: Int64, literals: Int64) -> int:
    """The number of a word, UNDEFINED where it is not known."""
    address = 0
    for at in range(len(literals)):
        bit = _value(values, literals[at])
        if bit != 0 and bit != 1:
            return UNDEFINED
        address |= bit << at
    return address


@njit(cache=True)
def _both(a: int, b: int, gates: Int64, first: int) -> int:
    """The literal of a & b where it needs no gate, else UNDEFINED."""
    made = simple_and(a, b)
    if made < 0 and a & b & 1 and min(a, b) >= 2 * first:  # of x & y and ~x & y neither: not y
        p, q = gates[(a >> 1) - first, 0], gates[(a >> 1) - first, 1]
        r, s = gates[(b >> 1) - first, 0], gates[(b >> 1) - first, 1]
        if (p == r ^ 1 and q == s) or (p == s ^ 1 and q == r):
            return int(q ^ 1)
        if (q == s ^ 1 and p == r) or (q == r ^ 1 and p == s):
            return int(p ^ 1)
    return int(made)


@njit(cache=True)
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
        elif a >= UNDEFINED:
            a, b = _value(values, a), _value(values, b)
            if a == 0 or b == 0:
                values[first_step + step] = 0
            elif a != UNDEFINED and b != UNDEFINED:
                made = _both(a, b, gates, first)
                if made < 0:
                    a, b = max(a, b), min(a, b)
                    key = a << 31 | b
                    if key not in known:
                        gates[used, 0], gates[used, 1] = a, b
                        known[key] = 2 * (first + used)
                        used += 1
                    made = known[key]
                values[first_step + step] = made
    return used


@njit(cache=True)
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


@njit(cache=True)
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
